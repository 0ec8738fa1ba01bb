"""Each state is told once when it is entered, and once when it is left; all that is told is in the vocabulary."""

from dataclasses import replace

import pytest

from collector.agent.assembly import load_catalogue
from collector.agent.health import HEARTBEAT, Health, health
from collector.errors import Location, RuleError, SpoolError, SpoolFull
from collector.model.finding import Births
from collector.spool.limits import Limits, judge
from collector.spool.store import Spool

LIMITS = Limits(max_bytes=1000, min_free=0)


class Told:
    """Keeps facts; each must be one that the vocabulary takes."""

    def __init__(self):
        self._births = Births(load_catalogue(), {"host.name": "mx1", "service.name": "mailvigil", "service.type": "mailvigil"})
        self.facts = []

    def __call__(self, fact):
        self._births.event("0" * 32, 0, fact.action, fact.fields)
        self.facts.append(fact)

    def states(self):
        return [(fact.fields["mail.agent.state"], fact.fields["event.outcome"]) for fact in self.facts]


@pytest.fixture
def spool(tmp_path):
    made = Spool.open(tmp_path / "state", limits=Limits(ballast=64 << 10, min_free=0))
    yield made
    made.close()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def watch(spool, told):
    return Health(spool, told, lambda: 0, 20)


def test_start_and_end_say_what_people_want_to_know(watch, told):
    watch.started()
    watch.stopped()
    watch.stopped(15)
    start, told_to, killed = told.facts
    assert (start.action, start.fields["mail.agent.unclean"], start.fields["mail.agent.rules.loaded"]) == ("agent-start", False, 20)
    assert told_to.fields == {"event.reason": "told to stop"}
    assert killed.fields == {"event.reason": "terminated by signal 15", "mail.signal": 15}


def test_levels_of_the_spool_are_told_when_they_are_crossed_both_ways(watch, told):
    before = 0.0
    for waiting in (100, 500, 600, 810, 790, 1000, 1200, 900, 100):
        room = judge(LIMITS, waiting, 1 << 40, 1 << 41, ballast=True, before=before)
        watch.room(room)
        watch.room(replace(room, crossed=(), cleared=()))
        before = room.percent
    texts = [fact.fields["event.reason"] for fact in told.facts]
    assert [text[:4] for text in texts] == ["50 %", "80 %", "less", "80 %", "noth", "read", "less", "less"]
    assert told.states() == [("degraded", "failure")] * 2 + [("ok", "success")] + [("degraded", "failure"), ("full", "failure")] + [("ok", "success")] * 3
    assert told.facts[4].fields["mail.agent.spool.bytes"] == 1000
    assert told.facts[4].fields["mail.agent.spool.full_percent"] == 100


def test_a_full_disk_names_the_bytes_that_are_free(watch, told):
    watch.room(judge(LIMITS, 0, 4711, 1 << 41, ballast=False, before=0))
    assert told.states() == [("full", "failure")]
    assert "4711 bytes" in told.facts[0].fields["event.reason"]


def test_a_failed_commit_is_told_once_with_what_to_do_and_so_is_its_end(watch, told):
    watch.committed()
    for _ in range(3):
        watch.commit_failed(SpoolFull("no room", hint="make some"))
    for _ in range(3):
        watch.commit_failed(SpoolError("I/O error"))
    watch.committed()
    watch.committed()
    assert told.states() == [("full", "failure"), ("degraded", "failure"), ("ok", "success")]
    assert told.facts[0].fields["event.reason"] == "no room; make some"


def test_a_heartbeat_comes_once_a_minute_and_a_clock_set_back_does_not_stop_it(spool, told):
    times = iter((0, 0, HEARTBEAT - 1, HEARTBEAT, HEARTBEAT + 1, 2 * HEARTBEAT, -HEARTBEAT))
    watch = Health(spool, told, lambda: next(times), 20)
    for _ in range(6):
        watch.heartbeat({"lines": 5, "irrelevant": 1, "unparsed": 2, "debug": 3})
    assert [fact.action for fact in told.facts] == ["heartbeat"] * 3
    fields = told.facts[0].fields
    assert [fields[f"mail.agent.lines.{name}"] for name in ("read", "irrelevant", "unknown", "debug")] == [5, 1, 2, 3]
    assert fields["mail.agent.memory_bytes"] > 1 << 20


def test_a_state_is_a_success_only_if_it_is_ok(told):
    told(health("sink", "ok", "x", sink="es"))
    told(health("sink", "refused", "x", sink="es", count=3))
    assert told.states() == [("ok", "success"), ("refused", "failure")]
    assert told.facts[1].fields["mail.agent.count"] == 3


def test_files_of_the_host_that_do_not_load_are_told_after_the_start_until_they_do(spool, told):
    faults = [RuleError("no such action", Location(f"/own/{n}.yaml", 3), "look") for n in range(12)]
    watch = Health(spool, told, lambda: 0, 20, {"rules": faults, "parsers": ()})
    watch.started()
    assert [fact.action for fact in told.facts] == ["agent-start", "agent-health"]
    assert told.facts[1].fields["event.reason"].startswith("left out: /own/0.yaml:3: no such action; look; /own/1.yaml:3: ")
    assert told.facts[1].fields["event.reason"].endswith("; and 2 more")
    assert told.facts[1].fields["mail.agent.count"] == 12
    watch.not_reloaded("no TOML")
    watch.not_reloaded("1 file does not load", {"parsers": faults[:1]})
    watch.reloaded(21, "SIGHUP")
    watch.reloaded(21, "SIGHUP")
    said = [(fact.action, fact.fields.get("mail.agent.subject"), fact.fields["event.outcome"]) for fact in told.facts[2:]]
    reloaded = ("content-reloaded", None, "success")
    assert said == [
        ("content-reloaded", None, "failure"),
        ("content-reloaded", None, "failure"),
        ("agent-health", "parsers", "failure"),
        reloaded,
        ("agent-health", "parsers", "success"),
        ("agent-health", "rules", "success"),
        reloaded,
    ]
    assert [fact.fields["mail.agent.rules.loaded"] for fact in told.facts if fact.action == "content-reloaded"] == [20, 20, 21, 21]

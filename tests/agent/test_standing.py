from collector.agent.health import health
from collector.agent.standing import FRESH, SUBJECTS, Standing
from collector.errors import SourceError
from collector.model import json
from collector.model.alert import Fact


class Log:
    def __init__(self, name, *, at_end=True):
        self.info = type("Info", (), {"name": name})
        self.at_end = at_end


def beat(read, unknown=0):
    return Fact("heartbeat", {f"mail.agent.lines.{name}": n for name, n in (("read", read), ("irrelevant", 1), ("unknown", unknown), ("debug", 2))})


def said(standing, now=0, sources=(), unreadable=None):
    return json.loads(standing.document(now, sources, unreadable or {}))


def test_it_begins_knowing_nothing_and_says_it_once():
    standing = Standing()
    assert said(standing, 5) == {"time": 5, "version": None, "started": None, "rules": None, "lines": None, "reload": None, "sources": {}, "health": []}
    assert standing.document(6, (), {}) == b""
    assert said(standing, 5 + FRESH)["time"] == 5 + FRESH, "that it lives is said again"


def test_start_and_heartbeats_say_what_runs_and_how_fast():
    standing = Standing()
    standing.note(Fact("agent-start", {"service.version": "1.0", "mail.agent.rules.loaded": 22, "mail.agent.unclean": False}), 1000)
    standing.note(beat(100, 3), 60_000)
    first = said(standing)
    assert (first["version"], first["started"], first["rules"]) == ("1.0", 1000, 22)
    assert first["lines"] == {"read": 100, "irrelevant": 1, "debug": 2, "unparsed": 3, "per_minute": None}
    standing.note(beat(400), 150_000)
    assert said(standing)["lines"]["per_minute"] == 200
    standing.note(beat(500), 140_000)
    assert said(standing)["lines"]["per_minute"] is None, "a clock that was set back"


def test_a_reload_says_how_it_went_and_how_many_rules_there_are_now():
    standing = Standing()
    standing.note(Fact("content-reloaded", {"event.outcome": "failure", "event.reason": "no TOML", "mail.agent.rules.loaded": 23}), 7)
    found = said(standing)
    assert (found["rules"], found["reload"]) == (23, {"time": 7, "outcome": "failure", "reason": "no TOML"})


def test_the_latest_state_of_each_subject_sink_and_path_is_kept():
    standing = Standing()
    standing.note(health("sink", "unavailable", "away", sink="syslog"), 1)
    standing.note(health("sink", "refused", "no", sink="file"), 2)
    standing.note(health("sink", "ok", "back", sink="syslog"), 3)
    standing.note(Fact("agent-health", {"mail.agent.subject": "source", "mail.agent.state": "lost", "log.file.path": "/var/log/mail.log", "event.reason": "x" * 9000}), 4)
    standing.note(health("rules", "degraded", "own.yaml was not loaded"), 5)
    standing.note(Fact("log-gap", {"event.reason": "nothing of the agent"}), 6)
    found = [(one["subject"], one["name"], one["state"], one["time"]) for one in said(standing)["health"]]
    assert found == [("sink", "file", "refused", 2), ("sink", "syslog", "ok", 3), ("source", "/var/log/mail.log", "lost", 4), ("rules", "", "degraded", 5)]


def test_it_stays_small_whatever_is_told():
    standing = Standing()
    for number in range(3 * SUBJECTS):
        standing.note(health("sink", "refused", "x" * 9000, sink=f"s{number}"), number)
    logs = [Log(f"/var/log/{number}") for number in range(3 * SUBJECTS)]
    found = standing.document(0, logs, {log.info.name: SourceError("y" * 9000) for log in logs})
    assert len(found) < 300_000
    assert len(json.loads(found)["health"]) == SUBJECTS


def test_sources_say_whether_they_are_at_their_end_or_why_they_cannot_be_read():
    found = said(Standing(), 0, [Log("a"), Log("b", at_end=False)], {"b": SourceError("no permission", hint="chmod")})
    assert found["sources"] == {"a": {"at_end": True, "error": None}, "b": {"at_end": False, "error": "no permission; chmod"}}

"""The one road: what is walked, in which order it is told, and what a batch then holds."""

import json

import pytest

from collector.agent import assembly
from collector.errors import ContentError
from collector.model.alert import Alert, Fact
from collector.model.identity import Identity
from collector.model.moment import AHEAD, iso
from collector.model.record import Position, Record, SourceInfo
from collector.pipeline.merge import LATENCY, PATIENCE
from collector.pipeline.pipeline import SKEW
from tests.support.station import content

NOON = 1_795_521_600_000


class Log:
    """A live source that is filled by hand."""

    at_end = True

    def __init__(self, name="mail.log"):
        self.info = SourceInfo(name, path=f"/var/log/{name}", host="mx1")
        self._records = []
        self.number = 0

    def say(self, text, near):
        self.number += 1
        token = self.number.to_bytes(8, "big")
        self._records.append(Record(self.info, text.encode(), near, Position((b"lineage", token), token)))

    def fail(self, time, user="bob@example.org", ip="203.0.113.9", near=None):
        said = f"Connection closed (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.1, TLS"
        self.say(f"{iso(time)} mx1 dovecot: imap-login: Disconnected: {said}", time if near is None else near)

    def read(self, limit):
        found, self._records = self._records[:limit], self._records[limit:]
        return found


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def road(log):
    made = assembly.road(content(), Identity(), live=True, host="mx1")
    made.merge.add(log.info.name, log)
    return made


def walk(road, now=NOON, limit=1000):
    """Walk now, and again when a source at its end has been waited for."""
    return [*road.walk(now, limit), *road.walk(now + PATIENCE, limit)]


def name(subject):
    return subject.rule.name if isinstance(subject, Alert) else subject.shape.action


def test_an_alert_comes_right_after_the_event_that_completed_it(road, log):
    for n in range(11):
        log.fail(NOON + n * 1000)
    said = [name(subject) for subject, _ in walk(road)]
    assert said == ["auth-failure"] * 10 + ["bf_ip", "auth-failure"]


def test_a_batch_holds_all_that_was_made_since_the_last_one_and_the_memory_of_this_moment(road, log):
    for n in range(12):
        log.fail(NOON + n * 1000)
    rendered = [one for _, one in road.walk(NOON, 10)]
    assert (road.taken, road.gathered()) == (10, 11)
    batch = road.batch()
    assert (road.taken, road.gathered()) == (10, 0)
    assert batch.documents == {"logs-mail.dovecot-default": [one.document for one in rendered if one.alert is None]}
    assert batch.alerts == [one.alert for one in rendered if one.alert is not None]
    assert batch.positions == {"mail.log": (10).to_bytes(8, "big")}, "two lines were read and not taken"
    assert batch.tallies[NOON // 3_600_000, "event.action", "auth-failure"] == 10
    assert batch.tallies[NOON // 3_600_000, "rule.name", "bf_ip"] == 1
    assert batch.counts["lines"] == 10
    assert {"detect.windows", "detect.episodes", "detect.clock", "detect.evidence", "pipeline.clocks"} <= batch.deltas.keys()
    assert "detect.evidence" in batch.keep
    assert road.batch().empty, "nothing happened since"


def test_every_memory_has_a_name_of_its_own(road):
    assert len({memory.name for memory in road.memories}) == len(road.memories) == 6


def test_lines_that_give_no_event_move_the_position(road, log):
    log.say(f"{iso(NOON)} mx1 cron[1]: x", NOON)
    assert walk(road) == []
    batch = road.batch()
    assert (batch.documents, list(batch.positions)) == ({}, ["mail.log"])
    assert not batch.empty


def test_a_born_event_walks_the_same_road(road):
    event = road.birth(Fact("agent-stop", {"event.reason": "told to stop"}), NOON)
    assert (event.time, event.get("host.name"), event.get("service.type")) == (NOON, "mx1", "mailvigil")
    road.merge.tell(NOON, [event])
    assert [name(subject) for subject, _ in walk(road)] == ["agent-stop", "agent_stopped"]
    batch = road.batch()
    assert list(batch.documents) == ["logs-mail.agent-default"]
    assert json.loads(batch.alerts[0].body)["rule"]["id"] == "agent_stopped"
    assert (batch.positions, road.detector.clock) == ({}, NOON - LATENCY)


def test_a_fact_may_name_its_own_time_and_two_are_two(road):
    one, other = (road.birth(Fact("agent-stop", {"event.reason": reason}, NOON - 5), NOON) for reason in "ab")
    assert one.time == NOON - 5
    assert one.id != other.id
    assert one.id == road.birth(Fact("agent-stop", {"event.reason": "a"}, NOON - 5), NOON).id


def test_a_fact_that_the_vocabulary_does_not_know_is_refused(road):
    with pytest.raises(ContentError, match="unknown action agent-stopp"):
        road.birth(Fact("agent-stopp", {}), NOON)


def test_a_limit_of_nothing_reads_nothing_but_lets_born_events_pass(road, log):
    log.fail(NOON)
    road.merge.tell(NOON, [road.birth(Fact("agent-stop", {"event.reason": "x"}), NOON)])
    assert [name(subject) for subject, _ in walk(road, limit=0)] == ["agent-stop", "agent_stopped"]
    assert road.detector.clock == 0
    assert road.batch().positions == {}
    assert [name(subject) for subject, _ in walk(road)] == ["auth-failure"]


def test_a_stamp_far_ahead_has_an_event_of_its_own_behind_those_of_the_line(road, log):
    log.fail(NOON + AHEAD + 60_000, near=NOON)
    log.fail(NOON + AHEAD + 61_000, near=NOON)
    found = [subject for subject, _ in walk(road)]
    assert [name(subject) for subject in found] == ["auth-failure", "log-time-anomaly", "auth-failure"]
    anomaly = found[1]
    assert (anomaly.time, anomaly.get("mail.log.skew_seconds"), anomaly.get("event.reason")) == (NOON, 360, "mail.log: a stamp lies 360 s ahead of the clock")
    assert anomaly.id == Identity().line((b"lineage", (1).to_bytes(8, "big")), _raw(found[0]), SKEW)
    assert road.detector.clock == NOON
    assert found[0].time == NOON + AHEAD + 60_000, "a stamp is never changed"


def _raw(event):
    return event.get("event.original").encode()


def test_time_that_passes_ends_an_episode(road, log):
    for n in range(12):
        log.fail(NOON + n * 1000)
    walk(road)
    found = [subject for subject, _ in road.tick(NOON + 86_400_000)]
    assert [(name(one), one.step) for one in found] == [("bf_ip", "end")]
    assert found[0].time < NOON + 86_400_000, "it ended when it was due"
    assert road.gathered() == 13 + 1
    assert list(road.tick(NOON)) == [], "time does not go back"


def test_what_the_detector_tells_of_itself_walks_the_road(road, log):
    road.detector.windows.size.budget = 1500
    for n in range(30):
        log.fail(NOON + n * 1000, user=f"u{n}@example.org", ip=f"203.0.113.{n}")
    walk(road)
    documents = [json.loads(document.body) for document in road.batch().documents["logs-mail.agent-default"]]
    assert {document["event"]["action"] for document in documents} == {"detector-overflow"}
    assert {document["rule"]["id"] for document in documents} <= {rule.name for rule in road.detector.needed}


def test_the_sources_are_merged_before_they_are_parsed(road, log):
    other = Log("b.log")
    road.merge.add("b.log", other)
    log.fail(NOON + 1000, user="second@example.org")
    other.fail(NOON, user="first@example.org")
    other.fail(NOON + 2000, user="third@example.org")
    assert [subject.get("user.name") for subject, _ in road.walk(NOON, 10)] == ["first@example.org", "second@example.org"]
    assert [subject.get("user.name") for subject, _ in road.walk(NOON + PATIENCE, 10)] == ["third@example.org"]

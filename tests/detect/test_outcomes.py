"""What follows from hits: silence is watched without moving a due at each event, open episodes gather what they tell only when they tell it."""

from collector.detect import windows
from collector.detect.outcomes import Outcomes
from collector.model.identity import Identity
from tests.support.detection import FAILURE, MINUTE, NOON, bf_ip, catalogue, detection, detector, event, failure, feed, rules

SILENCE = detection("silence", {"event.action": "auth-failure"}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"})
BY_CLIENT = detection("silent_client", {"event.action": "auth-failure"}, level="high", stateful={"type": "absence", "by": ["source.ip"], "window": "15m"})


def test_a_key_that_speaks_moves_no_due_and_its_silence_is_told_in_time():
    held = detector(SILENCE)
    feed(held, failure(NOON))
    [token] = held._dues._due
    for minute in range(1, 100):
        assert feed(held, failure(NOON + minute * MINUTE)) == []
        assert list(held._dues._due) == [token]
        assert len(held._dues._heap) == 1
    assert [alert.time for alert in held.advance(NOON + 999 * MINUTE)] == [NOON + 114 * MINUTE]


def test_the_silence_of_networks_that_became_one_is_told_once():
    held = detector(BY_CLIENT)
    for number in range(windows.SIXTY_FOURS + 3):
        feed(held, failure(NOON + number, f"2001:db8:7:{number:x}::1"))
    assert len(held.windows.tables[held.rules.rules["silent_client"].key].rows) == 1
    said = held.advance(NOON + 60 * MINUTE)
    assert [(alert.group, alert.time) for alert in said] == [((("source.ip", "2001:db8:7::/48"),), NOON + windows.SIXTY_FOURS + 2 + 15 * MINUTE)]


def test_an_open_episode_keeps_each_of_its_events_whatever_was_written_between():
    one, other = (detector(FAILURE, bf_ip(suppress={"for": "1h", "repeat": ["5m"]})) for _ in range(2))
    said = []
    for number in range(13):
        happened = failure(NOON + number * MINUTE // 2, user=f"u{number}@example.org")
        said.append((feed(one, happened), feed(other, happened)))
        for memory in other.memories:
            memory.delta()
    assert all(mine == its for mine, its in said)
    [opening, repeat] = [alert for mine, _ in said for alert in mine]
    assert (opening.step, repeat.step) == ("0", "1")
    assert len(set(repeat.event_ids)) == 10
    assert repeat.event_ids[0] == happened.id


def test_a_full_table_is_told_where_it_is_asked_for_room():
    outcomes = Outcomes(rules(FAILURE, bf_ip()), catalogue(), Identity(), 2000, 1 << 20)
    table = outcomes.windows.tables[outcomes.rules.rules["bf_ip"].key]
    for number in range(100):
        table.add(b"\x01t%c" % number, NOON + number, number.to_bytes(16, "big"))
    [fact] = outcomes.room()
    assert (fact.action, fact.fields["rule.id"]) == ("detector-overflow", "bf_ip")
    assert outcomes.windows.size.bytes <= 2000
    assert outcomes.room() == []


def test_an_event_without_its_key_is_not_watched():
    held = detector(BY_CLIENT)
    assert feed(held, event("auth-failure", NOON)) == []
    assert held._dues._due == {}

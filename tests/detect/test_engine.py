"""The detector as a whole: what feeds what, how time passes, what a restart must not change, what a flood may not do."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.detect import overflow, windows
from collector.model.alert import Alert, Fact
from collector.model.event import Event
from collector.model.moment import AHEAD
from tests.conformance.remembers import conform
from tests.support.detection import FAILURE, HOUR, MINUTE, NOON, SECOND, SUCCESS, bf_ip, catalogue, correlation, detection, detector, event, exception, failure, feed, success

SILENCE = detection("silence", {"event.action": ["auth-failure", "auth-success"]}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"})
FIVE = correlation("bf_user_ip", "event_count", ["auth_failure"], ["user.name", "source.ip"], "30m", {"gte": 5}, level="informational")
THEN = correlation("bf_success", "temporal_ordered", ["bf_user_ip", "auth_success"], ["user.name", "source.ip"], "30m")
SPRAY = correlation("spray", "value_count", ["auth_failure"], ["source.ip"], "30m", {"field": "user.name", "gte": 4})


QUEUED = detection("queued", {"event.action": "queue-active"})
VOLUME = correlation("volume", "value_sum", ["queued"], ["user.name"], "1h", {"field": "mail.nrcpt", "gt": 3})


def names(said):
    return [(one.rule.name, one.step) for one in said if isinstance(one, Alert)]


def failures(*seconds, **more):
    return [failure(NOON + second * SECOND, **more) for second in seconds]


def test_an_alert_says_what_happened():
    [alert] = feed(detector(FAILURE, bf_ip()), *failures(0, 10, 20))
    assert (alert.rule.name, alert.rule.category, alert.rule.level, alert.rule.severity) == ("bf_ip", "authentication", "high", 73)
    assert (alert.step, alert.count, alert.threshold, alert.window) == ("0", 3, 3, 10 * MINUTE)
    assert (alert.time, alert.first, alert.last) == (NOON + 20 * SECOND, NOON, NOON + 20 * SECOND)
    assert alert.group == (("source.ip", "203.0.113.9"),)
    assert alert.reason == "3 events of auth_failure within 20 s for source.ip 203.0.113.9 (threshold 3 in 10 min)."
    assert alert.message == "bf ip: source.ip 203.0.113.9"
    assert alert.cause == ("authentication",)
    assert alert.outcome == "failure"
    assert alert.fields == {"source.ip": "203.0.113.9", "host.name": "mx1"}
    assert len(alert.event_ids) == len(alert.evidence) == 3
    assert alert.evidence[0].startswith(f"auth-failure at {NOON + 20 * SECOND}")
    assert (alert.missing, alert.late, alert.suppressed) == (0, False, 0)
    assert alert.episode == alert.id
    assert alert.playbook.id == "PB-TEST-01"
    assert "203\\.0\\.113\\.9" not in alert.playbook.rendered
    assert "203.0.113.9" in alert.playbook.rendered


def test_a_window_slides_and_is_inclusive():
    assert names(feed(detector(FAILURE, bf_ip()), *failures(0, 300, 600))) == [("bf_ip", "0")]
    assert names(feed(detector(FAILURE, bf_ip()), *failures(0, 300, 601))) == []


def test_groups_are_counted_apart_and_an_event_without_its_key_not_at_all():
    lacking = [event("auth-failure", NOON + number, {"user.name": "bob"}, ident=number) for number in range(9)]
    apart = [failure(NOON + number, f"203.0.113.{number}") for number in range(9)]
    assert feed(detector(FAILURE, bf_ip()), *lacking, *apart) == []


def test_events_that_lack_their_key_are_counted():
    held = detector(FAILURE, SUCCESS, FIVE, THEN, bf_ip())
    keyless = event("auth-failure", NOON, {"source.ip": "203.0.113.9"})
    feed(held, keyless, *failures(1, 2))
    assert held.keyless == {"bf_user_ip": 1, "bf_success": 0, "bf_ip": 0}
    found = {verdict.rule: verdict.windows for verdict in held.explain(keyless)}
    assert found["bf_user_ip"] == ("not counted: it lacks user.name, as 1 so far",)
    assert found["bf_ip"] == ("3 of 3 for source.ip=203.0.113.9 in 10 min, it fires",)


def test_a_single_event_alerts_under_its_suppress_key():
    plain = detection("honeypot", {"event.action": "auth-failure", "mail.auth.honeypot": True}, level="medium", suppress={"by": ["source.ip"], "for": "1h"})
    said = feed(detector(plain), *(failure(NOON + number, f"203.0.113.{number % 2}", **{"mail.auth.honeypot": True}) for number in range(4)))
    assert names(said) == [("honeypot", "0")] * 2
    assert said[0].fields["user.name"] == "bob@example.org"
    assert said[0].reason == "One event for source.ip 203.0.113.0 matched."
    assert (said[0].threshold, said[0].window, said[0].count) == (None, None, 1)


def test_ipv6_clients_are_one_by_64_and_the_alert_names_network_and_address():
    [alert] = feed(detector(FAILURE, bf_ip()), *(failure(NOON + number, f"2001:db8::{number + 1}") for number in range(3)))
    assert alert.group == (("source.ip", "2001:db8::/64"),)
    assert alert.fields["source.ip"] == "2001:db8::3"


def test_a_list_makes_one_group_for_each_element():
    rejected = detection("rejected", {"event.action": "smtp-reject"})
    many = correlation("many", "event_count", ["rejected"], ["email.to.address"], "1h", {"gte": 2})
    said = feed(
        detector(rejected, many),
        event("smtp-reject", NOON, {"email.to.address": ["a@example.org", "b@example.org"]}),
        event("smtp-reject", NOON + 1, {"email.to.address": ["b@example.org", "c@example.org"]}),
    )
    assert [alert.group for alert in said] == [(("email.to.address", "b@example.org"),)]
    assert said[0].fields["email.to.address"] == ["b@example.org"]


def test_values_are_counted_and_their_number_is_told():
    said = feed(detector(FAILURE, SPRAY), *(failure(NOON + number, user=f"u{number // 2}@example.org") for number in range(8)))
    assert said[0].distinct == {"user_name": 4}
    assert said[0].time == NOON + 6
    assert said[0].reason.startswith("4 different user.name in events of auth_failure within 0.005 s for source.ip 203.0.113.9")
    assert "user.name" not in said[0].fields, "one of many would accuse the wrong one"


def test_a_sum_is_told():
    queued = detection("queued", {"event.action": "queue-active", "user.name|exists": True})
    volume = correlation("volume", "value_sum", ["queued"], ["user.name"], "1h", {"field": "mail.nrcpt", "gt": 300})
    mails = [event("queue-active", NOON + number, {"user.name": "bob", "mail.nrcpt": 100}, ident=number) for number in range(4)]
    mails.insert(1, event("queue-active", NOON + 1, {"user.name": "bob"}))
    [alert] = feed(detector(queued, volume), *mails)
    assert (alert.total, alert.count, alert.time) == (400.0, 4, NOON + 3)
    assert "mail.nrcpt adds up to 400 in 4 events" in alert.reason


def test_one_event_that_two_bases_hit_counts_once():
    again = detection("also_failure", {"event.action": "auth-failure"})
    either = correlation("either", "event_count", ["auth_failure", "also_failure"], ["source.ip"], "10m", {"gte": 3})
    assert names(feed(detector(FAILURE, again, either), *failures(0, 1))) == []
    assert names(feed(detector(FAILURE, again, either), *failures(0, 1, 2))) == [("either", "0")]


def test_one_event_serves_one_stage_of_a_sequence():
    again = detection("also_failure", {"event.action": "auth-failure"})
    twice = correlation("twice", "temporal_ordered", ["auth_failure", "also_failure"], ["source.ip"], "10m")
    assert names(feed(detector(FAILURE, again, twice), *failures(0))) == []
    assert names(feed(detector(FAILURE, again, twice), *failures(0, 1))) == [("twice", "0")]


def test_a_correlation_feeds_another_whenever_its_condition_holds():
    loud = correlation("bf_user_ip", "event_count", ["auth_failure"], ["user.name", "source.ip"], "30m", {"gte": 5}, suppress={"for": "4h"})
    story = [failure(NOON + minute * MINUTE) for minute in range(21)]
    said = feed(detector(FAILURE, SUCCESS, loud, THEN), *story, success(NOON + 35 * MINUTE))
    assert names(said) == [("bf_user_ip", "0"), ("bf_success", "0")]


def test_a_sequence_names_the_events_that_fed_it():
    said = feed(detector(FAILURE, SUCCESS, FIVE, THEN), *(failure(NOON + minute * MINUTE) for minute in range(5)), success(NOON + 10 * MINUTE))
    assert names(said) == [("bf_success", "0")]
    [alert] = said
    assert (alert.count, len(alert.event_ids), alert.first, alert.last) == (6, 6, NOON, NOON + 10 * MINUTE)
    assert alert.evidence[0].startswith("auth-success")
    assert alert.fields["user.name"] == "bob@example.org"
    assert alert.reason == "bf_user_ip, then auth_success within 10 min for user.name bob@example.org and source.ip 203.0.113.9 (at most 30 min apart, 6 events)."
    assert alert.outcome == "success"


def test_a_success_before_the_failures_is_no_sequence():
    story = [failure(NOON + 10 * MINUTE + number) for number in range(5)]
    held = detector(FAILURE, SUCCESS, FIVE, THEN)
    assert feed(held, *story) == []
    assert feed(held, success(NOON + 5 * MINUTE)) == []


def test_informational_rules_never_speak():
    assert feed(detector(FAILURE, SUCCESS, FIVE, THEN), *failures(*range(9))) == []


def test_only_what_is_active_or_feeds_it_is_judged():
    held = detector(FAILURE, SUCCESS, bf_ip(), FIVE, THEN, disable=["bf_success"])
    assert [rule.name for rule in held.needed] == ["auth_failure", "bf_ip"]


def test_a_disabled_rule_still_feeds_others():
    held = detector(FAILURE, SUCCESS, SPRAY, correlation("after", "temporal_ordered", ["spray", "auth_success"], ["source.ip"], "1h"), disable=["spray"])
    said = feed(held, *(failure(NOON + number, user=f"u{number}") for number in range(4)), success(NOON + 10, user="u2"))
    assert names(said) == [("after", "0")]


def test_an_exception_stands_on_the_edge_into_its_rule_only():
    office = exception("office", ["bf_ip"], {"source.ip|cidr": "203.0.113.0/24"})
    said = feed(detector(FAILURE, bf_ip(), SPRAY, office), *(failure(NOON + number, user=f"u{number}") for number in range(5)))
    assert names(said) == [("spray", "0")]


def test_status_test_rules_say_so():
    shadow = bf_ip() | {"status": "test"}
    [alert] = feed(detector(FAILURE, shadow), *failures(0, 1, 2))
    assert alert.rule.status == "test"


# time


def test_a_late_event_enters_at_its_own_time_and_is_said_to_be_late():
    held = detector(FAILURE, bf_ip())
    feed(held, *failures(0, 5))
    held.advance(NOON + 8 * MINUTE)
    [alert] = held.see(failure(NOON + 2 * SECOND))
    assert (alert.late, alert.time, alert.last, held.clock) == (True, NOON + 2 * SECOND, NOON + 5 * SECOND, NOON + 8 * MINUTE)
    assert not feed(detector(FAILURE, bf_ip()), *failures(0, 1, 2))[0].late


def test_a_backlog_read_late_is_one_episode():
    held = detector(FAILURE, bf_ip())
    held.advance(NOON + 5 * HOUR)
    said = []
    for number in range(200):
        said += held.advance(NOON + number * SECOND) + held.see(failure(NOON + number * SECOND))
    assert names(said) == [("bf_ip", "0")]
    assert held.clock == NOON + 5 * HOUR


def test_silence_alerts_at_its_due_time():
    held = detector(SILENCE)
    assert feed(held, *failures(0)) == []
    assert held.advance(NOON + 15 * MINUTE - 1) == []
    [alert] = held.advance(NOON + HOUR)
    assert (alert.rule.name, alert.time, alert.last) == ("silence", NOON + 15 * MINUTE, NOON)
    assert alert.reason == "No event for host.name mx1 for 15 min; the last one came at 2026-11-24T12:00:00.000Z."
    assert alert.fields == {"host.name": "mx1"}
    assert (len(alert.event_ids), alert.missing, alert.window) == (1, 1, 15 * MINUTE)
    assert held.advance(NOON + 9 * HOUR) == []


def test_a_gap_inside_a_log_alerts_as_it_did_live():
    held = detector(SILENCE)
    said = feed(held, *failures(0, 20 * 60, 60 * 60 * 3))
    assert [(alert.step, (alert.time - NOON) // MINUTE, alert.count) for alert in said] == [("0", 15, 1), ("end", 95, 2)]


def test_what_falls_due_is_settled_in_order_of_due_time():
    held = detector(FAILURE, SILENCE, bf_ip(suppress={"for": "10m"}))
    said = []
    for number in range(4):
        said += held.advance(NOON + number * SECOND)
        said += held.see(failure(NOON + number * SECOND, **{"host.name": f"mx{number % 2}"}))
    said += held.advance(NOON + 2 * HOUR)
    assert [(one.rule.name, one.step, one.time - NOON) for one in said] == [
        ("bf_ip", "0", 2 * SECOND),
        ("bf_ip", "end", 3 * SECOND + 10 * MINUTE),
        ("silence", "0", 2 * SECOND + 15 * MINUTE),
        ("silence", "0", 3 * SECOND + 15 * MINUTE),
    ]


def test_the_clock_never_goes_back():
    held = detector(FAILURE, SILENCE)
    held.advance(NOON)
    assert held.advance(NOON - HOUR) == []
    assert held.clock == NOON


def test_an_event_whose_silence_would_be_over_does_not_arm_it():
    held = detector(SILENCE)
    held.advance(NOON + HOUR)
    held.see(failure(NOON))
    assert held.advance(NOON + 9 * HOUR) == []


def test_a_stamp_from_the_future_does_not_blind_a_silence():
    held = detector(SILENCE)
    held.advance(NOON)
    held.see(failure(NOON + 1000 * HOUR))
    assert names(held.advance(NOON + HOUR)) == [("silence", "0")]


def test_a_stamp_far_ahead_of_the_clock_ends_no_window():
    held = detector(FAILURE, SUCCESS, bf_ip(), SPRAY, FIVE, THEN, VOLUME, QUEUED)
    held.advance(NOON)
    far = NOON + AHEAD + 1
    for one in failures(0, 0):
        assert held.see(one) == []
    before = {key: dict(table.rows) for key, table in held.windows.tables.items()}
    for one in (failure(far), success(far), event("queue-active", far, {"user.name": "bob", "mail.nrcpt": 5})):
        held.see(one)
    assert {key: dict(table.rows) for key, table in held.windows.tables.items()} == before
    assert names(held.see(failure(NOON))) == [("bf_ip", "0")]


def test_a_stamp_a_little_ahead_counts_and_one_far_ahead_is_judged_by_itself():
    held = detector(FAILURE, bf_ip(), detection("plain", {"event.action": "auth-failure"}, level="low"))
    held.advance(NOON)
    said = [one for number in range(3) for one in held.see(failure(NOON + AHEAD))]
    assert names(said) == [("plain", "0"), ("bf_ip", "0")]
    assert names(detector(detection("plain", {"event.action": "auth-failure"}, level="low")).see(failure(NOON + AHEAD + 1))) == [("plain", "0")]


def test_a_clock_that_is_set_back_leaves_no_window_blind():
    pack = (FAILURE, SUCCESS, bf_ip(), SPRAY, FIVE, THEN, SILENCE)
    held = detector(*pack)
    feed(held, *(failure(NOON + 900 * HOUR) for _ in range(2)))
    said = held.rewind(NOON)
    blobs = [held.windows.delta()]
    assert [one for one in said if isinstance(one, Alert)] == []
    assert not any(table.rows for table in held.windows.tables.values())
    assert names(feed(held, *failures(1, 2, 3))) == [("bf_ip", "0")]
    assert names(held.advance(NOON + 16 * MINUTE)) == [("silence", "0")]
    again = detector(*pack)
    again.windows.recall(blobs)
    assert not any(table.rows for table in again.windows.tables.values())


# memory

PACK = (FAILURE, SUCCESS, bf_ip(suppress={"for": "2m", "repeat": ["1m"]}), FIVE, THEN, SPRAY, SILENCE)


def story(seed, count):
    draw = random.Random(seed)
    now = NOON
    for number in range(count):
        now += 16 * MINUTE if number % 40 == 39 else draw.choice([0, 100, 5 * SECOND, 40 * SECOND])
        time = now - draw.choice([0, 0, 0, 3 * SECOND, 5 * MINUTE])
        kind = "auth-success" if draw.random() < 0.2 else "auth-failure"
        ip = draw.choice([f"203.0.113.{draw.randrange(2)}", f"2001:db8:0:{draw.randrange(3):x}::7"])
        yield now, event(kind, time, {"source.ip": ip, "user.name": f"u{draw.randrange(5)}", "host.name": f"mx{draw.randrange(2)}"}, ident=(seed, number))


def walk(held, steps):
    said = []
    for now, one in steps:
        said += held.advance(now)
        said += held.see(one)
    return said


def restart(held, log, budget):
    """What the spool does at a kill: the deltas of each owner, read into a fresh detector."""
    for memory in held.memories:
        blob = memory.delta()
        if blob:
            log.setdefault(memory.name, []).append(blob)
    again = detector(*PACK, window_bytes=budget, ring_bytes=4000)
    for memory in again.memories:
        memory.recall(log.get(memory.name, []))
    return again


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 119), max_size=4), st.sampled_from([1 << 20, 6000]))
def test_restarts_anywhere_change_nothing(seed, cuts, budget):
    steps = list(story(seed, 120))
    whole = walk(detector(*PACK, window_bytes=budget, ring_bytes=4000), steps)
    held, log, said, at = detector(*PACK, window_bytes=budget, ring_bytes=4000), {}, [], 0
    for cut in sorted(cuts):
        said += walk(held, steps[at:cut])
        held, at = restart(held, log, budget), cut
    said += walk(held, steps[at:])
    assert said == whole


def test_the_story_is_worth_telling():
    said = walk(detector(*PACK), list(story(3, 400)))
    assert {name for name, _ in names(said)} == {"bf_ip", "bf_success", "spray", "silence"}
    assert {step for _, step in names(said)} >= {"0", "1", "end"}
    assert any(one.late for one in said)
    assert len({one.id for one in said}) == len(said)


@pytest.mark.parametrize("owner", range(4))
def test_every_owner_conforms(owner, monkeypatch):
    monkeypatch.setattr(windows, "PART", 400)
    steps = [lambda held, now=now, one=one: (held.advance(now), held.see(one)) for now, one in story(5, 200)]

    def state(held):
        memory = held.memories[owner]
        rows = {rule: dict(table.rows) for rule, table in held.windows.tables.items()}
        return memory, (rows, dict(held.episodes), (held.clock, dict(held._clock)), list(held.evidence._lines.items()))[owner]

    conform(lambda: detector(*PACK, window_bytes=20_000, ring_bytes=4000), steps, state, crash=1 << 30)


def test_the_owners_have_names_of_their_own():
    assert [memory.name for memory in detector(*PACK).memories] == ["detect.windows", "detect.episodes", "detect.clock", "detect.evidence"]


def test_an_edit_of_one_rule_keeps_the_windows_of_others():
    held = detector(FAILURE, bf_ip(), SPRAY)
    feed(held, *(failure(NOON + number, user=f"u{number}") for number in range(2)))
    blobs = [memory.delta() for memory in held.memories]
    edited = bf_ip()
    edited["correlation"]["condition"] = {"gte": 4}
    retitled = SPRAY | {"title": "A better title"}
    again = detector(FAILURE, edited, retitled)
    for memory, blob in zip(again.memories, blobs, strict=True):
        memory.recall([blob] if blob else [])
    said = feed(again, *(failure(NOON + 10 + number, user=f"v{number}") for number in range(2)))
    assert names(said) == [("spray", "0")]


# bounds


def flood(count):
    shape = catalogue().shape("flood", "auth-failure", "dovecot")
    for number in range(count):
        address = f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        yield Event(number.to_bytes(16, "big").hex(), NOON + number, shape, {"source.ip": address, "event.original": "x"}, {})


def test_a_flood_of_new_keys_stays_in_its_budget_and_is_told():
    budget = 4 << 20
    held = detector(FAILURE, bf_ip(), window_bytes=budget)
    feed(held, *failures(0, 0))
    facts = []
    for number, one in enumerate(flood(200_000)):
        held.advance(one.time)
        facts += held.see(one)
        if number % 1000 == 0:
            assert held.windows.size.bytes <= budget
            assert sum(len(memory.delta()) for memory in held.memories) < 1 << 20
    assert held.windows.size.bytes <= budget
    assert len(held.windows.tables[held.rules.rules["bf_ip"].key].rows) > 15_000
    [fact] = facts
    assert isinstance(fact, Fact)
    assert fact.action == "detector-overflow"
    assert fact.fields["rule.id"] == "bf_ip"
    assert fact.fields["mail.detector.keys"] > 1000
    assert fact.time is not None
    [alert] = feed(held, failure(NOON + 300_000))
    assert isinstance(alert, Alert), "a key with progress outlives the flood"


def test_an_overflow_is_told_when_it_begins_and_once_an_hour():
    held = detector(FAILURE, bf_ip(), window_bytes=20_000)
    told = []
    for number, one in enumerate(flood(3000)):
        now = NOON + number * 5 * SECOND
        told += held.advance(now)
        told += held.see(Event(one.id, now, one.shape, one.dynamic, one.tag))
    told += held.advance(NOON + 9 * HOUR)
    facts = [fact for fact in told if isinstance(fact, Fact)]
    begun = facts[0].time
    assert [fact.time - begun for fact in facts] == [number * overflow.HOUR for number in range(len(facts))]
    assert len(facts) == 6
    assert len({fact.fields["mail.detector.since"] for fact in facts}) == 1
    keys = [fact.fields["mail.detector.keys"] for fact in facts]
    assert keys == sorted(set(keys)), "nothing new is not told"


def test_the_facts_are_events_that_the_catalogue_knows():
    held = detector(FAILURE, bf_ip(), window_bytes=2000)
    facts = feed(held, *flood(100))
    definition = catalogue().actions["detector-overflow"]
    assert set(definition.fields.sure) <= set(facts[0].fields)
    assert all(catalogue().allowed("detector-overflow", name) for name in facts[0].fields)


def test_the_windows_of_a_million_networks_of_one_customer_are_one_key():
    held = detector(FAILURE, bf_ip())
    said = feed(held, *(failure(NOON + number, f"2001:db8:5:{number:x}::1") for number in range(400)))
    assert len(held.windows.tables[held.rules.rules["bf_ip"].key].rows) == 1
    assert [alert.group for alert in said] == [(("source.ip", "2001:db8:5::/48"),)]


def test_guessing_spread_over_one_autonomous_system_is_one_matter():
    spray = correlation("spray_net", "value_count", ["auth_failure"], ["source.as.number"], "1h", {"gte": 3, "field": "user.name"})
    one_each = [failure(NOON + n, ip=f"203.0.113.{n}", user=f"u{n}@example.org", **{"source.as.number": 64500 + n // 3}) for n in range(5)]
    [alert] = feed(detector(FAILURE, spray), *one_each, failure(NOON + 9, user="x@example.org"))
    assert alert.group == (("source.as.number", "64500"),)
    assert alert.fields["source.as.number"] == 64500

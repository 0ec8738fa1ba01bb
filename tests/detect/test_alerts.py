"""Alerts: one plain sentence, the right principals, nothing that may not leave the host."""

import pytest

from collector.detect import alerts
from collector.model.identity import Identity
from tests.support.detection import FAILURE, HOUR, MINUTE, NOON, SUCCESS, bf_ip, correlation, detection, detector, event, failure, feed, rules, success


def test_a_window_that_counts_tells_only_what_all_its_events_share():
    told = alerts.told(rules(FAILURE, bf_ip()).rules["bf_ip"])
    assert "source.ip" in told
    assert "source.address" in told
    assert "host.name" in told
    assert "user.name" not in told


def test_a_single_event_and_a_sequence_tell_their_principals():
    single = detection("single", {"event.action": "auth-failure"}, level="low", suppress={"by": ["source.ip"]})
    then = correlation("then", "temporal", ["auth_failure", "auth_success"], ["source.ip"], "1h")
    loaded = rules(FAILURE, SUCCESS, single, then).rules
    for name in ("single", "then"):
        assert {"user.name", "source.ip", "mail.auth.mechanism"} <= set(alerts.told(loaded[name]))


def test_the_inputs_of_its_playbook_are_told():
    single = detection("single", {"event.action": "auth-failure"}, level="medium")
    assert set(rules(single).playbooks["PB-TEST-01"].inputs) <= set(alerts.told(rules(single).rules["single"]))


def test_the_statements_of_an_episode():
    held = detector(FAILURE, bf_ip(suppress={"for": "1h", "repeat": ["15m"]}))
    said = feed(held, *(failure(NOON + number * 3 * MINUTE) for number in range(9)))
    said += held.advance(NOON + 9 * HOUR)
    assert [alert.step for alert in said] == ["0", "1", "end"]
    opening, repeat, end = said
    assert repeat.reason == "Still going on: 8 matches for source.ip 203.0.113.9 since 2026-11-24T12:00:00.000Z, 5 of them since the last statement."
    assert end.reason == (
        "Over: 9 matches for source.ip 203.0.113.9 from 2026-11-24T12:00:00.000Z to 2026-11-24T12:24:00.000Z, 1 of them since the last statement, then quiet for 1 h."
    )
    assert {alert.episode for alert in said} == {opening.id}
    assert (end.time, end.suppressed, end.late) == (NOON + 84 * MINUTE, 1, False)
    assert len(end.event_ids) == len(end.evidence) == 9


def test_ids_follow_from_what_an_alert_is():
    [alert] = feed(detector(FAILURE, bf_ip()), *(failures := [failure(NOON + number) for number in range(3)]))
    assert alert.id == Identity().alert(alert.rule.uuid, 1, ("203.0.113.9",), failures[-1].id, "0")


def test_evidence_that_has_left_the_ring_is_counted():
    held = detector(FAILURE, bf_ip(), ring_bytes=950)
    [alert] = feed(held, *(failure(NOON + number, **{"event.original": "x" * 100}) for number in range(3)))
    assert (len(alert.evidence), alert.missing, len(alert.event_ids)) == (3, 0, 3)
    held = detector(FAILURE, bf_ip(), ring_bytes=650)
    [alert] = feed(held, *(failure(NOON + number, **{"event.original": "x" * 100}) for number in range(3)))
    assert (len(alert.evidence), alert.missing, len(alert.event_ids)) == (2, 1, 3)


def test_an_event_that_no_line_gave_has_no_evidence_and_lacks_none():
    plain = detection("plain", {"event.action": "auth-failure"}, level="low")
    [alert] = feed(detector(plain), event("auth-failure", NOON, {"event.original": ""}))
    assert (alert.evidence, alert.missing) == ((), 0)


def test_what_may_not_leave_the_host_is_a_digest_in_the_group_and_no_field():
    same = correlation("same", "value_count", ["auth_failure"], ["mail.auth.password_hash"], "1h", {"field": "user.name", "gte": 2})
    said = feed(detector(FAILURE, same), *(failure(NOON + number, user=f"u{number}", **{"mail.auth.password_hash": "5baa6"}) for number in range(2)))
    assert "5baa6" not in repr((said[0].group, said[0].fields, said[0].message, said[0].reason, said[0].id))
    assert said[0].group[0][1] == Identity().value("5baa6").hex()


def test_passwords_are_counted_under_their_own_name():
    many = correlation("many", "value_count", ["auth_failure"], ["source.ip"], "1h", {"field": "mail.auth.password_hash", "gte": 2})
    said = feed(detector(FAILURE, many), *(failure(NOON + number, **{"mail.auth.password_hash": f"{number}"}) for number in range(2)))
    assert said[0].distinct == {"password_hash": 2}


def test_a_number_without_a_field_of_its_own_stands_in_the_reason_only():
    rejected = detection("rejected", {"event.action": "smtp-reject"})
    harvest = correlation("harvest", "value_count", ["rejected"], ["source.ip"], "30m", {"field": "email.to.address", "gte": 2})
    said = feed(detector(rejected, harvest), event("smtp-reject", NOON, {"source.ip": "203.0.113.9", "email.to.address": ["a@example.org", "b@example.org"]}))
    assert said[0].distinct == {}
    assert said[0].reason.startswith("2 different email.to.address in events of rejected")


def test_attackers_texts_are_cut():
    by_user = correlation("by_user", "event_count", ["auth_failure"], ["user.name"], "10m", {"gte": 1})
    [alert] = feed(detector(FAILURE, by_user), failure(NOON, user="x" * 10_000))
    assert len(alert.fields["user.name"]) == alerts.LENGTH
    assert len(alert.message) < 300
    assert len(alert.reason) < 400


@pytest.mark.parametrize(("value", "expected"), [("x" * 300, "x" * 256), (["y" * 300] * 20, ["y" * 256] * 10), (5, 5)])
def test_cut(value, expected):
    assert alerts.cut(value) == expected


def test_a_temporal_alert_names_both_sides():
    together = correlation("together", "temporal", ["auth_failure", "auth_success"], ["source.ip"], "1h")
    [alert] = feed(detector(FAILURE, SUCCESS, together), success(NOON), failure(NOON + MINUTE))
    assert alert.reason == "auth_failure and auth_success within 1 min for source.ip 203.0.113.9 (at most 1 h apart, 2 events)."
    assert alert.threshold is None

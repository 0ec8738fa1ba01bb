"""Alerts and facts are values."""

import dataclasses

import pytest

from collector.model.alert import Alert, Fact, PlaybookFacts, RuleFacts

RULE = RuleFacts("bf_ip", "0c1d", "Many failed logins", "One client fails often.", "high", 73, 73, "stable", 1, "a1", "authentication")


def alert(**more):
    given = {"id": "0" * 32, "time": 3, "rule": RULE, "step": "0", "episode": "0" * 32, "count": 10, "first": 1, "last": 3, "threshold": 10, "window": 60_000}
    given |= {"group": (("source.ip", "203.0.113.9"),), "reason": "10 in 1 min", "message": "Many failed logins", "cause": ("authentication",), "outcome": "failure"}
    given |= {"fields": {"source.ip": "203.0.113.9"}, "event_ids": ("1" * 32,), "evidence": ("line",)}
    return Alert(**given | more)


def test_two_alerts_that_say_the_same_are_equal():
    assert alert() == alert()
    assert alert() != alert(step="1")


def test_an_alert_says_only_what_it_knows():
    plain = alert()
    assert (plain.missing, plain.late, plain.distinct, plain.total, plain.suppressed, plain.playbook) == (0, False, {}, None, 0, None)
    assert plain.distinct is not alert().distinct
    assert alert(playbook=PlaybookFacts("PB-AUTH-01", "Password guessing", 1, "1. Look.")).playbook.id == "PB-AUTH-01"


def test_nothing_is_changed_behind_a_station():
    for value, name in ((alert(), "count"), (RULE, "level"), (Fact("agent-start", {}), "time")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)


def test_a_fact_without_a_time_is_of_now():
    assert Fact("detector-overflow", {"rule.name": "bf_ip"}).time is None

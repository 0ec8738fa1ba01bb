"""Exceptions: who they keep out, how often, and until when."""

from datetime import UTC, datetime

from collector.detect.exceptions import Exceptions
from collector.model.moment import since_epoch
from tests.support.detection import FAILURE, NOON, bf_ip, exception, failure, rules

OFFICE = exception("office", ["bf_ip"], {"source.ip|cidr": "203.0.113.0/24"})


def edges(*documents):
    loaded = rules(FAILURE, bf_ip(), *documents)
    return Exceptions(loaded.exemptions, loaded.rules.values())


def test_it_keeps_its_own_out_of_its_rule_only_and_counts():
    made = edges(OFFICE)
    assert not made.admits("bf_ip", failure(NOON))
    assert made.admits("bf_ip", failure(NOON, "198.51.100.1"))
    assert made.admits("auth_failure", failure(NOON))
    assert made.counts == {"office": 1}


def test_asking_does_not_count():
    made = edges(OFFICE)
    assert [one.name for one in made.stopping("bf_ip", failure(NOON))] == ["office"]
    assert made.counts == {"office": 0}


def test_any_covers_every_rule():
    made = edges(exception("own", "any", {"mail.probe.own": True}))
    own = failure(NOON, **{"mail.probe.own": True})
    assert not made.admits("auth_failure", own)
    assert not made.admits("bf_ip", own)
    assert made.admits("bf_ip", failure(NOON))


def test_it_names_a_rule_by_id_too():
    made = edges(exception("office", [bf_ip()["id"]], {"source.ip": "203.0.113.9"}))
    assert not made.admits("bf_ip", failure(NOON))


def test_it_applies_through_its_last_day():
    end = since_epoch(datetime(2027, 2, 1, tzinfo=UTC))
    made = edges(OFFICE)
    assert [made.admits("bf_ip", failure(time)) for time in (end - 1, end, end - 1)] == [False, True, False]
    assert made.counts == {"office": 2}
    assert made.stopping("bf_ip", failure(end)) == ()

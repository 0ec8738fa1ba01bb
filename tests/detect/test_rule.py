"""What a rule is, and what the tests in it may say."""

import math
from datetime import date

import pytest
from pydantic import ValidationError

from collector.detect.rule import SEVERITY, Expect, RuleTest, Step, site_of
from collector.model.moment import iso
from collector.model.site import LOOPBACK, Site
from tests.support.detection import FAILURE, bf_ip, detection, event, exception, rules


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"line": "x", "tick": "1s"},
        {"line": "x", "event": {}},
        {"tick": "1s", "times": 2},
        {"tick": "1s", "every": "1s"},
        {"tick": "1s", "vary": {"a": "b"}},
        {"tick": "soon"},
        {"line": "x", "times": 0},
        {"line": "x", "at": 5},
        {"lines": "x"},
    ],
)
def test_a_step_is_one_thing(step):
    with pytest.raises(ValidationError):
        Step(**step)


def test_a_step_has_one_line_or_several():
    assert Step(line="x").lines == ("x",)
    assert Step(line=("x", "y")).lines == ("x", "y")
    assert Step(tick="1s").lines == ()
    assert (Step(line="x").times, Step(line="x").every) == (1, None)


def test_an_expectation_has_a_number_and_fields():
    expect = Expect.model_validate({"alerts": 1, "source.ip": "203.0.113.9"})
    assert (expect.alerts, expect.fields) == (1, {"source.ip": "203.0.113.9"})
    with pytest.raises(ValidationError):
        Expect.model_validate({"source.ip": "203.0.113.9"})


def test_a_test_may_have_a_site_of_its_own():
    test = RuleTest.model_validate({"name": "x", "steps": [{"tick": "1s"}], "expect": {"alerts": 0}})
    assert site_of(test) is None
    own = test.model_copy(update={"site": {"domains": ("example.org",)}})
    assert site_of(own) == Site(domains=("example.org",), networks=LOOPBACK)


def test_what_speaks_and_what_only_feeds():
    loaded = rules(FAILURE, bf_ip(), *(detection(level, {"event.action": "auth-failure"}, level=level) for level in ("low", "medium", "critical"))).rules
    assert {name: rule.speaks for name, rule in loaded.items()} == {"auth_failure": False, "bf_ip": True, "low": True, "medium": True, "critical": True}
    assert {rule.facts.severity for rule in loaded.values()} == {1, 21, 47, 73, 99} == set(SEVERITY.values())


def test_the_key_of_its_state_is_its_logic():
    rule = rules(FAILURE, bf_ip()).rules["bf_ip"]
    assert rule.key.hex() == rule.facts.logic
    assert len(rule.key) == 8


def test_an_exemption_covers_what_it_names_through_its_last_day():
    named, anything = rules(FAILURE, bf_ip(), exception("office", ["bf_ip"], {"user.name": "x"}), exception("own", "any", {"user.name": "x"})).exemptions
    assert [named.covers("bf_ip"), named.covers("auth_failure"), anything.covers("auth_failure")] == [True, False, True]
    assert (named.expires, named.owner, named.reason) == (date(2027, 1, 31), "ops@example.org", "ticket 4711")
    assert iso(named.end) == "2027-02-01T00:00:00.000Z"


def test_an_exemption_without_an_end_never_ends():
    [endless] = rules(FAILURE, exception("own", "any", {"user.name": "x"}) | {"mailvigil": {"owner": "x", "reason": "y"}}).exemptions
    assert endless.end == math.inf
    assert endless.stops(event("auth-failure", 1 << 50, {"user.name": "x"}))


def test_a_tests_trusted_clients_are_its_networks_unless_it_says_otherwise():
    def site(**facts):
        return site_of(RuleTest.model_validate({"name": "x", "steps": [{"tick": "1s"}], "expect": {"alerts": 0}, "site": facts}))

    assert site() is None
    assert site(domains=["example.org"]).trusted_clients == LOOPBACK
    assert site(networks=["192.0.2.0/24"]).trusted_clients == ("192.0.2.0/24",)
    assert site(networks=["192.0.2.0/24"], trusted_clients=["203.0.113.9/32"]).trusted_clients == ("203.0.113.9/32",)

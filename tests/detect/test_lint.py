"""What can match, what is carried: facts of the vocabulary about a condition."""

import pytest

from collector.detect import lint
from collector.detect.modifiers import Selections
from collector.errors import Location, RuleError
from collector.model import strict_yaml
from collector.model.catalogue import Catalogue
from collector.model.site import Site
from tests.support.detection import FAILURE, PLAYBOOK, bf_ip, catalogue, detection, rules, text

ALL = frozenset(catalogue().actions) - {"rule-match"}


def reachable(selections, condition="selection"):
    source = strict_yaml.document(text({"detection": {**selections, "condition": condition}}), "x.yaml")
    return lint.reachable(Selections(source, "detection", catalogue(), Site()).compile(), catalogue())


@pytest.mark.parametrize(
    ("selections", "condition", "expected"),
    [
        ({"selection": {"event.action": "auth-failure"}}, "selection", {"auth-failure"}),
        ({"selection": {"event.action": ["auth-failure", "auth-success"]}}, "selection", {"auth-failure", "auth-success"}),
        ({"selection": {"event.action|startswith": "auth-s"}}, "selection", {name for name in ALL if name.startswith("auth-s")}),
        ({"selection": {"event.action": "auth-failure", "user.name": "x"}}, "selection", {"auth-failure"}),
        ({"selection": {"event.action": "auth-failure"}, "other": {"user.name": "x"}}, "selection and not other", {"auth-failure"}),
        ({"selection": {"event.action": "auth-failure"}}, "not selection", ALL - {"auth-failure"}),
        ({"selection": {"host.name": "mx1"}}, "selection", ALL),
        ({"selection": {"mail.nrcpt": 5}}, "selection", {name for name in ALL if catalogue().allowed(name, "mail.nrcpt")}),
        ({"selection": {"event.action": "auth-failure", "mail.nrcpt": 5}}, "selection", set()),
        ({"selection": {"event.category": "nothing"}}, "selection", set()),
    ],
)
def test_the_actions_that_can_match(selections, condition, expected):
    assert reachable(selections, condition) == expected


def test_alerts_are_no_events():
    assert "rule-match" not in reachable({"selection": {"host.name": "x"}})


def test_carried_by_any_of_the_actions():
    assert lint.carried(["auth-failure", "queue-active"], "mail.nrcpt", catalogue())
    assert not lint.carried(["auth-failure"], "mail.nrcpt", catalogue())


def test_a_long_list_of_actions_is_cut_in_the_message():
    with pytest.raises(RuleError, match=r"never in these events \(a, b, c \.\.\.\)"):
        lint.check_key(["mail.nrcpt"], frozenset("abcd"), catalogue_without_actions(), "by", Location("x"))


def catalogue_without_actions():
    definition = catalogue().actions["auth-failure"]
    return Catalogue(catalogue().fields, dict.fromkeys("abcd", definition), frozenset())


def test_every_reason_has_a_hint_where_one_helps():
    for document in (bf_ip(playbook=None), bf_ip(tests=[])):
        with pytest.raises(RuleError) as caught:
            rules(FAILURE, document)
        assert caught.value.hint


def test_a_low_rule_needs_no_playbook_but_tests():
    assert rules(detection("x", {"event.action": "auth-failure"}, level="low", playbook=None)).rules["x"].playbook is None
    with pytest.raises(RuleError, match="lacks a test"):
        rules(detection("x", {"event.action": "auth-failure"}, level="low", playbook=None, tests=[]))


def test_a_playbook_may_ask_for_what_one_of_its_rules_tells():
    by_user = bf_ip() | {"name": "bf_user", "id": FAILURE["id"][:-1] + "0"}
    by_user["correlation"] = by_user["correlation"] | {"group-by": ["user.name"]}
    page = PLAYBOOK.replace("applies_to: []", "applies_to: [bf_ip, bf_user]")
    assert len(rules(FAILURE, bf_ip(), by_user, playbook=page).active) == 2

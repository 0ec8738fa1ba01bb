"""What a selection may not say, and what the site's facts make of it."""

import pytest

from collector.detect.modifiers import Selections
from collector.errors import RuleError
from collector.model import strict_yaml
from collector.model.site import PLACEHOLDERS, Site
from tests.support.detection import NOON, catalogue, event, text

SITE = Site(domains=("example.org", "a*b.example"), networks=("192.0.2.0/24", "2001:db8::/32"))


def compiled(selection, site=SITE):
    source = strict_yaml.document(text({"detection": {"selection": selection, "condition": "selection"}}), "x.yaml")
    return Selections(source, "detection", catalogue(), site).compile()


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        ({"source.ipp": "x"}, "unknown field source.ipp, did you mean source.ip?"),
        ({"source.ip|cidrs": "x"}, "unknown modifier cidrs, did you mean cidr?"),
        ({"event.action": "auth-failur"}, "unknown action auth-failur, did you mean auth-failure?"),
        ({"event.action": ["auth-failure", "nothing"]}, "unknown action nothing"),
        ({"mail.reject.class": "relay-denid"}, "mail.reject.class is never relay-denid, did you mean relay-denied?"),
        ({"source.ip|expand": "%site.network%"}, "unknown placeholder %site.network%, did you mean %site.networks%?"),
        ({"source.ip|expand": "192.0.2.0/24"}, "unknown placeholder 192.0.2.0/24"),
        ({"source.ip|cidr": "192.0.2.0/99"}, "no network"),
        ({"user.name|re": "(("}, "no regular expression"),
        ({"user.name|re|startswith": "x"}, "do not go together"),
        ({"user.name|i": "x"}, "belong to re"),
        ({"user.name|exists": "yes"}, "true or false is expected"),
        ({"mail.nrcpt|gte": "many"}, "'many' is no number"),
        ({"@timestamp|hour": "noon"}, "'noon' is no number"),
        ({"user.name": {"a": 1}}, "a value or a list of values is expected"),
        ({"user.name": []}, "an empty list matches nothing"),
        ({"mail.reject.class|contains": "relay-x"}, "mail.reject.class is never relay-x"),
        ({"mail.reject.class": ["relay-*", "relai-*"]}, "mail.reject.class is never relai-*"),
        ({"mail.reject.class|re": "^Relay"}, "mail.reject.class is never ^Relay"),
        ({"mail.reject.class|neq": "relay-denid"}, "mail.reject.class is never relay-denid"),
        ({"event.action|startswith": "auht-"}, "unknown action auht-"),
        ({"user.name|re": "(a+)+$"}, "could run away on hostile text: nested quantifiers"),
        ({"user.name|re": "(.*a){20}"}, "could run away"),
        ({"user.name|re": r"(a)\1"}, "a back-reference"),
        ({"user.name|re": "(" * 3000 + "a" + ")" * 3000}, "no regular expression"),
        ({"user.name|cased": "Bob"}, "user.name|cased is never Bob"),
        ({"source.port": "abc"}, "source.port (long) is never abc"),
        ({"mail.auth.password_hash": "367674"}, "never leaves the host"),
        (["x", 1.5], "1.5 is no text to look for"),
        ([[[[[[[[[[["x"]]]]]]]]]]], "lists and maps inside each other"),
        ({"user.name": [None, "x"]}, "null stands alone"),
        ({"user.name|utf16": "x"}, "followed by base64"),
        ({"user.name|wide|utf16|base64": "x"}, "one encoding"),
        ({"user.name|windash": "-a -b -c -d -e"}, "at most 4 dashes"),
        ({"user.name|fieldref": "user.nam"}, "unknown field user.nam"),
        ({"user.name|fieldref|gt": "user.email"}, "fieldref takes one field"),
        ({"|contains": ["x"]}, "take no modifier but all"),
        ({}, "an empty selection"),
        ([], "an empty selection"),
        (None, "an empty selection"),
    ],
)
def test_refused_with_a_place(selection, says):
    with pytest.raises(RuleError) as caught:
        compiled(selection)
    assert says in str(caught.value)
    assert str(caught.value).startswith("x.yaml:")
    assert caught.value.at.line > 1


def test_a_condition_and_a_selection_are_needed():
    for detection, says in (
        ({"selection": {"user.name": "x"}}, "a text or a list of texts"),
        ({"condition": "x"}, "no selection"),
        ({"selection": {"user.name": "x"}, "timeframe": "5m", "condition": "selection"}, "timeframe is not read"),
    ):
        source = strict_yaml.document(text({"detection": detection}), "x.yaml")
        with pytest.raises(RuleError, match=says):
            Selections(source, "detection", catalogue(), SITE).compile()


def test_a_selection_may_have_any_name():
    source = strict_yaml.document(text({"detection": {"rules": {"user.name": "x"}, "condition": "rules"}}), "x.yaml")
    assert Selections(source, "detection", catalogue(), SITE).compile().holds(event("auth-failure", NOON, {"user.name": "x"}))


@pytest.mark.parametrize(
    ("ip", "expected"),
    [("192.0.2.77", True), ("2001:db8::5", True), ("198.51.100.1", False), ("unknown", False)],
)
def test_site_networks_compare_as_networks(ip, expected):
    for line in ("source.ip|expand", "source.ip|cidr|expand"):
        assert compiled({line: "%site.networks%"}).holds(event("auth-failure", NOON, {"source.ip": ip})) is expected


@pytest.mark.parametrize(("domain", "expected"), [("EXAMPLE.org", True), ("a*b.example", True), ("axb.example", False), ("example.net", False)])
def test_site_values_are_plain_text(domain, expected):
    assert compiled({"mail.to.domain|expand": "%site.domains%"}).holds(event("delivery-sent", NOON, {"mail.to.domain": domain})) is expected


def test_site_values_take_affixes():
    node = compiled({"user.name|endswith|expand": "%site.domains%"})
    assert node.holds(event("auth-failure", NOON, {"user.name": "bob@example.org"}))
    assert not node.holds(event("auth-failure", NOON, {"user.name": "bob@example.net"}))


def test_an_empty_fact_matches_nothing():
    node = compiled({"user.name|expand": "%site.honeypots%"})
    assert not node.holds(event("auth-failure", NOON, {"user.name": "bob"}))


def test_a_leaf_says_what_was_written():
    node = compiled({"source.ip|cidr": ["192.0.2.0/24", "203.0.113.0/24"], "mail.nrcpt|gte": 5, "user.name": None, "user.email|contains|all": ["a", "b"]})
    assert [leaf.text for leaf in node.leaves()] == [
        "source.ip|cidr: [192.0.2.0/24, 203.0.113.0/24]",
        "mail.nrcpt|gte: 5",
        "user.name: null",
        "user.email|contains|all: a",
        "user.email|contains|all: b",
    ]


def test_keys_are_text():
    field, selection = "detection: {a: {5: x}, condition: a}", "detection: {true: {user.name: x}, condition: 'true'}"
    for yaml, says in ((field, "5: the name of a field is expected"), (selection, "the name of a selection is text")):
        source = strict_yaml.document(yaml, "x.yaml")
        with pytest.raises(RuleError, match=says) as caught:
            Selections(source, "detection", catalogue(), SITE).compile()
        assert caught.value.at.line == 1


def test_a_part_of_a_closed_list_is_no_fault():
    node = compiled({"mail.reject.class|startswith": "RELAY", "user.name|startswith": "Bob", "mail.nrcpt": 5})
    assert node.holds(event("smtp-reject", NOON, {"mail.reject.class": "relay-denied", "user.name": "bobby", "mail.nrcpt": 5}))


ASKED = {
    "domains": ("mail.to.domain", "example.org", "example.org"),
    "networks": ("source.ip", "203.0.113.0/24", "203.0.113.9"),
    "trusted_clients": ("source.ip", "203.0.113.9/32", "203.0.113.9"),
    "honeypots": ("user.name", "admin@example.org", "Admin@example.org"),
    "maintenance": ("user.name", "Sun 02:00-04:00", "sun 02:00-04:00"),
    "known_monitors": ("source.ip", "2001:db8::/64", "2001:db8::9"),
}


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_fact_can_be_asked_for_and_an_empty_one_matches_nothing(name):
    field, listed, value = ASKED[name]
    asked, happened = {f"{field}|expand": f"%site.{name}%"}, event("auth-failure", NOON, {field: value})
    assert compiled(asked, Site(**{name: (listed,)})).holds(happened)
    assert not compiled(asked, Site(**{name: ()})).holds(happened)

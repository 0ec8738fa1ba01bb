"""What Sigma means: statements about one event, and how conditions join them."""

import pytest

from collector.detect import condition
from collector.detect.modifiers import Selections
from collector.errors import Location, RuleError
from collector.model import strict_yaml
from collector.model.catalogue import Catalogue, FieldDef
from collector.model.event import Event
from collector.model.shape import Shape
from collector.model.site import Site
from tests.support.detection import NOON, text

TYPES = {
    "a": "keyword",
    "b": "keyword",
    "n": "long",
    "flag": "boolean",
    "ip": "ip",
    "@timestamp": "date",
    "event.original": "keyword",
    "user": "keyword",
    "c": "keyword",
    "many": "keyword",
    "when": "date",
}
FIELDS = {name: FieldDef(type=kind, source="own", array=name == "many", normaliser="none", ship=True, doc="") for name, kind in TYPES.items()}
CATALOGUE = Catalogue(FIELDS, {}, frozenset())
SHAPE = Shape("test", "test", "agent")


def node(detection, site=None):
    source = strict_yaml.document(text({"detection": detection}), "test.yaml")
    return Selections(source, "detection", CATALOGUE, site or Site()).compile()


def holds(detection, fields, time=NOON):
    return node(detection).holds(Event("00" * 16, time, SHAPE, dict(fields), {}))


def one(line, value):
    return {"selection": {line: value}, "condition": "selection"}


ONE_LINE = [
    # strings
    ("case is ignored", "a", "FooBar", {"a": "fOObAR"}, True),
    ("case beyond ASCII too", "a", "ÄÖÜ", {"a": "äöü"}, True),
    ("a dotted capital I", "a", "İx", {"a": "İX"}, True),
    ("cased wants the same case", "a|cased", "FooBar", {"a": "foobar"}, False),
    ("cased finds the same case", "a|cased", "FooBar", {"a": "FooBar"}, True),
    ("a star is any run", "a", "fo*r", {"a": "FOOBAR"}, True),
    ("a star is also nothing", "a", "foo*bar", {"a": "foobar"}, True),
    ("a star takes line ends", "a", "a*b", {"a": "a\nX\nb"}, True),
    ("a question mark is one character", "a", "fo?bar", {"a": "foobar"}, True),
    ("a question mark is never none", "a", "foo?bar", {"a": "foobar"}, False),
    ("an escaped star is a star", "a", r"fo\*", {"a": "fo*"}, True),
    ("an escaped star is nothing else", "a", r"fo\*", {"a": "foo"}, False),
    ("an escaped question mark", "a", r"wh\?t", {"a": "wh?t"}, True),
    ("any other backslash is itself", "a", r"c:\x", {"a": "C:\\X"}, True),
    ("two backslashes, then a star", "a", "c:\\\\*", {"a": "C:\\any"}, True),
    ("a plain string is the whole value", "a", "foo", {"a": "foobar"}, False),
    ("a list is any of them", "a", ["x", "y"], {"a": "Y"}, True),
    ("none of a list", "a", ["x", "y"], {"a": "z"}, False),
    ("a list of more than plain strings", "a", ["x*", "y"], {"a": "xyz"}, True),
    # contains, startswith, endswith
    ("contains over line ends", "a|contains", "x", {"a": "a\nX\nb"}, True),
    ("contains any of a list", "a|contains", ["foo", "bar"], {"a": "xxbar"}, True),
    ("contains all of a list", "a|contains|all", ["foo", "bar"], {"a": "xxBARyyFOO"}, True),
    ("contains all misses one", "a|contains|all", ["foo", "bar"], {"a": "xxfoo"}, False),
    ("startswith any of a list", "a|startswith", ["4.7.", "5.7."], {"a": "5.7.1"}, True),
    ("startswith is not contains", "a|startswith", "7.", {"a": "5.7.1"}, False),
    ("endswith", "a|endswith", ".ORG", {"a": "x.org"}, True),
    ("endswith is not contains", "a|endswith", ".org", {"a": "x.org.example"}, False),
    ("contains with a wildcard inside", "a|contains", "f?o", {"a": "xx fOo yy"}, True),
    ("startswith a number", "a|startswith", 4, {"a": "4.7.1"}, True),
    # regular expressions
    ("re searches", "a|re", "o{2}b", {"a": "foobar"}, True),
    ("re heeds case", "a|re", "FOO", {"a": "foo"}, False),
    ("re with i does not", "a|re|i", "FOO", {"a": "foo"}, True),
    ("re with m anchors at lines", "a|re|m", "^b$", {"a": "a\nb\nc"}, True),
    ("re without m anchors at the ends", "a|re", "^b$", {"a": "a\nb\nc"}, False),
    ("a dot takes no line end", "a|re", "a.b", {"a": "a\nb"}, False),
    ("a dot takes one with s", "a|re|s", "a.b", {"a": "a\nb"}, True),
    ("re contains is re", "a|re|contains", "(x|y)/", {"a": "/etc/y/z"}, True),
    # networks
    ("an address in a network", "ip|cidr", "10.0.0.0/8", {"ip": "10.2.3.4"}, True),
    ("an address outside", "ip|cidr", "10.0.0.0/8", {"ip": "11.2.3.4"}, False),
    ("IPv6 in any spelling", "ip|cidr", "2001:db8::/32", {"ip": "2001:DB8:1::5"}, True),
    ("an IPv4 address inside IPv6", "ip|cidr", "127.0.0.0/8", {"ip": "::ffff:127.0.0.1"}, True),
    ("what is no address", "ip|cidr", "10.0.0.0/8", {"ip": "unknown"}, False),
    ("any of several networks", "ip|cidr", ["10.0.0.0/8", "192.168.0.0/16"], {"ip": "192.168.3.4"}, True),
    ("IPv4 is not in an IPv6 network", "ip|cidr", "::/0", {"ip": "10.0.0.1"}, False),
    # missing, null, empty
    ("exists holds for the empty string", "a|exists", True, {"a": ""}, True),
    ("exists fails for nothing", "a|exists", True, {}, False),
    ("exists false holds for nothing", "a|exists", False, {}, True),
    ("exists false fails for a value", "a|exists", False, {"a": "x"}, False),
    ("null is missing", "a", None, {}, True),
    ("null is an empty list too", "many", None, {"many": []}, True),
    ("null is no value", "a", None, {"a": "x"}, False),
    ("null is not the empty string", "a", None, {"a": ""}, False),
    ("the empty string is present and empty", "a", "", {"a": ""}, True),
    ("the empty string is not missing", "a", "", {}, False),
    ("a comparison with nothing is false", "a", "x", {}, False),
    ("contains over nothing is false", "a|contains", "x", {}, False),
    # other fields
    ("fieldref ignores case", "a|fieldref", "b", {"a": "X", "b": "x"}, True),
    ("fieldref with both missing", "a|fieldref", "b", {}, False),
    ("fieldref with one missing", "a|fieldref", "b", {"a": "x"}, False),
    ("fieldref endswith", "a|fieldref|endswith", "b", {"a": "u@Ex.org", "b": "ex.org"}, True),
    ("fieldref startswith", "a|fieldref|startswith", "b", {"a": "mx1.example.org", "b": "MX1"}, True),
    ("fieldref contains", "a|fieldref|contains", "b", {"a": "xxyyzz", "b": "YY"}, True),
    ("fieldref neq", "a|fieldref|neq", "b", {"a": "x", "b": "y"}, True),
    # numbers and truth
    ("gte at its bound", "n|gte", 5, {"n": 5}, True),
    ("gt beyond its bound", "n|gt", 5, {"n": 5}, False),
    ("a numeric string is a number", "n|gte", 5, {"n": "7"}, True),
    ("gte over nothing", "n|gte", 5, {}, False),
    ("gte over a word", "n|gte", 5, {"n": "many"}, False),
    ("infinity is a word", "n|gte", 5, {"n": "inf"}, False),
    ("a fraction keeps its fraction", "n|lt", 0.5, {"n": 0.25}, True),
    ("a fraction is not cut to 0", "n|gt", 0.5, {"n": 0.25}, False),
    ("lte at its bound", "n|lte", 5, {"n": 5}, True),
    ("a number equals a number", "n", 25, {"n": 25}, True),
    ("a number equals a numeric string", "n", 25, {"n": "25"}, True),
    ("a quoted number equals a number", "n", "25", {"n": 25}, True),
    ("true equals true", "flag", True, {"flag": True}, True),
    ("true equals its name", "flag", True, {"flag": "true"}, True),
    ("false is not missing", "flag", False, {}, False),
    ("true is not 1", "n", 1, {"n": True}, False),
    # negation
    ("neq over nothing", "a|neq", "x", {}, True),
    ("neq of a list is none of them", "a|neq", ["x", "y"], {"a": "y"}, False),
    ("neq contains", "a|contains|neq", "x", {"a": "abc"}, True),
    # lists in events
    ("any element of a list", "many", "authentication", {"many": ["network", "authentication"]}, True),
    ("no element of a list", "many", "email", {"many": ["network", "authentication"]}, False),
    ("all over a list asks each value of any element", "many|contains|all", ["net", "auth"], {"many": ["network", "authentication"]}, True),
    ("neq over a list is no element", "many|neq", "network", {"many": ["network", "authentication"]}, False),
    # encodings
    ("windash takes any dash", "a|windash|contains", " -enc", {"a": "x /enc"}, True),
    ("windash takes the one that is written", "a|windash|contains", " -enc", {"a": "x -enc"}, True),
    ("base64", "a|base64|contains", "foobar", {"a": "x Zm9vYmFy y"}, True),
    ("base64 at any offset", "a|base64offset|contains", "http://", {"a": "xxaHR0cDovLyyy"}, True),
    ("base64 at the second offset", "a|base64offset|contains", "http://", {"a": "b2h0dHA6Ly9"[1:]}, True),
    ("wide is UTF-16", "a|wide|base64offset|contains", "ping", {"a": "cABpAG4AZwA="}, True),
    # time, in UTC
    ("hour of an event without a zone", "when|hour", 3, {"when": "2026-01-01T03:04:05"}, True),
    ("hour in UTC", "when|hour", 3, {"when": "2026-01-01T05:04:05+02:00"}, True),
    ("hour of @timestamp", "@timestamp|hour", 12, {}, True),
    ("week", "@timestamp|week", 48, {}, True),
    ("day, one of two", "@timestamp|day", [1, 24], {}, True),
    ("year", "@timestamp|year", 2025, {}, False),
    ("time of what is no time", "when|minute", 4, {"when": "soon"}, False),
]


@pytest.mark.parametrize(("line", "value", "fields", "expected"), [case[1:] for case in ONE_LINE], ids=[case[0] for case in ONE_LINE])
def test_one_line_means(line, value, fields, expected):
    assert holds(one(line, value), fields) is expected


A, B, C = {"a": "1"}, {"b": "1"}, {"c": "1"}
JOINED = [
    ("a map is and", {"selection": {"a": "x", "b": "y"}, "condition": "selection"}, {"a": "x"}, False),
    ("a list of maps is or", {"selection": [{"a": "x"}, {"b": "y"}], "condition": "selection"}, {"b": "Y"}, True),
    ("1 of a pattern", {"sel_a": A, "sel_b": B, "condition": "1 of sel_*"}, {"b": "1"}, True),
    ("all of a pattern", {"sel_a": A, "sel_b": B, "other": C, "condition": "all of sel_*"}, {"a": "1", "b": "1"}, True),
    ("all of them", {"sel_a": A, "sel_b": B, "condition": "all of them"}, {"a": "1"}, False),
    ("1 of them", {"sel_a": A, "sel_b": B, "condition": "1 of them"}, {"a": "1"}, True),
    ("them leaves out _", {"sel_a": A, "_sel_b": B, "condition": "all of them"}, {"a": "1"}, True),
    ("not over a missing field is true", {"selection": {"a": "x"}, "filter": {"user": "root"}, "condition": "selection and not filter"}, {"a": "x"}, True),
    ("not negates any element", {"selection": {"many": "x"}, "condition": "not selection"}, {"many": ["y", "x"]}, False),
    ("not negates no element", {"selection": {"many": "email"}, "condition": "not selection"}, {"many": ["network"]}, True),
    ("and binds closer than or", {"a": A, "b": B, "c": C, "condition": "a or b and not c"}, {"a": "1", "c": "1"}, True),
    ("parentheses bind closest", {"a": A, "b": B, "c": C, "condition": "(a or b) and not c"}, {"a": "1", "c": "1"}, False),
    ("not binds closest", {"a": A, "b": B, "condition": "not a or b"}, {"a": "1", "b": "1"}, True),
    ("a list of conditions is or", {"a": A, "b": B, "condition": ["a", "b"]}, {"b": "1"}, True),
    ("keywords are any of them", {"words": ["EVIL", "bad"], "condition": "words"}, {"event.original": "some evil text"}, True),
    ("keywords with all", {"words": {"|all": ["evil", "bad"]}, "condition": "words"}, {"event.original": "some evil text"}, False),
    ("keywords without a line", {"words": ["evil"], "condition": "words"}, {}, False),
    ("capital operators", {"a": A, "b": B, "condition": "a AND NOT b"}, {"a": "1"}, True),
]


@pytest.mark.parametrize(("detection", "fields", "expected"), [case[1:] for case in JOINED], ids=[case[0] for case in JOINED])
def test_conditions_join(detection, fields, expected):
    assert holds(detection, fields) is expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("selection | count() by a > 5", "aggregation behind a pipe"),
        ("selection and", "ends too early"),
        ("(selection", "ends too early"),
        ("selection)", "one word too many"),
        ("selection other", "one word too many"),
        ("selektion", "there is no selection selektion"),
        ("and selection", "'and' stands where"),
        ("2 of them", "only 1 and all"),
        ("1 of x*", "names no selection"),
        ("not", "ends too early"),
        ("(" * 3000 + "selection" + ")" * 3000, "more than 50 parentheses and nots"),
        ("not " * 3000 + "selection", "more than 50 parentheses and nots"),
        ("", "ends too early"),
    ],
)
def test_broken_conditions_are_refused_with_their_place(text, says):
    with pytest.raises(RuleError, match=says.replace("(", r"\(")) as caught:
        condition.parse(text, {"selection": node(one("a", "x"))}, Location("x.yaml", 7, 3))
    assert str(caught.value).startswith("x.yaml:7:3: ")
    assert caught.value.hint


def test_an_aggregation_names_the_correlation_document_as_the_way():
    with pytest.raises(RuleError) as caught:
        condition.parse("selection | count() > 5", {}, Location("x.yaml"))
    assert "correlation document" in caught.value.hint


@pytest.mark.parametrize(
    ("detection", "known", "expected"),
    [
        (one("a", "x"), {"a": "x"}, True),
        (one("a", "x"), {"a": "y"}, False),
        (one("a", "x"), {"a": None}, False),
        (one("a", "x"), {}, None),
        ({"s": {"a": "x", "b": "y"}, "condition": "s"}, {"a": "y"}, False),
        ({"s": {"a": "x", "b": "y"}, "condition": "s"}, {"a": "x"}, None),
        ({"s": A, "t": B, "condition": "s or t"}, {"a": "1"}, True),
        ({"s": A, "t": B, "condition": "s or not t"}, {"b": None}, True),
        (one("a|fieldref", "b"), {"b": None}, False),
        (one("a|neq", "x"), {"a": None}, True),
        (one("a", None), {"a": condition.PRESENT}, False),
        (one("a", "x"), {"a": condition.PRESENT}, None),
        (one("a|exists", False), {"a": condition.PRESENT}, None),
    ],
)
def test_a_condition_is_judged_by_what_is_known(detection, known, expected):
    assert node(detection).judge(lambda name: known.get(name, condition.UNKNOWN)) is expected


def test_brackets_beside_each_other_have_no_depth():
    text = " and ".join(["(not (a))"] * 200)
    assert condition.parse(text, {"a": node(one("a", "x"))}, Location("x.yaml")).holds(Event("00" * 16, NOON, SHAPE, {"a": "y"}, {}))

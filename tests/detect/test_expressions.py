"""What a compiled condition says of an event, and what its tree says, is the same; whatever the shape decides is decided at load."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.detect.condition import AllOf, AnyOf, Not
from collector.detect.expressions import DEPENDS, Code, Locals, expression
from collector.detect.modifiers import Selections
from collector.errors import RuleError
from collector.model import strict_yaml
from collector.model.catalogue import Catalogue, FieldDef
from collector.model.event import Event
from collector.model.shape import Carried, Shape
from collector.model.site import Site
from tests.detect.test_condition import JOINED, ONE_LINE, TYPES, one
from tests.support.detection import NOON, text

COMMON = frozenset({"event.original", "@timestamp", "event.id", "c"})
TYPES = {**TYPES, "event.id": "keyword"}
FIELDS = {name: FieldDef(type=kind, source="own", array=name == "many", normaliser="none", ship=True, doc="") for name, kind in TYPES.items()}
CATALOGUE = Catalogue(FIELDS, {}, COMMON)
SITE = Site(domains=("example.org", "a*"), networks=("192.0.2.0/24", "2001:db8::/32"))


def node(detection):
    source = strict_yaml.document(text({"detection": detection}), "test.yaml")
    return Selections(source, "detection", CATALOGUE, SITE).compile()


def judged(tree, shape, event):
    """Judge by the compiled condition."""
    names = Locals(shape, CATALOGUE)
    code = expression(tree, names)
    if not isinstance(code, Code):
        return code
    lines = ["def judge(event):", "    get, tag = event.dynamic.get, event.tag.get", *(f"    {line}" for line in names.reads()), f"    return {code.text}"]
    exec("\n".join(lines), names.constants)
    return names.constants["judge"](event)


def carrying(fields, static=(), time=NOON):
    """An event; fields named in ``static`` are its shape's, those of COMMON its tag's."""
    carried = {name: Carried(kind, sure=False) for name, kind in TYPES.items() if name not in COMMON}
    shape = Shape("test", "test", "agent", {name: fields[name] for name in static if name in fields}, carried)
    dynamic = {name: value for name, value in fields.items() if name not in static and name != "c"}
    return Event("0123456789abcdef" * 2, time, shape, dynamic, {name: value for name, value in fields.items() if name == "c" and name not in static})


def agree(tree, event):
    said = judged(tree, event.shape, event)
    assert said is tree.holds(event), (tree, event)
    return said


@pytest.mark.parametrize(("line", "value", "fields", "expected"), [case[1:] for case in ONE_LINE], ids=[case[0] for case in ONE_LINE])
def test_one_line_means_the_same(line, value, fields, expected):
    tree = node(one(line, value))
    assert agree(tree, carrying(fields)) is expected
    assert agree(tree, carrying(fields, static=tuple(fields))) is expected


@pytest.mark.parametrize(("detection", "fields", "expected"), [case[1:] for case in JOINED], ids=[case[0] for case in JOINED])
def test_conditions_join_the_same_way(detection, fields, expected):
    tree = node(detection)
    assert agree(tree, carrying(fields)) is expected
    assert agree(tree, carrying(fields, static=tuple(fields))) is expected


WORDS = st.text("abAB*?\\.'\"\n{}é", max_size=5)
ADDRESSES = st.sampled_from(["192.0.2.9", "::ffff:192.0.2.1", "2001:DB8::1", "10.0.0.1", "unknown", "fe80::1%" + "x" * 70, ""])
NETWORKS = st.sampled_from(["192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0", "10.0.0.1"])
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 2.0, 1 << 63, -(1 << 63) - 1, 10**30]))
DATES = st.sampled_from(["2026-11-24T12:00:00.000Z", "2026-11-24T05:04:05+02:00", "2026-01-01T03:04:05", "soon"])
VALUES = {
    "a": st.one_of(WORDS, st.sampled_from(["1", "true", "İx", "2.0"])),
    "b": WORDS,
    "c": WORDS,
    "user": WORDS,
    "n": st.one_of(NUMBERS, st.sampled_from(["1", "-2", "inf"])),
    "flag": st.booleans(),
    "ip": ADDRESSES,
    "many": st.lists(WORDS, max_size=3),
    "when": DATES,
    "event.original": st.text("abAB*?{ \n", max_size=12),
}
EVENTS = st.fixed_dictionaries({}, optional=VALUES)
AFFIX = st.sampled_from(["", "|contains", "|startswith", "|endswith"])
STRINGS = st.tuples(
    st.sampled_from(["a", "b", "c", "many", "user"]),
    AFFIX,
    st.sampled_from(["", "|cased", "|all", "|neq", "|windash", "|cased|all"]),
    st.one_of(WORDS, st.integers(0, 2), st.lists(WORDS, min_size=1, max_size=4)),
).map(lambda one: (one[0] + one[1] + one[2], one[3]))
LINES = st.one_of(
    STRINGS,
    st.tuples(st.sampled_from(["a|re", "a|re|i", "many|re", "a|re|neq", "b|re|m|s", "a|re|all"]), st.sampled_from(["a.b", "^a", "b$", ["a", "B"], "[ab]+", "é"])),
    st.tuples(st.sampled_from(["ip|cidr", "ip|cidr|neq", "a|cidr"]), st.one_of(NETWORKS, st.lists(NETWORKS, min_size=1, max_size=2))),
    st.tuples(st.sampled_from(["ip|expand"]), st.just("%site.networks%")),
    st.tuples(st.sampled_from(["a|expand", "a|expand|endswith", "a|expand|neq", "many|expand|contains"]), st.sampled_from(["%site.domains%", "%site.honeypots%"])),
    st.tuples(st.sampled_from(["n|lt", "n|lte", "n|gt", "n|gte", "a|gte", "n|gt|neq", "@timestamp|gt"]), NUMBERS.filter(lambda number: abs(number) < 1 << 63)),
    st.tuples(st.sampled_from(["n", "a", "n|neq"]), st.one_of(st.integers(-3, 3), st.lists(st.integers(-3, 3), min_size=1, max_size=3))),
    st.tuples(st.sampled_from(["flag", "flag|neq"]), st.booleans()),
    st.tuples(st.sampled_from(["a", "many", "n", "c", "a|neq"]), st.none()),
    st.tuples(st.sampled_from(["a|exists", "many|exists", "c|exists", "event.original|exists", "event.id|exists"]), st.booleans()),
    st.tuples(
        st.sampled_from(["a|fieldref", "a|fieldref|contains", "a|fieldref|neq", "many|fieldref", "n|fieldref|endswith", "c|fieldref|startswith"]),
        st.sampled_from(["b", "many", "c", "n"]),
    ),
    st.tuples(st.sampled_from(["when|hour", "@timestamp|hour", "when|day|neq", "@timestamp|year"]), st.sampled_from([3, 12, [3, 12], 24])),
    st.tuples(st.sampled_from(["a|base64|contains", "a|base64offset|contains", "a|wide|base64offset|contains"]), st.sampled_from(["ab", "a"])),
    st.tuples(st.just(""), st.sampled_from(["a", "Ab", "a*b", "{"])),
)


def tree_of(line):
    name, value = line
    try:
        return node({"selection": [value] if name == "" else {name: value}, "condition": "selection"})
    except RuleError:
        return None


def joined(inner):
    several = st.lists(inner, min_size=1, max_size=4).map(tuple)
    return st.one_of(inner.map(Not), several.map(AllOf), several.map(AnyOf))


TREES = st.recursive(LINES.map(tree_of).filter(lambda tree: tree is not None), joined, max_leaves=8)


@settings(max_examples=600, deadline=None)
@given(TREES, EVENTS, st.sets(st.sampled_from(sorted(VALUES))))
def test_the_compiled_condition_says_what_the_tree_says(tree, fields, static):
    agree(tree, carrying(fields, static=tuple(static)))


def test_what_the_shape_decides_is_no_code():
    shape = Shape("test", "test", "agent", {"a": "x"}, {"b": Carried("keyword", sure=False)})
    for detection, expected in (({"a": "X"}, True), ({"a": "y"}, False), ({"n": 1}, False), ({"n|exists": False}, True), ({"a": "x", "n": 1}, False), ({"b|fieldref": "n"}, False)):
        assert expression(node({"selection": detection, "condition": "selection"}), Locals(shape, CATALOGUE)) is expected
    assert isinstance(expression(node(one("b", "x")), Locals(shape, CATALOGUE)), Code)
    assert expression(AnyOf(()), Locals(shape, CATALOGUE)) is False


def test_what_any_line_may_say_otherwise_is_not_decided_by_the_shape():
    shape = Shape("test", "test", "agent", {"c": "x"}, {})
    assert Locals(shape, CATALOGUE).fixed("c") is DEPENDS
    for dynamic, tag, expected in (({}, {}, True), ({"c": "y"}, {}, False), ({}, {"c": "y"}, True)):
        event = Event("00" * 16, NOON, shape, dynamic, tag)
        assert agree(node(one("c", "x")), event) is expected


def test_the_cheap_comes_first():
    shape = carrying({}).shape
    code = expression(node({"s": {"a|re": "x", "b|contains": "y", "n": 1}, "condition": "s"}), Locals(shape, CATALOGUE))
    assert [code.text.index(part) for part in ("number", "'y' in", "text")] == sorted(code.text.index(part) for part in ("number", "'y' in", "text"))


def test_no_text_of_a_rule_is_code():
    hostile = "')\n__import__('os').abort()#{}"
    tree = node({"s": [{"a|cased": [hostile, "x"]}, {"b|contains": hostile}, {"user": [hostile, "y"]}], "condition": "s"})
    assert agree(tree, carrying({"a": hostile})) is True
    assert agree(tree, carrying({"b": "x"})) is False


@pytest.mark.parametrize(("level", "times"), [("b or n and ({})", 49), ("b or n and not ({})", 24), ("not (b and (n or {}))", 16)])
def test_conditions_as_deep_as_they_may_be_compile(level, times):
    condition = "a"
    for _ in range(times):
        condition = level.format(condition)
    deep = {"b": "1", "c": "1"}
    for _ in range(4):
        deep = [{"user": "x"}, [deep]]
    tree = node({"a": deep, "b": {"b": "1", "user": "1"}, "n": [{"n": 1}, {"n": 2, "b": "2"}], "condition": condition})
    for fields in ({"b": "1", "c": "1"}, {"b": "1", "user": "1"}, {"n": 1}, {"n": 1, "b": "1", "c": "1"}, {}):
        agree(tree, carrying(fields))


def test_unknown_nodes_are_no_silent_answer():
    with pytest.raises(TypeError):
        expression(object(), Locals(carrying({}).shape, CATALOGUE))


def test_values_of_any_length_are_asked_but_not_remembered():
    tree = node(one("ip|cidr", "192.0.2.0/24"))
    assert agree(tree, carrying({"ip": "1" * 100_000})) is False

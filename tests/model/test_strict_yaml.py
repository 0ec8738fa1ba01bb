"""Content files: YAML 1.2 scalars, no key twice, every fault with its place."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ContentError, RuleError
from collector.model import strict_yaml
from collector.model.strict_yaml import Strict, did_you_mean


def value(text):
    return strict_yaml.document(f"key: {text}\n", "x.yaml")["key"]


@pytest.mark.parametrize("text", ["no", "NO", "yes", "on", "Off", "y", "1:30", "22:22", "1_000", "0b101", "12h", "2026-11-24T10:00:00Z"])
def test_what_yaml_1_1_makes_of_a_word_it_stays_text(text):
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("010", 10),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_scalars_of_the_core_schema(text, wanted):
    found = value(text)
    assert found == wanted
    assert type(found) is type(wanted)


def test_dates_and_special_floats():
    assert value("2027-01-31") == dt.date(2027, 1, 31)
    assert value("-.inf") == -math.inf
    assert math.isnan(value(".nan"))


def test_quoted_scalars_are_text_whatever_they_look_like():
    assert [value(text) for text in ("'1.0'", '"no"', "'2027-01-31'", "'010'")] == ["1.0", "no", "2027-01-31", "010"]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1", "key a stands twice"),
        ("a:\n  - b: 1\n    b: 2\n", "x.yaml:3:5", "key b stands twice"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "x.yaml:3:3", "merge keys"),
        ("a: [1, 2\nb: 3\n", "x.yaml:2:2", "no YAML"),
        ("a: !!python/object/apply:os.system [id]\n", "x.yaml:1:4", "no YAML"),
        ("a: 2027-13-45\n", "x.yaml", "no YAML"),
        ("? [a, b]\n: 1\n", "x.yaml:1:3", "a key must be plain"),
        ("- 1\n- 2\n", "x.yaml:1", "a mapping is expected"),
        ("a: 1\n---\nb: 2\n", "x.yaml", "there are 2"),
        ("", "x.yaml", "there are 0"),
        ("a: &x [*x]\n", "x.yaml", "recursion"),
        ("a: " + "[" * 20_000, "x.yaml:1:1003", "nesting depth"),
        ("a: \x07\n", "x.yaml", "no YAML"),
    ],
)
def test_what_is_refused_says_where(text, place, words):
    with pytest.raises(RuleError) as raised:
        strict_yaml.document(text, "x.yaml", RuleError)
    assert str(raised.value).startswith(f"{place}: ")
    assert words in str(raised.value)


def test_documents_are_separate_and_empty_ones_are_left_out():
    first, second = strict_yaml.documents("---\na: 1\n---\n---\nb:\n  c: [1, {d: 2}]\n", "x.yaml")
    assert (first, second) == ({"a": 1}, {"b": {"c": [1, {"d": 2}]}})
    assert (first.line, second.line) == (2, 5)
    assert str(second.at("b", "c", 1, "d")) == "x.yaml:6:11"
    assert str(second.at("b", "c", 1, "unknown", "deeper")) == "x.yaml:6:10"
    assert str(second.at("nowhere")) == "x.yaml:5"


class Inner(Strict):
    threshold: int
    words: tuple[str, ...] = ()


class Outer(Strict):
    name: str
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: a\nnane: b\n", "x.yaml:2:1: unknown key nane, did you mean name?"),
        ("name: a\ninner:\n  threshold: 3\n  word: [x]\n", "x.yaml:4:3: unknown key inner.word, did you mean words?"),
        ("inner: {threshold: 3}\n", "x.yaml:1: key name is missing"),
        ("name: a\ninner:\n  words: [x]\n", "x.yaml:2:1: key inner.threshold is missing"),
    ],
)
def test_a_model_is_checked_in_our_own_words(text, complaint):
    with pytest.raises(ContentError) as raised:
        strict_yaml.validate(Outer, strict_yaml.document(text, "x.yaml"))
    assert str(raised.value) == complaint


def test_a_wrong_type_is_named_with_its_place():
    source = strict_yaml.document("name: a\ninner:\n  threshold: many\n", "x.yaml")
    with pytest.raises(ContentError, match=r"^x\.yaml:3:3: inner\.threshold: "):
        strict_yaml.validate(Outer, source)
    with pytest.raises(ContentError, match=r"^x\.yaml:3:3: threshold: "):
        strict_yaml.validate(Inner, source, part=source["inner"], path=("inner",))


def test_what_was_loaded_cannot_be_changed():
    loaded = strict_yaml.validate(Outer, strict_yaml.document("name: a\n", "x.yaml"))
    with pytest.raises(ValueError, match="frozen"):
        loaded.name = "b"


def test_the_nearest_word_is_offered_or_none():
    assert did_you_mean("sourc.ip", ["source.ip", "user.name"]) == ", did you mean source.ip?"
    assert did_you_mean("zzz", ["source.ip", "user.name"]) == ""


@given(st.text(max_size=200))
def test_any_text_is_a_mapping_or_an_error_of_ours(text):
    try:
        found = strict_yaml.document(text, "x.yaml")
    except ContentError as error:
        found = error
    assert isinstance(found, dict) or found.at is not None

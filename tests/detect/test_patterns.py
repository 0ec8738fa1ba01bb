"""Predicates over one scalar."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.detect import patterns
from collector.detect.patterns import ANY, ONE


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("abc", ("abc",)),
        ("*", (ANY,)),
        ("**", (ANY,)),
        ("a*?b", ("a", ANY, ONE, "b")),
        (r"a\*b", ("a*b",)),
        (r"a\\*", ("a\\", ANY)),
        (r"c:\x\\y", ("c:\\x\\y",)),
        ("end\\", ("end\\",)),
    ],
)
def test_a_pattern_splits_into_literals_and_wildcards(text, parts):
    assert patterns.pattern(text) == parts


@pytest.mark.parametrize(("value", "text"), [("x", "x"), (True, "true"), (25, "25"), (25.0, "25"), (0.5, "0.5")])
def test_text_of(value, text):
    assert patterns.text_of(value) == text


@pytest.mark.parametrize(("value", "number"), [(5, 5), (0.5, 0.5), ("7", 7), ("-1.5e3", -1500), (".5", 0.5)])
def test_number_of(value, number):
    assert patterns.number_of(value) == number


@pytest.mark.parametrize("value", [True, "nan", "inf", "1_000", " 5", "five", "", None, "\u0665", "1e9999", "1e999", "9" * 400, 10**400, float("nan")])
def test_no_number(value):
    assert patterns.number_of(value) is None


ALPHABET = st.text("aB*?.\n[", max_size=8)


@given(ALPHABET, st.text("aAbB.\n[", max_size=10))
def test_like_a_glob_that_ignores_case(text, value):
    expected = re.fullmatch("".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in text.lower()), value.lower(), re.DOTALL) is not None
    assert patterns.matches(patterns.pattern(text), cased=False)(value) == expected


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("*foo*bar*baz*", "foobar" * 10_900, False),
        ("*foo*bar*baz*", "foobar" * 10_900 + "baz", True),
        ("*a*a*a*a*a*a*b", "a" * 65_000, False),
        ("*a?a*a?a*a?b*", "a" * 65_000, False),
        ("x*y*z*w", "xyz" * 21_000, False),
        ("*?*?*?*?*b", "a" * 65_000, False),
    ],
)
def test_a_long_hostile_text_does_not_multiply_the_work(glob, text, expected):
    assert patterns.matches(patterns.pattern(glob), cased=False)(text) is expected


@pytest.mark.parametrize("text", ["unknown", "", "203.0.113.9:25", "203.0.113.256", "1" * 5000])
def test_no_address(text):
    assert patterns.address(text) is None


def test_a_host_address_names_its_network():
    assert patterns.within(["203.0.113.9/24"])("203.0.113.77")


def test_no_network_is_an_error():
    with pytest.raises(ValueError, match="does not appear"):
        patterns.within(["somewhere"])


def test_a_time_far_out_is_no_match():
    assert not patterns.time_part("hour", frozenset({3}))("9999-99-99")
    assert not patterns.time_part("hour", frozenset({3}))(["3"])

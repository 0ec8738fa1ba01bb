"""Predicates over one scalar."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.detect.patterns import pattern
from collector.detect.predicates import Compares, TimePart, matches, within

ALPHABET = st.text("aB*?.\n[", max_size=8)


@given(ALPHABET, st.text("aAbB.\n[", max_size=10))
def test_like_a_glob_that_ignores_case(text, value):
    expected = re.fullmatch("".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in text.lower()), value.lower(), re.DOTALL) is not None
    assert matches(pattern(text), cased=False)(value) == expected


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
    assert matches(pattern(glob), cased=False)(text) is expected


def test_a_host_address_names_its_network():
    assert within(["203.0.113.9/24"])("203.0.113.77")


def test_no_network_is_an_error():
    with pytest.raises(ValueError, match="does not appear"):
        within(["somewhere"])


def test_a_time_far_out_is_no_match():
    assert not TimePart("hour", frozenset({3}))("9999-99-99")
    assert not TimePart("hour", frozenset({3}))(["3"])


@pytest.mark.parametrize(("way", "holds"), [("lt", [True, False, False]), ("lte", [True, True, False]), ("gt", [False, False, True]), ("gte", [False, True, True])])
def test_a_bound_has_two_sides(way, holds):
    assert [Compares(way, 5)(value) for value in (4, 5, "6")] == holds
    assert not Compares(way, 5)("many")

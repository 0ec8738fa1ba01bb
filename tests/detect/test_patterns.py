"""Patterns of rules, and values of events as text, number and address."""

import pytest

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


@pytest.mark.parametrize("text", ["unknown", "", "203.0.113.9:25", "203.0.113.256", "1" * 5000])
def test_no_address(text):
    assert patterns.address(text) is None

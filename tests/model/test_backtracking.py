import re

import pytest

from collector.model.backtracking import faults


def found(regex):
    return [message for message, _ in faults(regex, {number: name for name, number in re.compile(regex).groupindex.items()})]


@pytest.mark.parametrize(
    ("regex", "words"),
    [
        ("a.*b", ["unnamed"]),
        ("a.+?b", ["unnamed"]),
        ("(?:a.*|b)c", ["unnamed"]),
        ("(?=a.*b)c", ["unnamed"]),
        ("(?P<x>.*?)b", ["x is lazy"]),
        ("(?P<x>a(?:.*))[bc]", ["x is greedy"]),
        ("(?P<x>.*)b(?P<y>.*)", ["x is greedy"]),
        ("(?P<x>.*)(?:b(?>c(?:d.*)))", ["x is greedy"]),
        ("(?P<x>.*)(?:b|[cd])", ["x is greedy"]),
        ("(?:a+)+", ["nested"]),
        ("(?:a(?:b*c))*", ["nested"]),
        ("(?:a+)+(?:b+)+", ["nested", "nested"]),
    ],
)
def test_faults(regex, words):
    messages = found(regex)
    assert len(messages) == len(words)
    assert all(word in message for word, message in zip(words, messages, strict=True))


@pytest.mark.parametrize(
    "regex",
    ["", "abc", "a.*", "(?P<x>.*)", "(?P<x>.*)b", "(?P<x>.*)(?:ab|ac)", "(?P<x>.*)(?:b){2}c", "(?P<x>.*)(?P<y>b)", "(?:a++)*", "(?:a{1,9})*", "(?:a*)?", "[^a]*b[^c]*"],
)
def test_no_faults(regex):
    assert found(regex) == []


def test_every_fault_says_what_to_do():
    for regex in ("a.*b", "(?P<x>.*?)", "(?P<x>.*)[a]", "(?:a+)+", r"(a)\1"):
        assert all(advice for _, advice in faults(regex, {1: "x"} if "?P" in regex else {}))

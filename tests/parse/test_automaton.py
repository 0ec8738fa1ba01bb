"""A "no" must be certain: whatever a regex takes may begin with its own begin and hold each of its own pieces."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.backtracking import parse
from collector.parse.automaton import Automaton
from tests.parse.test_anatomy import ENTRIES


def automaton(regex):
    return Automaton(parse(regex))


@pytest.mark.parametrize(
    ("regex", "text", "begins", "holds"),
    [
        ("connect from [^ ]+", "connect ", True, True),
        ("connect from [^ ]+", "from", False, True),
        ("connect from [^ ]+", "from a b", False, False),
        ("[^ ]+: x", "connect ", False, False),
        ("[A-Z][^<]*<", "Disconnected: ", True, True),
        ("(?:ab|cd)*e", "abcdab", True, True),
        ("(?:ab|cd)*e", "ac", False, False),
        ("a?b", "b", True, True),
        ("a{2,3}", "aaaaaaa", True, True),
        (r"\d+\s\w", "1 é", False, False),
        (r"\D\S\W", "é", True, True),
        ("[^é]", "ü", True, True),
        ("[é]", "ü", True, True),
        ("[^ab]", "a", False, False),
        ("(?i:ab)c", "AB", True, True),
        ("(?!x)ab(?=c)c$", "abc", True, True),
    ],
)
def test_what_a_line_may_begin_with_and_hold(regex, text, begins, holds):
    found = automaton(regex)
    assert (found.may_begin(text), found.may_hold(text)) == (begins, holds)


@pytest.mark.parametrize(
    ("regex", "word", "may"),
    [
        ("(?:[0-9A-F]{5,16}|[0-9a-z]{10,32}): client=.*", "client", True),
        ("(?:[0-9A-F]{5,16}: )?client=.*", "client", True),
        ("client=.*", "client", False),
        ("NOQUEUE: reject: .*", "reject", True),
        (r"[^\s\[\]]+\[.*", "x", False),
    ],
)
def test_what_may_stand_behind_a_queue_id(regex, word, may):
    assert automaton(regex).may_begin_behind_id(word) is may


KNOWN = {}


@given(st.data())
def test_whatever_a_shape_takes_is_possible(data):
    entry = data.draw(st.sampled_from(ENTRIES))
    regex = entry.pattern.regex
    found = KNOWN.setdefault(entry, automaton(regex.pattern))
    message = data.draw(st.from_regex(re.compile(regex.pattern, re.ASCII), fullmatch=True).filter(regex.fullmatch))
    begin = data.draw(st.integers(0, len(message)))
    end = data.draw(st.integers(begin, len(message)))
    assert found.may_begin(message[:end])
    assert found.may_hold(message[begin:end])
    if (behind := re.match("[0-9A-Za-z]+: (.*)", message, re.DOTALL)) is not None:
        assert found.may_begin_behind_id(behind[1])

"""What is said of a regex must be true of every text that it takes. ``re._parser`` is private: these tests pin what is read from it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import content
from collector.model import catalogue as vocabulary
from collector.model.backtracking import parse
from collector.parse import loader
from collector.parse.anatomy import HEAD, UNBOUNDED, Group, dissect

SHIPPED = loader.load(
    content.texts("parsers", "*.yaml"),
    content.texts("parsers/patterns", "*.grok"),
    vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml")),
)
ENTRIES = list(SHIPPED.entries)
QID = "(?:[0-9A-F]{5,16}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,32})"


def anatomy(regex):
    return dissect(parse(regex))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("connect from x", "connect"),
        ("E7AF727ECA9: client=x", "client"),
        ("4XbQJ72Rk1z9Tm4: to=<a>", "to"),
        ("NOQUEUE: reject: RCPT", "reject"),
        ("warning: x", "warning"),
        ("SSL_accept error", "SSL_accept"),
        ("DATA: x", "DATA"),
        ("FACED: x", "x"),
        ("E7AF727ECA9:client", "E"),
        ("<x", ""),
        ("", ""),
    ],
)
def test_the_first_word_stands_behind_a_queue_id(text, word):
    assert HEAD.match(text)[2] == word


@pytest.mark.parametrize(
    ("regex", "words"),
    [
        ("connect from .*", {"connect"}),
        ("(?:dis)?connect from .*", {"disconnect", "connect"}),
        (f"(?:(?P<a>{QID}): )?client=.*", {"client"}),
        (f"(?:NOQUEUE|{QID}): reject: .*", {"reject"}),
        (f"(?:warning: )?(?P<a>{QID}): sender.*", {"warning", None}),
        (f"{QID}:x", None),
        (QID, None),
        ("[Nn]o cert", {"No", "no"}),
        ("(?:Disconnected: |Login aborted: ){1,2}Too many", {"Disconnected", "Login"}),
        ("(?:a|b){2}c", None),
        ("a*b", None),
        ("(?!log:)warning: .*", {"warning"}),
        ("(?i:warning): .*", None),
        ("(?i)warning: .*", None),
        ("[a-z]+: x", None),
        ("DATA: x", {"DATA"}),
        ("FACED: x", {"x"}),
        ("FACED:x", {"FACED"}),
        ("TLSv1", None),
        ("250 ok", None),
        ("word", {"word"}),
        (r"\(x\)", {""}),
    ],
)
def test_the_words_with_which_a_line_can_begin(regex, words):
    found = anatomy(regex).words
    if words is not None and None in words:
        assert found is None or found >= words - {None}
    else:
        assert found == (None if words is None else frozenset(words))


@pytest.mark.parametrize(
    ("regex", "literal", "held"),
    [
        ("a connect from (b)", "connect from ", True),
        ("(?:a )?b c", "b c", True),
        ("(?:a )?b c", "a b", False),
        ("(ab)(cd)", "bc", True),
        ("(?:ab|ac)d", "ab", False),
        ("ab?c", "ac", False),
        ("(?i:ab)", "ab", False),
    ],
)
def test_the_literals_that_stand_in_every_line(regex, literal, held):
    assert anatomy(regex).holds(literal) is held


@pytest.mark.parametrize(
    ("regex", "group"),
    [
        (r"(\d{1,18})", Group(optional=False, least=1, most=18, digits=True)),
        (r"(?:x(\d+))?", Group(optional=True, least=1, most=UNBOUNDED, digits=True)),
        (r"(?:x(\d)|y)", Group(optional=True, least=1, most=1, digits=True)),
        (r"(?:x(\d)){0,3}", Group(optional=True, least=1, most=1, digits=True)),
        (r"([2-5]\d\d)", Group(optional=False, least=3, most=3, digits=True)),
        (r"(.*)", Group(optional=False, least=0, most=UNBOUNDED, digits=False)),
        (r"(?=(x))?.", Group(optional=True, least=1, most=1, digits=False)),
        (r"(1|2|x)", Group(optional=False, least=1, most=1, digits=False)),
    ],
)
def test_what_a_group_can_be(regex, group):
    assert anatomy(regex).groups[1] == group


@given(st.data())
def test_of_lines_that_a_shape_takes_all_that_was_said_is_true(data):
    entry = data.draw(st.sampled_from(ENTRIES))
    regex, found = entry.pattern.regex, entry.pattern.anatomy
    message = data.draw(st.from_regex(re.compile(regex.pattern, re.ASCII), fullmatch=True).filter(regex.fullmatch))
    match = regex.fullmatch(message)
    assert found.words is None or HEAD.match(message)[2] in found.words
    assert all(literal in message for literal in found.literals)
    for number, group in found.groups.items():
        text = match[number]
        assert group.optional or text is not None
        if text is not None:
            assert group.least <= len(text) <= group.most
            assert not group.digits or (text.isascii() and (text.isdigit() or text == ""))


def test_most_shapes_have_words():
    assert sum(entry.pattern.anatomy.words is None for entry in ENTRIES) < len(ENTRIES) / 5

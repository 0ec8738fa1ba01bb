import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.agent import assembly
from collector.parse import convert
from collector.parse.anatomy import Group
from collector.parse.conversion import conversion

CATALOGUE = assembly.load_catalogue()
FIELDS = sorted(name for name in CATALOGUE.fields if name[0] != "@")
TEXTS = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        [
            "192.0.2.1",
            "::ffff:192.0.2.7",
            "unknown",
            "PLAIN",
            "tls",
            "Mail.Example.",
            "B\u00fccher.example",
            "12",
            "-1",
            "1.5",
            "nan",
            "yes",
            "True",
            "9" * 30,
            "\u0663",
            "2026-11-24T10:00:00Z",
            "a" * 400,
        ]
    ),
    st.integers(0, 10**18 - 1).map(str),
)


@given(st.sampled_from(FIELDS), TEXTS)
def test_an_expression_gives_what_the_catalogue_says(name, text):
    definition = CATALOGUE.fields[name]
    for group in (Group(optional=False, least=1, most=len(text), digits=bool(re.fullmatch("[0-9]+", text))), Group(optional=False, least=1, most=1 << 16, digits=False)):
        made = conversion(name, definition, group)
        value = eval(made.expression.format(v="text"), {**made.names, "text": text})
        expected = convert.value(CATALOGUE, name, text)
        assert (None if value is None else [value] if definition.array else value) == expected
        assert not made.total or value is not None


@pytest.mark.parametrize(("name", "total"), [("source.ip", False), ("source.port", True), ("user.name", True), ("mail.auth.mechanism", True), ("tls.established", False)])
def test_what_may_fail_says_so(name, total):
    assert conversion(name, CATALOGUE.fields[name], Group(optional=False, least=1, most=5, digits=True)).total is total


def test_a_text_that_may_be_long_is_not_remembered():
    long = Group(optional=False, least=1, most=1 << 16, digits=False)
    assert "known" not in conversion("source.domain", CATALOGUE.fields["source.domain"], long).expression
    assert "known" not in conversion("source.ip", CATALOGUE.fields["source.ip"], long).expression

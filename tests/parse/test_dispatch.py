"""Whatever the line, the table leads to the shape that stands first among those that take it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import content
from collector.agent import assembly
from collector.parse import loader
from collector.parse.anatomy import HEAD
from collector.parse.plain import take
from collector.parse.redact import Redacted

CATALOGUE = assembly.load_catalogue()
PARSERS = loader.load(content.texts("parsers", "*.yaml"), content.texts("parsers/patterns", "*.grok"), CATALOGUE)
NAMES = [
    "postfix",
    "dovecot",
    "opendkim",
    *(f"postfix/{daemon}" for daemon in ("smtpd", "smtp", "qmgr", "cleanup", "postscreen", "newcomer")),
    "dovecot/imap-login",
    "dovecot/auth",
    "dovecot/imap",
    "dovecot/lmtp",
]
MESSAGES = [sample.all_lines[-1].partition(": ")[2] for entry in PARSERS.entries for sample in entry.samples]
PIECES = [
    "E7AF727ECA9: ",
    "NOQUEUE: ",
    "warning: ",
    "connect from ",
    "Disconnected",
    "x",
    " ",
    ":",
    "(auth failed, 1 attempts)",
    "4XbQJ72Rk1z9Tm4: ",
    "unknown[192.0.2.1]",
    "\u00e9",
]
TEXTS = st.one_of(
    st.sampled_from(MESSAGES),
    st.tuples(st.sampled_from(PIECES), st.sampled_from(MESSAGES)).map("".join),
    st.tuples(st.sampled_from(MESSAGES), st.sampled_from(PIECES)).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
    st.tuples(st.sampled_from(MESSAGES), st.integers(0, 20)).map(lambda both: both[0][both[1] :]),
)


def taken(table, text):
    bucket = table.tokens.get(text[: text.find(" ") + 1])
    if bucket is None:
        bucket = table.bucket(*HEAD.match(text).groups())
    return next((row.entry for guard, row in bucket if guard in text and row.fullmatch(text) and (row.also is None or row.also in text)), None)


@given(st.sampled_from(NAMES), TEXTS)
def test_the_first_shape_that_takes_a_message_is_found(name, text):
    dispatch = PARSERS.lookup(name)
    first = take(dispatch, Redacted(text, 0, len(text)))
    assert taken(PARSERS.compiled.table(dispatch), text) is (None if first is None else first[0])


def test_a_word_leads_to_few_shapes():
    table = PARSERS.compiled.table(PARSERS.lookup("postfix/smtpd"))
    assert [row.entry.shape.name for _, row in table.tokens["connect "]] == ["postfix.smtpd.connect"]
    assert {row.entry.shape.name for _, row in table.queued["client"]} >= {"postfix.smtpd.client-login", "postfix.smtpd.client"}
    assert len(table.queued["client"]) < 6
    assert "warning: " not in table.tokens, "its level is read"


def test_a_file_is_compiled_once_and_under_a_name_of_its_own():
    made = PARSERS.compiled.made("postfix.smtpd")
    assert made is PARSERS.compiled.made("postfix.smtpd")
    assert made.name == "<shapes postfix.smtpd>"
    with pytest.raises(KeyError):
        PARSERS.compiled.made("postfix.nobody")

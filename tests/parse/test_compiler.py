"""What the generated source looks like to those who meet it; that it does what it should stands in test_plain.py."""

import linecache
import traceback

import pytest

from collector.parse.compiler import compile_file
from collector.parse.derivation import Derive

HEAD = "2026-11-24T10:00:00+00:00 mx1 "


def test_source_says_whose_it_is_and_tracebacks_show_it(parsers, fresh_engine, catalogue):
    program = parsers.programs[0]
    made = compile_file(program.name, program.entries, catalogue)
    assert made.name == "<shapes postfix.smtpd>"
    assert "# postfix.smtpd.sasl-failure" in made.source
    assert "".join(linecache.getlines(made.name)) == made.source
    with pytest.raises(AttributeError) as caught:
        made.functions[program.entries[0]](None, "", "", 0, None, None, None, 0)
    assert "v1, v2, v3 = m.groups()" in "".join(traceback.format_exception(caught.value))


def test_what_is_settled_at_load_is_not_asked_again(parsers, catalogue):
    program = parsers.programs[0]
    source = compile_file(program.name, program.entries, catalogue).source
    connect = source[: source.index("def make_1")]
    assert "'source.ip': x1, 'source.address': x1, 'related.ip': [x1]" in connect
    assert "user.name" not in connect


def test_an_address_that_is_none_is_read_the_plain_way(fresh_engine, record):
    engine = fresh_engine()
    (event,) = engine.read(engine.open(record(f"{HEAD}postfix/smtpd[12]: connect from unknown[unknown]")))
    assert event.shape.name == "postfix.smtpd.connect"
    assert "source.ip" not in event.dynamic
    assert engine.counts["events"] == 1


FUNCTIONS = {
    "local": Derive(lambda text: {"_second": text * 2, "user.name": "given"}, ("_second", "user.name"), repeats=False),
    "reason": Derive(lambda text: {"event.reason": text}, ("event.reason",)),
}
LOCAL = """
parser: dovecot.auth
program: ['dovecot/auth', 'dovecot/imap']
service: {imap: {network.protocol: imap}}
shapes:
  - name: mismatch
    contains: mismatch
    grok: '(?:%{NAME:_driver}: )?Password mismatch(?: of %{NAME:user.name})?(?: n=%{COUNT:_n})?'
    action: auth-verify
    derive: {local: _driver, reason: _second}
    times: _n
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 dovecot: auth: Password mismatch', expect: {}}]
"""


@pytest.mark.parametrize(
    ("line", "user", "reason", "number", "protocol"),
    [
        ("auth: Password mismatch", None, None, 1, None),
        ("auth: ab: Password mismatch", "given", "abab", 1, None),
        ("auth: ab: Password mismatch of Eve", "eve", "abab", 1, None),
        ("imap(Bob)<7><s>: Password mismatch", "bob", None, 1, "imap"),
        ("imap(Bob)<7><s>: ab: Password mismatch", "given", "abab", 1, "imap"),
        ("auth(Bob,192.0.2.1,sasl:plain)<s>: Password mismatch n=3", None, None, 3, None),
        (f"auth: {'x' * 255}: Password mismatch n=0", "given", "x" * 510, 1, None),
    ],
)
def test_parts_of_the_line_the_tag_and_of_functions(load, monkeypatch, fresh_engine, record, line, user, reason, number, protocol):
    monkeypatch.setattr("collector.parse.binding.FUNCTIONS", FUNCTIONS)
    engine = fresh_engine(load(LOCAL))
    events = engine.read(engine.open(record(f"{HEAD}dovecot: {line}")))
    assert len(events) == number
    for event in events:
        assert (event.dynamic.get("user.name"), event.dynamic.get("event.reason"), event.dynamic.get("network.protocol")) == (user, reason, protocol)

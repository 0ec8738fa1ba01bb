import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import content
from collector.model import catalogue as vocabulary
from collector.model import json
from collector.parse import convert, loader
from collector.parse.derivation import Derive
from collector.parse.extract import Extract, extract, facts
from collector.parse.plain import take
from collector.parse.redact import redact_line
from collector.parse.syslog import open_record

AUTH = """
parser: dovecot.auth
program: ['dovecot/auth', 'dovecot/imap']
service: {imap: {network.protocol: imap}}
shapes:
  - name: mismatch
    contains: Password mismatch
    grok: '(?:%{NAME:_driver}: )?Password mismatch(?:%{REST:_rest})?'
    action: auth-verify
    samples:
      - line: '2026-11-24T10:00:00+00:00 mx1 dovecot: imap(Bob@example.org)<7><abc>: Password mismatch'
        expect: {user.name: bob@example.org}
"""


SHIPPED = loader.load(
    content.texts("parsers", "*.yaml"),
    content.texts("parsers/patterns", "*.grok"),
    vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml")),
)
SAMPLES = [sample.all_lines[-1] for entry in SHIPPED.entries for sample in entry.samples]


@pytest.fixture
def extracted(load, catalogue, record):
    def run(line, text=AUTH):
        parsers = load(text)
        opened = open_record(record(line))
        redacted = redact_line(opened, parsers.lookup(opened.name))
        entry, match = take(parsers.lookup(opened.name), redacted)
        return extract(entry, match, opened, catalogue), entry, opened

    return run


def test_parts_become_fields_or_stay_in_the_line(extracted):
    found, _, _ = extracted("2026-11-24T10:00:00+00:00 mx1 dovecot: imap(Bob@example.org)<7><abc>: sql: Password mismatch")
    assert found.texts == {"_user": "Bob@example.org", "_session": "abc", "_driver": "sql", "_rest": ""}
    assert found.fields == {"user.name": "bob@example.org", "dovecot.session": "abc"}


def test_the_prefix_of_auth_is_more_than_a_user(extracted):
    found, _, _ = extracted("2026-11-24T10:00:00+00:00 mx1 dovecot: auth(bob,192.0.2.1,sasl:plain)<abc>: Password mismatch")
    assert found.fields == {"dovecot.session": "abc"}
    assert found.texts["_user"] == "bob,192.0.2.1,sasl:plain"


def test_facts_are_the_services_or_the_daemons(extracted):
    _, entry, opened = extracted("2026-11-24T10:00:00+00:00 mx1 dovecot: imap(b)<7><abc>: Password mismatch")
    assert facts(entry, opened, "imap") == {"network.protocol": "imap"}
    assert facts(entry, opened, "auth") == {}


def test_functions_give_parts_to_later_functions_and_never_override_the_line(load, catalogue, record, monkeypatch):
    functions = {
        "first": Derive(lambda text: {"_second": text * 2, "user.name": "other", "tls.cipher": "not allowed"}, ("_second", "user.name", "tls.cipher")),
        "second": Derive(lambda text: {"event.reason": text, "_count": 3}, ("event.reason", "_count")),
    }
    monkeypatch.setattr("collector.parse.binding.FUNCTIONS", functions)
    text = AUTH.replace("action: auth-verify", "action: auth-verify\n    derive: {first: _driver, second: _second}").replace("%{REST:_rest}", " of %{REST:user.name}")
    parsers = load(text)
    opened = open_record(record("2026-11-24T10:00:00+00:00 mx1 dovecot: auth: ab: Password mismatch of eve"))
    redacted = redact_line(opened, parsers.lookup(opened.name))
    entry, match = take(parsers.lookup(opened.name), redacted)
    found = extract(entry, match, opened, catalogue)
    assert found.fields == {"user.name": "eve", "event.reason": "abab"}
    assert found.number("_count") == 3


def test_of_a_part_that_stands_twice_the_first_that_took_part_wins(extracted):
    text = AUTH.replace("(?:%{REST:_rest})?", "(?: a=%{NAME:user.name})?(?: b=%{NAME:user.name})?")
    line = "2026-11-24T10:00:00+00:00 mx1 dovecot: auth: Password mismatch"
    assert extracted(f"{line} b=eve", text)[0].fields == {"user.name": "eve"}
    assert extracted(f"{line} a=bob b=eve", text)[0].fields == {"user.name": "bob"}


@pytest.mark.parametrize(("value", "number"), [("3", 3), (3, 3), (-1, 0), ("x", 0), ("", 0), ("\u0663", 0), ("9" * 10, 0), (10**10, 0)])
def test_a_count_is_a_number_or_nothing(value, number):
    assert Extract(local={"_n": value}).number("_n") == number
    assert Extract().number("_n") == 0


@settings(max_examples=300)
@given(st.sampled_from(SAMPLES), st.data())
def test_no_line_of_hostile_digits_makes_a_document_that_cannot_be_written(catalogue, fresh_engine, record, line, data):
    tag, message = line[: line.find(": ")], line[line.find(": ") :]
    numbers = list(re.finditer("[0-9]+", message))
    digits = st.one_of(
        st.integers(1, 60).map(lambda length: "9" * length), st.integers((1 << 63) - 2, 1 << 65).map(str), st.sampled_from(["nan", "inf", "1e999", "-9", "\u0663" * 20])
    )
    for number in reversed([number for number in numbers if data.draw(st.booleans())]):
        message = message[: number.start()] + data.draw(digits) + message[number.end() :]
    engine = fresh_engine(SHIPPED)
    for event in engine.read(engine.open(record(tag + message))):
        assert json.loads(json.dumps(event.fields)) == event.fields
        for name, value in event.dynamic.items():
            assert value == [""] or convert.fits(catalogue.fields[name], value) or catalogue.fields[name].type not in ("long", "float"), name
    json.loads(engine.sessions.delta() or b"null")

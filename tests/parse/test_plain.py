"""The twins: the compiled engine gives what the plain one gives, events and sessions alike, whatever the line."""

import json
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.agent import assembly
from collector.model.identity import Identity
from collector.model.record import Header, Position, Record, SourceInfo
from collector.parse.engine import Engine
from collector.parse.plain import PlainEngine
from tests.golden.test_golden import HERE as GOLDEN
from tests.support.lab import LAB, unpacked

NEAR = 1_798_675_199_999
SOURCE = SourceInfo("log", path="/var/log/mail.log", host="mx1")
LOGS = sorted(path.relative_to(LAB).as_posix() for path in LAB.rglob("*.log*"))
SHAPES = 200


@cache
def loaded():
    catalogue = assembly.load_catalogue()
    return assembly.load_parsers(catalogue), catalogue


class Twins:
    """Both engines, fed with the same lines."""

    def __init__(self, **settings):
        parsers, catalogue = loaded()
        self.compiled = Engine(parsers, catalogue, Identity(), **settings)
        self.plain = PlainEngine(parsers, catalogue, Identity(), **settings)
        self._at = 0

    def read(self, raw, header=None, source=SOURCE):
        """Read a line with both; the compiled one's events."""
        record = Record(source, raw, NEAR, Position((b"lineage of 16 byt", self._at.to_bytes(8, "big")), b""), header)
        self._at += len(raw) + 1
        found = self.compiled.read(self.compiled.open(record))
        assert flat(found) == flat(self.plain.read(self.plain.open(record))), raw
        for event in found:
            assert all(name in event.dynamic for name, field in event.shape.fields.items() if field.sure), event
        return found

    def agree(self):
        """Both remember the same."""
        assert self.compiled.counts == self.plain.counts
        assert self.compiled.sessions.rows == self.plain.sessions.rows
        assert self.compiled.sessions.size == self.plain.sessions.size
        assert json.loads(self.compiled.sessions.delta() or b"[]") == json.loads(self.plain.sessions.delta() or b"[]")


def flat(events):
    return [(event.id, event.time, event.shape.name, event.dynamic, dict(event.tag)) for event in events]


@pytest.mark.parametrize("debug_lines", ["count", "ship"])
@pytest.mark.parametrize("log", LOGS)
def test_all_lines_of_the_lab(log, debug_lines):
    twins = Twins(debug_lines=debug_lines)
    for number, raw in enumerate(unpacked(LAB / log).splitlines()):
        twins.read(raw)
        if number % 1000 == 0:
            twins.agree()
    twins.agree()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("lines/*.log")), ids=lambda path: path.stem)
def test_all_golden_lines(path):
    twins = Twins()
    for raw in path.read_bytes().splitlines():
        twins.read(raw)
    twins.agree()


def samples():
    return [sample.all_lines for entry in loaded()[0].entries for sample in entry.samples]


def test_all_samples():
    twins = Twins()
    for lines in samples():
        for line in lines:
            twins.read(line.encode())
    twins.agree()


def test_samples_as_the_journal_has_them():
    twins = Twins()
    for lines in samples():
        head, _, message = lines[-1].partition(": ")
        program = re.fullmatch(r"(.*?)(?:\[[0-9]+\])?", head.split(" ")[-1])[1]
        twins.read(message.encode(), Header(program, 12, "mx1", NEAR, 22), SourceInfo("journal", input="journald"))
    twins.agree()


def lendable():
    """Yield entries with a use that takes, and the fields that it may be lent."""
    for entry in loaded()[0].entries:
        taken = [name for use in entry.uses for name in use.takes]
        if taken:
            yield entry, taken


@pytest.mark.parametrize("entry", [entry for entry, _ in lendable()], ids=lambda entry: entry.shape.name)
def test_each_lent_field_present_and_absent(entry):
    """Rows that hold one lendable field, all of them, or none stand before each sample of the shape; too old ones as well."""
    taken = [name for use in entry.uses for name in use.takes]
    catalogue = loaded()[1]
    for given_names in ([], taken, *([name] for name in taken)):
        for old in (False, True):
            for sample in entry.samples:
                first = Twins()
                for line in sample.all_lines[-1:]:
                    first.read(line.encode())
                keys = [key for key in first.compiled.sessions._touched if key]
                twins = Twins()
                for engine in (twins.compiled, twins.plain):
                    for key in keys:
                        fields = {name: value(catalogue, name) for name in given_names}
                        engine.sessions.write(key, 1 << 60, 0 if old else NEAR - 5_000_000_000, fields, {"sasl": 1})
                    engine.sessions.delta()
                twins.read(sample.all_lines[-1].encode())
                twins.agree()


def value(catalogue, name):
    definition = catalogue.fields[name]
    single = {"ip": "192.0.2.77", "long": 7, "float": 1.5, "boolean": True}.get(definition.type, definition.values[0] if definition.values else "Lent@Example.org")
    return [single] if definition.array else single


HOSTILE = [
    *(
        "unknown[unknown]",
        "unknown",
        "::ffff:192.0.2.1",
        "999.1.1.1",
        "fe80::1%eth0",
        "9" * 40,
        "<>",
        "a@b",
        "\u0130@b\u00fccher.example",
        "x@" + "y" * 300,
        "message repeated 2 times: [ ",
        "]",
        "user=<",
        ">, rip=",
    ),
    *(
        "(given password: x)",
        "PREGREET",
        "AUTH PLAIN " + "A" * 40,
        "authentication failed: ",
        "NOQUEUE: ",
        "E7AF727ECA9: ",
        "warning: ",
        "\\",
        '"',
        "\x00",
        "\x1b[31m",
        "\r",
        "-1",
        "1e999",
        "nan",
        "=",
        "/",
        "0/101",
        "\ufeff",
    ),
]


@settings(max_examples=300)
@given(st.data())
def test_mutated_lines(data):
    """Lines of a few sessions, cut, doubled and with a stranger's bytes in any place."""
    twins = Twins()
    for _ in range(data.draw(st.integers(1, 4))):
        for line in data.draw(st.sampled_from(samples())):
            text = line
            for _ in range(data.draw(st.integers(0, 3))):
                begin = data.draw(st.integers(0, len(text)))
                end = data.draw(st.integers(begin, min(len(text), begin + 12)))
                text = text[:begin] + data.draw(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=4))) + text[end:]
            twins.read(text.encode("utf-8", "surrogatepass"))
    twins.agree()


@settings(max_examples=300)
@given(
    st.binary(max_size=80),
    st.sampled_from(["2026-11-24T10:00:00.000000+00:00 mx1 postfix/smtpd[1]: ", "2026-11-24T10:00:00.000000+00:00 mx1 dovecot: ", "Nov 24 10:00:00 mx1 opendkim[1]: ", ""]),
)
def test_any_bytes(raw, head):
    twins = Twins()
    twins.read(head.encode() + raw)
    twins.agree()


def test_every_shape_was_read():
    """The samples reach every compiled function, and each gives events of its own shape."""
    twins, seen = Twins(), set()
    for lines in samples():
        for line in lines:
            seen |= {event.shape.name for event in twins.read(line.encode())}
    assert {entry.shape.name for entry in loaded()[0].entries} <= seen
    assert len(seen) > SHAPES


def test_values_are_plain(monkeypatch):
    twins = Twins()
    for lines in samples():
        for event in twins.read(lines[-1].encode()):
            assert json.loads(json.dumps(event.fields)) == event.fields

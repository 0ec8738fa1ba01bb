"""Documents by forms against documents by the plain way: equal, and no member stands twice."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.agent import assembly
from collector.model.event import Event
from collector.model.identity import Identity
from collector.model.record import Position, Record, SourceInfo
from collector.model.shape import Carried, Shape
from collector.parse.engine import Engine
from collector.pipeline import forms
from collector.pipeline.render import Renderer
from collector.sources.whole import read_whole
from tests.support.lab import LAB, NEAR, RUNS, content

NOON = 1_795_521_600_000
AGENT = {"agent.id": "a", "agent.type": "mailvigil", "agent.version": "1", "host.id": "h"}
TAGS = (
    {"host.name": "mx1"},
    {"host.name": "mx1", "service.name": "mailvigil", "service.type": "mailvigil"},
    {"host.name": 'm"x', "input.type": "file", "service.type": "postfix", "service.name": "postfix/smtpd", "process.name": "smtpd", "process.pid": 7, "log.file.path": "/a\\b"},
    {
        "host.name": "mx1", "input.type": "journald", "service.type": "dovecot", "service.name": "dovecot", "process.name": "dovecot", "event.timezone": "Europe/Berlin",
        "log.syslog.appname": "dovecot", "log.syslog.priority": 22, "log.syslog.facility.code": 2, "log.syslog.facility.name": "mail",
        "log.syslog.severity.code": 6, "log.syslog.severity.name": "informational",
    },
)
HOSTILE = ('"', "\\", "\\u0022", "\x00\x1b[2J\r\n\t", "\u2028\u2029\u202e", "\U0001f4e7", '","user":{"name":"root"},"x":"', "{e['message']}", "%s%b", "", "x" * 100_000)
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
SCALARS = {
    "long": st.integers(-(1 << 63), (1 << 63) - 1),
    "float": st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 9)),
    "boolean": st.booleans(),
    "ip": st.sampled_from(["192.0.2.7", "2001:db8::7"]),
}


class OnlyForms(Renderer):
    """A renderer that has no other way."""

    def plain(self, event):
        raise AssertionError(f"{event!r} has no form")


@cache
def shapes():
    """Every shape of a line, and one of each action for events that no line gave."""
    catalogue = content().catalogue
    return (*content().parsers.shapes, *(catalogue.shape(f"born.{name}", name, action.stream[-1]) for name, action in catalogue.actions.items()))


@cache
def renderers():
    catalogue = content().catalogue
    return OnlyForms(catalogue, AGENT), Renderer(catalogue, AGENT)


def read(text):
    """Parse a document; no object has a member twice."""

    def members(pairs):
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), names
        return dict(pairs)

    assert b"\n" not in text
    return json.loads(text, object_pairs_hook=members)


def check(event, renderer=None):
    quick, plain = renderers()
    rendered = (renderer or quick).event(event)
    assert read(rendered.document.body) == read(plain.plain(event)), event
    assert (rendered.stream, rendered.document.id) == (f"logs-mail.{event.shape.stream}-default", event.id)


def fields_of(shape):
    definitions = content().catalogue.fields
    values = {name: SCALARS.get(carried.type, TEXT) for name, carried in shape.fields.items()}
    return st.fixed_dictionaries({}, optional={name: st.lists(one, max_size=3) if definitions[name].array else one for name, one in values.items()})


@st.composite
def events(draw, chosen=None):
    shape = chosen or draw(st.sampled_from(shapes()))
    return Event(f"{draw(st.integers(0, 1 << 127)):032x}", draw(st.integers(-(1 << 40), 1 << 42)), shape, draw(fields_of(shape)), draw(st.sampled_from(TAGS)))


def overriding(shape):
    """Say whether a shape names what a tag says: such a one is rendered the plain way."""
    return not forms.LENT.isdisjoint((*shape.fields, *shape.static))


def parsed(paths):
    road = assembly.road(content(), Identity(), live=False, debug_lines="ship")
    for path in paths:
        for record in read_whole(str(path), SourceInfo(str(path), path=f"/var/log/{path.name}", host="mx1"), NEAR):
            for event in road.engine.read(road.engine.open(record)):
                road.enricher.enrich(event)
                yield event


@pytest.mark.parametrize("run", RUNS)
def test_every_line_of_the_lab_has_a_form_and_comes_out_as_the_plain_way_writes_it(run):
    number = 0
    for event in parsed(LAB / run / name for name in RUNS[run]):
        check(event)
        number += 1
    assert number > 1000


def test_lines_of_golden_files_and_of_all_samples_too():
    for event in parsed(sorted((Path(__file__).parents[1] / "golden/lines").glob("*.log"))):
        check(event)
    number = 0
    for entry in content().parsers.entries:
        for sample in entry.samples:
            engine = Engine(content().parsers, content().catalogue, Identity(), debug_lines="ship")
            for offset, line in enumerate(sample.all_lines):
                position = Position((b"l" * 16, offset.to_bytes(8, "big")), b"")
                for event in engine.read(engine.open(Record(SourceInfo("sample"), line.encode("utf-8", "backslashreplace"), NEAR, position))):
                    check(event)
                    number += 1
    assert number > len(shapes()) / 2


def test_each_field_of_each_shape_may_be_there_or_not():
    definitions = content().catalogue.fields
    for number, shape in enumerate(shapes()):
        full = {}
        for name, carried in shape.fields.items():
            one = {"long": 7, "float": 0.5, "boolean": True, "ip": "192.0.2.7"}.get(carried.type, HOSTILE[len(full) % 9])
            full[name] = [one] if definitions[name].array else one
        sets = [{}, full, *({name: value} for name, value in full.items()), *({other: value for other, value in full.items() if other != name} for name in full)]
        for dynamic in sets:
            check(Event("0" * 32, NOON, shape, dynamic, TAGS[number % len(TAGS)]), renderers()[1] if overriding(shape) else None)
    assert all(shape.name.startswith("born.") for shape in shapes() if overriding(shape)), "every shape of a line has forms"


@given(events())
def test_whatever_strangers_write(event):
    check(event, renderers()[1] if overriding(event.shape) else None)


@given(events(), st.sampled_from(sorted(content().catalogue.fields)), st.sampled_from(TAGS), st.booleans())
def test_what_a_shape_does_not_declare_comes_out_right_all_the_same(event, name, tag, in_tag):
    if name in ("@timestamp", "event.id"):
        return
    if in_tag:
        event.tag = {**tag, name: "x"}
    else:
        event.dynamic[name] = "x"
    check(event, renderers()[1])


def test_what_may_not_ship_does_not_from_wherever_it_comes():
    hidden = sorted(content().catalogue.hidden)
    assert hidden
    name = hidden[0]
    for static, dynamic, tag in (({name: "secret"}, {}, {}), ({}, {name: "secret"}, {}), ({}, {}, {name: "secret"})):
        event = Event("0" * 32, NOON, Shape("x", "auth-failure", "postfix", static, {name: Carried("keyword", sure=False)} if dynamic else {}), dynamic, tag)
        check(event)
        assert b"secret" not in renderers()[0].event(event).document.body


def test_the_line_has_the_last_word_on_what_its_shape_says_too():
    shape = Shape("x", "unparsed-line", "postfix", {"log.level": "error", "event.original": "o", "message": "m", "user.name": "bob"}, {"user.id": Carried("keyword", sure=True)})
    for dynamic in ({}, {"log.level": "fatal"}, {"event.original": "p", "message": "n"}, {"user.id": "1"}):
        check(Event("0" * 32, NOON, shape, dynamic, TAGS[2]))


def test_a_tag_is_never_taken_for_another(monkeypatch):
    monkeypatch.setattr(forms, "TAGS", 8)
    renderer = OnlyForms(content().catalogue, AGENT)
    shape = content().parsers.unparsed["postfix"]
    kept = [{**TAGS[2], "process.pid": -number} for number in range(12)]
    for number in range(200):
        for tag in ({**TAGS[2], "process.pid": number}, kept[number % 12]):  # the first one's memory is used again by the next
            check(Event("0" * 32, NOON, shape, {"message": "x"}, tag), renderer)


def test_neither_forms_nor_tags_nor_long_texts_pile_up(monkeypatch):
    monkeypatch.setattr(forms, "TAGS", 8)
    monkeypatch.setattr(forms, "FORMS", 8)
    renderer = OnlyForms(content().catalogue, AGENT)
    every = [Event("0" * 32, NOON, shape, {"message": "x" * 50_000}, {**TAGS[2], "process.pid": number}) for number, shape in enumerate(content().parsers.shapes)]
    for event in every:
        check(event, renderer)
    assert len(renderer._forms._known) <= 8
    assert all(len(lending.known) <= 8 for lending in renderer._forms._lendings.values())
    for form in renderer._forms._known.values():
        assert form._whole["message"] is None


def test_the_documents_of_a_shape_are_shown_with_all_that_they_may_have():
    shown = json.loads(renderers()[1].dump(content().parsers.unparsed["postfix"]))
    assert shown["log"]["offset"] == "<long>"
    assert shown["event"]["action"] == "unparsed-line"
    assert not any("password_hash" in renderers()[1].dump(shape) for shape in content().parsers.shapes)

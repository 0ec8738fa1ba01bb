"""In: an engine and a record. Out: Explanation: how the line was read, which shapes were tried, what became of it. Plain data for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collector.parse.plain import matched
from collector.parse.redact import redact_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.model.event import Event
    from collector.model.record import Record
    from collector.parse.binding import Entry
    from collector.parse.engine import Engine
    from collector.parse.loader import Dispatch
    from collector.parse.opened import Opened
    from collector.parse.redact import Redacted


@dataclass(frozen=True, slots=True)
class Tried:
    """A shape that was tried before the line was taken. ``failed``: literal (its ``contains`` is missing) or regex."""

    shape: str
    failed: str
    literal: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All about one line. Nothing in it holds what redaction took out."""

    verdict: str
    """taken, unparsed, irrelevant (no mail program), debug (counted, or shipped as such)."""
    envelope: dict[str, Any]
    """What the envelope says: format, time in ms, host, program, product, service, daemon, pid, level, priority, repeat."""
    message: str
    service: str | None = None
    """service.name of the events."""
    shape: str | None = None
    place: str | None = None
    """Where the shape stands, file:line:column."""
    parts: dict[str, str] = field(default_factory=dict)
    tried: tuple[Tried, ...] = ()
    events: tuple[Event, ...] = ()
    lent: dict[str, Any] = field(default_factory=dict)
    """Fields of the first event that came from sessions."""
    redacted: tuple[str, ...] = ()


def explain(engine: Engine, record: Record) -> Explanation:
    """Read one line as the engine does and say why; the sessions of ``engine`` learn from it as from any line."""
    opened = engine.open(record)
    dispatch = engine.lookup(opened.origin)
    redacted = redact_line(opened, dispatch)
    tried, entry = _tries(dispatch, redacted)
    counts = dict(engine.counts)
    events = engine.read(opened)
    verdict = next((name for name in ("irrelevant", "unparsed", "debug") if engine.counts[name] > counts[name]), "taken")
    taken = entry if events and verdict != "unparsed" else None
    own, parts = ({}, {}) if taken is None else _own(engine, taken, opened, redacted)
    return Explanation(
        verdict,
        _envelope(opened),
        redacted.message,
        service=None if dispatch is None else dispatch.service_name,
        shape=None if taken is None else taken.shape.name,
        place=None if taken is None else str(taken.at),
        parts=parts,
        tried=tried,
        events=events,
        lent={} if taken is None else _lent(taken, events, own),
        redacted=redacted.kinds,
    )


def _envelope(opened: Opened) -> dict[str, Any]:
    origin = opened.origin
    said = {"envelope": origin.envelope, "time": opened.time}
    said |= {name: getattr(origin, name) for name in ("host", "program", "product", "service", "daemon", "pid")}
    said |= {"level": opened.level, "priority": origin.priority, "repeat": opened.repeat}
    return {name: value for name, value in said.items() if value is not None}


def _tries(dispatch: Dispatch | None, redacted: Redacted) -> tuple[tuple[Tried, ...], Entry | None]:
    tried: list[Tried] = []
    for entry in dispatch.entries if dispatch is not None else ():
        if matched(entry, redacted) is not None:
            return tuple(tried), entry
        missing = entry.contains not in redacted.message
        tried.append(Tried(entry.shape.name, "literal" if missing else "regex", entry.contains))
    return tuple(tried), None


def _own(engine: Engine, entry: Entry, opened: Opened, redacted: Redacted) -> tuple[dict[str, Any], dict[str, str]]:
    match = matched(entry, redacted)
    if match is None:
        return {}, {}
    found = engine.extract(entry, match, opened, redacted)
    return found.fields, found.texts


def _lent(entry: Entry, events: Sequence[Event], own: dict[str, Any]) -> dict[str, Any]:
    names = {name for use in entry.uses for name in use.takes}
    return {name: events[0].dynamic[name] for name in sorted(names) if name in events[0].dynamic and name not in own} if events else {}

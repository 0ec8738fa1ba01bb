"""In: Records. Out: Opened records, and the events of each, in file order within a source.

The plain engine: shapes are tried in order, each by its literal and then by ``fullmatch`` of the message. The compiled one
(engine.py) is made of it and must agree with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model.event import Event
from collector.model.record import Position, Record, SourceInfo, offset_of
from collector.parse import convert, syslog
from collector.parse.binding import TRIED
from collector.parse.compiler import CAP
from collector.parse.extract import Extract, extract, facts
from collector.parse.lending import lend
from collector.parse.opened import LONGEST_NAME
from collector.parse.redact import redact_line
from collector.parse.sessions import Sessions
from collector.parse.tags import Tags
from collector.parse.vocabulary import stream_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from collector.model.catalogue import Catalogue
    from collector.model.identity import Identity
    from collector.model.shape import Shape
    from collector.model.state import Remembers
    from collector.parse.binding import Entry
    from collector.parse.loader import Dispatch, Parsers
    from collector.parse.opened import Opened, Origin
    from collector.parse.redact import Redacted

_PROGRAMS = 4096
"""How many syslog names are remembered; a host has dozens."""

Taken = tuple["Entry", "re.Match[str]"]
Fields = dict[str, Any]
Unborn = tuple["Shape", Fields]


class PlainEngine:
    """Turns lines into events. ``debug_lines``: ``count`` them only, or ``ship`` them like others."""

    def __init__(self, parsers: Parsers, catalogue: Catalogue, identity: Identity, *, debug_lines: str = "count") -> None:
        """Begin with empty sessions."""
        self.parsers = parsers
        self.counts = dict.fromkeys(("lines", "events", "unparsed", "debug", "irrelevant"), 0)
        self.sessions = Sessions()
        self.catalogue = catalogue
        self._identity = identity
        self._ships_debug = debug_lines == "ship"
        self._programs: dict[str, Dispatch | None] = {}
        self._tags = Tags()
        self.open: Callable[[Record], Opened] = syslog.open_record
        """Read the envelope; merging needs its time."""

    @property
    def memories(self) -> tuple[Remembers, ...]:
        """What must commit with the position."""
        return (self.sessions,)

    def read(self, opened: Opened) -> tuple[Event, ...]:
        """Return the events of a line: none, one or several."""
        self.counts["lines"] += 1
        dispatch = self.lookup(opened.origin)
        if dispatch is None and opened.name is not None:
            self.counts["irrelevant"] += 1
            return ()
        if opened.level == "debug":
            self.counts["debug"] += 1
            if not self._ships_debug:
                return ()
        redacted = redact_line(opened, dispatch)
        taken = None if dispatch is None else take(dispatch, redacted)
        events = self._unparsed(opened, redacted, dispatch) if dispatch is None or taken is None else self._events(opened, redacted, dispatch, taken)
        self.counts["events"] += len(events)
        return events

    def lookup(self, origin: Origin) -> Dispatch | None:
        """Return what the program of a line means; None for no mail program, or where no envelope opened the line."""
        name = origin.name
        if name is None:
            return None
        if len(name) > LONGEST_NAME:
            return self.parsers.lookup(name)
        if name not in self._programs:
            if len(self._programs) >= _PROGRAMS:
                self._programs.clear()
            self._programs[name] = self.parsers.lookup(name)
        return self._programs[name]

    def extract(self, entry: Entry, match: re.Match[str], opened: Opened, redacted: Redacted) -> Extract:
        """Return what the line alone says, before sessions lend anything."""
        found = extract(entry, match, opened, self.catalogue)
        if redacted.password_hash is not None and TRIED in entry.shape.fields:
            found.fields[TRIED] = self.seal(redacted.password_hash)
        return found

    def seal(self, text: str) -> str:
        """Return what stands for a value that must not leave the host: equal for equal ones, and nothing can be guessed from it.

        Events, and so sessions and windows, whose memory lies in the spool, hold only this.
        """
        return self._identity.value(text).hex()

    def spans(self, text: str, near: int) -> dict[str, tuple[int, int]]:
        """Return where the parts of the shape that takes a line stand in it, envelope parts included; {} where none takes it."""
        opened = syslog.open_record(Record(SourceInfo("spans"), text.encode("utf-8", "backslashreplace"), near, Position((), b"")))
        dispatch = self.lookup(opened.origin)
        redacted = redact_line(opened, dispatch)
        taken = None if dispatch is None else take(dispatch, redacted)
        if taken is None:
            return {}
        entry, match = taken
        found = dict(opened.spans)
        found |= {name: found[part] for part, name in entry.lends.items() if part in found}
        seen: set[str] = set()
        for group, part in entry.pattern.parts:
            if match[group] is not None and part not in seen:
                seen.add(part)
                found[part] = (redacted.original(match.start(group)), redacted.original(match.end(group)))
        if redacted.password_hash is not None:
            found[TRIED] = next(cut[:2] for cut in reversed(redacted.cuts) if cut[2] == "password-hash")
        return found

    def _unparsed(self, opened: Opened, redacted: Redacted, dispatch: Dispatch | None) -> tuple[Event, ...]:
        stream = stream_of(dispatch.product if dispatch is not None else "dovecot" if "dovecot" in opened.text else "postfix")
        if opened.level == "debug":
            return self._born(opened, redacted, dispatch, [(self.parsers.debug[stream], {"event.reason": redacted.message})])
        self.counts["unparsed"] += 1
        return self._born(opened, redacted, dispatch, [(self.parsers.unparsed[stream], {})])

    def _events(self, opened: Opened, redacted: Redacted, dispatch: Dispatch, taken: Taken) -> tuple[Event, ...]:
        entry, match = taken
        found = self.extract(entry, match, opened, redacted)
        fields = found.fields
        stated = facts(entry, opened, dispatch.daemon)
        for name, value in stated.items():
            fields.setdefault(name, value)
        times = 1 if entry.times is None else max(1, found.number(entry.times))
        tag = self._tags.of(opened.origin, dispatch)
        counted = lend(self.sessions, entry, opened.record.source.name, _time(opened), tag, fields, times * opened.repeat)
        events: list[Unborn] = [(entry.shape, fields)] * min(times, CAP + 1)
        for further in entry.further:
            number = (1 if further.times is None else found.number(further.times)) - counted.get(further.less or "", 0)
            copied = {name: value for name, value in stated.items() if name in further.shape.fields}
            copied |= {name: fields[name] for name in further.copies if name in fields}
            events += [(further.shape, copied)] * min(max(number, 0), CAP + 1)
        return self._born(opened, redacted, dispatch, events * min(opened.repeat, CAP + 1))

    def _born(self, opened: Opened, redacted: Redacted, dispatch: Dispatch | None, found: list[Unborn]) -> tuple[Event, ...]:
        record = opened.record
        line = line_of(opened, redacted, dispatch)
        tag = self._tags.of(opened.origin, dispatch)
        events = []
        for ordinal, (shape, fields) in enumerate(found[:CAP]):
            dynamic = {**line, **fields}
            convert.finish(dynamic, shape)
            events.append(Event(self._identity.line(record.position.identity, record.raw, ordinal), _time(opened), shape, dynamic, tag))
        if len(found) > CAP:
            events[-1].dynamic["mail.capped"] = True
        return tuple(events)


def take(dispatch: Dispatch, redacted: Redacted) -> Taken | None:
    """Return the first shape that takes a line, and its match."""
    for entry in dispatch.entries:
        match = matched(entry, redacted)
        if match is not None:
            return entry, match
    return None


def matched(entry: Entry, redacted: Redacted) -> re.Match[str] | None:
    """Try one shape: its literal, then its regex."""
    if redacted.text.find(entry.contains, redacted.start, redacted.end) < 0:
        return None
    return entry.pattern.regex.fullmatch(redacted.text, redacted.start, redacted.end)


def line_of(opened: Opened, redacted: Redacted, dispatch: Dispatch | None) -> dict[str, Any]:
    """Return what every event of a line says about the line itself."""
    line: dict[str, Any] = {"event.original": redacted.text, "message": redacted.message}
    offset = offset_of(opened.record.position)
    if offset is not None:
        line["log.offset"] = offset
    if opened.record.truncated:
        line["log.flags"] = ["truncated"]
    if opened.level is not None:
        line["log.level"] = opened.level
    if redacted.kinds:
        line["mail.redacted"] = list(redacted.kinds)
    if opened.origin.service is not None and dispatch is not None and dispatch.product == "postfix":
        line["postfix.service"] = opened.origin.service.lower()
    return line


def _time(opened: Opened) -> int:
    return opened.record.near if opened.time is None else opened.time

"""In: Records. Out: Opened records, and the events of each, in file order within a source.

What the plain engine does, from memory and with compiled shapes. Once for each origin is found out what its lines can be (a
plan); for a line, the first word of its message leads to the few shapes that can take it, and the one that does has a function of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model.event import Event
from collector.parse import redact
from collector.parse.anatomy import HEAD
from collector.parse.envelope import Envelopes
from collector.parse.opened import LEVELS, UNREAD
from collector.parse.plain import CAP, PlainEngine
from collector.parse.redact import Redacted
from collector.parse.sessions import Key, key_of

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from collector.model.catalogue import Catalogue
    from collector.model.identity import Identity
    from collector.model.shape import Shape
    from collector.parse.binding import Entry
    from collector.parse.dispatch import Table
    from collector.parse.loader import Dispatch, Parsers
    from collector.parse.opened import Opened, Origin
    from collector.parse.plain import Fields, Unborn

_OFFSET = 2
"""Parts of the identity of a line that has an offset."""


class _Keys(dict[str, Key]):
    """The keys of the process in the tables whose keys it is; table -> key."""

    def __init__(self, source: str, *process: Any) -> None:
        super().__init__()
        self._source = source
        self._process = process

    def __missing__(self, table: str) -> Key:
        key = self[table] = key_of(table, self._source, self._process)
        return key


class Plan:
    """What the engine knows about an origin. ``table`` is None where no shape can take its lines."""

    __slots__ = ("daemon", "dispatch", "guard", "host", "is_auth", "keys", "pid", "postfix_service", "service", "source", "table", "tag", "tokens")

    def __init__(self, origin: Origin, dispatch: Dispatch | None, tag: Mapping[str, Any], table: Table | None) -> None:
        """Gather it."""
        self.dispatch = dispatch
        self.table = table
        self.tokens = {} if table is None else table.tokens
        self.tag = tag
        self.host: str = tag["host.name"]
        self.pid: int | None = tag.get("process.pid")
        self.source = origin.source.name
        self.keys = _Keys(self.source, self.host, self.pid)
        self.service = origin.service or ""
        self.daemon = "" if dispatch is None else dispatch.daemon or ""
        self.is_auth = (origin.daemon or "").startswith("auth")
        self.guard = None if dispatch is None else redact.guard(dispatch.product, dispatch.daemon)
        self.postfix_service = origin.service.lower() if origin.service is not None and dispatch is not None and dispatch.product == "postfix" else None


class Engine(PlainEngine):
    """Turns lines into events. ``debug_lines``: ``count`` them only, or ``ship`` them like others."""

    def __init__(self, parsers: Parsers, catalogue: Catalogue, identity: Identity, *, debug_lines: str = "count") -> None:
        """Begin with empty sessions."""
        super().__init__(parsers, catalogue, identity, debug_lines=debug_lines)
        self.open = Envelopes().open

    def read(self, opened: Opened) -> tuple[Event, ...]:
        """Return the events of a line: none, one or several."""
        plan: Plan = opened.origin.plan or self._plan(opened.origin)
        table = plan.table
        if table is None or opened.known_level == "debug":
            return PlainEngine.read(self, opened)
        counts = self.counts
        counts["lines"] += 1
        text, start, end = opened.text, opened.start, opened.end
        redacted = None
        level = opened.known_level
        bucket = plan.tokens.get(text[start : text.find(" ", start)])
        if bucket is None or (plan.guard is not None and plan.guard(text, start, end)):
            word = HEAD.match(text, start, end)[1]  # type: ignore[index] - it matches anything
            bucket = table.words.get(word)
            if plan.guard is not None and (bucket is None or word in table.doubtful or plan.guard(text, start, end)):
                redacted = redact.redact_line(opened, plan.dispatch)
                text, end = redacted.text, redacted.end
                word = HEAD.match(text, start, end)[1]  # type: ignore[index]
                bucket = table.words.get(word, table.others)
            elif bucket is None:
                bucket = table.others
            if level == UNREAD and word in LEVELS:
                level = opened.level
        if level == UNREAD:
            level = None
        for row in bucket:
            guard, fullmatch, also, make, entry = row
            if guard in text and (match := fullmatch(text, start, end)) is not None and (also is None or text.find(also, start, end) >= 0):
                break
        else:
            return self._other(opened, redacted or redact.redact_line(opened, plan.dispatch), plan)
        record = opened.record
        identity = record.position.identity
        offset = int.from_bytes(identity[1], "big") if len(identity) == _OFFSET else None
        tried = None if redacted is None or redacted.password_hash is None else self.seal(redacted.password_hash)
        time = record.near if opened.time is None else opened.time
        found = make(match, text, text[start:end], offset, opened, plan, self.sessions, time, tried)
        if found is None:
            return self._plain(opened, redacted, plan, entry, match)
        if found.__class__ is not dict or opened.repeat > 1 or offset is None:
            return self._several(opened, redacted, plan, entry.shape, found)
        if plan.postfix_service is not None:
            found.setdefault("postfix.service", plan.postfix_service)
        if level is not None:
            found.setdefault("log.level", level)
        if record.truncated:
            found["log.flags"] = ["truncated"]
        if redacted is not None and redacted.kinds:
            found["mail.redacted"] = list(redacted.kinds)
        counts["events"] += 1
        return (Event(self._identity.line(identity, record.raw, 0), time, entry.shape, found, plan.tag),)

    def _plan(self, origin: Origin) -> Plan:
        dispatch = self.lookup(origin)
        table = None if dispatch is None or not dispatch.entries else self.parsers.compiled.table(dispatch.entries)
        plan = origin.plan = Plan(origin, dispatch, self._tags.of(origin, dispatch), table)
        return plan

    def _other(self, opened: Opened, redacted: Redacted, plan: Plan) -> tuple[Event, ...]:
        """Return the event of a line that no shape takes."""
        events = self._unparsed(opened, redacted, plan.dispatch)
        self.counts["events"] += len(events)
        return events

    def _plain(self, opened: Opened, redacted: Redacted | None, plan: Plan, entry: Entry, match: re.Match[str]) -> tuple[Event, ...]:
        """Return the events of a line that is not quite what its shape expects."""
        assert plan.dispatch is not None
        events = self._events(opened, redacted or Redacted(opened.text, opened.start, opened.end), plan.dispatch, (entry, match))
        self.counts["events"] += len(events)
        return events

    def _several(self, opened: Opened, redacted: Redacted | None, plan: Plan, shape: Shape, found: Fields | list[Unborn]) -> tuple[Event, ...]:
        """Return the events of a line that has more than one, or that has no offset."""
        unborn = [(shape, found)] if isinstance(found, dict) else found
        del unborn[0][1]["log.offset"]
        line = redacted or Redacted(opened.text, opened.start, opened.end)
        events = self._born(opened, line, plan.dispatch, unborn * min(opened.repeat, CAP + 1))
        self.counts["events"] += len(events)
        return events

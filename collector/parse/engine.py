"""In: Records. Out: Opened records, and the events of each, in file order within a source.

What the plain engine does, from memory and with compiled shapes. Once for each origin is found out what its lines can be (a
plan); for a line, the first word of its message leads to the few shapes that can take it, and the one that does has a function of its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from collector.model.event import Event
from collector.parse import redact
from collector.parse.anatomy import HEAD, first_word
from collector.parse.compiler import CAP
from collector.parse.envelope import Envelopes
from collector.parse.opened import LEVELS, UNREAD
from collector.parse.plain import PlainEngine, line_of, matched
from collector.parse.redact import Redacted
from collector.parse.sessions import Key, key_of

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from collector.model.catalogue import Catalogue
    from collector.model.identity import Identity
    from collector.parse.binding import Entry
    from collector.parse.dispatch import Table
    from collector.parse.loader import Dispatch, Parsers
    from collector.parse.opened import Opened, Origin
    from collector.parse.plain import Fields, Unborn

_number = partial(int.from_bytes, byteorder="big")
_DIALOGUE = ("<", ">")
"""What one side said begins so."""
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

    __slots__ = ("daemon", "dispatch", "host", "is_auth", "keys", "pid", "postfix_service", "service", "source", "table", "tag", "tokens")

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
        self.postfix_service = origin.service.lower() if origin.service is not None and dispatch is not None and dispatch.product == "postfix" else None


class Engine(PlainEngine):
    """Turns lines into events. ``debug_lines``: ``count`` them only, or ``ship`` them like others."""

    def __init__(self, parsers: Parsers, catalogue: Catalogue, identity: Identity, *, debug_lines: str = "count") -> None:
        """Begin with empty sessions."""
        super().__init__(parsers, catalogue, identity, debug_lines=debug_lines)
        self.open = Envelopes().open
        self._id = identity.line

    def read(self, opened: Opened) -> tuple[Event, ...]:  # noqa: C901, PLR0912 - what every line costs stands here, in a row
        """Return the events of a line: none, one or several."""
        plan: Plan = opened.origin.plan or self._plan(opened.origin)
        table = plan.table
        level = opened.known_level
        if table is None or level == "debug":
            return super().read(opened)
        counts = self.counts
        counts["lines"] += 1
        text, start, end = opened.text, opened.start, opened.end
        bucket = plan.tokens.get(text[start : text.find(" ", start) + 1])
        if bucket is None:
            queue_id, word = HEAD.match(text, start, end).groups()  # type: ignore[union-attr]
            if queue_id is None and (word in table.doubtful or (not word and text[start : start + 1] in _DIALOGUE)):
                return self._masked(opened, plan)
            bucket = table.bucket(queue_id, word)
            if level == UNREAD:
                level = opened.level if word in LEVELS else None
        elif level == UNREAD:
            level = None
        for guard, row in bucket:
            if guard in text:
                fullmatch, also, make, entry, secret = row
                match = fullmatch(text, start, end)
                if match is not None and (also is None or text.find(also, start, end) >= 0):
                    break
        else:
            return self._masked(opened, plan)
        if secret is not None and secret(text, start, end):
            return self._masked(opened, plan)
        if opened.repeat > 1:
            return self._taken_plainly(opened, Redacted(text, start, end), plan, entry, match)
        record = opened.record
        identity = record.position.identity
        offset = _number(identity[1]) if len(identity) == _OFFSET else None
        time = record.near if opened.time is None else opened.time
        fields = make(match, text, text[start:end], offset, opened, plan, self.sessions, time)
        if fields.__class__ is not dict or offset is None or record.truncated:
            return self._taken(opened, Redacted(text, start, end), plan, entry, match, fields)
        if plan.postfix_service is not None:
            fields.setdefault("postfix.service", plan.postfix_service)
        if level is not None:
            fields.setdefault("log.level", level)
        counts["events"] += 1
        return (Event(self._id(identity, record.raw, 0), time, entry.shape, fields, plan.tag),)

    def _plan(self, origin: Origin) -> Plan:
        dispatch = self.lookup(origin)
        table = None if dispatch is None or not dispatch.entries else self.parsers.compiled.table(dispatch)
        plan = origin.plan = Plan(origin, dispatch, self._tags.of(origin, dispatch), table)
        return plan

    def _masked(self, opened: Opened, plan: Plan) -> tuple[Event, ...]:
        """Return the events of a line that may hold a secret, or that no shape takes as it is."""
        assert plan.table is not None
        redacted = redact.redact_line(opened, plan.dispatch)
        queue_id, word = first_word(redacted.message)
        for _, row in plan.table.bucket(queue_id, word):
            match = matched(row.entry, redacted)
            if match is None:
                continue
            if redacted.password_hash is not None or opened.repeat > 1:
                return self._taken_plainly(opened, redacted, plan, row.entry, match)
            record = opened.record
            identity = record.position.identity
            offset = _number(identity[1]) if len(identity) == _OFFSET else None
            time = record.near if opened.time is None else opened.time
            made = row.make(match, redacted.text, redacted.message, offset, opened, plan, self.sessions, time)
            return self._taken(opened, redacted, plan, row.entry, match, made)
        events = self._unparsed(opened, redacted, plan.dispatch)
        self.counts["events"] += len(events)
        return events

    def _taken(self, opened: Opened, redacted: Redacted, plan: Plan, entry: Entry, match: re.Match[str], made: Fields | list[Unborn] | None) -> tuple[Event, ...]:
        """Return the events that were made of a line that has several, a mask, no offset, or no end."""
        if made is None:
            return self._taken_plainly(opened, redacted, plan, entry, match)
        record = opened.record
        identity = record.position.identity
        line = {name: value for name, value in line_of(opened, redacted, plan.dispatch).items() if name not in ("event.original", "message", "log.offset")}
        time = record.near if opened.time is None else opened.time
        unborn = [(entry.shape, made)] if isinstance(made, dict) else made
        events = []
        for ordinal, (shape, fields) in enumerate(unborn[:CAP]):
            if len(identity) != _OFFSET:
                del fields["log.offset"]
            events.append(Event(self._id(identity, record.raw, ordinal), time, shape, {**line, **fields}, plan.tag))
        if len(unborn) > CAP:
            events[-1].dynamic["mail.capped"] = True
        self.counts["events"] += len(events)
        return tuple(events)

    def _taken_plainly(self, opened: Opened, redacted: Redacted, plan: Plan, entry: Entry, match: re.Match[str]) -> tuple[Event, ...]:
        """Return the events of a line that a shape took, the plain way: it is repeated, holds a secret, has no offset, or is not quite what its shape expects."""
        assert plan.dispatch is not None
        events = self._events(opened, redacted, plan.dispatch, (entry, match))
        self.counts["events"] += len(events)
        return events

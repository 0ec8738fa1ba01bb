"""In: Records. Out: Opened records, and the events of each, in file order within a source.

What the plain engine does, from memory and with compiled shapes. Once for each origin is found out what its lines can be (a
plan); for a line, the first word of its message leads to the few shapes that can take it, and the one that does has a function of its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from collector.model.event import Event
from collector.parse import redact
from collector.parse.anatomy import HEAD
from collector.parse.envelope import Envelopes
from collector.parse.opened import LEVELS, UNREAD
from collector.parse.plain import CAP, PlainEngine, matched
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

from_bytes = partial(int.from_bytes, byteorder="big")
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
        self._first_id = identity.first

    def read(self, opened: Opened) -> tuple[Event, ...]:
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
            queue_id, word = HEAD.match(text, start, end).groups()  # type: ignore[union-attr] - it matches anything
            if queue_id is None and word in table.doubtful:
                return self._masked(opened, plan)
            bucket = table.bucket(queue_id, word)
            if level == UNREAD:
                level = opened.level if word in LEVELS else None
        elif level == UNREAD:
            level = None
        for guard, fullmatch, also, make, entry, secret in bucket:
            if guard in text and (match := fullmatch(text, start, end)) is not None and (also is None or text.find(also, start, end) >= 0):
                break
        else:
            return self._masked(opened, plan)
        if secret is not None and secret(text, start, end):
            return self._masked(opened, plan)
        record = opened.record
        identity = record.position.identity
        if len(identity) != _OFFSET or opened.repeat > 1:
            return self._several(opened, Redacted(text, start, end), plan, entry, match)
        lineage, offset = identity
        time = record.near if opened.time is None else opened.time
        found = make(match, text, text[start:end], from_bytes(offset), opened, plan, self.sessions, time, None)
        if found.__class__ is not dict:
            return self._several(opened, Redacted(text, start, end), plan, entry, match, found)
        if plan.postfix_service is not None:
            found.setdefault("postfix.service", plan.postfix_service)
        if level is not None:
            found.setdefault("log.level", level)
        if record.truncated:
            found["log.flags"] = ["truncated"]
        counts["events"] += 1
        return (Event(self._first_id(lineage, offset, record.raw), time, entry.shape, found, plan.tag),)

    def _plan(self, origin: Origin) -> Plan:
        dispatch = self.lookup(origin)
        table = None if dispatch is None or not dispatch.entries else self.parsers.compiled.table(dispatch)
        plan = origin.plan = Plan(origin, dispatch, self._tags.of(origin, dispatch), table)
        return plan

    def _masked(self, opened: Opened, plan: Plan) -> tuple[Event, ...]:
        """Return the events of a line that may hold a secret, or that no shape takes as it is."""
        assert plan.table is not None
        redacted = redact.redact_line(opened, plan.dispatch)
        text, start, end = redacted.text, redacted.start, redacted.end
        queue_id, word = HEAD.match(text, start, end).groups()  # type: ignore[union-attr]
        for row in plan.table.bucket(queue_id, word):
            match = matched(row.entry, redacted)
            if match is not None:
                return self._several(opened, redacted, plan, row.entry, match)
        events = self._unparsed(opened, redacted, plan.dispatch)
        self.counts["events"] += len(events)
        return events

    def _several(self, opened: Opened, redacted: Redacted, plan: Plan, entry: Entry, match: re.Match[str], found: Fields | list[Unborn] | None = None) -> tuple[Event, ...]:
        """Return the events of a line that is no ordinary one: it has several, a secret, no offset, or not quite what its shape expects."""
        assert plan.dispatch is not None
        if found is None:
            tried = None if redacted.password_hash is None else self.seal(redacted.password_hash)
            time = opened.record.near if opened.time is None else opened.time
            make = self.parsers.compiled.function(entry)
            found = make(match, redacted.text, redacted.message, None, opened, plan, self.sessions, time, tried)
        if found is None:
            events = self._events(opened, redacted, plan.dispatch, (entry, match))
        else:
            unborn = [(entry.shape, found)] if isinstance(found, dict) else found
            del unborn[0][1]["log.offset"]
            events = self._born(opened, redacted, plan.dispatch, unborn * min(opened.repeat, CAP + 1))
        self.counts["events"] += len(events)
        return events

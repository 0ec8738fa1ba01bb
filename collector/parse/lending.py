"""In: a line's fields and its uses of sessions. Out: the fields that earlier lines lend, and what they had counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.parse.sessions import COUNTS, FIELDS, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.parse.binding import Entry, Use
    from collector.parse.sessions import Key, Sessions


def lend(sessions: Sessions, entry: Entry, source: str, now: int, tag: Mapping[str, Any], fields: dict[str, Any], events: int) -> dict[str, int]:
    """Let a line take, give and count, use by use; ``fields`` gets what is lent. Return what the counters that it asks for held before it.

    A later use sees what an earlier one took: a process may lend a client that the message's session then keeps. ``now``
    is event time in ms, ``events`` how many events of the shape the line stands for.
    """
    counted: dict[str, int] = {}
    for use in entry.uses:
        key = _key(use, entry, source, tag, fields)
        if key is None:
            continue
        if use.opens:
            sessions.forget(key)
        row = sessions.row(key, use.table.age, now)
        for name in use.takes:
            if row is not None and name in row[FIELDS]:
                fields.setdefault(name, row[FIELDS][name])
        for further in entry.further:
            if further.less is not None:
                counted[further.less] = counted.get(further.less, 0) + (0 if row is None else row[COUNTS].get(further.less, 0))
        if use.closes:
            sessions.forget(key)
        else:
            _give(sessions, use, entry, key, now, fields, events)
    return counted


def _key(use: Use, entry: Entry, source: str, tag: Mapping[str, Any], fields: Mapping[str, Any]) -> Key | None:
    values = [fields.get(name, entry.shape.static.get(name, tag.get(name))) for name in use.table.key]
    return None if None in values else key_of(use.table.name, source, values)


def _give(sessions: Sessions, use: Use, entry: Entry, key: Key, now: int, fields: Mapping[str, Any], events: int) -> None:
    given = {name: fields.get(name, entry.shape.static.get(name)) for name in use.gives}
    given = {**use.set, **{name: value for name, value in given.items() if value is not None}}
    counts = {} if use.counts is None else {use.counts: events}
    if given or counts:
        sessions.write(key, use.table.age, now, given, counts)

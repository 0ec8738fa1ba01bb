"""In: uses of session tables by lines. Out: what earlier lines of the same key lend. Memory that commits with the position.

Lending goes forward only. ``order`` grows with each writing and is what eviction goes by, whatever order the parts of a lap and
the deltas between them were written in. In a delta a row is [key, order, time, fields, counts], a removal [key].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model import json
from collector.model.state import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LIMIT = 32 << 20
"""Bytes that all tables hold together."""

_ROW = 1024
"""What a row costs in memory besides its texts: key, row, two dicts, its places in the tables."""
_FIELD = 128
"""What a field costs besides its text, with the growth of the dict that holds it."""
_WIDE = 8
"""Bytes of a character, at the most, in a text that is not ASCII: as it is, and as UTF-8 once it was serialised."""

_MOST = 1 << 53
"""Where a counter stops: a stranger's lines add to it."""

ORDER, TIME, FIELDS, COUNTS, SIZE = range(5)
"""The places in a row."""

Key = str
"""Table, source, values of the table's key, with NULs between them: sessions never join across sources."""


def key_of(table: str, source: str, values: Iterable[Any]) -> Key:
    """Return the key of a row."""
    return "\0".join((table, source, *map(str, values)))


class Sessions:
    """Rows of all session tables of all sources; where the limit is reached, those that were written longest ago go."""

    name = "parse.sessions"

    def __init__(self, limit_bytes: int = LIMIT) -> None:
        """Begin empty."""
        self.rows: dict[Key, list[Any]] = {}
        self.evicted = 0
        """Rows that went for want of room, since the start."""
        self._limit = limit_bytes
        self._order = 0
        self._size = 0
        self._touched: dict[Key, None] = {}

    @property
    def size(self) -> int:
        """Bytes that the rows count for."""
        return self._size

    def row(self, key: Key, age: int, now: int) -> list[Any] | None:
        """Return the row that earlier lines wrote, unless more than ``age`` (ms) has passed since; ``now`` is event time in ms."""
        row = self.rows.get(key)
        if row is not None and now - row[TIME] > age:
            self.forget(key)
            return None
        return row

    def write(self, key: Key, age: int, now: int, fields: dict[str, Any], counts: Mapping[str, int]) -> None:
        """Give fields to the session and add to its counters; opens it where there is none. ``fields`` belongs to the row from now on."""
        row = self.rows.get(key)
        if row is None or now - row[TIME] > age:
            self.open(key, now, fields, counts)
            return
        self._order += 1
        row[ORDER], row[TIME] = self._order, now
        row[FIELDS].update(fields)
        if counts:
            for name, number in counts.items():
                row[COUNTS][name] = min(row[COUNTS].get(name, 0) + number, _MOST)
        self._weigh(key, row)

    def open(self, key: Key, now: int, fields: dict[str, Any], counts: Mapping[str, int]) -> None:
        """Begin a session anew. ``fields`` belongs to the row from now on."""
        old = self.rows.get(key)
        if old is not None:
            self._size -= old[SIZE]
        self._order += 1
        row = self.rows[key] = [self._order, now, fields, {name: min(number, _MOST) for name, number in counts.items()} if counts else {}, 0]
        self._weigh(key, row)

    def _weigh(self, key: Key, row: list[Any]) -> None:
        """Count what a row costs now, and make room."""
        size = _ROW + (len(key) if key.isascii() else _WIDE * len(key)) + _FIELD * (len(row[FIELDS]) + len(row[COUNTS]))
        for value in row[FIELDS].values():
            if value.__class__ is str:
                size += len(value) if value.isascii() else _WIDE * len(value)
            elif value.__class__ is list:
                for one in value:
                    size += _FIELD + _WIDE * len(one) if one.__class__ is str else _FIELD
        self._size += size - row[SIZE]
        row[SIZE] = size
        self._touched[key] = None
        if self._size > self._limit:
            self._shrink()

    def forget(self, key: Key) -> None:
        """Close the session."""
        row = self.rows.pop(key, None)
        if row is not None:
            self._size -= row[SIZE]
            self._touched[key] = None

    def delta(self) -> bytes:
        """See Remembers."""
        if not self._touched:
            return b""
        blob = json.dumps([[key, *self.rows.get(key, ())[:SIZE]] for key in self._touched])
        self._touched.clear()
        return blob

    def lap(self) -> Iterator[bytes]:
        """See Remembers. A row that was forgotten meanwhile is left out: its removal stands in a delta."""
        part: list[Any] = []
        size = 0
        for key in list(self.rows):
            if size >= PART:
                yield json.dumps(part)
                part, size = [], 0
            row = self.rows.get(key)
            if row is not None:
                # A copy: the row may be written before the part is.
                part.append([key, *row[:FIELDS], dict(row[FIELDS]), dict(row[COUNTS])])
                size += row[SIZE]
        if part:
            yield json.dumps(part)

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers: the order of writing is what the rows say."""
        found: dict[Key, list[Any]] = {}
        for blob in blobs:
            for key, *row in json.loads(blob):
                if row:
                    found[key] = [*row, 0]
                else:
                    found.pop(key, None)
        self.rows.clear()
        self._touched.clear()
        self._size = self._order = 0
        for key, row in found.items():
            self.rows[key] = row
            self._weigh(key, row)
            self._order = max(self._order, row[ORDER])
        self._touched.clear()

    def keep(self) -> int | None:
        """See Remembers."""
        return None

    def _shrink(self) -> None:
        """Let the oldest rows go, and make some more room than is needed: to find them, all are looked at."""
        enough = self._limit - self._limit // 16
        for key in sorted(self.rows, key=lambda key: self.rows[key][ORDER]):
            if self._size <= enough:
                break
            self.forget(key)
            self.evicted += 1

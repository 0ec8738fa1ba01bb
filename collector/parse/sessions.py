"""In: uses of session tables by lines. Out: what earlier lines of the same key lend. Memory that commits with the position.

Lending goes forward only. A row is [order, time, fields, counts]: ``order`` grows with each writing and is what eviction
goes by, so that it survives in whatever order the parts of a lap and the deltas between them were written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model import json
from collector.model.state import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LIMIT = 32 << 20
"""Bytes that all tables hold together."""

_ROW = 512
"""What a row costs in memory besides its text."""

_MOST = 1 << 53
"""Where a counter stops: a stranger's lines add to it."""

_ORDER, _TIME, _FIELDS, _COUNTS = range(4)


class Sessions(Table):
    """Rows of all session tables of all sources, in the order of their last writing; the oldest go where the limit is reached."""

    def __init__(self, ages: Mapping[str, int], limit_bytes: int = LIMIT) -> None:
        """Begin empty; ``ages`` says in ms how long a row of each table lives after its last writing."""
        super().__init__("parse.sessions")
        self._ages = ages
        self._limit = limit_bytes
        self._sizes: dict[str, int] = {}
        self._total = 0
        self.evicted = 0
        """Rows that went for want of room, since the start."""

    @property
    def size(self) -> int:
        """Bytes that the rows count for."""
        return self._total

    @staticmethod
    def key(source: str, table: str, values: Sequence[Any]) -> str:
        """Return the key of a row: sessions never join across sources."""
        return json.dumps([source, table, *values]).decode()

    def lent(self, key: str, table: str, now: int) -> Mapping[str, Any]:
        """Return the fields that earlier lines gave; ``now`` is event time in ms."""
        row = self._row(key, table, now)
        fields: Mapping[str, Any] = row[_FIELDS] if row is not None else {}
        return fields

    def counted(self, key: str, table: str, name: str, now: int) -> int:
        """Return a counter of the session."""
        row = self._row(key, table, now)
        return int(row[_COUNTS].get(name, 0)) if row is not None else 0

    def write(self, key: str, table: str, now: int, fields: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        """Give fields to the session and add to its counters; opens it where there is none."""
        row = self._row(key, table, now)
        known, counters = (dict(row[_FIELDS]), dict(row[_COUNTS])) if row is not None else ({}, {})
        known |= fields
        for name, number in counts.items():
            counters[name] = min(counters.get(name, 0) + number, _MOST)
        self.forget(key)
        self[key] = [self._next_order(), now, known, counters]
        self._weigh(key)
        self._shrink()

    def forget(self, key: str) -> None:
        """Close the session."""
        self._total -= self._sizes.pop(key, 0)
        self.discard(key)

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers: the order of writing is what the rows say."""
        super().recall(blobs)
        rows = sorted(self.items(), key=lambda item: item[1][_ORDER])
        dict.clear(self)
        self._sizes.clear()
        self._total = 0
        for key, row in rows:
            dict.__setitem__(self, key, row)
            self._weigh(key)

    def _row(self, key: str, table: str, now: int) -> list[Any] | None:
        row: list[Any] | None = self.get(key)
        if row is not None and now - row[_TIME] > self._ages[table]:
            self.forget(key)
            return None
        return row

    def _next_order(self) -> int:
        return 1 + next((row[_ORDER] for row in reversed(self.values())), 0)

    def _weigh(self, key: str) -> None:
        self._sizes[key] = size = _ROW + len(key) + len(json.dumps(self[key]))
        self._total += size

    def _shrink(self) -> None:
        while self._total > self._limit:
            self.forget(next(iter(self)))
            self.evicted += 1

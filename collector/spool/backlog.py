"""In: what was committed and what was passed. Out: what waits, without counting rows in the hot loop.

What a sink has not passed is the newest part of a stream, so what nobody may delete yet is the longest such part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.spool import cursors, streams
from collector.spool.streams import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.spool.cursors import Cursors
    from collector.spool.database import Database

Amount = tuple[int, int, int]
"""Rows, documents, bytes."""

_NONE: Amount = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Pending:
    """What a sink has not passed yet; ``oldest`` is the commit time (ms) of the oldest row."""

    batches: int
    documents: int
    bytes: int
    oldest: int | None

    def __bool__(self) -> bool:
        """Say whether anything waits."""
        return self.batches > 0


class Backlog:
    """Running totals by sink and stream. ``waiting`` and ``held`` are plain numbers that any thread may read."""

    def __init__(self, db: Database, cursors: Cursors) -> None:
        self._db = db
        self._cursors = cursors
        self._amounts: dict[tuple[str, str], Amount] = {}
        self.waiting = 0
        """Bytes of documents and alerts that a required sink has not passed."""
        self.held = 0
        """Bytes of documents that any configured sink has not passed."""

    def measure(self) -> None:
        """Count everything: once, when the sinks are configured."""
        self._amounts.clear()
        for kind in KINDS:
            for stream in cursors.present(self._db, kind):
                self._count(stream)
        self._sum_up()

    def recount(self, stream: str) -> None:
        """Count one stream again, after rows were taken out of its middle."""
        self._count(stream)
        self._sum_up()

    def add(self, amounts: Iterable[tuple[str, Amount]]) -> None:
        """Add what a commit wrote, by stream."""
        for stream, amount in amounts:
            for sink in self._cursors.taking(streams.kind(stream)):
                self._change(sink, stream, amount, 1)
        self._sum_up()

    def take(self, sink: str, stream: str, amount: Amount) -> None:
        """Take off what a sink has passed."""
        self._change(sink, stream, amount, -1)
        self._sum_up()

    def pending(self, sink: str) -> Pending:
        """Return what a sink has not passed."""
        with self._db.lock:
            mine = {stream: amount for (name, stream), amount in self._amounts.items() if name == sink}
            rows, documents, size = (sum(amount[i] for amount in mine.values()) for i in range(3))
            times = [cursors.oldest(self._db, stream, self._cursors.after(sink, stream)) for stream, amount in mine.items() if amount[0]]
        return Pending(rows, documents, size, min((time for time in times if time is not None), default=None))

    def _count(self, stream: str) -> None:
        for sink in self._cursors.taking(streams.kind(stream)):
            self._amounts[sink, stream] = cursors.count(self._db, stream, self._cursors.after(sink, stream))

    def _change(self, sink: str, stream: str, amount: Amount, sign: int) -> None:
        old = self._amounts.get((sink, stream), _NONE)
        self._amounts[sink, stream] = (old[0] + sign * amount[0], old[1] + sign * amount[1], old[2] + sign * amount[2])

    def _most(self, stream: str, sinks: Iterable[str]) -> int:
        return max((self._amounts.get((sink, stream), _NONE)[2] for sink in sinks), default=0)

    def _sum_up(self) -> None:
        seen = {stream for _, stream in self._amounts}
        self.waiting = sum(self._most(stream, self._cursors.taking(streams.kind(stream), required=True)) for stream in seen)
        self.held = sum(self._most(stream, self._cursors.taking("document")) for stream in seen if streams.kind(stream) == "document")

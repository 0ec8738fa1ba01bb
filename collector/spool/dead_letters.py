"""In: documents that a sink refused. Out: the table ``dead_letter``, bounded: the oldest go first."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.spool.packing import compress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.model.document import Delivery, Parcel
    from collector.spool.database import Database

DAMAGED = "damaged"
"""Stands in place of a sink: the row is a stored blob that does not match its checksum."""
_REASON = 4096


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused document. ``time`` in ms; ``document_id`` is empty and ``body`` no document where a whole blob was damaged."""

    id: int
    time: int
    sink: str
    stream: str
    document_id: str
    reason: str
    body: bytes

    def document(self) -> bytes | None:
        """Return the JSON that was refused; None for a damaged blob."""
        try:
            return gzip.decompress(self.body) if self.document_id else None
        except (gzip.BadGzipFile, zlib.error, EOFError):
            return None


@dataclass(frozen=True, slots=True)
class Letter:
    """A row to be."""

    sink: str
    stream: str
    document_id: str
    reason: str
    body: bytes


def of(sink: str, parcel: Parcel, delivery: Delivery) -> list[Letter]:
    """Return the rows of what a delivery rejected; unpacks the parcel only then."""
    if not delivery.rejected:
        return []
    reasons = dict(delivery.rejected)
    return [Letter(sink, parcel.stream, document.id, reasons[document.id][:_REASON], compress(document.body)) for document in parcel.documents() if document.id in reasons]


class DeadLetters:
    """Writes within the caller's transaction; ``forget`` what was summed up if that transaction fails."""

    def __init__(self, db: Database, most: int) -> None:
        self._db = db
        self._most = most
        self._bytes: int | None = None

    def put(self, letters: Sequence[Letter], now_ms: int) -> int:
        """Write rows; return how many of the oldest went to keep within the limit."""
        if not letters:
            return 0
        if self._bytes is None:
            self._bytes = count(self._db)[1]
        self._db.many(
            "insert into dead_letter(time, sink, stream, document_id, reason, body) values(?, ?, ?, ?, ?, ?)",
            [(now_ms, letter.sink, letter.stream, letter.document_id, letter.reason, letter.body) for letter in letters],
        )
        self._bytes += sum(len(letter.body) for letter in letters)
        gone = 0
        while self._bytes > self._most:
            identity, size = self._db.rows("select id, length(body) from dead_letter order by id limit 1")[0]
            self._db.run("delete from dead_letter where id = ?", identity)
            self._bytes -= size
            gone += 1
        return gone

    def forget(self) -> None:
        """Sum up anew."""
        self._bytes = None


def read(db: Database, limit: int, offset: int = 0) -> list[DeadLetter]:
    """Return rows, newest first."""
    return [DeadLetter(*row) for row in db.rows("select id, time, sink, stream, document_id, reason, body from dead_letter order by id desc limit ? offset ?", limit, offset)]


def count(db: Database) -> tuple[int, int, int | None]:
    """Return how many, their bytes, and the time of the oldest."""
    rows, size, oldest = db.rows("select count(*), coalesce(sum(length(body)), 0), min(time) from dead_letter")[0]
    return rows, size, oldest

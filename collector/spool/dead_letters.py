"""In: documents that a sink refused. Out: the table ``dead_letter``, bounded: the oldest go first."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.model.document import Document, Parcel, bulk
from collector.spool.packing import compress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.model.document import Delivery
    from collector.spool.database import Database

DAMAGED = "damaged"
"""Stands in place of a sink: the row is a stored blob that does not match its checksum."""
AT_ONCE = 500
"""Dead letters that are sent again together."""
_REASON = 4096
_COLUMNS = "id, time, sink, stream, document_id, reason, body, retry"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused document. ``time`` in ms; ``document_id`` is empty and ``body`` no document where a whole blob was damaged. ``retry``: it is to be sent again."""

    id: int
    time: int
    sink: str
    stream: str
    document_id: str
    reason: str
    body: bytes
    retry: bool

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


@dataclass(frozen=True, slots=True)
class Retry:
    """Dead letters of one stream, on their way again. ``letters`` are (row, id of the document)."""

    parcel: Parcel
    letters: tuple[tuple[int, str], ...]


class DeadLetters:
    """Writes within the caller's transaction; ``forget`` what was summed up if that transaction fails."""

    def __init__(self, db: Database, most: int) -> None:
        self._db = db
        self._most = most
        self._bytes: int | None = None
        self._version = 0

    def put(self, letters: Sequence[Letter], now_ms: int) -> int:
        """Write rows; return how many of the oldest went to keep within the limit."""
        if not letters:
            return 0
        version = self._db.value("pragma data_version")
        if self._bytes is None or version != self._version:  # somebody else has written: perhaps purged
            self._bytes, self._version = count(self._db)[1], version
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

    def settle(self, retry: Retry, delivery: Delivery, now_ms: int) -> None:
        """Delete what was delivered at last; what was refused again waits for somebody to ask again."""
        reasons = dict(delivery.rejected)
        self._db.many("delete from dead_letter where id = ?", [(row,) for row, document in retry.letters if document not in reasons])
        again = [(now_ms, reasons[document][:_REASON], row) for row, document in retry.letters if document in reasons]
        self._db.many("update dead_letter set time = ?, reason = ?, retry = 0 where id = ?", again)
        self.forget()

    def forget(self) -> None:
        """Sum up anew."""
        self._bytes = None


def marked(db: Database, sink: str) -> Retry | None:
    """Return the oldest letters of a sink that are to be sent again, as far as they are of one stream."""
    found = [DeadLetter(*row) for row in db.rows(f"select {_COLUMNS} from dead_letter where sink = ? and retry = 1 order by id limit ?", sink, AT_ONCE)]  # noqa: S608 - own names
    documents = [(letter, letter.document()) for letter in found if letter.stream == found[0].stream]
    damaged = [(letter.id,) for letter, body in documents if body is None]
    if damaged:
        db.many("update dead_letter set retry = 0, reason = 'damaged on the disk: ' || reason where id = ?", damaged)
    whole = [(letter, Document(letter.document_id, body)) for letter, body in documents if body is not None]
    if not whole:
        return None
    parcel = Parcel(0, found[0].stream, len(whole), bulk(document for _, document in whole))
    return Retry(parcel, tuple((letter.id, letter.document_id) for letter, _ in whole))


def read(db: Database, limit: int, offset: int = 0, sink: str | None = None) -> list[DeadLetter]:
    """Return rows, newest first."""
    sql = f"select {_COLUMNS} from dead_letter where ?3 is null or sink = ?3 order by id desc limit ?1 offset ?2"  # noqa: S608 - own names
    return [DeadLetter(*row) for row in db.rows(sql, limit, offset, sink)]


def one(db: Database, number: int) -> DeadLetter | None:
    """Return the row of that number."""
    row = db.one(f"select {_COLUMNS} from dead_letter where id = ?", number)  # noqa: S608 - own names
    return None if row is None else DeadLetter(*row)


def numbers(db: Database, sink: str | None, before: int | None) -> list[int]:
    """Return the rows of a sink (None: of all) that are older than a time in ms."""
    return [row for (row,) in db.rows("select id from dead_letter where (?1 is null or sink = ?1) and (?2 is null or time < ?2) order by id", sink, before)]


def count(db: Database) -> tuple[int, int, int | None]:
    """Return how many, their bytes, and the time of the oldest."""
    rows, size, oldest = db.rows("select count(*), coalesce(sum(length(body)), 0), min(time) from dead_letter")[0]
    return rows, size, oldest

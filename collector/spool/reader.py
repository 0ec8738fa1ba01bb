"""In: a database. Out: what people ask of it: alerts, dead letters, tallies, figures. Works beside a running service."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.errors import SpoolError
from collector.spool import cursors, dead_letters, tallies
from collector.spool.streams import KINDS

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from collector.spool.database import Database
    from collector.spool.dead_letters import DeadLetter

_NAMED = 5


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """An alert's columns. ``time`` is event time, ``committed`` when it reached the spool, both in ms; ``group`` as ``field=value``."""

    id: str
    time: int
    rule: str
    severity: int
    group: str
    stream: str
    committed: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a sink has not passed of a stream."""

    sink: str
    stream: str
    batches: int
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures for ``spool status``; counted row by row, so not for every second. ``memory`` in bytes by owner."""

    seq: int
    run: int
    document_rows: int
    document_bytes: int
    alerts: int
    dead_letters: int
    dead_letter_bytes: int
    oldest_dead_letter: int | None
    file_bytes: int
    memory: dict[str, int]
    waiting: tuple[Waiting, ...]


class Reader:
    """Questions that write nothing. Every method raises SpoolError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; may be called twice."""
        self._db.close()

    def alerts(self, since: int | None = None, rule: str | None = None, severity_at_least: int = 0, limit: int = 100) -> list[AlertSummary]:
        """Return the latest alerts by event time (ms), newest first."""
        rows = self._db.rows(
            """select id, time, rule, severity, group_key, stream, committed from alert
            where time >= ?1 and severity >= ?2 and (?3 is null or rule = ?3) order by time desc, seq desc, n desc limit ?4""",
            -(1 << 63) if since is None else since, severity_at_least, rule, limit,
        )  # fmt: skip
        return [AlertSummary(*row) for row in rows]

    def alert(self, prefix: str) -> bytes | None:
        """Return the one document whose id begins so; None if there is none, SpoolError if there are several."""
        rows = self._db.rows("select id, body from alert where id >= ?1 and substr(id, 1, length(?1)) = ?1 order by id limit ?2", prefix, _NAMED)
        if len(rows) > 1:
            raise SpoolError(f"several alerts begin with {prefix!r}: {', '.join(row[0] for row in rows)}", hint="give more of the id")
        if not rows:
            return None
        try:
            return gzip.decompress(rows[0][1]).split(b"\n")[1]
        except (gzip.BadGzipFile, zlib.error, EOFError, IndexError) as error:
            raise SpoolError(f"alert {rows[0][0]} is damaged in the spool: {error}", hint="check the disk") from error

    def dead_letters(self, limit: int = 100, offset: int = 0) -> list[DeadLetter]:
        """Return refused documents, newest first."""
        return dead_letters.read(self._db, limit, offset)

    def dead_letter_count(self) -> int:
        """Return how many refused documents are kept."""
        return dead_letters.count(self._db)[0]

    def tallies(self, dimension: str, since_hour: int, until_hour: int, limit: int = 20) -> list[tuple[str, int]]:
        """Return (key, n), most first, for hours since the epoch in [since, until); ``other`` is what had no room of its own."""
        return tallies.read(self._db, dimension, since_hour, until_hour, limit)

    def statistics(self) -> Statistics:
        """Count everything."""
        with self._db.lock:
            seq, run = self._db.rows("select seq, run from meta")[0]
            rows, size = self._db.rows("select count(*), coalesce(sum(length(body)), 0) from document")[0]
            letters, letter_bytes, oldest = dead_letters.count(self._db)
            return Statistics(
                seq=seq,
                run=run,
                document_rows=rows,
                document_bytes=size,
                alerts=self._db.value("select count(*) from alert"),
                dead_letters=letters,
                dead_letter_bytes=letter_bytes,
                oldest_dead_letter=oldest,
                file_bytes=self._db.value("select page_count * page_size from pragma_page_count(), pragma_page_size()"),
                memory=dict(self._db.rows("select owner, sum(length(blob)) from memory group by owner order by owner")),
                waiting=tuple(self._waiting()),
            )

    def _waiting(self) -> list[Waiting]:
        table = cursors.Cursors(self._db)
        kinds = self._db.rows("select sink, stream from cursor where stream in (?, ?) order by sink, stream", *KINDS)
        return [Waiting(sink, stream, *cursors.count(self._db, stream, table.after(sink, stream))) for sink, kind in kinds for stream in cursors.present(self._db, kind)]

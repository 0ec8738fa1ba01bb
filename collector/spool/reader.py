"""In: a database. Out: what people ask of it: alerts, dead letters, tallies, figures. Works beside a running service."""

from __future__ import annotations

import gzip
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.errors import SpoolError
from collector.model import json
from collector.spool import cursors, dead_letters, laps, rescue, schema, tallies
from collector.spool.database import Database
from collector.spool.streams import KINDS

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

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
    oldest: int | None
    """When the oldest of it was committed, in ms."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures for ``spool status``; counted row by row, so not for every second.

    ``memory`` by owner: bytes written since its last whole lap, and the bytes of that lap.
    """

    seq: int
    run: int
    document_rows: int
    document_bytes: int
    alerts: int
    dead_letters: int
    dead_letter_bytes: int
    oldest_dead_letter: int | None
    file_bytes: int
    free_bytes: int
    """Of the file, within it: pages that new rows fill before it grows."""
    memory: dict[str, tuple[int, int]]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class SinkState:
    """A sink as its cursors show it: ``seq`` is the least that it has passed, ``moved`` when it last took something, in ms."""

    sink: str
    seq: int
    moved: int | None


def database(folder: Path, *, read_only: bool) -> Database:
    """Open the file of a folder, beside a running service or without one. Makes none, and changes no format."""
    path = folder / rescue.NAME
    try:
        path.stat()
    except OSError as error:
        raise SpoolError(f"there is no spool to read in {folder}: {error.strerror}", hint="has mailvigil run with this state_dir, and may this user read it?") from error
    with ExitStack() as undo:
        db = Database(path, read_only=read_only)
        undo.callback(db.close)
        found = schema.version(db)
        if found < schema.VERSION:
            raise SpoolError(f"the spool has format {found}, this release reads {schema.VERSION}", hint="start the service: it brings the spool up to date")
        undo.pop_all()
    return db


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

    def dead_letters(self, limit: int = 100, offset: int = 0, sink: str | None = None) -> list[DeadLetter]:
        """Return refused documents, newest first."""
        return dead_letters.read(self._db, limit, offset, sink)

    def dead_letter(self, number: int) -> DeadLetter | None:
        """Return one refused document."""
        return dead_letters.one(self._db, number)

    def dead_letter_numbers(self, sink: str | None = None, before: int | None = None) -> list[int]:
        """Return the numbers of refused documents, of one sink or all, older than a time in ms."""
        return dead_letters.numbers(self._db, sink, before)

    def dead_letter_count(self) -> int:
        """Return how many refused documents are kept."""
        return dead_letters.count(self._db)[0]

    def tallies(self, dimension: str, since_hour: int, until_hour: int, limit: int = 20) -> list[tuple[str, int]]:
        """Return (key, n), most first, for hours since the epoch in [since, until); ``other`` is what had no room of its own."""
        return tallies.read(self._db, dimension, since_hour, until_hour, limit)

    def positions(self) -> list[tuple[str, bytes, int]]:
        """Return (source, its token, when it was last written or its path last seen)."""
        return self._db.rows("select source, token, seen from position order by source")

    def sinks(self) -> list[SinkState]:
        """Return the sinks that the last start configured."""
        rows = self._db.rows("select sink, min(seq), max(moved) from cursor where sink <> ? group by sink order by sink", cursors.NOBODY)
        return [SinkState(*row) for row in rows]

    def standing(self) -> tuple[dict[str, Any] | None, bool]:
        """Return what the agent said of itself with its last commit, and whether its run ended in order."""
        written, clean = self._db.rows("select standing, clean from meta")[0]
        return (None if written is None else json.loads(written)), bool(clean)

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
                free_bytes=self._db.value("select freelist_count * page_size from pragma_freelist_count(), pragma_page_size()"),
                memory=laps.Laps(self._db, 0).grown,
                waiting=tuple(self._waiting()),
            )

    def _waiting(self) -> list[Waiting]:
        table = cursors.Cursors(self._db)
        kinds = self._db.rows("select sink, stream from cursor where stream in (?, ?) order by sink, stream", *KINDS)
        found = []
        for sink, kind in kinds:
            for stream in cursors.present(self._db, kind):
                after = table.after(sink, stream)
                found.append(Waiting(sink, stream, *cursors.count(self._db, stream, after), cursors.oldest(self._db, stream, after)))
        return found

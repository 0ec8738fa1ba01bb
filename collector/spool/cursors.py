"""In: the configured sinks. Out: how far each is in each stream, and what every one of them has passed.

A row whose stream is ``alert`` or ``document`` says where streams of that table begin that have no row of their own yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from collector.spool import streams
from collector.spool.streams import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.spool.database import Database

ENDLESS = (1 << 63) - 1
"""Nobody waits: every seq is passed."""

NOBODY = ""
"""Owner of the rows that say where sinks without a cursor begin: written when a damaged file was rescued without its cursors."""


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """What the spool must know of a sink. One that is not ``required`` holds nothing back."""

    name: str
    required: bool = True
    only: Literal["all", "alerts", "events"] = "all"
    start: Literal["newest", "oldest"] = "newest"

    def takes(self, kind: Kind) -> bool:
        """Say whether the sink is sent what stands in that table."""
        return self.only == "all" or (self.only == "alerts") == (kind == "alert")


@dataclass(frozen=True, slots=True)
class Removed:
    """A sink that is configured no more, and how many documents and alerts it had not received."""

    name: str
    documents: int
    alerts: int


class Cursors:
    """The table ``cursor``. Writing methods run within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.sinks: dict[str, SinkSpec] = {}
        self.configured = False

    def configure(self, sinks: Sequence[SinkSpec], newest: int) -> list[Removed]:
        """Let cursors of other sinks go, begin those of new ones; a new spool's newest is 0."""
        self.sinks = {sink.name: sink for sink in sinks}
        self.configured = True
        known = [name for (name,) in self._db.rows("select distinct sink from cursor where sink <> ? order by sink", NOBODY)]
        removed = [self._removed(name) for name in known if name not in self.sinks]
        rescued = self._db.value("select 1 from cursor where sink = ?", NOBODY) is not None
        for sink in sinks:
            for kind in KINDS:
                if sink.takes(kind):
                    self._db.run("insert or ignore into cursor(sink, stream, seq) values(?, ?, ?)", sink.name, kind, 0 if rescued or sink.start == "oldest" else newest)
                else:
                    self._forget(sink.name, kind)
        self._db.many("delete from cursor where sink = ?", [(name,) for name in (NOBODY, *(gone.name for gone in removed))])
        return removed

    def taking(self, kind: Kind, *, required: bool = False) -> list[str]:
        """Return the sinks that are sent what stands in that table, or only the required ones."""
        return [sink.name for sink in self.sinks.values() if sink.takes(kind) and (sink.required or not required)]

    def after(self, sink: str, stream: str) -> int:
        """Return the seq up to which the sink has passed the stream."""
        row = self._db.one(
            "select seq from cursor where sink = ?1 and stream in (?2, ?3) order by stream = ?2 desc limit 1",
            sink, stream, streams.kind(stream),
        )  # fmt: skip
        return 0 if row is None else int(row[0])

    def token(self, sink: str, stream: str) -> bytes | None:
        """Return what the sink gave with its last delivery of the stream; None if nothing, or after a jump."""
        token: bytes | None = self._db.value("select token from cursor where sink = ? and stream = ?", sink, stream)
        return token

    def move(self, sink: str, stream: str, seq: int, token: bytes | None, now_ms: int) -> None:
        """Move forward, never back: the cursor may have jumped meanwhile. A delivery without a token keeps the old one."""
        self._db.run(
            """insert into cursor(sink, stream, seq, token, moved) values(?, ?, ?, ?, ?)
            on conflict do update set seq = excluded.seq, token = coalesce(excluded.token, token), moved = excluded.moved""",
            sink, stream, max(seq, self.after(sink, stream)), token, now_ms,
        )  # fmt: skip

    def jump(self, sink: str, stream: str, seq: int) -> None:
        """Move over rows that are gone; the sink's own state of the stream holds no more."""
        self._db.run("insert into cursor(sink, stream, seq) values(?, ?, ?) on conflict do update set seq = excluded.seq, token = null", sink, stream, seq)

    def passed(self, stream: str, *, required: bool = False) -> int:
        """Return the seq that all sinks concerned, or all required ones, have passed."""
        return self.lowest(self.taking(streams.kind(stream), required=required), stream)

    def lowest(self, sinks: Iterable[str], stream: str) -> int:
        """Return the seq that all of these sinks have passed."""
        return min((self.after(sink, stream) for sink in sinks), default=ENDLESS)

    def _forget(self, sink: str, kind: Kind) -> None:
        had = [stream for (stream,) in self._db.rows("select stream from cursor where sink = ?", sink)]
        gone = [stream for stream in had if (stream if stream in KINDS else streams.kind(stream)) == kind]
        self._db.many("delete from cursor where sink = ? and stream = ?", [(sink, stream) for stream in gone])

    def _removed(self, sink: str) -> Removed:
        took = {stream for (stream,) in self._db.rows("select stream from cursor where sink = ?", sink)}
        unsent = {kind: sum(count(self._db, stream, self.after(sink, stream))[1] for stream in present(self._db, kind)) if kind in took else 0 for kind in KINDS}
        return Removed(sink, unsent["document"], unsent["alert"])


_PRESENT = """with recursive found(stream) as (
    select min(stream) from {0} union all select (select min(stream) from {0} where stream > found.stream) from found where found.stream is not null)
    select stream from found where stream is not null"""
_STREAMS: dict[Kind, str] = {kind: _PRESENT.format(kind) for kind in KINDS}
_COUNT: dict[Kind, str] = {
    "document": "select count(*), coalesce(sum(count), 0), coalesce(sum(length(body)), 0) from document where stream = ? and seq > ? and seq <= ?",
    "alert": "select count(*), count(*), coalesce(sum(length(body)), 0) from alert where stream = ? and seq > ? and seq <= ?",
}

_OLDEST: dict[Kind, str] = {
    "document": "select time from document where stream = ? and seq > ? order by seq limit 1",
    "alert": "select committed from alert where stream = ? and seq > ? order by seq limit 1",
}


def present(db: Database, kind: Kind) -> list[str]:
    """Return the streams of a table, by steps along its index: one look-up a stream, however many rows there are."""
    return [stream for (stream,) in db.rows(_STREAMS[kind])]


def count(db: Database, stream: str, after: int, upto: int = ENDLESS) -> tuple[int, int, int]:
    """Return (rows, documents, bytes) of a stream with after < seq <= upto."""
    rows, documents, size = db.rows(_COUNT[streams.kind(stream)], stream, after, upto)[0]
    return rows, documents, size


def oldest(db: Database, stream: str, after: int) -> int | None:
    """Return when the first row behind ``after`` was committed, in ms."""
    time: int | None = db.value(_OLDEST[streams.kind(stream)], stream, after)
    return time

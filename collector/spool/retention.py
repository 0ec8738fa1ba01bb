"""In: what the sinks have passed, and the time. Out: rows that may go, in steps that are never long.

Documents go when every configured sink has passed them. Over the limit those go that only sinks have still to pass which are
not required: their cursors jump. Alerts go by age, but never before each required sink has passed them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.spool import cursors as cursor_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.spool.backlog import Amount
    from collector.spool.cursors import Cursors
    from collector.spool.database import Database

STEP = 256
"""Rows of one stream that one transaction deletes."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Jump:
    """A sink's cursor moved over rows that it had not passed."""

    sink: str
    stream: str
    amount: Amount


class Retention:
    """Deletes within the caller's transaction."""

    def __init__(self, db: Database, cursors: Cursors) -> None:
        self._db = db
        self._cursors = cursors

    def passed(self, stream: str, most: int) -> int:
        """Delete at most ``most`` document rows that every configured sink has passed, oldest first; return how many went."""
        return self._db.run(
            "delete from document where rowid in (select rowid from document where stream = ? and seq <= ? order by seq limit ?)",
            stream, self._cursors.passed(stream), most,
        )  # fmt: skip

    def evict(self, excess: int) -> list[Jump]:
        """Delete the oldest rows that no required sink needs, at least ``excess`` bytes if there are so many; return which cursors jumped."""
        spare = [
            (seq, stream, size)
            for stream in cursor_table.present(self._db, "document")
            for seq, size in self._db.rows(
                "select seq, length(body) from document where stream = ? and seq <= ? order by seq limit ?",
                stream, self._cursors.passed(stream, required=True), STEP,
            )
        ]  # fmt: skip
        upto: dict[str, int] = {}
        for seq, stream, size in sorted(spare):
            if excess <= 0:
                break
            upto[stream] = seq
            excess -= size
        return [jump for stream, seq in upto.items() for jump in self._evict(stream, seq)]

    def _evict(self, stream: str, seq: int) -> list[Jump]:
        jumps = []
        for sink in self._cursors.taking("document"):
            after = self._cursors.after(sink, stream)
            if after < seq:
                jumps.append(Jump(sink, stream, cursor_table.count(self._db, stream, after, seq)))
                self._cursors.jump(sink, stream, seq)
        self._db.run("delete from document where stream = ? and seq <= ?", stream, seq)
        return jumps

    def old_alerts(self, before_ms: int) -> bool:
        """Delete alerts committed before that time which every required sink has passed; True if there may be more."""
        gone = [
            self._db.run(
                "delete from alert where rowid in (select rowid from alert where stream = ? and committed < ? and seq <= ? order by committed limit ?)",
                stream, before_ms, self._cursors.passed(stream, required=True), STEP,
            )
            for stream in cursor_table.present(self._db, "alert")
        ]  # fmt: skip
        return STEP in gone

    def old_positions(self, seen: Iterable[str], now_ms: int, days: int) -> list[str]:
        """Mark these sources as seen; delete and return those not seen for so many days."""
        self._db.many("update position set seen = ? where source = ?", [(now_ms, source) for source in seen])
        before = now_ms - days * DAY_MS
        gone = [source for (source,) in self._db.rows("select source from position where seen < ? order by source", before)]
        self._db.run("delete from position where seen < ?", before)
        return gone

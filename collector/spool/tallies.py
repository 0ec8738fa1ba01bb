"""In: counts by hour, dimension and key. Out: the table ``tally``: hours for 8 days, days for 400.

The first KEYS keys of an hour (or day) and dimension are kept apart, the rest goes under OTHER: attackers choose keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.spool.database import Database

KEYS = 1000
OTHER = "other"
HOURS = 8 * 24
DAYS = 400
_HOUR_MS = 3_600_000
_REMEMBERED = 32
"""Sets of known keys kept in memory, at most KEYS each."""

Span = tuple[str, int, str]
"""Unit (``h`` or ``d``), hours or days since the epoch, dimension."""


class Tallies:
    """Adds within the caller's transaction; ``forget`` what was seen if that transaction fails."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[Span, set[str]] = {}

    def add(self, counts: Mapping[tuple[int, str, str], int], now_ms: int) -> None:
        """Add counts. An hour that has not come yet counts as the present one, one that is over 8 days old as its day."""
        present = now_ms // _HOUR_MS
        spans: dict[Span, list[tuple[str, int]]] = {}
        for (hour, dimension, key), n in counts.items():
            if hour > present - HOURS:
                spans.setdefault(("h", min(hour, present), dimension), []).append((key, n))
            elif hour // 24 > present // 24 - DAYS:
                spans.setdefault(("d", hour // 24, dimension), []).append((key, n))
        for span, found in spans.items():
            self._put(span, found)

    def age(self, now_ms: int) -> bool:
        """Fold one dimension of the oldest hour into its day, let the oldest day go; True if there is more to do."""
        present = now_ms // _HOUR_MS
        self._db.run("delete from tally where unit = 'd' and start = (select min(start) from tally where unit = 'd') and start <= ?", present // 24 - DAYS)
        row = self._db.one("select start, dimension from tally where unit = 'h' and start <= ? order by start limit 1", present - HOURS)
        if row is None:
            return False
        hour, dimension = row
        self._put(("d", hour // 24, dimension), self._db.rows("select key, n from tally where unit = 'h' and start = ? and dimension = ?", hour, dimension))
        self._db.run("delete from tally where unit = 'h' and start = ? and dimension = ?", hour, dimension)
        return True

    def forget(self) -> None:
        """Read the known keys anew."""
        self._known.clear()

    def _put(self, span: Span, counts: Iterable[tuple[str, int]]) -> None:
        known = self._keys(span)
        rows = []
        for key, n in counts:
            if key not in known and len(known) < KEYS:
                known.add(key)
            rows.append((*span, key if key in known else OTHER, n))
        self._db.many("insert into tally values(?, ?, ?, ?, ?) on conflict do update set n = n + excluded.n", rows)

    def _keys(self, span: Span) -> set[str]:
        if span not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            rows = self._db.rows("select key from tally where unit = ? and start = ? and dimension = ? and key <> ?", *span, OTHER)
            self._known[span] = {key for (key,) in rows}
        return self._known[span]


def read(db: Database, dimension: str, since: int, until: int, limit: int) -> list[tuple[str, int]]:
    """Return (key, n), most first, of whole hours and days within since <= hour < until (hours since the epoch)."""
    return db.rows(
        """select key, sum(n) from tally
        where dimension = ?1 and ((unit = 'h' and start >= ?2 and start < ?3) or (unit = 'd' and start * 24 >= ?2 and start * 24 + 24 <= ?3))
        group by key order by sum(n) desc, key limit ?4""",
        dimension, since, until, limit,
    )  # fmt: skip

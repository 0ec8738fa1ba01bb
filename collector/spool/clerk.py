"""In: numbers of dead letters. Out: those marked to be sent again, or gone. Works beside a running service, and without one.

The only writer beside the service. It never touches what the service keeps sums of but the dead letters, whose sum the
service takes anew when another connection has written. Short transactions: the service waits for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.spool.reader import Reader, database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

STEP = 256
"""Rows that one transaction changes."""


class Clerk(Reader):
    """Answers questions, and sees to dead letters. Every method raises SpoolError."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the spool of a folder; makes none."""
        return cls(database(folder, read_only=False))

    def retry(self, numbers: Sequence[int]) -> int:
        """Mark documents to be sent again to the sink that refused them; return how many. The service takes them, or the next run."""
        return self._each("update dead_letter set retry = 1 where id = ? and document_id <> ''", numbers)

    def purge(self, numbers: Sequence[int]) -> int:
        """Delete for good; return how many there were."""
        return self._each("delete from dead_letter where id = ?", numbers)

    def _each(self, sql: str, numbers: Sequence[int]) -> int:
        changed = 0
        for start in range(0, len(numbers), STEP):
            with self._db.transaction():
                changed += self._db.many(sql, [(number,) for number in numbers[start : start + STEP]])
        return changed

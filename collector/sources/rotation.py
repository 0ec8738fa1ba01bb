"""In: what an open file, its path and the folder show. Out: what to do about it; nothing here touches a file.

The table is the whole decision. INTACT: the file is open and the bytes before the offset are those that were read.
BROKEN: it is the path's file, but those bytes are gone. GONE: no file is open, only a place is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from collector.sources.names import Rank


class Held(Enum):
    """What is known of the file that was read last."""

    INTACT = auto()
    BROKEN = auto()
    GONE = auto()


class At(Enum):
    """What stands at the configured path, compared with that file."""

    SAME = auto()
    OTHER = auto()
    """Another inode, or the same one with another generation."""
    MISSING = auto()


class Do(Enum):
    """What follows."""

    FOLLOW = auto()
    """Read on as it grows."""
    DRAIN = auto()
    """It was rotated. Its writer keeps it open until told otherwise: read to its end, wait the grace, then the next newer file."""
    RECOVER = auto()
    """Find the rest in the folder, by identity, then by content; then the newer files."""


ROWS = {
    (Held.INTACT, At.SAME): Do.FOLLOW,
    (Held.INTACT, At.OTHER): Do.DRAIN,
    (Held.INTACT, At.MISSING): Do.DRAIN,
    (Held.BROKEN, At.SAME): Do.RECOVER,
    (Held.GONE, At.OTHER): Do.RECOVER,
    (Held.GONE, At.MISSING): Do.RECOVER,
}


class Problem(Enum):
    """What was done to a log of which no rotated copy holds the rest; the values of mail.log.problem."""

    TRUNCATED = "truncated"
    """Shorter than what was read, and another content."""
    SHRUNK = "shrunk"
    """Shorter than what was read, and the same head: its end was cut off."""
    REWRITTEN = "inode-rewind"
    """As long or longer, but with other bytes."""


def problem(size: int, offset: int, same_head: bool) -> Problem:
    """Name what happened to a BROKEN file."""
    if size >= offset:
        return Problem.REWRITTEN
    return Problem.SHRUNK if same_head else Problem.TRUNCATED


@dataclass(frozen=True, slots=True)
class Copy:
    """A rotated file in the folder. ``changed`` is its mtime in ns."""

    path: Path
    rank: Rank
    device: int
    inode: int
    size: int
    changed: int

    @property
    def packed(self) -> bool:
        """A .gz."""
        return self.path.suffix == ".gz"


def in_order(copies: Sequence[Copy]) -> list[Copy]:
    """Sort from the oldest to the newest: by name within one naming scheme, by mtime where schemes are mixed.

    While a copy is being packed it lies there twice: the plain file is taken, which is whole.
    """
    mixed = len({copy.rank[0] for copy in copies}) > 1
    once: dict[Rank, Copy] = {}
    for copy in copies:
        if copy.rank not in once or not copy.packed:
            once[copy.rank] = copy
    return sorted(once.values(), key=lambda copy: (copy.changed, copy.rank[1]) if mixed else (copy.rank[1], copy.changed))


def newer(copies: Sequence[Copy], here: Copy | None, changed: int) -> list[Copy]:
    """Return what was rotated after ``here``; if that is None, what changed after ``changed``. ``copies`` are in order; empty ones hold nothing."""
    if here is not None:
        return [copy for copy in copies[copies.index(here) + 1 :] if copy.size]
    return [copy for copy in copies if copy.changed > changed and copy.size]

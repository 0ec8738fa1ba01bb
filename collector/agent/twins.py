"""In: two logs that begin with the same line. Out: which lines of one the other holds as well, at the same place.

Such lines have the same ids. One line alone says little: mail.err may begin with the line with which mail.log begins. So the
first bytes of both files are compared, as far as both go.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.model.identity import lineage
from collector.sources.framing import Framer

if TYPE_CHECKING:
    from pathlib import Path

REACH = 1 << 17
"""Two files whose first bytes, so many, are the same are taken for the same log."""


@dataclass(frozen=True, slots=True)
class Common:
    """What two files have in common: the first ``same`` bytes of ``head``."""

    head: bytes
    same: int
    apart: bool
    """What follows is there in both, and differs."""
    whole: bool
    """One file under two names, or the same as far as is looked."""

    def holds(self, offset: int) -> bool:
        """Say whether the other file holds the line that begins at ``offset``."""
        return self.whole or 0 < self.head.find(b"\n", offset) + 1 <= self.same


def compare(mine: Path, other: Path, first: bytes) -> Common | None:
    """Compare two files of the lineage ``first``; None where one of them cannot be read or is of another one by now."""
    try:
        with mine.open("rb") as my_file, other.open("rb") as other_file:
            my_status, other_status = os.fstat(my_file.fileno()), os.fstat(other_file.fileno())
            head, beside = my_file.read(REACH), other_file.read(REACH)
    except OSError:
        return None
    if not (first == _lineage(head) == _lineage(beside)):
        return None
    shorter = min(len(head), len(beside))
    same = shorter if head[:shorter] == beside[:shorter] else next(at for at, (one, two) in enumerate(zip(head, beside, strict=False)) if one != two)
    linked = (my_status.st_dev, my_status.st_ino) == (other_status.st_dev, other_status.st_ino)
    return Common(head, same, apart=same < shorter, whole=linked or same == REACH)


def _lineage(head: bytes) -> bytes | None:
    framer = Framer()
    framer.feed(head)
    lines = framer.take(1)
    return lineage(lines[0].raw) if lines else None

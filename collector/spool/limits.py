"""In: nothing. Out: Limits, and the judgement whether the feeder may read (Room)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MIB = 1 << 20
LEVELS = (50, 80)
"""Per cent of max_bytes that are worth a word, each once until the spool has fallen below it again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the spool may take, in bytes and days."""

    max_bytes: int = 1024 * MIB
    """Compressed documents that a required sink has not passed; then nothing more is read."""
    reserve: int = 16 * MIB
    """Above max_bytes, for alerts and the agent's own stream."""
    overflow: Literal["stop", "alerts_only"] = "stop"
    """At max_bytes: read nothing more, or go on and drop event documents only, until the reserve is used up."""
    min_free: int | None = None
    """Free space to leave on the file system; None: 256 MiB or 5 %, whichever is less."""
    ballast: int = 16 * MIB
    """At least twice the write-ahead log's limit (1,000 pages of 4 KiB): that log must be copied before rows can go."""
    dead_letter_bytes: int = 64 * MIB
    alert_days: int = 30
    position_days: int = 30
    """After so many days without its path a position goes."""
    lap: int = 8 * MIB
    """The least that an owner's memory grows between two laps."""

    @property
    def ceiling(self) -> int:
        """Return at how many waiting bytes reading stops."""
        return self.max_bytes + (self.reserve if self.overflow == "alerts_only" else 0)

    def free_wanted(self, disk: int) -> int:
        """Return the bytes to leave free on a file system of ``disk`` bytes."""
        return min(256 * MIB, disk // 20) if self.min_free is None else self.min_free


@dataclass(frozen=True, slots=True)
class Room:
    """Whether there is room. ``crossed`` and ``cleared`` are LEVELS reached and left since the last look."""

    read: bool
    """The feeder may read."""
    reason: Literal["", "spool", "disk"]
    percent: float
    """Of max_bytes."""
    waiting: int
    """Bytes that a required sink has not passed."""
    free: int
    ballast: bool
    crossed: tuple[int, ...] = ()
    cleared: tuple[int, ...] = ()


def judge(limits: Limits, waiting: int, free: int, disk: int, *, ballast: bool, before: float) -> Room:
    """Weigh what waits and what is free; ``before`` is the percentage at the last look."""
    percent = 100 * waiting / limits.max_bytes
    reason: Literal["", "spool", "disk"] = ""
    if waiting >= limits.ceiling:
        reason = "spool"
    elif not ballast or free < limits.free_wanted(disk):
        reason = "disk"
    crossed = tuple(level for level in LEVELS if before < level <= percent)
    cleared = tuple(level for level in LEVELS if percent < level <= before)
    return Room(not reason, reason, percent, waiting, free, ballast, crossed, cleared)

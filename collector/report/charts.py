"""In: a summary. Out: places of bars and points in percent of a picture, so that one drawing fits every width."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from collector.report.alerts import LEVELS
from collector.report.classes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.report.alerts import Told
    from collector.report.summary import Bar, Summary

GAP = 0.18
"""The part of a bar's room that stays empty."""
TICKS = 4
LABELS = 8
"""About so many labels stand below the hours."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a bar: the class of its events, top and height."""

    name: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A bar of one span of time."""

    bar: Bar
    x: float
    width: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """Events by time: bars, (height, events) of the lines across, (place, ms) of the labels below."""

    columns: tuple[Column, ...]
    ticks: tuple[tuple[float, int], ...]
    labels: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """Alerts of one level: (place, alert)."""

    level: str
    points: tuple[tuple[float, Told], ...]


def hours(summary: Summary) -> Hours:
    """Return the picture of hours."""
    room = 100 / len(summary.bars)
    top = ceiling(max(sum(bar.counts) for bar in summary.bars))
    columns = tuple(Column(bar, (number + GAP / 2) * room, (1 - GAP) * room, _parts(bar.counts, top)) for number, bar in enumerate(summary.bars))
    ticks = tuple((100 - 100 * number / TICKS, top * number // TICKS) for number in range(TICKS + 1))
    every = max(1, len(summary.bars) // LABELS)
    return Hours(columns, ticks, tuple((number * room, bar.start) for number, bar in enumerate(summary.bars) if number % every == 0))


def _parts(counts: Sequence[int], top: int) -> tuple[Part, ...]:
    below = accumulate(counts)
    return tuple(Part(one.name, 100 - 100 * total / top, 100 * count / top) for one, count, total in zip(CLASSES, counts, below, strict=True) if count)


def lanes(summary: Summary) -> tuple[Lane, ...]:
    """Return the alerts by level and time; every level has its lane."""
    length = summary.end - summary.start
    return tuple(Lane(level, tuple((100 * (one.time - summary.start) / length, one) for one in summary.alerts if one.level == level)) for level in LEVELS)


def ceiling(most: int) -> int:
    """Return the number at the top of a scale: the next round one that can be cut into whole parts."""
    power = 1
    while True:
        for round_one in (4, 8, 12, 20, 32):
            if round_one * power >= most:
                return round_one * power
        power *= 10

"""In: ms since the epoch. Out: text, spans of time as content files write them, and whether one has passed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

AHEAD = 5 * 60_000
"""A stamp further ahead of the clock than this (ms) is one of a broken clock."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SPAN = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_THOUSANDTHS = tuple(f".{number:03d}Z" for number in range(1000))
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def passed(since: int, now: int, span: int) -> bool:
    """Say whether so much time (ms) has passed; a clock that was set back must not make anybody wait until it is where it was."""
    return abs(now - since) >= span


def moment(ms: int) -> datetime:
    """Return an aware datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def since_epoch(time: datetime) -> int:
    """Return ms since the epoch of an aware datetime."""
    return (time - _EPOCH) // _MS


def iso(ms: int) -> str:
    """Return ``2026-11-24T10:00:00.000Z``."""
    return _second(ms // 1000) + _THOUSANDTHS[ms % 1000]


@lru_cache(1024)
def _second(seconds: int) -> str:
    return moment(seconds * 1000).isoformat()[:19]


def span(text: str) -> int:
    """Return the ms of ``90s``, ``10m``, ``4h``, ``30d``; raises ValueError for anything else."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no span of time: write a number and ms, s, m, h or d")
    return int(match[1]) * _UNITS[match[2]]


def in_words(ms: int) -> str:
    """Return ``10 min``, ``2 h``, ``45 s`` for people."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= size and ms % size == 0:
            return f"{ms // size} {unit}"
    return f"{ms / 1000:g} s"

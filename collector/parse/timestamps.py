"""In: a stamp as text, with the reference clock and zone where it names no year or zone. Out: ms since the epoch, or None for no stamp."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from collector.model.moment import moment, since_epoch

_DAY = 86_400_000
_MONTHS = {name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
_LEAP_GAP = 8
"""1896 to 1904: the longest that 29 February can be away."""


def rfc3339(text: str) -> int | None:
    """Read a stamp that names its year and its offset; RFC 3339. Years that no log has, before the epoch, make it none."""
    try:
        time = datetime.fromisoformat(text)
        ms = since_epoch(time.astimezone(UTC)) if time.tzinfo is not None else -1
    except (ValueError, OverflowError):
        return None
    return ms if ms >= 0 else None


def rfc3164(month: str, day: str, clock: str, near_ms: int, zone: str) -> int | None:
    """Read ``Nov``, ``24``, ``10:00:00`` in an IANA zone: of all years the one nearest to ``near_ms`` and at most a day after it; RFC 3164 4.1.2.

    Of an hour that a clock change repeats, the first is meant; an hour that it skips is read with the offset before.
    """
    number = _MONTHS.get(month)
    second = int(clock[6:])
    if number is None or second > 59:  # noqa: PLR2004 - no system logs the leap second
        return None
    near_year = _year(near_ms // _DAY)
    for year in range(near_year + 1, near_year - _LEAP_GAP - 1, -1):
        minute = _minute(year, number, day, clock[:5], zone)
        if minute is not None and minute + second * 1000 <= near_ms + _DAY:
            return minute + second * 1000
    return None


@lru_cache(64)
def _year(day: int) -> int:
    return moment(day * _DAY).year


@lru_cache(8192)
def _minute(year: int, month: int, day: str, clock: str, zone: str) -> int | None:
    hour, _, minute = clock.partition(":")
    try:
        return since_epoch(datetime(year, month, int(day), int(hour), int(minute), tzinfo=ZoneInfo(zone)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None

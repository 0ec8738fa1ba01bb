"""In: maintenance windows as the site writes them, and its time zone. Out: Windows, which say whether a moment lies inside one.

Two forms: ``2026-12-01T22:00/2026-12-02T02:00`` (once) and ``Sun 02:00-04:00`` (each week; an end that is not after its
begin lies on the next day). Both are wall-clock times of the zone; the begin belongs to the window, the end does not.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from collector.model.moment import moment, since_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ONCE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)/(\d{4}-\d\d-\d\dT\d\d:\d\d)", re.ASCII)
_WEEKLY = re.compile(rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DAY = 24 * 60
_WEEK = 7 * _DAY
_MINUTE = 60_000
_REMEMBERED = 4096


class Windows:
    """The windows of a site; true where there are any. Raises ValueError for a text of neither form."""

    def __init__(self, texts: Iterable[str], zone: str = "UTC") -> None:
        self._zone = ZoneInfo(zone)
        self._once: list[tuple[int, int]] = []
        self._weekly: list[tuple[int, int]] = []
        """First minute of the week (Monday 00:00 is 0) and length in minutes."""
        self._known: dict[int, bool] = {}
        for text in texts:
            self._read(text)

    def __bool__(self) -> bool:
        """Say whether there is any window."""
        return bool(self._once or self._weekly)

    def _read(self, text: str) -> None:
        once, weekly = _ONCE.fullmatch(text), _WEEKLY.fullmatch(text)
        if once is not None:
            begin, end = (since_epoch(datetime.fromisoformat(part).replace(tzinfo=self._zone)) for part in once.groups())
            if end <= begin:
                raise ValueError(f"{text!r} ends before it begins")
            self._once.append((begin, end))
        elif weekly is not None:
            first, last = (int(weekly[hour]) * 60 + int(weekly[hour + 1]) for hour in (2, 4))
            self._weekly.append((_DAYS.index(weekly[1]) * _DAY + first, (last - first - 1) % _DAY + 1))
        else:
            raise ValueError(f"{text!r} is no maintenance window: write 2026-12-01T22:00/2026-12-02T02:00 or Sun 02:00-04:00")

    def hold(self, time: int) -> bool:
        """Say whether a moment (ms since the epoch) lies inside a window."""
        minute = time // _MINUTE
        known = self._known.get(minute)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[minute] = self._inside(minute * _MINUTE)
        return known

    def _inside(self, time: int) -> bool:
        if any(begin <= time < end for begin, end in self._once):
            return True
        local = moment(time).astimezone(self._zone)
        now = local.weekday() * _DAY + local.hour * 60 + local.minute
        return any((now - begin) % _WEEK < length for begin, length in self._weekly)

"""In: names and sizes of the files of one folder, and the time. Out: which file is whose, which comes next, which have aged. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from collector.model.moment import iso, since_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAY = 86_400_000
_NAME = re.compile(r"(?P<stream>[A-Za-z0-9][A-Za-z0-9._-]*)-(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:_(?P<part>(?!0000)[0-9]{4}|[1-9][0-9]{4,8}))?\.ndjson(?P<gz>\.gz)?")


@dataclass(frozen=True, order=True, slots=True)
class FileName:
    """``logs-mail.postfix-default-2026-11-24.ndjson``, then ``-2026-11-24_0001.ndjson``; names of a stream sort as they were begun."""

    stream: str
    day: str
    part: int = 0
    compressed: bool = False

    def __str__(self) -> str:
        """Write it as it stands in the folder."""
        return f"{self.stream}-{self.day}{f'_{self.part:04}' if self.part else ''}.ndjson{'.gz' if self.compressed else ''}"

    @classmethod
    def read(cls, text: str) -> FileName | None:
        """Return None for what no file sink has written."""
        match = _NAME.fullmatch(text)
        if match is None or _midnight(match["day"]) is None:
            return None
        return cls(match["stream"], match["day"], int(match["part"] or 0), match["gz"] is not None)

    @property
    def ends(self) -> int:
        """When its day is over, in ms since the epoch."""
        return (_midnight(self.day) or 0) + DAY


def _midnight(day: str) -> int | None:
    try:
        return since_epoch(datetime.fromisoformat(day).replace(tzinfo=UTC))
    except ValueError:
        return None


def day(now: int) -> str:
    """Return the day (UTC) of a time in ms."""
    return iso(now)[:10]


def following(present: Iterable[FileName], stream: str, now: int, *, compressed: bool) -> FileName:
    """Return the name of a new file that sorts behind all of its stream's, even if the clock was set back."""
    today = FileName(stream, day(now), 0, compressed)
    last = max((name for name in present if name.stream == stream), default=None)
    if last is None or last.day < today.day:
        return today
    return FileName(stream, last.day, last.part + 1, compressed)


def aged(sizes: Mapping[FileName, int], now: int, keep: int | None, max_bytes: int | None) -> list[FileName]:
    """Return what must go: days that ended more than ``keep`` ms ago, then the oldest until all fit in ``max_bytes``.

    For its size the newest file of a stream never goes: it is being written.
    """
    gone = [name for name in sizes if keep is not None and name.ends + keep <= now]
    if max_bytes is None:
        return gone
    left = sorted(sizes.keys() - set(gone), key=lambda name: (name.day, name.part, name.stream))
    newest = {name.stream: name for name in sorted(left)}
    total = sum(sizes[name] for name in left)
    for name in left:
        if total <= max_bytes:
            break
        if newest[name.stream] != name:
            gone.append(name)
            total -= sizes[name]
    return gone

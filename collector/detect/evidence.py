"""In: the redacted lines of events that hit a rule. Out: the lines behind an alert's event ids, as long as the ring holds them.

The ring is its deltas: what a batch adds is written once, no lap follows, and the newest deltas that still hold a living
line are enough. Lines leave one by one, so what it holds does not depend on where batches were cut.

A blob is rows of id (16 bytes), length (4 bytes, big-endian), text in UTF-8.
"""

from __future__ import annotations

import struct
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from collector.errors import SpoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LINE = 4096
"""The most bytes that are kept of a line: few long ones must not drive out many."""

_ROW = struct.Struct(">16sI")
_OVERHEAD = 216
"""Bytes that a row takes in memory beside its text."""
_WIDEST = 4
"""Bytes that a character takes in memory at most, where not all are ASCII."""


class Evidence:
    """See Remembers. ``budget`` in bytes."""

    name = "detect.evidence"

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lines: dict[bytes, str] = {}
        self._order: deque[bytes] = deque()
        self._written: deque[int] = deque()
        self._size = self._new = 0

    def add(self, event: bytes, line: str) -> None:
        """Keep an event's line; once an event. An event that no line gave has an empty one."""
        if event not in self._lines:
            self._new += 1
            self._append(event, line if line.isascii() and len(line) <= LINE else _text(line.encode("utf-8", "backslashreplace")[:LINE]))

    def _append(self, event: bytes, line: str) -> None:
        self._lines[event] = line
        self._order.append(event)
        self._size += _cost(line)
        while self._size > self._budget:
            self._size -= _cost(self._lines.pop(self._order.popleft()))

    def lines(self, events: Sequence[bytes]) -> tuple[tuple[str, ...], int]:
        """Return the lines of events in the order given, and how many have left the ring."""
        found = [self._lines.get(event) for event in events]
        return tuple(line for line in found if line), sum(line is None for line in found)

    def delta(self) -> bytes:
        """See Remembers."""
        if not self._new:
            return b""
        self._written.append(self._new)
        alive = min(self._new, len(self._order))
        self._new = 0
        events = list(islice(reversed(self._order), alive))
        rows = [(event, self._lines[event].encode()) for event in reversed(events)]
        return b"".join([_ROW.pack(event, len(line)) + line for event, line in rows])

    def lap(self) -> Iterator[bytes]:
        """See Remembers: there is none."""
        yield from ()

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers. Raises SpoolError for a damaged blob."""
        for held in (self._lines, self._order, self._written):
            held.clear()
        self._size = self._new = 0
        for blob in blobs:
            at = n = 0
            while at < len(blob):
                if at + _ROW.size > len(blob):
                    raise SpoolError("the memory of evidence is damaged")
                event, length = _ROW.unpack_from(blob, at)
                end = at + _ROW.size + length
                self._append(event, _text(blob[at + _ROW.size : end]))
                at, n = end, n + 1
            self._written.append(n)

    def keep(self) -> int | None:
        """See Remembers: the newest deltas that hold every living line."""
        living = len(self._order) - min(self._new, len(self._order))
        held = kept = 0
        for number in reversed(self._written):
            if held >= living:
                break
            held += number
            kept += 1
        while len(self._written) > kept:
            self._written.popleft()
        return kept


def _text(line: bytes) -> str:
    """Return a line that was cut anywhere, without the character that the cut went through."""
    return line.decode("utf-8", "ignore")


def _cost(line: str) -> int:
    return _OVERHEAD + (len(line) if line.isascii() else _WIDEST * len(line))

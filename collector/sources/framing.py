"""In: the bytes of a file, cut anywhere. Out: its lines, the same for every cut.

A line ends at a newline. Its raw bytes are what stands before that, without one trailing carriage return and without a
run of NULs in front (the hole that a writer without O_APPEND leaves after a truncate). A line longer than CAP is cut:
its head is lent, its position covers all of it.
"""

from __future__ import annotations

from typing import NamedTuple

CAP = 65536
"""The most raw bytes of a line."""
BOUNDARY = 256
"""How many bytes before its end a framer remembers."""


class Line(NamedTuple):
    """One line. ``offset`` is the byte where ``raw`` begins, ``end`` the byte right behind its newline."""

    raw: bytes
    offset: int
    end: int
    truncated: bool = False


class Framer:
    """Takes blocks in, gives lines out. Holds at most the last block, an unfinished line up to CAP, and BOUNDARY bytes."""

    def __init__(self, offset: int = 0, before: bytes = b"") -> None:
        """Begin at ``offset``, the begin of a line; ``before`` are the bytes in front of it."""
        self._data = before
        self._origin = offset - len(before)
        self._at = len(before)
        self._head: tuple[int, bytes] | None = None
        """Offset and head of an overlong line whose newline is still to come."""

    @property
    def end(self) -> int:
        """The offset behind the last byte that was fed."""
        return self._origin + len(self._data)

    def before(self, offset: int) -> bytes:
        """Return up to BOUNDARY bytes in front of ``offset``, which is the end of a line just taken or of the data."""
        index = offset - self._origin
        return self._data[max(0, index - BOUNDARY) : index]

    def feed(self, block: bytes) -> None:
        """Append a block. To be called when ``take`` has no more lines: else the lines left are held as well."""
        keep = max(0, self._at - BOUNDARY)
        self._data = self._data[keep:] + block
        self._origin += keep
        self._at -= keep

    def take(self, limit: int) -> list[Line]:
        """Return the next complete lines, at most ``limit``."""
        lines: list[Line] = []
        while len(lines) < limit:
            index = self._data.find(b"\n", self._at)
            if index < 0:
                self._hold()
                break
            lines.append(self._line(index, self._origin + index + 1))
            self._at = index + 1
        return lines

    def finish(self) -> Line | None:
        """Return the unfinished last line of a file that nobody writes to any more; None if there is none."""
        index = len(self._data)
        line = self._line(index, self._origin + index)
        self._at = index
        return line if line.raw else None

    def _line(self, index: int, end: int) -> Line:
        if self._head is not None:
            offset, raw = self._head
            self._head = None
            return Line(raw, offset, end, truncated=True)
        raw = self._data[self._at : index].lstrip(b"\0")
        offset = self._origin + index - len(raw)
        raw = raw.removesuffix(b"\r")
        return Line(raw, offset, end) if len(raw) <= CAP else Line(raw[:CAP], offset, end, truncated=True)

    def _hold(self) -> None:
        """Forget NULs before an unfinished line, and of an overlong one all but its head."""
        if self._head is None:
            rest = self._data[self._at :]
            line = rest.lstrip(b"\0")
            self._at += len(rest) - len(line)
            if len(line) <= CAP + 1:  # the last byte may be the carriage return of a line that just fits
                return
            self._head = (self._origin + self._at, line[:CAP])
        self._at = len(self._data)

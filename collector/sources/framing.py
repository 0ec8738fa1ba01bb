"""In: the bytes of a file, cut anywhere. Out: its lines, the same for every cut.

A line ends at a newline. Its raw bytes are what stands before that, without one trailing carriage return and without a
run of NULs in front (the hole that a writer without O_APPEND leaves after a truncate). A line longer than CAP is cut:
its head is lent, its position covers all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

CAP = 65536
"""The most raw bytes of a line."""
BOUNDARY = 256
"""How many bytes before its end a framer remembers."""


@dataclass(slots=True)
class Line:
    """One line. ``offset`` is the byte where ``raw`` begins, ``end`` the byte right behind its newline."""

    raw: bytes
    offset: int
    end: int
    truncated: bool = False


class Window(NamedTuple):
    """Bytes of a file, and the offset at which they begin."""

    data: bytes
    origin: int

    def before(self, offset: int) -> bytes:
        """Return up to BOUNDARY bytes in front of ``offset``."""
        index = offset - self.origin
        return self.data[max(0, index - BOUNDARY) : index]


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

    @property
    def window(self) -> Window:
        """What is held now; it does not change when more is fed."""
        return Window(self._data, self._origin)

    def before(self, offset: int) -> bytes:
        """Return up to BOUNDARY bytes in front of ``offset``, which is the end of a line just taken or of the data."""
        return self.window.before(offset)

    def feed(self, block: bytes) -> None:
        """Append a block. To be called when ``take`` has no more lines: else the lines left are held as well."""
        keep = max(0, self._at - BOUNDARY)
        self._data = self._data[keep:] + block
        self._origin += keep
        self._at -= keep

    def take(self, limit: int) -> list[Line]:
        """Return the next complete lines, at most ``limit``."""
        pieces = self._data[self._at :].split(b"\n", limit)
        pieces.pop()
        lines: list[Line] = []
        offset = self._origin + self._at
        for piece in pieces:
            end = offset + len(piece) + 1
            ordinary = self._head is None and piece[:1] != b"\0" and piece[-1:] != b"\r" and len(piece) <= CAP
            lines.append(Line(piece, offset, end) if ordinary else self._line(piece, end - 1, end))
            offset = end
        self._at = offset - self._origin
        if len(lines) < limit:
            self._hold()
        return lines

    def finish(self) -> Line | None:
        """Return the unfinished last line of a file that nobody writes to any more; None if there is none."""
        line = self._line(self._data[self._at :], self.end, self.end)
        self._at = len(self._data)
        return line if line.raw else None

    def _line(self, piece: bytes, stop: int, end: int) -> Line:
        """Make a line of what stands in front of ``stop``, the offset of its newline."""
        if self._head is not None:
            offset, raw = self._head
            self._head = None
            return Line(raw, offset, end, truncated=True)
        raw = piece.lstrip(b"\0")
        offset = stop - len(raw)
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

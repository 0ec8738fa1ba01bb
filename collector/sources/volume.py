"""In: one file, plain or .gz. Out: its lines from any place on, and the places behind them.

A plain file is read with one pread a block, which begins before the offset: unless the bytes there are those that were
read last, nothing of the block is used. So a copytruncate between any two system calls cannot slip foreign bytes under an
old offset. A .gz counts offsets in the unpacked stream.
"""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from collector.model.identity import lineage
from collector.sources.access import file_id, open_file
from collector.sources.framing import BOUNDARY, Framer
from collector.sources.place import HEAD, Block, LinePosition, Place, digest, spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Protocol

    from collector.sources.framing import Line

    class _Reader(Protocol):
        torn: bool

        def head(self, count: int) -> bytes: ...
        def block(self, offset: int, before: int) -> bytes: ...
        def close(self) -> None: ...


BLOCK = 1 << 17
"""The most new bytes of one read."""
MAGIC = b"\x1f\x8b"
"""How a gzip member begins (RFC 1952)."""
BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
"""What the gzip module raises for a file that is cut off or damaged."""


class Pulled(Enum):
    """What one read found."""

    MORE = auto()
    END = auto()
    BROKEN = auto()
    """The bytes before the offset are not those that were read: truncated or rewritten."""


class Volume:
    """One open file that is read forward."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over the descriptor; reading begins at 0."""
        self.path = path
        self.file = file_id(descriptor)
        self.lineage: bytes | None = None
        self.packed = os.pread(descriptor, len(MAGIC), 0) == MAGIC
        self.closed = self.packed
        """Nobody writes to it any more: a .gz, or a copy that was made in one go."""
        self._descriptor = descriptor
        self._note()
        self._framer = Framer()
        self._head = b""
        self._reader: _Reader = _Packed(descriptor) if self.packed else _Plain(descriptor)

    @classmethod
    def open(cls, path: Path) -> Volume | None:
        """Open a file; None if there is none. Raises SourceError."""
        descriptor = open_file(path)
        if descriptor is None:
            return None
        try:
            return cls(path, descriptor)
        except OSError:
            os.close(descriptor)
            raise

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Close the file if reading it fails."""
        try:
            yield
        except OSError:
            self.close()
            raise

    @property
    def torn(self) -> bool:
        """The .gz ends before its content does."""
        return self._reader.torn

    def seek(self, place: Place) -> bool:
        """Go to a place if this content is the remembered one up to there; if not, the volume is of no more use than to be closed."""
        head = self._reader.head(place.spot.head[0])
        if digest(head) != place.spot.head[1]:
            return False
        count, expected = place.spot.boundary
        block = self._reader.block(place.spot.offset, count)
        before = block[:count]
        if digest(before) != expected:
            return False
        self.lineage = place.lineage
        self._begin(place.spot.offset, before, head)
        self._feed(self._news(block, count))
        return True

    def seek_end(self) -> bool:
        """Go behind the last complete line, the first one read for the lineage; False: none yet, or the file changes this very moment."""
        head = self._reader.head(HEAD)
        while not self.take(1):
            if self.pull() is not Pulled.MORE:
                return False
        end = self._last_line_end()
        count = min(BOUNDARY, end)
        before = os.pread(self._descriptor, count, end - count)
        if not end or len(before) != count or self._reader.head(len(head)) != head:
            return False
        self._begin(end, before, head[:end])
        return True

    def pull(self) -> Pulled:
        """Read the next block."""
        before = self._framer.before(self._framer.end)
        block = self._reader.block(self._framer.end, len(before))
        if not block.startswith(before):
            return Pulled.BROKEN
        self._note()
        news = self._news(block, len(before))
        if not news:
            return Pulled.END
        self._feed(news)
        return Pulled.MORE

    def take(self, limit: int) -> list[Line]:
        """Return complete lines of what was pulled."""
        lines = self._framer.take(limit)
        if self.lineage is None and lines:
            self.lineage = lineage(lines[0].raw)
        return lines

    def finish(self) -> Line | None:
        """Return the unfinished last line; NULs behind it belong to it."""
        before = self._framer.before(self._framer.end)
        block = self._reader.block(self._framer.end, len(before))
        if block.startswith(before):
            self._feed(block[len(before) :])
        line = self._framer.finish()
        if self.lineage is None and line is not None:
            self.lineage = lineage(line.raw)
        return line

    def positions(self, lines: Sequence[Line]) -> list[LinePosition]:
        """Return the position of each line that was just taken."""
        block = Block(self.place().prefix(), self.lineage or b"", self._head, self._framer.window)
        return [LinePosition(block, line) for line in lines]

    def place(self) -> Place:
        """Return the place behind all that was pulled."""
        return Place(self.file, self.changed, self.lineage, spot(self._head, self._framer.window, self._framer.end))

    def same_head(self, place: Place) -> bool:
        """Say whether the file begins as it did at a place."""
        return digest(self._reader.head(place.spot.head[0])) == place.spot.head[1]

    def touched(self) -> int:
        """Return when the file was last written to, renamed or unlinked; ns."""
        status = os.fstat(self._descriptor)
        return max(status.st_mtime_ns, status.st_ctime_ns)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _begin(self, offset: int, before: bytes, head: bytes) -> None:
        self._framer = Framer(offset, before)
        self._head = head

    def _news(self, block: bytes, before: int) -> bytes:
        """Return what is new in a block. A hole is read with what follows it: NULs alone would be found again in any other hole."""
        news = block[before:]
        return news if self.packed or len(news) == BLOCK else news.rstrip(b"\0")

    def _feed(self, block: bytes) -> None:
        if len(self._head) < HEAD:
            self._head += block[: HEAD - len(self._head)]
        self._framer.feed(block)

    def _note(self) -> None:
        status = os.fstat(self._descriptor)
        self.changed, self.size = status.st_mtime_ns, status.st_size

    def _last_line_end(self) -> int:
        end = self.size
        while end > 0:
            start = max(0, end - BLOCK)
            index = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if index >= 0:
                return start + index + 1
            end = start
        return 0


class _Plain:
    torn = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def head(self, count: int) -> bytes:
        return os.pread(self._descriptor, count, 0)

    def block(self, offset: int, before: int) -> bytes:
        """Return ``before`` bytes in front of ``offset`` and what follows them, all of one pread."""
        return os.pread(self._descriptor, before + BLOCK, offset - before)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Packed:
    def __init__(self, descriptor: int) -> None:
        self.torn = False
        self._file = os.fdopen(descriptor, "rb")
        self._stream = gzip.GzipFile(fileobj=self._file, mode="rb")
        self._before = b""

    def head(self, count: int) -> bytes:
        try:
            self._stream.seek(0)
            head = self._stream.read(count)
        except BROKEN_GZIP:
            return b""
        self._before = head[-BOUNDARY:]
        return head

    def block(self, offset: int, before: int) -> bytes:
        """As of a plain file; a stream goes on where it stands, so only the first call has to find ``offset``."""
        try:
            if self._stream.tell() != offset:
                self._stream.seek(offset - before)
                self._before = self._stream.read(before)
            block = self._before[len(self._before) - before :] + self._stream.read1(BLOCK)
        except BROKEN_GZIP:
            self.torn = True
            return self._before[len(self._before) - before :]
        self._before = block[-BOUNDARY:]
        return block

    def close(self) -> None:
        self._stream.close()
        self._file.close()

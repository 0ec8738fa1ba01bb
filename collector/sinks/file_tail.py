"""In: an open file, how far it is known, and the lines that come next. Out: how many of them stand there already.

A crash between a write and the cursor leaves bytes behind the remembered size. They are the beginning of what is sent
next, perhaps cut in another place, so what is sent is compared with them and only the rest is written.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.model import json
from collector.sinks.file_names import FileName

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file is known: its first ``size`` bytes and, of the gzip member that begins there, ``skip`` unpacked bytes."""

    name: FileName
    size: int = 0
    skip: int = 0

    def token(self) -> bytes:
        """Write it for the cursor."""
        return json.dumps({"file": str(self.name), "size": self.size, "skip": self.skip})

    @classmethod
    def read(cls, token: bytes) -> Mark | None:
        """Read it back; None for what is none."""
        try:
            raw = json.loads(token)
            name = FileName.read(raw["file"])
            return cls(name, int(raw["size"]), int(raw["skip"])) if name is not None else None
        except (ValueError, TypeError, LookupError):
            return None


@dataclass(frozen=True, slots=True)
class Compared:
    """``mark``: the file as far as it agrees with the lines; ``rest``: the lines that are not in it."""

    mark: Mark
    rest: bytes


def compare(fd: int, mark: Mark, lines: bytes) -> Compared | None:
    """Walk through file and lines together; None where they differ."""
    blocks = _members(fd, mark.size) if mark.name.compressed else _plain(fd, mark.size, len(lines))
    position, skip = mark.size, mark.skip
    for content, end in blocks:
        stands = content[skip:]
        length = min(len(stands), len(lines))
        if stands[:length] != lines[:length]:
            return None
        lines = lines[length:]
        if length < len(stands):
            return Compared(Mark(mark.name, position, skip + length), lines)
        position, skip = end, 0
        if not lines:
            break
    return Compared(Mark(mark.name, position, skip), lines)


def _plain(fd: int, position: int, limit: int) -> Iterator[tuple[bytes, int]]:
    """Yield at most ``limit`` bytes. A power cut may leave NULs behind what was written: nobody has read them as lines."""
    content = read(fd, position, limit).rstrip(b"\0")
    yield content, position + len(content)


def _members(fd: int, position: int) -> Iterator[tuple[bytes, int]]:
    """Yield each whole gzip member, unpacked, and where it ends; stop at a torn one."""
    pending = b""
    start = position
    while True:
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        content = bytearray()
        while not unpack.eof:
            if not pending:
                pending = os.pread(fd, _BLOCK, position)
                position += len(pending)
            if not pending:
                return
            try:
                content += unpack.decompress(pending)
            except zlib.error:
                return
            pending, used = unpack.unused_data, len(pending) - len(unpack.unused_data)
            start += used
        yield bytes(content), start


def cut(fd: int, mark: Mark) -> None:
    """Cut what stands behind lines that were compared, where nobody can have read it: a torn member, or NULs to the end."""
    position = mark.size
    while block := os.pread(fd, _BLOCK, position):
        if not mark.name.compressed and block.strip(b"\0"):
            return
        position += len(block)
    if position > mark.size:
        os.ftruncate(fd, mark.size)


def read(fd: int, position: int, limit: int) -> bytes:
    """Read up to ``limit`` bytes; fewer only at the end of the file."""
    found = bytearray()
    while len(found) < limit:
        block = os.pread(fd, limit - len(found), position + len(found))
        if not block:
            break
        found += block
    return bytes(found)


def write(fd: int, position: int, data: bytes) -> None:
    """Write all of it at a place, however little the system takes at once."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(fd, rest, position)
        rest, position = rest[written:], position + written

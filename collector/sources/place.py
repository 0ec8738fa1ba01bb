"""In: where in which file reading stands. Out: Place, and the positions of lines, with their token, which finds that spot again after a rotation or a kill.

A place is no id of a line: it says where to go on. Device, inode and generation find the file while it lives, the head
and the bytes in front of the offset find its content in a copy or a .gz. The token is a fixed binary record (big-endian):
version, device, inode, generation, changed, lineage, length and hash of the head, offset, length and hash of the boundary.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collector.sources.framing import Line, Window

HEAD = 1024
"""The most bytes of a file's begin that a place remembers."""
VERSION = 1

_FILE = struct.Struct(">BQQqq16s")
_SPOT = struct.Struct(">H16sQH16s")
_NOTHING = bytes(16)
_NO_GENERATION = -1


def digest(data: bytes) -> bytes:
    """Hash a head or a boundary."""
    return blake2b(data, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class FileId:
    """Which file, as long as it lives. ``generation`` tells a reused inode apart; None where the file system has none."""

    device: int
    inode: int
    generation: int | None = None

    def may_be(self, other: FileId) -> bool:
        """Say whether both may be one file: a generation that one of them lacks decides nothing."""
        known = self.generation is not None and other.generation is not None
        return (self.device, self.inode) == (other.device, other.inode) and (not known or self.generation == other.generation)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a content: ``offset`` follows a line end, head and boundary are (length, hash) of bytes before it."""

    head: tuple[int, bytes]
    offset: int
    boundary: tuple[int, bytes]

    def token(self) -> bytes:
        """Return the part of a place's token that differs from line to line."""
        return _SPOT.pack(*self.head, self.offset, *self.boundary)


BEGIN = Spot((0, digest(b"")), 0, (0, digest(b"")))
"""Nothing was read yet: any content matches, so only ``Place.changed`` can tell what is new."""


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file. ``changed`` is the file's mtime in ns when it was last read: rotated copies that changed later hold newer lines."""

    file: FileId
    changed: int
    lineage: bytes | None
    spot: Spot

    def prefix(self) -> bytes:
        """Return the part of the token that is the same for all lines of a block; the spot's is the rest."""
        generation = _NO_GENERATION if self.file.generation is None else self.file.generation
        return _FILE.pack(VERSION, self.file.device, self.file.inode, generation, self.changed, self.lineage or _NOTHING)

    def token(self) -> bytes:
        """Return the whole token."""
        return self.prefix() + self.spot.token()


def spot(head: bytes, window: Window, offset: int) -> Spot:
    """Return the spot at ``offset``, the end of ``window`` or of a line in it; ``head`` is what is known of the file's begin."""
    first, before = head[: min(offset, HEAD)], window.before(offset)
    return Spot((len(first), digest(first)), offset, (len(before), digest(before)))


class Block(NamedTuple):
    """What the positions of all lines of one block share."""

    prefix: bytes
    lineage: bytes
    head: bytes
    window: Window


class LinePosition:
    """The position of a line (model.record.Position); the token is made when somebody asks: of a batch only the last one counts."""

    __slots__ = ("_block", "_line")

    def __init__(self, block: Block, line: Line) -> None:
        self._block = block
        self._line = line

    @property
    def identity(self) -> tuple[bytes, ...]:
        """(lineage, offset as 8 bytes, big-endian)."""
        return (self._block.lineage, self._line.offset.to_bytes(8, "big"))

    @property
    def resume(self) -> bytes:
        """The token right behind the line."""
        return self._block.prefix + spot(self._block.head, self._block.window, self._line.end).token()


def unpack(token: bytes) -> Place | None:
    """Read a token; None for one of another version."""
    if len(token) != _FILE.size + _SPOT.size or token[0] != VERSION:
        return None
    _, device, inode, generation, changed, lineage = _FILE.unpack_from(token)
    head_length, head, offset, boundary_length, boundary = _SPOT.unpack_from(token, _FILE.size)
    file = FileId(device, inode, None if generation == _NO_GENERATION else generation)
    return Place(file, changed, None if lineage == _NOTHING else lineage, Spot((head_length, head), offset, (boundary_length, boundary)))

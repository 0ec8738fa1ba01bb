"""In: cursors of journald. Out: the identity of an entry, and Place: where in a journal reading stands, with its token.

A cursor (sd_journal_get_cursor(3)) names the sequence that numbered an entry, its number, its boot, two times and a hash of
its content. The first three are its identity: they stay the same wherever the entry is moved. The token (big-endian): version,
time in us, hash of the match, the cursor in ASCII.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1

_CURSOR = re.compile(r"s=([0-9a-f]{32});i=([0-9a-f]{1,16});b=([0-9a-f]{32});m=[0-9a-f]{1,16};t=[0-9a-f]{1,16};x=[0-9a-f]{1,16}")
_FIXED = struct.Struct(">BQ8s")


def identity(cursor: str) -> tuple[bytes, ...] | None:
    """Return (sequence, number as 8 bytes, boot); None for what is no cursor."""
    match = _CURSOR.fullmatch(cursor)
    return None if match is None else (bytes.fromhex(match[1]), int(match[2], 16).to_bytes(8, "big"), bytes.fromhex(match[3]))


def digest(match: Sequence[str]) -> bytes:
    """Hash what entries are selected by."""
    return blake2b("\0".join(match).encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Place:
    """Right behind the entry with this cursor, or without one: before the first entry that is not older than ``time`` (us)."""

    time: int
    match: bytes
    cursor: str = ""

    def token(self) -> bytes:
        """Return the token."""
        return _FIXED.pack(VERSION, self.time, self.match) + self.cursor.encode("ascii")


def unpack(token: bytes) -> Place | None:
    """Read a token; None for one of another version, or that holds no cursor where one should be."""
    if len(token) < _FIXED.size or token[0] != VERSION:
        return None
    _, time, match = _FIXED.unpack_from(token)
    cursor = token[_FIXED.size :].decode("ascii", "replace")
    return None if cursor and identity(cursor) is None else Place(time, match, cursor)


class EntryPosition:
    """The position of an entry (model.record.Standing); the token is made when somebody asks."""

    __slots__ = ("_place", "identity")

    def __init__(self, known: tuple[bytes, ...], place: Place) -> None:
        self.identity = known
        self._place = place

    @property
    def resume(self) -> bytes:
        """The token right behind the entry."""
        return self._place.token()

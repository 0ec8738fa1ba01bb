"""In: a folder. Out: bytes held back for the day on which the disk is full.

A database with a write-ahead log cannot even delete on a full disk: every deletion must first be written. So a file of real
blocks stands beside it, is given up when a commit finds no room, and comes back when there is room for it again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from collector.errors import SpoolError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ballast"
_CHUNK = 1 << 20
_BLOCK = 512
"""The unit of st_blocks, whatever the file system's own is (stat(2))."""


def disk(folder: Path) -> tuple[int, int]:
    """Return (free bytes for this user, all bytes) of the file system (statvfs). Raises SpoolError."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        raise SpoolError(f"{folder} cannot be used: {error}", hint="check the disk") from error
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class Ballast:
    """The file ``ballast`` of ``size`` bytes in a folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._size = size
        self._lock = Lock()
        self.here = self._whole()

    def give(self) -> bool:
        """Delete it; False if there was none."""
        with self._lock:
            was, self.here = self.here, False
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        return was

    def restore(self, margin: int) -> bool:
        """Make it again if ``margin`` bytes stay free beside it; True if it stands."""
        with self._lock:
            if not self.here and disk(self._folder)[0] >= margin + self._size:
                self.here = self._make()
        return self.here

    def _whole(self) -> bool:
        try:
            found = self._path.stat()
        except OSError:
            return False
        return found.st_size == self._size and found.st_blocks * _BLOCK >= self._size

    def _make(self) -> bool:
        """Allocate blocks, and write them where that gave none: a hole or a compressed zero is no reserve."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
                os.fsync(descriptor)
                if os.fstat(descriptor).st_blocks * _BLOCK < self._size:
                    _fill(descriptor, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        return self._whole()


def _fill(descriptor: int, size: int) -> None:
    for start in range(0, size, _CHUNK):
        os.pwrite(descriptor, os.urandom(min(_CHUNK, size - start)), start)
    os.fsync(descriptor)

"""In: the folder of a log. Out: the file that holds a remembered place, and the file that follows one that was read."""

from __future__ import annotations

import os
from contextlib import ExitStack
from stat import S_ISREG
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.sources.names import rank
from collector.sources.rotation import Copy, in_order, newer
from collector.sources.volume import Pulled, Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collector.sources.place import FileId, Place


class Shifting(Exception):
    """A rotation renames the files at this very moment."""


class Folder:
    """The log at ``path`` and its rotated copies beside it.

    ``present``: the path existed when it was last looked at. ``refused``: copies that could not be read, with the reason.
    ``skipped``: those of them that would have come before the file that ``since`` or ``after`` returned last.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.present = True
        self.refused: dict[Path, str] = {}
        self.skipped: list[Copy] = []

    def open(self) -> Volume | None:
        """Open the log itself; None if there is none. Raises SourceError."""
        volume = Volume.open(self.path)
        self.present = volume is not None
        return volume

    def changed(self) -> int | None:
        """Return when a name in the folder last changed, ns; None if there is no folder."""
        try:
            return self.path.parent.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def copies(self) -> list[Copy]:
        """Return the rotated copies, the oldest first."""
        found: list[Copy] = []
        try:
            entries = os.scandir(self.path.parent)
        except FileNotFoundError:
            return found
        with entries:
            for entry in entries:
                place = rank(entry.name, self.path.name)
                if place is None:
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    raise Shifting from None
                if S_ISREG(status.st_mode):
                    found.append(Copy(self.path.parent / entry.name, place, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
        return in_order(found)

    def recover(self, place: Place) -> Volume | None:
        """Return the file that holds a place, open there: the one of its identity, else the oldest of its content.

        Of two files that begin alike the older one is right or costs work: what follows it is read as well. Copies that
        changed last before the place was read come after all others.
        """
        copies = _likeliest(self.copies(), place.changed)
        originals = [copy for copy in copies if _is(copy, place.file)]
        others = [copy for copy in copies if copy not in originals]
        for copy in (*originals, *others):
            volume = self._at(copy, place)
            if volume is not None:
                volume.closed = volume.closed or copy in others
                return volume
        return _sought(self.open(), place)

    def shorter(self, place: Place) -> Copy | None:
        """Return a plain copy that ends before a place: it was made while lines were still written that had been read already."""
        for copy in reversed(self.copies()):
            if copy.packed or copy.size >= place.spot.offset or (volume := self._open(copy)) is None:
                continue
            with volume.guarded():
                volume.pull()
            volume.take(1)
            volume.close()
            if volume.lineage == place.lineage:
                return copy
        return None

    def since(self, changed: int) -> Volume | None:
        """Return the oldest file with lines that changed after ``changed`` (ns), else the log if it holds any bytes."""
        return self._next(lambda copies: newer(copies, None, changed))

    def after(self, volume: Volume) -> Volume | None:
        """Return the file that follows ``volume``: the next newer copy with lines, else the log if it holds any bytes."""
        return self._next(lambda copies: newer(copies, self._find(copies, volume), volume.changed))

    def _next(self, beyond: Callable[[list[Copy]], list[Copy]]) -> Volume | None:
        self.skipped = []
        with ExitStack() as stack:
            # The log is read before the folder is listed: should it be rotated in between, its copy is in the list.
            ahead = self.open()
            if ahead is not None:
                stack.callback(ahead.close)
                if ahead.pull() is not Pulled.MORE:
                    ahead = None
            for copy in beyond(self.copies()):
                volume = self._open(copy)
                if volume is not None:
                    return volume
                self.skipped.append(copy)
            if ahead is not None:
                stack.pop_all()
            return ahead

    def _find(self, copies: list[Copy], volume: Volume) -> Copy | None:
        """Return the copy that ``volume``, read to its end, has become: renamed or packed."""
        renamed = (copy for copy in copies if _is(copy, volume.file))
        packed = (copy for copy in _likeliest(copies, volume.changed) if copy.packed and self._repeats(copy, volume))
        return next(renamed, None) or next(packed, None)

    def _repeats(self, copy: Copy, volume: Volume) -> bool:
        """Say whether a copy holds exactly what was read of ``volume``; nothing, or NULs only, is in any file."""
        place = volume.place()
        other = self._at(copy, place) if place.spot.offset else None
        if other is None:
            return False
        same = other.place().spot == place.spot
        other.close()
        return same

    def _at(self, copy: Copy, place: Place) -> Volume | None:
        return _sought(self._open(copy), place)

    def _open(self, copy: Copy) -> Volume | None:
        """Open a copy; None if it may not be read. Raises Shifting if another file has its name by now."""
        try:
            volume = Volume.open(copy.path)
        except SourceError as error:
            self.refused[copy.path] = str(error)
            return None
        self.refused.pop(copy.path, None)
        if volume is None:
            raise Shifting
        if not _is(copy, volume.file):
            volume.close()
            raise Shifting
        return volume


def _sought(volume: Volume | None, place: Place) -> Volume | None:
    """Return a volume at a place, or close it."""
    if volume is None:
        return None
    with volume.guarded():
        if volume.seek(place):
            return volume
    volume.close()
    return None


def _is(copy: Copy, file: FileId) -> bool:
    return (copy.device, copy.inode) == (file.device, file.inode)


def _likeliest(copies: list[Copy], changed: int) -> list[Copy]:
    """Put those behind all others that changed last before what is looked for was read."""
    return sorted(copies, key=lambda copy: copy.changed < changed)

"""In: the path of a log and a token. Out: its lines as records, across rotations, each once and in order.

Made to be killed: whenever the file that is read turns out to be another one, or an error occurs, everything is let go and
reading resumes from the token of the last record, exactly as after a restart.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.model.record import Record
from collector.sources.access import refused
from collector.sources.base import Start
from collector.sources.folder import Folder, Shifting
from collector.sources.place import BEGIN, FileId, Place, unpack
from collector.sources.rotation import ROWS, At, Do, Held, problem
from collector.sources.telling import Telling
from collector.sources.volume import Pulled, Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from collector.model.alert import Fact
    from collector.model.record import SourceInfo
    from collector.sources.framing import Line
    from collector.sources.rotation import Problem

GRACE_MS = 5_000
"""How long a rotated file must have been quiet: a writer keeps it open until its HUP."""
MISSING_MS = 60_000
"""How long a path may be missing before that is said."""
OLDEST_MS = 7 * 86_400_000
"""How far back a lost spool makes rotated copies be read again."""
ROUNDS = 32
"""The most steps (blocks read, files changed) that one call does without finding a line: a hole, an overlong line."""


class FileSource:
    """A log file, one ``Source``. ``clock`` gives ms since the epoch."""

    def __init__(self, info: SourceInfo, path: Path, *, start: Start, clock: Callable[[], int], grace_ms: int = GRACE_MS) -> None:
        self.info = info
        self.at_end = False
        self._start = start
        self._clock = clock
        self._grace_ms = grace_ms
        self._folder = Folder(path)
        self._telling = Telling(info.path or str(path))
        self._volume: Volume | None = None
        self._place: Place | None = None
        """Where to go on while no file is open."""
        self._token: bytes | None = None
        self._last: Record | None = None
        """The unfinished last line of the file that was just left."""
        self._broken_size: int | None = None
        """The size that a file had before it was found broken."""
        self._timers: dict[str, tuple[object, int]] = {}
        self._barren: int | None = None
        """When the folder had last changed when no newer file was found in it."""

    @property
    def lineage(self) -> bytes | None:
        """See Source."""
        where = self._volume or self._place
        return where.lineage if where is not None else None

    def resume(self, position: bytes | None) -> None:
        """See Source. A token of another version counts as lost."""
        if position is None:
            return
        self._place = unpack(position)
        if self._place is None:
            self._start = Start.OLDEST_COPY
        else:
            self._token = position

    def begin(self) -> None:
        """Apply the start rule now, so that it can be remembered before anything was read; what cannot be opened begins at the first read that can."""
        if self._place is None:
            with suppress(OSError, SourceError):
                self._begin()

    def read(self, limit: int) -> Sequence[Record]:
        """See Source."""
        try:
            records = self._read(limit)
        except Shifting:
            self.at_end = False
            return ()
        except SourceError as error:
            self._telling.unwell(error.with_hint)
            raise
        except OSError as error:
            self._let_go()
            failure = refused(self._folder.path, error)
            self._telling.unwell(failure.with_hint)
            raise failure from error
        self._note_presence()
        return records

    def position(self) -> bytes | None:
        """See Source."""
        return self._token

    def facts(self) -> tuple[Fact, ...]:
        """See Source."""
        return self._telling.drain()

    def close(self) -> None:
        """See Source."""
        if self._volume is not None:
            self._volume.close()
            self._volume = None

    def _read(self, limit: int) -> Sequence[Record]:
        self.at_end = False
        for _ in range(ROUNDS):
            records = self._lend(limit)
            if records:
                self._token = records[-1].position.resume
                return records
            if not self._advance():
                break
        return ()

    def _lend(self, limit: int) -> Sequence[Record]:
        if self._last is not None:
            last, self._last = self._last, None
            return (last,)
        return self._records(self._volume, self._volume.take(limit)) if self._volume is not None else ()

    def _records(self, volume: Volume, lines: Sequence[Line]) -> list[Record]:
        near, info = self._clock(), self.info
        return [Record(info, line.raw, near, position, None, line.truncated) for line, position in zip(lines, volume.positions(lines), strict=True)]

    def _advance(self) -> bool:
        """Make more bytes or another file available. False: there is nothing to do now."""
        volume = self._volume
        if volume is None:
            return self._find(self._place or self._begin())
        pulled = volume.pull()
        if pulled is Pulled.BROKEN:
            self._broken_size = volume.size
            self._let_go()
        if pulled is not Pulled.END:
            return True
        at, size = self._look(volume)
        if ROWS[Held.INTACT, at] is Do.FOLLOW:
            self.at_end = True
            return False
        return self._drain(volume, waits=size > 0)

    def _begin(self) -> Place:
        """Apply the start rule."""
        volume = self._folder.open() if self._start is Start.END else None
        place = None
        if volume is not None:
            with volume.guarded():
                place = volume.place() if volume.seek_end() else None
            volume.close()
        if place is None:  # no line stands there: what changes from now on is new
            since = self._clock() + 1 - (OLDEST_MS if self._start is Start.OLDEST_COPY else 0)
            place = Place(FileId(0, 0), since * 1_000_000, None, BEGIN)
        self._place, self._token = place, place.token()
        return place

    def _find(self, place: Place) -> bool:
        """Go on at a place while no file is open."""
        if place.spot.offset == 0:
            volume = self._folder.since(place.changed)
            self.at_end = volume is None
            return self._enter(volume)
        held, at, volume, trouble = self._observe(place)
        if ROWS[held, at] is Do.RECOVER:
            volume = self._folder.recover(place)
        if volume is not None:
            return self._enter(volume)
        if held is Held.BROKEN and (copy := self._folder.shorter(place)) is not None:
            if self._broken_size is not None and self._broken_size > place.spot.offset:
                self._telling.gap(f"lines were written between copying {copy.path} and truncating", place.lineage, self._broken_size - place.spot.offset)
            return self._skip(place, copy.changed)
        if self._expired("recover", place, self._grace_ms):
            self._tell_loss(place, trouble)
            return self._skip(place, place.changed)
        return False

    def _observe(self, place: Place) -> tuple[Held, At, Volume | None, Problem | None]:
        """Compare the path with a place; the volume is there if it is intact."""
        volume = self._folder.open()
        if volume is None:
            return Held.GONE, At.MISSING, None, None
        if not place.file.may_be(volume.file):
            volume.close()
            return Held.GONE, At.OTHER, None, None
        with volume.guarded():
            if volume.seek(place):
                return Held.INTACT, At.SAME, volume, None
            trouble = problem(volume.size, place.spot.offset, volume.same_head(place))
        volume.close()
        return Held.BROKEN, At.SAME, None, trouble

    def _tell_loss(self, place: Place, trouble: Problem | None) -> None:
        lost = max(0, self._broken_size - place.spot.offset) if self._broken_size is not None else None
        reason = f"no file in {self._folder.path.parent} holds what followed byte {place.spot.offset}"
        if self._folder.refused:
            reason += "; not readable: " + ", ".join(self._folder.refused.values())
        self._telling.gap(reason, place.lineage, lost)
        if trouble is not None:
            self._telling.tamper(trouble, f"{self._folder.path} is not what was read of it, and there is no rotated copy", place.lineage, lost)

    def _skip(self, place: Place, changed: int) -> bool:
        """Give a place up: go on with what changed later."""
        self._place = Place(place.file, changed, place.lineage, BEGIN)
        self._broken_size = None
        return True

    def _look(self, volume: Volume) -> tuple[At, int]:
        """Compare the path with the open file; with the size of what stands there."""
        try:
            status = os.stat(self._folder.path)  # noqa: PTH116 - beside os.pread and os.fstat
        except (FileNotFoundError, NotADirectoryError):
            self._folder.present = False
            return At.MISSING, 0
        self._folder.present = True
        same = (status.st_dev, status.st_ino) == (volume.file.device, volume.file.inode)
        return At.SAME if same else At.OTHER, status.st_size

    def _drain(self, volume: Volume, *, waits: bool) -> bool:
        """Leave a rotated file once it is quiet and a newer one has something to say."""
        if not volume.closed and not self._quiet(volume):
            self.at_end = not waits
            return False
        changed = self._folder.changed()
        if not waits and changed == self._barren:
            self.at_end = True
            return False
        following = self._folder.after(volume)
        if following is None:
            self._barren = changed
            self.at_end = True
            return False
        with following.guarded():
            late = volume.pull()
        if late is Pulled.MORE:
            following.close()
            return True
        if volume.torn:
            self._telling.gap(f"{volume.path} is torn: it ends before its content does", volume.lineage)
        line = volume.finish()
        if line is not None:
            self._last = self._records(volume, [line])[0]
        volume.close()
        return self._enter(following)

    def _quiet(self, volume: Volume) -> bool:
        touched = volume.touched()
        return self._expired("quiet", (volume.file, touched), self._grace_ms) or self._clock() - touched // 1_000_000 >= self._grace_ms

    def _enter(self, volume: Volume | None) -> bool:
        self._volume = volume
        if volume is None:
            return False
        for copy in self._folder.skipped:
            self._telling.gap(self._folder.refused[copy.path], lost=copy.size)
        self._folder.skipped.clear()
        self._place = self._broken_size = self._barren = None
        self._timers.pop("recover", None)
        return True

    def _let_go(self) -> None:
        """Forget everything but the token."""
        self.close()
        self._place = unpack(self._token) if self._token is not None else None

    def _note_presence(self) -> None:
        if self._folder.present:
            self._timers.pop("missing", None)
            self._telling.well()
        elif self._expired("missing", None, MISSING_MS):
            self._telling.unwell(f"{self._folder.path} has been missing for more than {MISSING_MS // 1000} s")

    def _expired(self, timer: str, about: object, ms: int) -> bool:
        """Say whether ``ms`` have passed since this was first asked of the timer about the same thing."""
        now = self._clock()
        known, since = self._timers.get(timer, (about, now))
        if known != about:
            since = now
        self._timers[timer] = (about, since)
        return now - since >= ms

"""In: parcels. Out: NDJSON files, one a stream and day, each document exactly once; old files age and go.

Write, fsync, then the token (the file and its size) for the cursor. Nothing is held open between two sends, so a file may
be moved away at any time. Days are UTC, by the clock at the time of sending.
"""

from __future__ import annotations

import errno
import gzip
import os
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from collector.errors import SinkRefused, SinkUnavailable
from collector.model.document import Delivery, Parcel
from collector.model.moment import span
from collector.model.strict_yaml import Strict
from collector.sinks import bulk
from collector.sinks.base import degraded
from collector.sinks.file_names import FileName, aged, day, following
from collector.sinks.file_tail import Mark, compare, cut, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.model.alert import Fact

_MODE = 0o640
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENAMETOOLONG}


def _span(text: str) -> str:
    span(text)
    return text


class FileOptions(Strict):
    """``[sink.file]``."""

    path: str = Field(min_length=1, description="Folder of the files; made if it is not there")
    compress: bool = Field(False, description="Write .ndjson.gz, one gzip member a parcel")
    keep: Annotated[str, AfterValidator(_span)] | None = Field(None, description='Delete files of days that ended longer ago, as in "7d"; for ever where nothing is said')
    max_bytes: int | None = Field(None, gt=0, description="Delete the oldest files until all fit in so many bytes; the newest file of each stream stays")
    rotate_bytes: int = Field(256 << 20, gt=0, description="Begin another file of the same day when one has grown so big")


def wall_clock() -> int:
    """Return ms since the epoch."""
    return time.time_ns() // 1_000_000


class FileSink:
    """Writes into one folder. Keeps how far each stream's file is known."""

    def __init__(self, name: str, options: FileOptions, clock: Callable[[], int] = wall_clock) -> None:
        """``clock`` gives ms since the epoch. Touches nothing yet."""
        self.name = name
        self._options = options
        self._folder = Path(options.path)
        self._keep = span(options.keep) if options.keep is not None else None
        self._clock = clock
        self._marks: dict[str, Mark | None] = {}
        self._troubles: dict[str, None] = {}

    def resume(self, stream: str, token: bytes | None) -> None:
        """See Sink. A token that cannot be read is none."""
        self._marks[stream] = Mark.read(token) if token is not None else None

    def send(self, parcel: Parcel) -> Delivery:
        """See Sink."""
        lines = b"".join(document.body + b"\n" for document in bulk.documents(parcel))
        with _translated(self._folder):
            mark = self._marks[parcel.stream] = self._deliver(parcel.stream, lines)
        return Delivery(token=mark.token())

    def facts(self) -> tuple[Fact, ...]:
        """See Sink."""
        told = tuple(degraded(self.name, reason) for reason in self._troubles)
        self._troubles.clear()
        return told

    def close(self) -> None:
        """Nothing is held between two sends."""

    def _deliver(self, stream: str, lines: bytes) -> Mark:
        """Go on in the remembered file, or in one begun after it whose cursor was lost, else begin a new one."""
        now = self._clock()
        sizes = self._sizes()
        present = sorted(name for name in sizes if name.stream == stream)
        mark = self._marks.get(stream)
        if mark is None:
            begun = [Mark(name) for name in present[-1:] if self._began(name, lines)]
        else:
            begun = ([mark] if self._intact(mark, sizes, now) else []) + [Mark(name) for name in present if name > mark.name]
            present.append(mark.name)
        for candidate in begun:
            done = self._append(candidate, lines, open_for_more=candidate is begun[-1] and self._goes_on(candidate, now))
            if done is not None:
                return done
        return self._begin(following(present, stream, now, compressed=self._options.compress), lines, sizes, now)

    def _intact(self, mark: Mark, sizes: dict[FileName, int], now: int) -> bool:
        """Say so where it is not. A file of an earlier day may have aged, or been fetched: that is nothing to tell."""
        size = sizes.get(mark.name)
        if size is not None and size >= mark.size:
            return True
        if size is not None:
            self._troubles[f"{mark.name} has shrunk from {mark.size} to {size} bytes: a new file is begun"] = None
        elif mark.name.day == day(now):
            self._troubles[f"{mark.name} is gone: a new file is begun"] = None
        return False

    def _began(self, name: FileName, lines: bytes) -> bool:
        """Say whether this file holds the beginning of these lines and nothing else: a crash came before the first cursor."""
        with _opened(self._folder / str(name)) as fd:
            compared = compare(fd, Mark(name), lines)
            return compared is not None and (compared.rest != b"" or compared.mark.size == os.fstat(fd).st_size)

    def _append(self, mark: Mark, lines: bytes, *, open_for_more: bool) -> Mark | None:
        """Write what is missing of lines that stand here in part, or all of them if the file is open for more; else None."""
        with _opened(self._folder / str(mark.name)) as fd:
            compared = compare(fd, mark, lines)
            if compared is None:
                raise SinkRefused(f"{mark.name} was changed by somebody else behind byte {mark.size}", hint="move it away; a new file is begun then")
            if compared.rest:
                cut(fd, compared.mark)
            if compared.mark == mark and not open_for_more:
                return None
            if mark.size == 0:
                _sync_folder(self._folder)
            return _written(fd, compared.mark, compared.rest)

    def _goes_on(self, mark: Mark, now: int) -> bool:
        """Say whether its day lasts (a clock that was set back begins no file), it is not full, and of the format that is wanted."""
        name = mark.name
        return name.day >= day(now) and mark.size < self._options.rotate_bytes and name.compressed == self._options.compress

    def _begin(self, name: FileName, lines: bytes, sizes: dict[FileName, int], now: int) -> Mark:
        if FileName.read(str(name)) != name:
            raise SinkRefused(f"no file can be named after the stream {name.stream}", hint="a namespace holds letters, digits, dots and underscores")
        self._folder.mkdir(0o750, parents=True, exist_ok=True)
        self._age(sizes, now)
        with _opened(self._folder / str(name), os.O_CREAT | os.O_EXCL) as fd:
            mark = _written(fd, Mark(name), lines)
        _sync_folder(self._folder)
        return mark

    def _age(self, sizes: dict[FileName, int], now: int) -> None:
        """Delete before something is begun, so that it makes room. What cannot be deleted stops nothing."""
        for name in aged(sizes, now, self._keep, self._options.max_bytes):
            try:
                (self._folder / str(name)).unlink(missing_ok=True)
            except OSError as error:
                self._troubles[f"{name} has aged but cannot be deleted: {error.strerror}"] = None

    def _sizes(self) -> dict[FileName, int]:
        """Return what is there; a file that vanishes meanwhile is not."""
        sizes: dict[FileName, int] = {}
        if not self._folder.exists():
            return sizes
        for path in self._folder.iterdir():
            name = FileName.read(path.name)
            if name is not None:
                with suppress(FileNotFoundError):
                    sizes[name] = path.lstat().st_size
        return sizes


def _written(fd: int, mark: Mark, rest: bytes) -> Mark:
    """Write the rest and let nothing be said before it is on the disk; what stood there already may not be."""
    data = gzip.compress(rest, 1, mtime=0) if mark.name.compressed and rest else rest
    write(fd, mark.size, data)
    os.fsync(fd)
    return Mark(mark.name, mark.size + len(data), mark.skip)


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[int]:
    """Open a regular file that is no link."""
    fd = os.open(path, _FLAGS | flags, _MODE)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SinkRefused(f"{path} is no file", hint="move it away")
        yield fd
    finally:
        os.close(fd)


def _sync_folder(folder: Path) -> None:
    """Make a new name last."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        if error.errno in _NOT_ALLOWED:
            raise SinkRefused(f"{where}: {error.strerror}", hint="check path and permissions; no part of it may be a link to somewhere else") from error
        hint = "make room; what waits is kept" if error.errno in _FULL else "check the disk; what waits is kept"
        raise SinkUnavailable(f"{where}: {error.strerror}", hint=hint) from error

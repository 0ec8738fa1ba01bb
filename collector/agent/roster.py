"""In: the configured files and globs. Out: the sources to read, each file once.

Of two sources of one lineage (mail.log and mail.info of one rsyslog, a file and its link) the one that came first is read,
and of the other only what the first one does not hold; that is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent.health import health
from collector.agent.twins import compare
from collector.config.settings import FileSettings
from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.file import FileSource
from collector.sources.names import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.config.settings import Settings
    from collector.model.alert import Fact
    from collector.model.record import Record
    from collector.sources.base import Source

DEFAULTS = ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail/mail.log")
"""Debian and SUSE, Red Hat, docker-mailserver."""


SECOND = b""
"""The position of a source that lends nothing: if it ever must, it begins at its beginning."""
WAIT = 2000
"""How long (ms) lines are held that the other file may get in a moment: one writer fills both."""
LINEAGES = 1000
"""How many lineages are remembered with who lends them; a rotation makes one."""


class OneReader:
    """A source that lends only what no other one lends.

    What another one lends is read all the same, and dropped: after a rotation both stand at the same place, and the first to
    come to the new file lends it. From the first line on that the other file does not hold, this one is a log of its own.
    """

    def __init__(self, source: Source, claims: dict[bytes, str], clock: Callable[[], int]) -> None:
        self.info = source.info
        self._source = source
        self._claims = claims
        self._clock = clock
        self._facts: list[Fact] = []
        self._second = False
        self._own: bytes | None = None
        """A lineage that another one lends too, and in which this one is known to hold other lines."""
        self._same: bytes | None = None
        """The same, known to hold no other lines."""
        self._held: Sequence[Record] = ()
        self._since = 0

    @property
    def at_end(self) -> bool:
        """See Source."""
        return not self._held and self._source.at_end

    @property
    def lineage(self) -> bytes | None:
        """See Source."""
        return self._source.lineage

    def resume(self, position: bytes | None) -> None:
        """See Source. Who stands within a lineage lends it."""
        self._source.resume(position)
        if position is not None and self.lineage is not None:
            self._claims.setdefault(self.lineage, self.info.name)
            self._own = self.lineage

    def read(self, limit: int) -> Sequence[Record]:
        """See Source; without the lines that another one lends with the same ids."""
        records = self._held or self._source.read(limit)
        if not records:
            return records
        first = records[0].position.identity[0]
        reader = self._reader(first)
        lent = records if reader == self.info.name or first == self._own else self._beyond(records, first, reader)
        if self._held:
            return ()
        if self._second != (not lent):
            self._second = not self._second
            reason = f"{self.info.name} holds the same lines as {reader}: it is not read" if self._second else f"{self.info.name} is read: it holds lines of its own"
            self._facts.append(health("source", "duplicate" if self._second else "ok", reason))
        return lent

    def _beyond(self, records: Sequence[Record], first: bytes, reader: str) -> Sequence[Record]:
        """Return what the reader's file does not hold; what it may hold in a moment is ``_held``, and nothing returned."""
        held, self._held = self._held, ()
        common = None if first == self._same else compare(Path(self.info.name), Path(reader), first)
        if common is None:
            return ()
        if common.whole:
            self._same = first
        lent = [record for record in records if not common.holds(int.from_bytes(record.position.identity[1], "big"))]
        if not lent:
            return ()
        if not held:
            self._since = self._clock()
        if not common.apart and abs(self._clock() - self._since) < WAIT:
            self._held = records
            return ()
        self._own = first
        return lent

    def _reader(self, lineage: bytes) -> str:
        if lineage not in self._claims and len(self._claims) >= LINEAGES:
            del self._claims[next(iter(self._claims))]
        return self._claims.setdefault(lineage, self.info.name)

    def position(self) -> bytes | None:
        """See Source. None while lines are held: the source stands behind them."""
        return SECOND if self._second else None if self._held else self._source.position()

    def facts(self) -> tuple[Fact, ...]:
        """See Source."""
        told, self._facts = tuple(self._facts), []
        return told + self._source.facts()

    def close(self) -> None:
        """See Source."""
        self._source.close()


def configured(settings: Settings) -> tuple[FileSettings, ...]:
    """Return the configured files; with none, the mail logs that this host has."""
    if settings.source.file:
        return settings.source.file
    return tuple(FileSettings(path=path) for path in DEFAULTS if there(Path(path)))


def there(path: Path) -> bool:
    """Say whether a path exists; one in a folder that may not be entered counts, so that reading it says why it cannot be read."""
    try:
        return path.exists()
    except OSError:
        return True


class Roster:
    """Makes sources for files, and for those that globs match later. ``first`` is where a source without a position begins."""

    def __init__(self, settings: Settings, files: Sequence[FileSettings], host: str, first: Start, position: Callable[[str], bytes | None], clock: Callable[[], int]) -> None:
        self._settings = settings
        self._files = files
        self._host = host
        self._first = first
        self._position = position
        self._clock = clock
        self._known: set[Path] = set()
        self._claims: dict[bytes, str] = {}

    @property
    def folders(self) -> frozenset[Path]:
        """The folders in which something may change."""
        return frozenset(path.parent for path in self._known) | frozenset(Path(file.path).parent for file in self._files)

    def refresh(self, *, appeared: bool) -> list[Source]:
        """Return sources for paths not known yet; ``appeared``: while running, so that they are read from their beginning."""
        found: list[Source] = []
        for file in self._files:
            for path in expand(file.path):
                if path not in self._known:
                    self._known.add(path)
                    found.append(self._source(file, path, appeared=appeared))
        return found

    def present(self) -> list[str]:
        """Return the names of the sources whose paths are there."""
        return [str(path) for path in self._known if there(path)]

    def _source(self, file: FileSettings, path: Path, *, appeared: bool) -> Source:
        info = SourceInfo(str(path), file.timezone or self._settings.timezone, file.host or self._host, file.format, str(path))
        position = self._position(info.name)
        start = Start.BEGINNING if appeared or position == SECOND else Start(file.start) if file.start is not None and self._first is not Start.OLDEST_COPY else self._first
        log = FileSource(info, path, start=start, clock=self._clock)
        source = OneReader(log, self._claims, self._clock)
        source.resume(position or None)
        log.begin()
        return source

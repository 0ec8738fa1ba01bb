"""In: the configured sources. Out: the sources to read, each file once.

Of two sources of one lineage (mail.log and mail.info of one rsyslog, a file and its link) the one that came first is read,
and of the other only what the first one does not hold; that is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent import inputs
from collector.agent.health import health
from collector.agent.twins import compare
from collector.config.settings import FileSettings, SourceSettings
from collector.errors import SourceError
from collector.model.moment import passed
from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.docker import DockerSource
from collector.sources.file import FileSource
from collector.sources.names import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.config.settings import JournalSettings, Settings
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

    ended = False

    def __init__(self, source: FileSource | DockerSource, claims: dict[bytes, str], clock: Callable[[], int]) -> None:
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
        if not common.apart and not passed(self._since, self._clock(), WAIT):
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


def configured(settings: Settings) -> SourceSettings:
    """Return the configured sources; with none, where this host's mail is logged."""
    if settings.source.any:
        return settings.source
    return inputs.autodetect(tuple(FileSettings(path=path) for path in DEFAULTS if there(Path(path))))


def names(chosen: SourceSettings) -> list[str]:
    """Return what the sources are called."""
    paths = [str(path) for file in chosen.file for path in expand(file.path)]
    return [*paths, *(one.name for one in chosen.journal), *([inputs.STDIN] if chosen.stdin is not None else []), *(one.name for one in chosen.syslog)]


def doubled(chosen: SourceSettings) -> dict[JournalSettings, Path]:
    """Return the journals that hold the lines of a configured log: every count would double."""
    logs = [path for file in chosen.file for path in expand(file.path)]
    found = {}
    for one in chosen.journal if logs else ():
        try:
            log = inputs.same_lines(one, logs)
        except SourceError:  # its source says why it cannot be read
            continue
        if log is not None:
            found[one] = log
    return found


def twice(journal: JournalSettings, log: Path) -> str:
    """Say which of two sources is not read, and what to do."""
    return f"{journal.name} holds the same lines as {log}: it is not read; remove one of the two, or let container or matches choose other entries"


def apart(chosen: SourceSettings) -> tuple[SourceSettings, list[Fact]]:
    """Leave out the journals of which a configured log holds the lines; with what is to be told of that."""
    second = doubled(chosen)
    kept = chosen.model_copy(update={"journal": tuple(one for one in chosen.journal if one not in second)})
    return kept, [health("source", "duplicate", twice(one, log)) for one, log in second.items()]


def there(path: Path) -> bool:
    """Say whether a path exists; one in a folder that may not be entered counts, so that reading it says why it cannot be read."""
    try:
        return path.exists()
    except OSError:
        return True


class Roster:
    """Makes sources for files, and for those that globs match later. ``first`` is where a source without a position begins; ``others`` are the sources that are no files."""

    def __init__(
        self,
        settings: Settings,
        files: Sequence[FileSettings],
        host: str,
        first: Start,
        position: Callable[[str], bytes | None],
        clock: Callable[[], int],
        others: Sequence[Source] = (),
    ) -> None:
        self._settings = settings
        self._files = files
        self._host = host
        self._first = first
        self._position = position
        self._clock = clock
        self._others = others
        self._known: set[Path] = set()
        self._claims: dict[bytes, str] = {}

    @property
    def folders(self) -> frozenset[Path]:
        """The folders in which something may change."""
        return frozenset(path.parent for path in self._known) | frozenset(Path(file.path).parent for file in self._files)

    def refresh(self, *, appeared: bool) -> list[Source]:
        """Return sources for paths not known yet; ``appeared``: while running, so that they are read from their beginning."""
        found: list[Source] = [] if appeared else [*self._others]
        for file in self._files:
            for path in expand(file.path):
                if path not in self._known:
                    self._known.add(path)
                    found.append(self._source(file, path, appeared=appeared))
        return found

    def present(self) -> list[str]:
        """Return the names of the sources whose paths are there, and of those that have none."""
        return [*(other.info.name for other in self._others), *(str(path) for path in self._known if there(path))]

    def _source(self, file: FileSettings, path: Path, *, appeared: bool) -> Source:
        docker = file.format == "docker"
        form, kind = ("auto", "docker") if docker else (file.format, "file")
        info = SourceInfo(str(path), file.timezone or self._settings.timezone, file.host or self._host, form, str(path), kind)
        position = self._position(info.name)
        start = Start.BEGINNING if appeared or position == SECOND else Start(file.start) if file.start is not None and self._first is not Start.OLDEST_COPY else self._first
        log = FileSource(info, path, start=start, clock=self._clock)
        inner = DockerSource(log, self._clock) if docker else log
        source = OneReader(inner, self._claims, self._clock)
        source.resume(position or None)
        inner.begin()
        return source

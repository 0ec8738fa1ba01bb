"""In: the configured files and globs. Out: the sources to read, each file once.

Two sources of one lineage hold the same lines (mail.log and mail.info of one rsyslog, a file and its link): the one that
came first is read, the other is not, and that is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent.health import health
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


class OneReader:
    """A source that is not read while another one reads the same lineage."""

    def __init__(self, source: Source, claims: dict[bytes, str]) -> None:
        self.info = source.info
        self._source = source
        self._claims = claims
        self._facts: list[Fact] = []
        self._silent = False

    @property
    def at_end(self) -> bool:
        """See Source."""
        return self._silent or self._source.at_end

    @property
    def lineage(self) -> bytes | None:
        """See Source."""
        return self._source.lineage

    def resume(self, position: bytes | None) -> None:
        """See Source."""
        self._source.resume(position)

    def read(self, limit: int) -> Sequence[Record]:
        """See Source. What a second reader of a lineage finds is dropped: the first one lends the same lines with the same ids."""
        if self._silent and self._taken_by_another():
            return ()
        records = self._source.read(limit)
        self._silent = self._taken_by_another()
        if not self._silent:
            return records
        reason = f"{self.info.name} holds the same lines as {self._claims[self._source.lineage or b'']}: it is not read"
        self._facts.append(health("source", "duplicate", reason))
        return ()

    def _taken_by_another(self) -> bool:
        lineage = self._source.lineage
        if lineage is None:
            return False
        for other in [known for known, name in self._claims.items() if name == self.info.name and known != lineage]:
            del self._claims[other]
        return self._claims.setdefault(lineage, self.info.name) != self.info.name

    def position(self) -> bytes | None:
        """See Source."""
        return self._source.position()

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
    return tuple(FileSettings(path=path) for path in DEFAULTS if Path(path).is_file())


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
        return [str(path) for path in self._known if path.exists()]

    def _source(self, file: FileSettings, path: Path, *, appeared: bool) -> Source:
        info = SourceInfo(str(path), file.timezone or self._settings.timezone, file.host or self._host, file.format, str(path))
        start = Start.BEGINNING if appeared else Start(file.start) if file.start is not None and self._first is not Start.OLDEST_COPY else self._first
        source = OneReader(FileSource(info, path, start=start, clock=self._clock), self._claims)
        source.resume(self._position(info.name))
        return source

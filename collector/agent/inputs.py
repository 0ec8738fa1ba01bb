"""In: the configured journals, standard input, syslog listeners. Out: their sources, and which sources a host without settings has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.config.settings import FileSettings, JournalSettings, SourceSettings, endpoint
from collector.errors import SourceError
from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.journal import WANTED, JournalSource
from collector.sources.journal_export import BrokenExport, Export
from collector.sources.journalctl import Journal
from collector.sources.stdin import StdinSource
from collector.sources.syslog import SyslogSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from collector.config.settings import ListenerSettings, Settings, StdinSettings
    from collector.sources.base import Source
    from collector.sources.journal_export import Entry

STALE_MS = 60_000
"""How far a log may lie behind the journal's newest mail entry and still count as being written."""
LINES, ENTRIES = 20, 1000
"""How many of the newest are compared."""
TAIL = 1 << 16
STDIN = "stdin"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sources share. ``first`` is where one without a position begins; ``listen`` and ``ring`` lead to the bell."""

    settings: Settings
    host: str
    first: Start
    position: Callable[[str], bytes | None]
    clock: Callable[[], int]
    listen: Callable[[int], None]
    ring: Callable[[], object]
    once: bool = False


def journal(chosen: JournalSettings) -> Journal:
    """Return the journal that settings name."""
    return Journal(chosen.match, Path(chosen.directory) if chosen.directory is not None else None, chosen.namespace)


def autodetect(files: Sequence[FileSettings], own: JournalSettings | None = None) -> SourceSettings:
    """Choose for a host without settings: the mail logs that are being written, else the journal, else the logs that there are."""
    own = own or JournalSettings()
    if not journal(own).there:
        return SourceSettings(file=tuple(files))
    newest = _newest_entry(own)
    written = tuple(file for file in files if _modified(file.path) >= newest - STALE_MS)
    return SourceSettings(file=written, journal=() if written else (own,))


def others(chosen: SourceSettings, around: Surroundings) -> list[Source]:
    """Return the sources that are no files."""
    found: list[Source] = [_journal(one, around) for one in chosen.journal]
    if chosen.stdin is not None:
        found.append(_stdin(chosen.stdin, around))
    found += [_syslog(one, around) for one in chosen.syslog]
    return found


def same_lines(chosen: JournalSettings, logs: Iterable[Path]) -> Path | None:
    """Return the log of which at least half of the newest lines stand in the journal, told by their text with the tag; None where there is none."""
    tails = {path: lines for path in logs if (lines := _tail(path))}
    if not tails:
        return None
    said = tuple({text for entry in _newest(journal(chosen), ENTRIES) for text in _as_lines(entry)})
    for path, lines in tails.items():
        if 2 * sum(line.endswith(said) for line in lines) >= len(lines):
            return path
    return None


def _journal(chosen: JournalSettings, around: Surroundings) -> Source:
    info = SourceInfo(chosen.name, around.settings.timezone, chosen.host or around.host, input="journald")
    start = Start(chosen.start) if chosen.start is not None and around.first is not Start.OLDEST_COPY else around.first
    source = JournalSource(info, journal(chosen), start=start, clock=around.clock, listen=around.listen)
    source.resume(around.position(info.name))
    source.begin()
    return source


def _stdin(chosen: StdinSettings, around: Surroundings) -> Source:
    info = SourceInfo(STDIN, chosen.timezone or around.settings.timezone, chosen.host or around.host, chosen.format, input="stdin")
    source = StdinSource(info, clock=around.clock, to_the_end=around.once, listen=around.listen)
    source.resume(around.position(info.name))
    return source


def _syslog(chosen: ListenerSettings, around: Surroundings) -> Source:
    info = SourceInfo(chosen.name, chosen.timezone or around.settings.timezone, chosen.host or around.host, chosen.format, input="syslog")
    source = SyslogSource(info, *endpoint(chosen.listen), chosen.protocols, clock=around.clock, ring=around.ring)
    source.resume(around.position(info.name))
    source.begin()
    return source


def _newest(one: Journal, count: int) -> list[Entry]:
    try:
        return Export(WANTED).feed(one.newest(count))
    except BrokenExport as error:
        raise SourceError(f"journalctl cannot be understood: {error}") from error


def _newest_entry(chosen: JournalSettings) -> int:
    """Return the time (ms) of the newest entry; 0 where there is none that can be read."""
    try:
        entries = _newest(journal(chosen), 1)
    except SourceError:
        return 0
    return int(entries[-1][b"__REALTIME_TIMESTAMP"]) // 1000 if entries else 0


def _modified(path: str) -> int:
    """Return when a file was written to, ms; one that cannot be looked at counts as written, so that reading it says why."""
    try:
        return Path(path).stat().st_mtime_ns // 1_000_000
    except OSError:
        return 1 << 62


def _tail(path: Path) -> list[bytes]:
    """Return the last lines of a file, none where it cannot be read: its own source says why."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return [line for line in file.read(TAIL).split(b"\n") if line][-LINES:]
    except OSError:
        return []


def _as_lines(entry: Entry) -> list[bytes]:
    """Return how an entry ends as a line of a file: with pid in the tag and without, or the text of a container as it is."""
    text = entry.get(b"MESSAGE", b"").rstrip(b"\n")
    if b"CONTAINER_NAME" in entry:
        return [text] if text else []
    tag = entry.get(b"SYSLOG_IDENTIFIER", b"")
    pids = {entry[name] for name in (b"SYSLOG_PID", b"_PID") if name in entry}
    return [b" %b: %b" % (tag, text), *(b" %b[%b]: %b" % (tag, pid, text) for pid in sorted(pids))] if tag else []

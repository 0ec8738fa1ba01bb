"""In: what a source lends. Out: Record, the unit that crosses source -> pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known about a source before its first byte; it does not change while the source lives."""

    name: str
    """The key of its position in the spool; unique among the configured sources."""
    timezone: str = "UTC"
    """IANA zone of stamps that name none."""
    host: str | None = None
    """host.name where the envelope has none (Dovecot's own file), or an override."""
    format: str = "auto"
    """auto, or one of the envelope names of parse/syslog.py."""
    path: str | None = None
    """log.file.path: the configured path of the lineage, whichever copy is read."""
    input: str = "file"
    """input.type: file, journald, docker, syslog, stdin."""


class Standing(Protocol):
    """Two answers that are never mixed: which id has this record, and where does reading go on behind it."""

    @property
    def identity(self) -> tuple[bytes, ...]:
        """What event.id hashes besides the raw bytes. A file: (lineage, offset as 8 bytes, big-endian)."""
        ...

    @property
    def resume(self) -> bytes:
        """The source's own token, opaque to all others: reading goes on right behind this record."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """Both answers as they are; a source may have a ``Standing`` of its own that makes them when it is asked."""

    identity: tuple[bytes, ...]
    resume: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What the journal or docker already knows about a record; time in ms since the epoch."""

    program: str | None = None
    pid: int | None = None
    host: str | None = None
    time: int | None = None
    priority: int | None = None


@dataclass(slots=True)
class Record:
    """One complete line, without its line end and without a run of NULs before it."""

    source: SourceInfo
    raw: bytes
    near: int
    """Arrival (or journal) time in ms: the reference clock for stamps without a year or a zone."""
    position: Standing
    header: Header | None = None
    truncated: bool = False
    """The line was longer than 64 KiB: ``raw`` is its head."""


def offset_of(position: Standing) -> int | None:
    """Return the byte at which the line of a file begins; None where the record has no offset (journal, stdin)."""
    return int.from_bytes(position.identity[1], "big") if len(position.identity) == 2 else None  # noqa: PLR2004 - the two parts of a file's identity

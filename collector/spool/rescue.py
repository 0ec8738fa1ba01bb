"""In: a damaged file. Out: a sound one with all that could be read, and the damaged one moved aside.

The new file is made whole before the old one is moved, so a crash at any point loses nothing: with both files there the new
one is begun again, with the new one alone only its name is missing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from collector.errors import SpoolError, SpoolFull
from collector.spool import cursors, install_key, schema
from collector.spool.database import Database
from collector.spool.streams import KINDS

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

NAME = "spool.db"
_RESCUED = "spool.rescued.db"
_PARTS = ("", "-wal", "-shm")
_CHUNK = 256
_COLUMNS = {
    "position": ("source", "token", "seen"),
    "memory": ("seq", "owner", "lap", "blob"),
    "cursor": ("sink", "stream", "seq", "token"),
    "alert": ("seq", "n", "id", "time", "rule", "severity", "group_key", "stream", "committed", "crc", "body"),
    "document": ("seq", "stream", "time", "count", "crc", "body"),
    "dead_letter": ("time", "sink", "stream", "document_id", "reason", "body"),
    "tally": ("unit", "start", "dimension", "key", "n"),
}
"""In the order of copying: what cannot be had again comes first."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """What became of a damaged file: where it lies now, why, rows copied by table, tables that could not be read (or stored) to the end."""

    moved_to: str
    reason: str
    rows: dict[str, int] = field(default_factory=dict)
    incomplete: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one sentence."""
        copied = ", ".join(f"{number} {table}" for table, number in self.rows.items())
        return f"moved to {self.moved_to}: {self.reason}; rows copied: {copied}" + (f"; not whole: {', '.join(self.incomplete)}" if self.incomplete else "")


def finish(folder: Path) -> None:
    """Bring a rescue to its end, or clear away one that was cut off before its file was whole."""
    rescued = folder / _RESCUED
    if (folder / NAME).exists():
        for part in _PARTS:
            (folder / f"{_RESCUED}{part}").unlink(missing_ok=True)
    elif rescued.exists():
        _move_aside(folder)
        rescued.rename(folder / NAME)
        install_key.sync(folder)


def rescue(folder: Path, reason: str, key: bytes | None) -> Rescued:
    """Copy out what can be read and put it in place. ``key`` is the copy of the secret, for a file that does not yield it."""
    new = Database(folder / _RESCUED)
    try:
        rows, incomplete = _copy_all(folder, new, key)
    finally:
        new.close()
    moved = _move_aside(folder)
    (folder / _RESCUED).rename(folder / NAME)
    install_key.sync(folder)
    return Rescued(moved, reason, rows, incomplete)


def _copy_all(folder: Path, new: Database, key: bytes | None) -> tuple[dict[str, int], tuple[str, ...]]:
    rows = dict.fromkeys(_COLUMNS, 0)
    incomplete = list(_COLUMNS)
    secret, seq, run = key or install_key.new(), 0, 0
    meta = "select secret, seq, run from meta where length(secret) = 32 and typeof(secret) = 'blob' and typeof(seq) = 'integer' and typeof(run) = 'integer'"
    with new.transaction():
        schema.migrate(new)
    with suppress(SpoolError):
        old = Database(folder / NAME, read_only=True)
        try:
            with suppress(SpoolError):
                secret, seq, run = old.one(meta) or (secret, seq, run)
            incomplete = [table for table in _COLUMNS if not _copy(old, new, table, rows)]
        finally:
            old.close()
    with new.transaction():
        known = rows["position"] and "position" not in incomplete
        highest = max(int(new.value(f"select coalesce(max(seq), 0) from {table}")) for table in ("document", "alert", "memory", "cursor"))  # noqa: S608 - own names
        new.run("insert into meta(id, secret, seq, run, clean, start) values(1, ?, ?, ?, 0, ?)", secret, max(seq, highest), run, "known" if known else "lost")
        if "cursor" in incomplete:
            new.many("insert into cursor(sink, stream, seq) values(?, ?, 0)", [(cursors.NOBODY, kind) for kind in KINDS])
    return rows, tuple(incomplete)


def _copy(old: Database, new: Database, table: str, rows: dict[str, int]) -> bool:
    """Copy a table in short transactions; False if it was not read to its end, or there was no room for all of it."""
    names = ", ".join(("rowid", *_COLUMNS[table]))
    insert = f"insert or ignore into {table}({names}) values({', '.join('?' * (1 + len(_COLUMNS[table])))})"
    damaged: list[SpoolError] = []
    whole = True
    source = _salvage(old, table, names, damaged)
    try:
        while chunk := list(islice(source, _CHUNK)):
            with new.transaction():
                copied = new.many(insert, chunk)
            rows[table] += copied
            whole = whole and copied == len(chunk)
    except SpoolFull:
        return False
    finally:
        source.close()
    return whole and not damaged


def _salvage(old: Database, table: str, names: str, damaged: list[SpoolError]) -> Generator[tuple[Any, ...], None, None]:
    """Yield rows from the beginning up to the damage, then from the end back to it."""
    last = 0
    try:
        with old.reading(f"select {names} from {table} order by rowid") as found:  # noqa: S608 - own names
            for row in found:
                yield row
                last = row[0]
    except SpoolError as error:
        damaged.append(error)
        with suppress(SpoolError), old.reading(f"select {names} from {table} where rowid > ? order by rowid desc", last) as found:  # noqa: S608 - own names
            yield from found


def _move_aside(folder: Path) -> str:
    """Rename the file first, then what belongs to it: without its name in place nothing opens the rest."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = (f"{NAME}.corrupt-{stamp}{f'-{n}' if n else ''}" for n in count())
    name = next(name for name in names if not any((folder / f"{name}{part}").exists() for part in _PARTS))
    for part in _PARTS:
        with suppress(FileNotFoundError):
            (folder / f"{NAME}{part}").rename(folder / f"{name}{part}")
    return name

"""In: a database. Out: the tables of the newest format in it.

Every column and blob is described in docs/design/spool-format.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.errors import SpoolError

if TYPE_CHECKING:
    from collector.spool.database import Database

_FIRST = (
    """create table meta(
        id integer primary key check(id = 1), secret blob not null, seq integer not null, run integer not null, clean integer not null, start text not null)""",
    """create table document(
        seq integer not null, stream text not null, time integer not null, count integer not null, crc integer not null, body blob not null)""",
    "create unique index document_place on document(stream, seq)",
    "create table position(source text primary key, token blob not null, seen integer not null)",
    "create table memory(id integer primary key, seq integer not null, owner text not null, lap integer not null, blob blob not null)",
    "create index memory_owner on memory(owner, seq)",
    """create table alert(
        seq integer not null, n integer not null, id text not null, time integer not null, rule text not null, severity integer not null, group_key text not null,
        stream text not null, committed integer not null, crc integer not null, body blob not null)""",
    "create unique index alert_place on alert(stream, seq, n)",
    "create unique index alert_id on alert(id)",
    "create index alert_time on alert(time)",
    "create index alert_age on alert(stream, committed)",
    """create table tally(
        unit text not null, start integer not null, dimension text not null, key text not null, n integer not null, primary key(unit, start, dimension, key))""",
    "create table cursor(sink text not null, stream text not null, seq integer not null, token blob, primary key(sink, stream))",
    """create table dead_letter(
        id integer primary key, time integer not null, sink text not null, stream text not null, document_id text not null, reason text not null, body blob not null)""",
)

MIGRATIONS = (_FIRST,)
"""The statements at index i bring format i to i + 1. What stands here never changes; a new format is a new entry."""

VERSION = len(MIGRATIONS)


def version(db: Database) -> int:
    """Return the format of a file: 0 for one in which nothing was created yet. Raises SpoolError for that of a later release."""
    found = int(db.value("pragma user_version"))
    if found > VERSION:
        raise SpoolError(f"the spool has format {found}, this release knows {VERSION}", hint="install the later release of mailvigil again")
    return found


def migrate(db: Database) -> None:
    """Bring the tables to VERSION, within the caller's transaction."""
    for statements in MIGRATIONS[version(db) :]:
        for statement in statements:
            db.run(statement)
    db.run(f"pragma user_version = {VERSION}")

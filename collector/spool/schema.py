"""In: a database. Out: the tables of the newest format in it.

Every column and blob is described in docs/design/spool-format.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.errors import SpoolDamaged, SpoolError

if TYPE_CHECKING:
    from collector.spool.database import Database


def _table(name: str, *columns: str, rest: str = "") -> str:
    """Declare columns given as ``name type``, with ``?`` for one that may be null. The checks let the check of a file see damage within a row."""
    declared = []
    for column in columns:
        field, kind = column.rstrip("?").split()
        kinds = f"'{kind}', 'null'" if column.endswith("?") else f"'{kind}'"
        declared.append(f"{field} {kind} check(typeof({field}) in ({kinds}))")
    return f"create table {name}({', '.join(declared)}{rest})"


_ONE_ROW = ", primary key(id), check(id = 1 and length(secret) = 32 and start in ('fresh', 'lost', 'known'))"
_ALERT_SUMMARY = ("id text", "time integer", "rule text", "severity integer", "group_key text", "stream text")

_FIRST = (
    _table("meta", "id integer", "secret blob", "seq integer", "run integer", "clean integer", "start text", rest=_ONE_ROW),
    _table("document", "seq integer", "stream text", "time integer", "count integer", "crc integer", "body blob"),
    "create unique index document_place on document(stream, seq)",
    _table("position", "source text", "token blob", "seen integer", rest=", primary key(source)"),
    _table("memory", "id integer", "seq integer", "owner text", "lap integer", "blob blob", rest=", primary key(id)"),
    "create index memory_owner on memory(owner, seq)",
    _table("alert", "seq integer", "n integer", *_ALERT_SUMMARY, "committed integer", "crc integer", "body blob"),
    "create unique index alert_place on alert(stream, seq, n)",
    "create unique index alert_id on alert(id)",
    "create index alert_time on alert(time)",
    "create index alert_age on alert(stream, committed)",
    _table("tally", "unit text", "start integer", "dimension text", "key text", "n integer", rest=", primary key(unit, start, dimension, key)"),
    _table("cursor", "sink text", "stream text", "seq integer", "token blob?", rest=", primary key(sink, stream)"),
    _table("dead_letter", "id integer", "time integer", "sink text", "stream text", "document_id text", "reason text", "body blob", rest=", primary key(id)"),
)

_SECOND = (
    "alter table meta add column standing 'blob' check(typeof(standing) in ('blob', 'null'))",
    "alter table cursor add column moved 'integer' check(typeof(moved) in ('integer', 'null'))",
    "alter table dead_letter add column retry 'integer' not null default 0 check(typeof(retry) = 'integer')",
    "create index dead_letter_retry on dead_letter(sink, id) where retry = 1",
)

MIGRATIONS = (_FIRST, _SECOND)
"""The statements at index i bring format i to i + 1. What stands here never changes; a new format is a new entry."""

VERSION = len(MIGRATIONS)


def version(db: Database) -> int:
    """Return the format of a file: 0 for one in which nothing was created yet. Raises SpoolError for that of a later release, SpoolDamaged for none."""
    found = int(db.value("pragma user_version"))
    if found == 0 and db.one("select 1 from sqlite_schema"):
        raise SpoolDamaged("there are tables, but no format number")
    if found > VERSION:
        raise SpoolError(f"the spool has format {found}, this release knows {VERSION}", hint="install the later release of mailvigil again")
    return found


def migrate(db: Database) -> None:
    """Bring the tables to VERSION, within the caller's transaction."""
    for statements in MIGRATIONS[version(db) :]:
        for statement in statements:
            db.run(statement)
    db.run(f"pragma user_version = {VERSION}")

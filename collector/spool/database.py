"""In: SQL. Out: rows and durable transactions. The only door for sqlite3.

One connection serves all threads, one at a time: SQLite has one writer anyway, and running totals and rows then never
disagree. Other processes open the file for reading; only who sees to dead letters writes beside it.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, Any

from collector.errors import SpoolDamaged, SpoolError, SpoolFull
from collector.spool.ballast import disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_FULL_DISK = 1 << 20
"""With less than this free, an I/O error is taken for a full disk: SQLite says so for its index of the log."""
_HINT_DAMAGED = "start again: the damaged file is moved aside and what can be read is copied out of it"
_HINT_FULL = "make room on the disk; what was delivered is deleted meanwhile, and reading goes on by itself"


class Database:
    """A SQLite file. Rows are plain tuples; every error is a SpoolError."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.lock = RLock()
        """Held over everything that must be seen as one."""
        self.damaged = False
        self._path = path
        name = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        with self._translated():
            if not read_only:
                # It holds the install secret. Where it cannot be made SQLite says why.
                with suppress(OSError):
                    path.touch(0o600)
            self._connection = sqlite3.connect(name, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
        # a damaged name must not stop those who ask for all of them
        self._connection.text_factory = lambda data: data.decode("utf-8", "backslashreplace")
        try:
            self._set_up(read_only=read_only)
        except SpoolError:
            self._connection.close()
            raise

    def _set_up(self, *, read_only: bool) -> None:
        if read_only:
            self.value("select 1 from sqlite_schema")
            return
        if self.value("pragma journal_mode = wal") != "wal":
            raise SpoolError(f"{self._path} lies where no write-ahead log can be kept", hint="the spool must be on a local file system")
        self.run("pragma synchronous = full")
        self.run("pragma secure_delete = off")
        self.run("pragma wal_autocheckpoint = 1000")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._meaning(error) from error
        except UnicodeDecodeError as error:  # an error of SQLite that quotes a damaged schema
            self.damaged = True
            raise SpoolDamaged(f"{self._path}: {error}", hint=_HINT_DAMAGED) from error

    def _meaning(self, error: sqlite3.Error) -> SpoolError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self.damaged = True
            return SpoolDamaged(f"{self._path}: {error}", hint=_HINT_DAMAGED)
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and disk(self._path.parent)[0] < _FULL_DISK):
            return SpoolFull(f"{self._path}: {error}", hint=_HINT_FULL)
        return SpoolError(f"{self._path}: {error}", hint="check the disk and who may write to the state directory")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows."""
        with self.lock, self._translated():
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Return the first row."""
        with self.reading(sql, *values) as rows:
            return next(rows, None)

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row; None if there is no row."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    @contextmanager
    def reading(self, sql: str, *values: Any) -> Iterator[Iterator[tuple[Any, ...]]]:
        """Lend rows one by one; they are read as they are asked for."""
        with self.lock, self._translated():
            cursor = self._connection.execute(sql, values)
            try:
                yield cursor
            finally:
                cursor.close()

    def run(self, sql: str, *values: Any) -> int:
        """Execute; return the number of rows changed."""
        with self.lock, self._translated():
            return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute once a row; return the number of rows changed."""
        with self.lock, self._translated():
            return self._connection.executemany(sql, rows).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; durable when the block is left."""
        with self.lock:
            self.run("begin immediate")
            try:
                yield
                self.run("commit")
            finally:
                if self._connection.in_transaction:
                    self.run("rollback")

    def checkpoint(self) -> None:
        """Copy what can be copied from the write-ahead log into the file, without waiting for anybody and without giving its space away."""
        with suppress(SpoolFull):
            self.rows("pragma wal_checkpoint(passive)")

    def sound(self, what: str = "1") -> bool:
        """Check pages, their links, indices and the declared checks of each row, of the whole file or of the table ``what``.

        The quick form of the check would not compare indices with rows, and a wrong entry would be met while running.
        """
        try:
            return self.rows(f"pragma integrity_check({what})") == [("ok",)]
        except SpoolFull:
            raise
        except SpoolError:  # damage within the stored schema shows as an error of SQL
            return False

    def close(self) -> None:
        """Close; the last one to close copies the write-ahead log into the file."""
        with self.lock, suppress(sqlite3.Error):
            self._connection.close()

"""In: a folder. Out: a sound spool file in it, whatever an earlier crash left behind, held by this process alone."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from collector.errors import SpoolDamaged, SpoolError
from collector.spool import install_key, rescue, schema
from collector.spool.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from collector.spool.rescue import Rescued


def hold(folder: Path) -> int:
    """Make the folder and lock it; return the descriptor that keeps the lock until it is closed, by a kill too."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SpoolError(f"{folder} cannot be used: {error}", hint="the state directory must belong to the user that mailvigil runs as") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise SpoolError(f"another process uses the spool in {folder}", hint="one service a state directory: stop the other one, or set another state_dir") from error
    return descriptor


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of the newest format with its one row of meta, in which a run has begun."""

    db: Database
    unclean: bool
    rescued: Rescued | None = None


def sound_file(folder: Path) -> Opened:
    """Open the file, create it, or rescue a damaged one."""
    key = install_key.read(folder)
    path = folder / rescue.NAME
    rescue.finish(folder)
    try:
        return _begun(Database(path), key, folder)
    except SpoolDamaged as error:
        rescued = rescue.rescue(folder, str(error), key)
    return replace(_begun(Database(path), key, folder), rescued=rescued)


def _begun(db: Database, key: bytes | None, folder: Path) -> Opened:
    with ExitStack() as undo:
        undo.callback(db.close)
        new = schema.version(db) == 0
        clean = new or (db.sound("meta") and db.value("select clean from meta") == 1)
        if not clean and not (db.sound() and db.one("select 1 from meta")):
            raise SpoolDamaged("the last run did not end in order, and the check of the file failed")
        with db.transaction():
            schema.migrate(db)
            if new:
                db.run("insert into meta(id, secret, seq, run, clean, start) values(1, ?, 0, 0, 1, ?)", key or install_key.new(), "lost" if install_key.stands(folder) else "fresh")
            db.run("update meta set run = run + 1, clean = 0")
        undo.pop_all()
    return Opened(db, unclean=not clean)

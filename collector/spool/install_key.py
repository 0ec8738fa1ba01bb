"""In: a folder. Out: ``install.key``, the copy of the install secret beside the spool.

Without the secret every id would be another one, so it outlives the spool: a key without a spool says that the spool was lost.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from collector.errors import SpoolError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "install.key"
SIZE = 32


def new() -> bytes:
    """Return a fresh secret of SIZE bytes."""
    return secrets.token_bytes(SIZE)


def stands(folder: Path) -> bool:
    """Say whether there is a key file, whatever is in it: then this host was seen before."""
    return (folder / NAME).exists()


def read(folder: Path) -> bytes | None:
    """Return the secret; None if there is none or it is not SIZE bytes long. Raises SpoolError for a file that cannot be read."""
    try:
        key = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SpoolError(f"{folder / NAME} cannot be read: {error}", hint="it must belong to the user that mailvigil runs as") from error
    return key if len(key) == SIZE else None


def write(folder: Path, key: bytes) -> None:
    """Write the file whole or not at all, readable by its owner only. Raises SpoolError."""
    beside = folder / f"{NAME}.new"
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, key)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.rename(folder / NAME)
        sync(folder)
    except OSError as error:
        raise SpoolError(f"{folder / NAME} cannot be written: {error}", hint="check the folder's owner and the free space") from error


def sync(folder: Path) -> None:
    """Make renames within a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

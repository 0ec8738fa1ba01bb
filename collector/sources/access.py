"""In: a path. Out: a descriptor of a regular file, or SourceError with what gives permission."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import stat
import struct
import sys
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.sources.place import FileId

if TYPE_CHECKING:
    from pathlib import Path

_GETVERSION = 2 << 30 | struct.calcsize("l") << 16 | ord("v") << 8 | 1
"""FS_IOC_GETVERSION, _IOR('v', 1, long) of linux/fs.h: what ext4 changes when it gives an inode to another file."""


def open_file(path: Path) -> int | None:
    """Open a regular file for reading; None if there is none. Raises SourceError."""
    try:
        # O_NONBLOCK: opening a FIFO that somebody put there must not block
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise refused(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceError(f"{path} is no regular file", hint="give the path of a log file")
    return descriptor


def file_id(descriptor: int) -> FileId:
    """Return device, inode and generation of an open file."""
    status = os.fstat(descriptor)
    buffer = bytearray(struct.calcsize("l"))
    try:
        fcntl.ioctl(descriptor, _GETVERSION, buffer)
    except OSError:
        return FileId(status.st_dev, status.st_ino)
    return FileId(status.st_dev, status.st_ino, int.from_bytes(buffer[:4], sys.byteorder))


def refused(path: Path, error: OSError) -> SourceError:
    """Translate an error of the file system."""
    hint = _permission(path) if error.errno in (errno.EACCES, errno.EPERM) else None
    return SourceError(f"{path} cannot be read: {error.strerror or error}", hint=hint)


def _permission(path: Path) -> str:
    """Say what lets this process read ``path``, or the first folder on the way to it that it may not enter."""
    user = _user()
    for step in (*reversed(path.parents), path):
        if os.access(step, os.R_OK if step == path else os.X_OK, effective_ids=True):
            continue
        grant = "r" if step == path else "x"
        try:
            status = os.stat(step)  # noqa: PTH116 - beside os.access
        except OSError:
            break
        if status.st_mode & (stat.S_IRGRP if step == path else stat.S_IXGRP) and status.st_gid not in (os.getegid(), *os.getgroups()):
            return f"add the user {user} to the group {_group(status.st_gid)} (usermod -aG), or: setfacl -m u:{user}:{grant} {step}"
        return f"setfacl -m u:{user}:{grant} {step}"
    return f"let the user {user} read it"


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)

"""In: names of files. Out: which of them are rotated copies, in which order they were rotated, and what a glob of logs names.

logrotate's names: NAME.1, NAME.2.gz, NAME-20261124, NAME-2026-11-24.gz; ``postfix logrotate``: NAME.20261124-113524.gz.
"""

from __future__ import annotations

import re
from glob import glob, has_magic
from pathlib import Path

_NUMBER = r"[.-](?P<number>\d{1,4})"
_DATE = r"[.-](?P<date>(?:19|20)\d\d-?[01]\d-?[0-3]\d(?:[-_.T]?\d{2,10})*|\d{10})"
_ROTATED = re.compile(rf"(?:{_NUMBER}|{_DATE})(?P<packed>\.gz)?")
_NO_LOG = re.compile(rf"(?:.*(?:{_NUMBER}|{_DATE}|\.(?:old|orig|bak|save|swp|tmp|part)|~)(?:\.\w{{1,4}})?|.*\.(?:gz|bz2|xz|zst|lz4|Z|zip))", re.DOTALL)

Rank = tuple[str, int]
"""Scheme (number or date) and a figure that grows from older to newer copies."""


def rank(name: str, log: str) -> Rank | None:
    """Return when ``name`` was rotated, compared with the other copies of ``log``; None if it is no rotated copy of it."""
    match = _ROTATED.fullmatch(name[len(log) :]) if name.startswith(log) else None
    if match is None:
        return None
    if match["number"]:
        return "number", -int(match["number"])
    digits = re.sub(r"\D", "", match["date"])
    return "date", int(digits.ljust(24, "0"))


def expand(pattern: str) -> list[Path]:
    """Return the logs that a pattern of settings names, sorted, without rotated, compressed and backup files.

    A pattern without wildcards is one path, whether it exists or not.
    """
    if not has_magic(pattern):
        return [Path(pattern)]
    found = (Path(name) for name in glob(pattern, recursive=True))  # noqa: PTH207 - a pattern may be absolute
    return sorted(path for path in found if not _NO_LOG.fullmatch(path.name) and _readable_name(path) and _is_file(path))


def _readable_name(path: Path) -> bool:
    """Say whether a name is UTF-8: it becomes log.file.path and the key of a position."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_file(path: Path) -> bool:
    """Say whether a path is a file; one that cannot be looked at is tried, so that reading it says why it cannot be read."""
    try:
        return path.is_file()
    except OSError:
        return True

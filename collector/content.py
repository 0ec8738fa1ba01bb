"""In: where the package lies. Out: shipped and overlaid content as (text, origin).

In a wheel the content lies in ``collector/_content``, in a checkout or an unpacked sdist beside the package. Overlays
are folders with ``parsers/``, ``rules/``, ``exceptions/`` of their own (on a host ``parsers.d/`` and so on); their files
come after the shipped ones.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from collector.errors import ContentError, Location

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

Text = tuple[str, str]
"""The text of a file and where it came from."""

_PACKAGE = Path(__file__).parent


def root() -> Path:
    """Return the folder that holds ``parsers/``, ``rules/`` and ``demo/``."""
    shipped = _PACKAGE / "_content"
    return shipped if shipped.is_dir() else _PACKAGE.parent


def texts(folder: str, pattern: str, overlays: Sequence[Path] = (), without: Collection[str] = ()) -> Iterator[Text]:
    """Yield the files of one content folder, shipped ones first, each group sorted by path; ``without`` names overlaid files to leave out.

    Raises ContentError for a file or a folder that cannot be read, or a file that is not UTF-8; its place is the file's name.
    """
    shipped = root()
    for path in _files(shipped / folder, pattern):
        name = str(path.relative_to(shipped))
        yield _read(path, name), name
    for path in overlaid(folder, pattern, overlays, without):
        yield _read(path, origin(path)), origin(path)


def overlaid(folder: str, pattern: str, overlays: Sequence[Path], without: Collection[str] = ()) -> Iterator[Path]:
    """Yield the paths of the overlaid files in the order of ``texts``. Raises ContentError for a folder that cannot be read."""
    first, _, rest = folder.partition("/")
    for overlay in overlays:
        for name in (first, f"{first}.d"):
            yield from (path for path in _files(overlay / name / rest, pattern, without) if origin(path) not in without)


def origin(path: Path) -> str:
    """Return the name of an overlaid file: never taken for a shipped one."""
    return str(path) if path.is_absolute() else f"./{path}"


def is_overlaid(name: str) -> bool:
    """Say whether a text that came under this name was an overlaid file."""
    return name.startswith(("/", "./"))


def _files(folder: Path, pattern: str, without: Collection[str] = ()) -> list[Path]:
    """Return the files below a folder; one that may not be entered is no empty one."""
    found: list[Path] = []

    def refused(error: OSError) -> None:
        place = origin(Path(error.filename))
        if not isinstance(error, FileNotFoundError | NotADirectoryError) and place not in without:
            raise ContentError(f"cannot be read: {error.strerror}", Location(place), "check the folder and its permissions") from error

    for here, folders, names in os.walk(folder, onerror=refused):
        found += (Path(here, name) for name in (*folders, *names) if fnmatchcase(name, pattern))
    return sorted(found)


def package_text(name: str) -> str:
    """Return a data file of the package itself, for example ``model/fields.yaml``."""
    return _read(_PACKAGE / name, name)


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(f"cannot be read: {error}", Location(name), "check the file and its permissions") from error

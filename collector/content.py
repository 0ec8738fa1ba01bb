"""In: where the package lies. Out: shipped and overlaid content as (text, origin).

In a wheel the content lies in ``collector/_content``, in a checkout or an unpacked sdist beside the package. Overlays
are folders with ``parsers/``, ``rules/``, ``exceptions/`` of their own (on a host ``parsers.d/`` and so on); their files
come after the shipped ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.errors import ContentError, Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Text = tuple[str, str]
"""The text of a file and where it came from."""

_PACKAGE = Path(__file__).parent


def root() -> Path:
    """Return the folder that holds ``parsers/``, ``rules/`` and ``demo/``."""
    shipped = _PACKAGE / "_content"
    return shipped if shipped.is_dir() else _PACKAGE.parent


def texts(folder: str, pattern: str, overlays: Sequence[Path] = ()) -> Iterator[Text]:
    """Yield the files of one content folder, shipped ones first, each group sorted by path.

    Raises ContentError for a file that cannot be read or is not UTF-8.
    """
    shipped = root()
    for path in sorted((shipped / folder).rglob(pattern)):
        yield _read(path), str(path.relative_to(shipped))
    first, _, rest = folder.partition("/")
    for overlay in overlays:
        for name in (first, f"{first}.d"):
            for path in sorted((overlay / name / rest).rglob(pattern)):
                yield _read(path), str(path) if path.is_absolute() else f"./{path}"  # never taken for a shipped file


def package_text(name: str) -> str:
    """Return a data file of the package itself, for example ``model/fields.yaml``."""
    return _read(_PACKAGE / name)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(f"cannot be read: {error}", Location(str(path)), "check the file and its permissions") from error

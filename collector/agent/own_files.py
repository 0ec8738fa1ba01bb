"""In: a way to load content without some of the host's own files. Out: what loads, and why the files left out do not.

A file of the host that does not load costs that file (and what rests on it), never the shipped content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from collector.content import is_overlaid
from collector.errors import ContentError, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

T = TypeVar("T")


def load_around(load: Callable[[Collection[str]], T], own: Callable[[Collection[str]], Sequence[str]]) -> tuple[T, tuple[ContentError, ...]]:
    """Load, leaving out one file of the host after the other until the rest loads; return it with one error for each of them.

    Both are given the names of the files to leave out; ``own`` returns those of the others, in order. Raises ContentError where
    the shipped content does not load by itself.
    """
    faults: dict[str, ContentError] = {}
    while True:
        try:
            return load(faults.keys()), tuple(faults.values())
        except ContentError as error:
            fault = error if _names_own(error) else _spoiler(error, load, own(faults.keys()), faults)
            if fault is None or fault.at is None or fault.at.file in faults:
                raise
            faults[fault.at.file] = fault


def _names_own(error: ContentError) -> bool:
    return error.at is not None and is_overlaid(error.at.file)


def _spoiler(error: ContentError, load: Callable[[Collection[str]], object], names: Sequence[str], without: Collection[str]) -> ContentError | None:
    """Return the error of the file that spoils a shipped one: the last of the shortest beginning with which a shipped file does not load."""
    for number in range(len(names) + 1):
        try:
            load({*without, *names[number:]})
        except ContentError as found:
            if not _names_own(found):
                return ContentError(f"with this file, {error}", Location(names[number - 1]), "remove or mend it") if number else None
    return None

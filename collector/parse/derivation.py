"""In: nothing. Out: Derive, the type of a named function that turns a part of a line into fields.

It stands alone so that the modules that offer such functions and the registry that gathers them need not import each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

REMEMBERED = 512
"""Texts that one function remembers."""
LONGEST = 128
"""The longest of them, in characters: a stranger's longer ones would fill the memory."""


@dataclass(frozen=True, slots=True)
class Derive:
    """``function`` gets the text of a part and returns final values by field name (and further ``_parts``), none of them None and each fit for a document.

    ``gives`` lists every name that it may return. ``repeats``: the same texts come again and again, so that they are worth remembering.
    """

    function: Callable[[str], dict[str, Any]]
    gives: tuple[str, ...]
    repeats: bool = True


@cache
def picking(function: Callable[[str], dict[str, Any]], names: tuple[str, ...], *, local: bool) -> Callable[[str], Any]:
    """Return a function that gives those of another's fields that are wanted; with ``local`` a pair: these, and the parts."""

    def pick(text: str) -> Any:
        given = function(text)
        fields = {name: value for name, value in given.items() if name in names}
        return (fields, {name: value for name, value in given.items() if name.startswith("_")}) if local else fields

    return pick


@cache
def remembering(function: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a function that remembers texts, the same for all shapes. What it returns is shared: nobody may change it."""
    return lru_cache(REMEMBERED)(function)

"""In: nothing. Out: Derive, the type of a named function that turns a part of a line into fields.

It stands alone so that the modules that offer such functions and the registry that gathers them need not import each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Derive:
    """``function`` gets the text of a part and returns final values by field name (and further ``_parts``); ``gives`` lists every name that it may return."""

    function: Callable[[str], dict[str, Any]]
    gives: tuple[str, ...]

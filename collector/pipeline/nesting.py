"""In: flat fields with dotted names. Out: nested objects, as documents have them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into objects; the catalogue has no name that is a leaf here and an object there."""
    whole: dict[str, Any] = {}
    for name, value in flat.items():
        place = whole
        path, leaf = _path(name)
        for part in path:
            place = place.setdefault(part, {})
        place[leaf] = value
    return whole


@cache
def _path(name: str) -> tuple[tuple[str, ...], str]:
    *path, leaf = name.split(".")
    return tuple(path), leaf

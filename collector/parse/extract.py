"""In: a shape and its match of a line. Out: what is local to the line, and the fields that its text gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collector.parse import convert

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from collector.model.catalogue import Catalogue
    from collector.parse.binding import Entry
    from collector.parse.opened import Opened

_DIGITS = 9
_MOST = 10**_DIGITS - 1


@dataclass(slots=True)
class Extract:
    """Texts of parts by name (the envelope's too), what functions derived for the line alone, and typed fields."""

    texts: dict[str, str] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)

    def number(self, part: str) -> int:
        """Return a part as a count; what is none counts as nothing."""
        return count(self.local.get(part, self.texts.get(part)))


def count(value: Any) -> int:
    """Return a value as a count: digits or a whole number, and not more than nine digits of it."""
    if isinstance(value, int):
        return value if 0 <= value <= _MOST else 0
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS else 0


def extract(entry: Entry, match: re.Match[str], opened: Opened, catalogue: Catalogue) -> Extract:
    """Take the parts out of a match, convert them, derive from them. Of a part that stands twice, the first group that took part wins."""
    found = Extract(dict(opened.parts))
    own: set[str] = set()
    for group, part in entry.pattern.parts:
        text = match[group]
        if text is None or part in own:
            continue
        own.add(part)
        found.texts[part] = text
        if not part.startswith("_"):
            _put(found.fields, part, convert.value(catalogue, part, text))
    _derive(entry, found)
    for part, name in entry.lends.items():
        if part in found.texts and not (part == "_user" and (opened.origin.daemon or "").startswith("auth")):
            _put(found.fields, name, convert.value(catalogue, name, found.texts[part]))
    return found


def _derive(entry: Entry, found: Extract) -> None:
    for part, function in entry.derive:
        text = found.texts.get(part, found.local.get(part))
        if not isinstance(text, str):
            continue
        for name, value in function.function(text).items():
            if name.startswith("_"):
                found.local.setdefault(name, value)
            elif name in entry.shape.fields:
                _put(found.fields, name, value)


def facts(entry: Entry, opened: Opened, daemon: str | None) -> Mapping[str, Any]:
    """Return the facts of the service in the middle of the name, or else of the daemon."""
    return entry.facts.get(opened.origin.service or "") or entry.facts.get(daemon or "") or {}


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    """Set a field that has a value and is not there yet. All that a line says enters its event here: a number that no document can hold stays away."""
    if value is not None and convert.storable(value):
        fields.setdefault(name, value)

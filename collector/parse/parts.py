"""In: a pattern. Out: its parts by name, each with the groups that can say it, and which fields of a shape are in every one of its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.parse import convert
from collector.parse.anatomy import Group
from collector.parse.conversion import conversion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.model.catalogue import Catalogue
    from collector.parse.grok import Pattern


@dataclass(frozen=True, slots=True)
class Part:
    """A part; the first of its groups that took part says it."""

    name: str
    groups: tuple[int, ...]
    group: Group
    """What is true of whichever it was."""

    @property
    def variable(self) -> str:
        """The name of its text in generated source."""
        return f"v{self.groups[0]}" if len(self.groups) == 1 else f"t{self.groups[0]}"

    @property
    def sure(self) -> bool:
        """True if every match has a text for it that says something."""
        return not self.group.optional and (self.group.least > 0 or self.name == convert.NULL_SENDER)


def parts_of(pattern: Pattern) -> dict[str, Part]:
    """Return the parts in the order of their first brackets."""
    groups: dict[str, list[int]] = {}
    for group, name in pattern.parts:
        groups.setdefault(name, []).append(pattern.regex.groupindex[group])
    return {name: Part(name, tuple(numbers), _whichever([pattern.anatomy.groups[number] for number in numbers])) for name, numbers in groups.items()}


def _whichever(groups: list[Group]) -> Group:
    if len(groups) == 1:
        return groups[0]
    return Group(all(one.optional for one in groups), min(one.least for one in groups), max(one.most for one in groups), all(one.digits for one in groups))


def sure_fields(pattern: Pattern, catalogue: Catalogue) -> set[str]:
    """Return the fields that every match gives: their part is always said, and every text of it has a value."""
    parts = (part for part in parts_of(pattern).values() if part.sure and not part.name.startswith("_"))
    return {part.name for part in parts if conversion(part.name, catalogue.fields[part.name], part.group).total}


def followed(sure: Iterable[str], allowed: Mapping[str, object]) -> set[str]:
    """Return what certainly follows from sure fields (see convert.finish)."""
    certain = {name for origin in sure for name in convert.FOLLOWS.get(origin, ()) if name.startswith("related.") or name.endswith(".address")}
    return {name for name in certain if name in allowed}

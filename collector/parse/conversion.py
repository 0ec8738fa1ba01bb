"""In: a field of the catalogue and what a group can hold. Out: Conversion: the Python expression that makes the one of the other, and whether it can fail.

It says the same as convert.value, part by part, for a text that is not empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collector.parse import convert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.catalogue import FieldDef
    from collector.parse.anatomy import Group

_LONG_DIGITS = 18
"""What convert takes for a number, and what a ``long`` holds in any case."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """``expression`` has the text in place of ``{v}``; ``names`` are what it refers to. ``total``: every text has a value; else it may be None."""

    expression: str
    total: bool
    names: Mapping[str, Any] = field(default_factory=dict)


def conversion(name: str, definition: FieldDef, group: Group) -> Conversion:
    """Return how the text of a group becomes the value of a field, a list's only element where the catalogue says so."""
    if definition.type == "ip":
        known = "known_ip" if group.most <= convert.LONGEST_IP else "ip"
        return Conversion(f"{known}({{v}})", total=False, names={known: getattr(convert, known)})
    if definition.type == "long" and group.digits and group.most <= _LONG_DIGITS:
        return Conversion("int({v})", total=True)
    if definition.type in ("long", "float", "boolean", "date"):
        return Conversion(f"typed({_variable('F', name)}, {{v}})", total=False, names={"typed": convert.typed, _variable("F", name): definition})
    word = _word(definition, group)
    if not definition.values:
        return word
    table = _variable("W", name)
    other = "other" in definition.values
    expression = f"{table}.get({word.expression}, 'other')" if other else f"{table}.get({word.expression})"
    return Conversion(expression, total=other, names={**word.names, table: {value: value for value in definition.values}})


def _word(definition: FieldDef, group: Group) -> Conversion:
    if definition.normaliser in ("lower", "upper"):
        return Conversion(f"{{v}}.{definition.normaliser}()", total=True)
    if definition.normaliser == "domain":
        known = "known_domain" if group.most <= convert.LONGEST_KNOWN else "domain"
        return Conversion(f"{known}({{v}})", total=True, names={known: getattr(convert, known)})
    return Conversion("{v}", total=True)


def _variable(letter: str, name: str) -> str:
    return f"{letter}_{name.replace('.', '_').replace('@', '')}"

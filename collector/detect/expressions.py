"""In: the condition of a rule and a shape. Out: a Python expression over locals, or true or false where the shape decides it.

Each field is read once into a local and brought once into the form in which it is compared. The plain twin is
``Node.holds``; what an expression says of an event and what the tree says is the same.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.detect.condition import AllOf, AnyOf, Leaf, Not, Reference
from collector.detect.patterns import number_of, text_of
from collector.detect.predicates import Always, Among, Compares, Either, Equals, Glob, Part, Predicate, Searches, TimePart, Whole, Within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.detect.condition import Node
    from collector.model.catalogue import Catalogue
    from collector.model.shape import Shape

DEPENDS = object()
"""What ``Locals.fixed`` returns for a field that only the event tells."""

_FIXED = frozenset({"event.kind", "event.category", "event.type", "event.action", "event.module", "event.dataset"})
"""Fields that every event may carry and that no line may say otherwise than its action does."""
_BESIDE = {"@timestamp": "event.time", "event.id": "event.id"}
_FORMS = {
    "folded": "None if {raw} is None else {raw}.lower() if {raw}.__class__ is str else fold({raw})",
    "boolean": "None if {raw} is None else 'true' if {raw} is True else 'false' if {raw} is False else fold({raw})",
    "text": "{raw} if {raw}.__class__ is str or {raw} is None else text_of({raw})",
    "number": "{raw} if {raw}.__class__ is int and -9223372036854775808 <= {raw} <= 9223372036854775808 else number_of({raw})",
}
_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_EQUAL, _AFFIX, _INSIDE, _CALL, _REGEX = 1, 3, 5, 20, 50
"""What comparisons cost, for the order in which they are made."""
_SHORT = 64
"""Longer texts than any address are not remembered."""


class Code(NamedTuple):
    """An expression that is true or false, and about what it costs."""

    text: str
    cost: int


Expression = Code | bool


class Locals:
    """The locals and constants of the function of one shape."""

    def __init__(self, shape: Shape, catalogue: Catalogue) -> None:
        self.constants: dict[str, Any] = {"fold": _fold, "number_of": number_of, "text_of": text_of}
        self.notes: list[str] = []
        self._shape = shape
        self._catalogue = catalogue
        self._raw: dict[str, str] = {}
        self._read = 0
        self._forms: dict[str, str] = {}
        self._formed: dict[str, str] = {}

    def fixed(self, name: str) -> Any:
        """Return the value that every event of the shape has, None for a field that none has, DEPENDS for what differs."""
        shape, anybody = self._shape, name in self._catalogue.common or name in _BESIDE
        if name in shape.static and (name in _FIXED or not anybody):
            return shape.static[name]
        return DEPENDS if anybody or name in shape.fields else None

    def array(self, name: str) -> bool:
        """Say whether a field holds lists."""
        return self._catalogue.fields[name].array

    def bind(self, name: str, value: Any) -> str:
        """Name a constant."""
        self.constants[name] = value
        return name

    def constant(self, value: Any, note: str) -> str:
        """Name a constant that has no name of its own; the note tells people what it is."""
        name = self.bind(f"c{len(self.constants)}", value)
        self.notes.append(f"# {name}: {note!r}")
        return name

    def raw(self, name: str) -> str:
        """Return the local that holds a field's value, None where the event lacks it."""
        return self._raw.setdefault(name, f"v{len(self._raw)}")

    def form(self, name: str, form: str) -> str:
        """Return the local that holds a value ``folded`` to a lower-case text, as ``text`` or as ``number``; None for a missing one, and for what is no number."""
        raw = self.raw(name)
        local = f"{form}{raw[1:]}"
        if local not in self._formed:
            way = "boolean" if form == "folded" and self._catalogue.fields[name].type == "boolean" else form
            self._forms[local] = f"{local} = {_FORMS[way].format(raw=raw)}"
        return local

    def reads(self) -> list[str]:
        """Return the statements that fill the locals asked for since the last call."""
        found = []
        for name, local in list(self._raw.items())[self._read :]:
            if name in _BESIDE:
                found.append(f"{local} = {_BESIDE[name]}")
                continue
            found.append(f"{local} = get({name!r})")
            if name in self._shape.static:
                found.append(f"if {local} is None: {local} = {self.constant(self._shape.static[name], name)}")
            elif name in self._catalogue.common:
                found.append(f"if {local} is None: {local} = tag({name!r})")
        self._read = len(self._raw)
        forms, self._forms = self._forms, {}
        self._formed |= forms
        return [*found, *forms.values()]


def expression(node: Node, names: Locals) -> Expression:
    """Return a condition as an expression."""
    match node:
        case AllOf():
            return _joined([expression(part, names) for part in node.parts], "and", decides=False)
        case AnyOf():
            return _joined([expression(part, names) for part in node.parts], "or", decides=True)
        case Not():
            inner = expression(node.part, names)
            if isinstance(inner, bool):
                return not inner
            return Code(inner.text.removeprefix("not ") if inner.text.startswith("not ") else f"not {inner.text}", inner.cost)
        case Leaf():
            return _leaf(node, names)
        case Reference():
            return _reference(node, names)
    raise TypeError(node)


def _joined(parts: Sequence[Expression], word: str, *, decides: bool) -> Expression:
    """Join expressions, the cheap ones first; one that ``decides`` makes the others idle."""
    codes: dict[str, Code] = {}
    for part in parts:
        if isinstance(part, Code):
            codes[part.text] = part
        elif part is decides:
            return decides
    if not codes:
        return not decides
    ordered = sorted(codes.values(), key=lambda code: code.cost)
    if len(ordered) == 1:
        return ordered[0]
    return Code(f"({f' {word} '.join([code.text for code in ordered])})", sum(code.cost for code in ordered))


def _leaf(leaf: Leaf, names: Locals) -> Expression:
    value = names.fixed(leaf.field)
    if value is not DEPENDS:
        return leaf.check(value)
    raw = names.raw(leaf.field)
    if names.array(leaf.field):
        return Code(f"{names.constant(leaf.check, leaf.text)}({raw})", _CALL)
    if leaf.missing:
        return Code(f"({raw} is None)", _EQUAL)
    return _predicate(leaf.match, leaf.field, names)


def _reference(node: Reference, names: Locals) -> Expression:
    if names.fixed(node.field) is None or names.fixed(node.other) is None:
        return False
    if names.array(node.field) or names.array(node.other) or DEPENDS not in (names.fixed(node.field), names.fixed(node.other)):
        return Code(f"{names.constant(node.holds, node.text)}(event)", _CALL)
    mine, its = (names.form(name, "folded") for name in (node.field, node.other))
    compared = {"startswith": f"{mine}.startswith({its})", "endswith": f"{mine}.endswith({its})", "contains": f"{its} in {mine}", "": f"{mine} == {its}"}[node.way]
    return Code(f"({mine} is not None and {its} is not None and {compared})", _INSIDE)


def _predicate(match: Predicate, field: str, names: Locals) -> Expression:
    """Return what holds for the value of a field; false for a missing one."""
    match match:
        case Always():
            return Code(f"({names.raw(field)} is not None)", _EQUAL) if match.answer else False
        case Equals():
            return Code(f"({names.form(field, 'number')} == {_number(match.number, names)})", _EQUAL)
        case Compares():
            number = names.form(field, "number")
            return Code(f"({number} is not None and {number} {_SIGNS[match.way]} {_number(match.bound, names)})", _EQUAL)
        case Either():
            return _either(match.parts, field, names)
        case Within():
            return _asked(_remembering(match), str([str(network) for network in match.networks]), field, names)
        case TimePart():
            return _asked(match, repr(match), field, names)
    return _text(match, field, names)


def _text(match: Predicate, field: str, names: Locals) -> Code:
    def string(*, cased: bool) -> str:
        return names.form(field, "text" if cased else "folded")

    match match:
        case Whole():
            return Code(f"({string(cased=match.cased)} == {match.text!r})", _EQUAL)
        case Among():
            return Code(f"({string(cased=False)} in {{{', '.join(map(repr, sorted(match.texts)))}}})", _EQUAL)
        case Part():
            return _part(match.place, string(cased=match.cased), repr(match.text))
        case Glob():
            return _called(names.constant(match.regex.fullmatch, match.regex.pattern), string(cased=match.cased), _REGEX)
        case Searches():
            return _called(names.constant(match.regex.search, match.regex.pattern), string(cased=True), _REGEX)
    raise TypeError(match)


def _part(place: str, value: str, text: str) -> Code:
    compared = f"{text} in {value}" if place == "contains" else f"{value}.{place}({text})"
    return Code(f"({value} is not None and {compared})", _INSIDE if place == "contains" else _AFFIX)


def _called(function: str, value: str, cost: int) -> Code:
    return Code(f"({value} is not None and {function}({value}) is not None)", cost)


def _asked(predicate: Callable[[Any], bool], note: str, field: str, names: Locals) -> Code:
    raw = names.raw(field)
    return Code(f"({raw} is not None and {names.constant(predicate, note)}({raw}))", _CALL)


def _number(number: float, names: Locals) -> str:
    return repr(number) if math.isfinite(number) else names.constant(number, repr(number))


def _either(parts: Sequence[Predicate], field: str, names: Locals) -> Expression:
    """Join predicates: whole texts to a set, beginnings and ends to one call."""
    whole = [part.text for part in parts if isinstance(part, Whole) and not part.cased]
    affixes: dict[tuple[str, bool], list[str]] = {}
    others: list[Predicate] = [Among(frozenset(whole))] if whole else []
    for part in parts:
        if isinstance(part, Part) and part.place != "contains":
            affixes.setdefault((part.place, part.cased), []).append(part.text)
        elif not isinstance(part, Whole) or part.cased:
            others.append(part)
    codes = [_part(place, names.form(field, "text" if cased else "folded"), repr(tuple(texts))) for (place, cased), texts in affixes.items()]
    return _joined([*codes, *(_predicate(part, field, names) for part in others)], "or", decides=True)


def _fold(value: Any) -> str:
    return text_of(value).lower()


def _remembering(predicate: Within) -> Callable[[Any], bool]:
    """Return a predicate that remembers its last answers: the same clients come again and again."""
    remembered = lru_cache(4096)(predicate)
    return lambda value: remembered(value) if isinstance(value, str) and len(value) <= _SHORT else predicate(value)

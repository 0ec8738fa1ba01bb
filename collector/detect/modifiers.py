"""In: the selections of a detection or filter document. Out: condition nodes, one leaf for each line of a selection.

Modifiers of Sigma v2.1: transformations of the value first (expand, utf16*, wide, base64*, windash), then one way of
comparing. Refused with a place: unknown fields, modifiers, placeholders, actions and values outside a closed list.
"""

from __future__ import annotations

import base64
import itertools
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from collector.detect import condition, patterns, predicates
from collector.detect.condition import AllOf, AnyOf, Leaf, Not, Reference
from collector.detect.patterns import ANY, Wild
from collector.detect.predicates import either
from collector.detect.values import AFFIXES, COMPARISONS, RANGES, fault
from collector.errors import RuleError
from collector.model import backtracking
from collector.model.site import PLACEHOLDERS
from collector.model.strict_yaml import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.detect.condition import Node
    from collector.detect.predicates import Predicate
    from collector.errors import Location
    from collector.model.catalogue import Catalogue, FieldDef
    from collector.model.site import Site
    from collector.model.strict_yaml import Document

_SCALARS = (str, int, float, date)
_ENCODINGS = {"utf16le": "utf-16-le", "wide": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}
_REGEX_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_WAYS = frozenset({*AFFIXES, *COMPARISONS, *RANGES, "re", "cidr", "exists", "fieldref"})
KNOWN = frozenset({*_WAYS, *_ENCODINGS, *_REGEX_FLAGS, "all", "cased", "neq", "expand", "base64", "base64offset", "windash"})
_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
_DASH = re.compile(r"\B[-/]\b")
_MOST_DASHES = 4
_ORIGINAL = "event.original"
_DEEPEST = 10
"""Lists and maps of a selection inside each other."""


@dataclass(frozen=True, slots=True)
class Selections:
    """Compiles the selections of one document; ``key`` is ``detection`` or ``filter``."""

    source: Document
    key: str
    catalogue: Catalogue
    site: Site

    def compile(self) -> Node:
        """Return the whole condition as one node. Raises RuleError."""
        block = dict(self.source[self.key])
        text = block.pop("condition", None)
        if self.key == "filter":
            block.pop("rules", None)
        if "timeframe" in block:
            raise RuleError("timeframe is not read", self.source.at(self.key, "timeframe"), "write a correlation document with a timespan")
        at = self.source.at(self.key, "condition")
        texts = text if isinstance(text, list) else [text]
        if not texts or not all(isinstance(one, str) for one in texts):
            raise RuleError("condition: a text or a list of texts is expected", at)
        if not block:
            raise RuleError(f"{self.key} has no selection", self.source.at(self.key))
        for name in block:
            if not isinstance(name, str):
                raise RuleError(f"{name}: the name of a selection is text", self.source.at(self.key), "write it in quotes")
        nodes = {name: self._selection(value, (self.key, name)) for name, value in block.items()}
        parsed = tuple(condition.parse(one, nodes, at) for one in texts)
        return parsed[0] if len(parsed) == 1 else AnyOf(parsed)

    def _selection(self, value: Any, path: tuple[Any, ...]) -> Node:
        if len(path) > _DEEPEST:
            raise RuleError(f"more than {_DEEPEST} lists and maps inside each other", self.source.at(*path), "join selections in the condition")
        if isinstance(value, dict):
            if not value:
                raise RuleError("an empty selection", self.source.at(*path))
            parts = tuple(self._line(key, one, (*path, key)) for key, one in value.items())
            return parts[0] if len(parts) == 1 else AllOf(parts)
        values = value if isinstance(value, list) else [value]
        if not values or any(one is None for one in values):
            raise RuleError("an empty selection", self.source.at(*path))
        if any(isinstance(one, (dict, list)) for one in values):
            return AnyOf(tuple(self._selection(one, (*path, number)) for number, one in enumerate(values)))
        return self._keywords(values, path, every=False)

    def _keywords(self, values: Sequence[Any], path: tuple[Any, ...], *, every: bool) -> Node:
        for value in values:
            if not isinstance(value, (str, int)):
                raise RuleError(f"{value!r} is no text to look for", self.source.at(*path), "write it in quotes")
        leaves = tuple(Leaf(_ORIGINAL, f"{_ORIGINAL}|contains: {value}", _affixed(patterns.text_of(value), "contains", cased=False)) for value in values)
        return AllOf(leaves) if every else AnyOf(leaves)

    def _line(self, key: Any, value: Any, path: tuple[Any, ...]) -> Node:
        at = self.source.at(*path)
        if not isinstance(key, str):
            raise RuleError(f"{key}: the name of a field is expected", at, "field|modifier: value")
        name, *modifiers = key.split("|")
        for modifier in modifiers:
            if modifier not in KNOWN:
                raise RuleError(f"unknown modifier {modifier}{did_you_mean(modifier, KNOWN)}", at)
        values = value if isinstance(value, list) else [value]
        if not values:
            raise RuleError(f"{key}: an empty list matches nothing", at, "leave the line out, or name a value")
        if not all(one is None or isinstance(one, _SCALARS) for one in values):
            raise RuleError(f"{key}: a value or a list of values is expected", at)
        if not name:
            if set(modifiers) - {"all"}:
                raise RuleError("keywords without a field take no modifier but all", at)
            return self._keywords(values, path, every=bool(modifiers))
        return _Line(self, name, self.catalogue.field(name, at, RuleError), modifiers, values, at).node()


@dataclass(frozen=True, slots=True)
class _Line:
    """One line ``field|modifiers: values`` of a selection."""

    selections: Selections
    name: str
    definition: FieldDef
    modifiers: Sequence[str]
    values: Sequence[Any]
    at: Location

    def node(self) -> Node:
        ways = [modifier for modifier in self.modifiers if modifier in _WAYS]
        if "fieldref" in ways:
            return self._reference([way for way in ways if way != "fieldref"])
        if "re" in ways and "contains" in ways:
            ways.remove("contains")
        if len(ways) > 1:
            raise RuleError(f"{' and '.join(ways)} do not go together", self.at)
        if "re" not in ways and set(self.modifiers) & _REGEX_FLAGS.keys():
            raise RuleError("i, m and s belong to re", self.at)
        way = ways[0] if ways else ""
        self._check(way)
        node = self._compared(way)
        return Not(node) if "neq" in self.modifiers else node

    def _check(self, way: str) -> None:
        """Refuse values that the field never has."""
        if way == "exists" or "expand" in self.modifiers:
            return
        for value in self.values:
            found = None if value is None else fault(self.name, self.definition, way, value, cased="cased" in self.modifiers)
            if found is not None:
                raise RuleError(found[0], self.at, found[1])

    def _text(self, values: Sequence[Any]) -> str:
        shown = [patterns.text_of(value) if value is not None else "null" for value in values]
        return f"{'|'.join((self.name, *self.modifiers))}: {shown[0] if len(shown) == 1 else '[' + ', '.join(shown) + ']'}"

    def _leaves(self, found: Sequence[Predicate]) -> Node:
        """One leaf a value with ``all``, else one leaf for any of the values."""
        if "all" in self.modifiers:
            return AllOf(tuple(Leaf(self.name, self._text([value]), predicate) for value, predicate in zip(self.values, found, strict=True)))
        return Leaf(self.name, self._text(self.values), either(found))

    def _compared(self, way: str) -> Node:
        if way == "exists":
            return self._exists()
        if way in COMPARISONS:
            return self._leaves([predicates.Compares(cast("Any", way), self._number(value)) for value in self.values])
        if way in RANGES:
            wanted = frozenset(int(self._number(value)) for value in self.values)
            return Leaf(self.name, self._text(self.values), predicates.TimePart(way, wanted))
        if way == "re":
            flags = sum(_REGEX_FLAGS[modifier] for modifier in set(self.modifiers) & _REGEX_FLAGS.keys())
            searches = [predicates.Searches(self._regex(value, flags)) for value in self.values]
            self._listed(searches)
            return self._leaves(searches)
        if "expand" in self.modifiers:
            return self._expanded(way)
        if way == "cidr":
            return self._cidr(self.values)
        return self._strings(way)

    def _exists(self) -> Node:
        if len(self.values) != 1 or not isinstance(self.values[0], bool):
            raise RuleError("exists: true or false is expected", self.at)
        leaf = Leaf(self.name, f"{self.name}|exists: true", predicates.Always(answer=True))
        return leaf if self.values[0] else Not(leaf)

    def _number(self, value: Any) -> float:
        number = patterns.number_of(value)
        if number is None:
            raise RuleError(f"{value!r} is no number", self.at)
        return number

    def _regex(self, value: Any, flags: int) -> re.Pattern[str]:
        source = patterns.text_of(value)
        try:
            regex = re.compile(source, flags)
            found = next(backtracking.faults(source, {}), None)
        except (re.error, OverflowError, RecursionError) as error:
            raise RuleError(f"no regular expression: {error}", self.at) from error
        if found is not None:
            raise RuleError(f"{source!r} could run away on hostile text: {found[0]}", self.at, found[1])
        return regex

    def _cidr(self, networks: Sequence[Any]) -> Node:
        try:
            predicate = predicates.within([str(network) for network in networks])
        except ValueError as error:
            raise RuleError(f"no network: {error}", self.at) from error
        return Leaf(self.name, self._text(networks), predicate)

    def _expanded(self, way: str) -> Node:
        found: list[str] = []
        for value in self.values:
            name = str(value)
            values = self.selections.site.expand(name[1:-1]) if name.startswith("%") and name.endswith("%") else None
            if values is None:
                known = [f"%site.{one}%" for one in PLACEHOLDERS]
                raise RuleError(f"unknown placeholder {name}{did_you_mean(name, known)}", self.at, f"there are {', '.join(known)}")
            found += values
        if not found:
            return Leaf(self.name, self._text(self.values), predicates.Always(answer=False))
        if way == "cidr" or self.definition.type == "ip":
            return self._cidr(found)
        cased = "cased" in self.modifiers
        return Leaf(self.name, self._text(self.values), either([_affixed_parts((one,), way, cased=cased) for one in found]))

    def _strings(self, way: str) -> Node:
        """Plain values: null, true, 25, and strings with wildcards, encodings and affixes."""
        if None in self.values:
            return self._null()
        found = [self._string(value, way) for value in self.values]
        self._listed(found)
        if len(found) > 1 and not self.modifiers and all(isinstance(value, str) for value in self.values):
            split = [patterns.pattern(value) for value in self.values]
            if all(isinstance(part, str) for parts in split for part in parts):
                return Leaf(self.name, self._text(self.values), predicates.among(["".join(map(str, parts)) for parts in split]))
        return self._leaves(found)

    def _string(self, value: Any, way: str) -> Predicate:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not way:
            return predicates.Equals(value)
        encoded = self._encoded(patterns.text_of(value))
        cased = "cased" in self.modifiers
        return either([_affixed_parts(parts, way, cased=cased) for parts in encoded])

    def _null(self) -> Node:
        if len(self.values) != 1 or set(self.modifiers) - {"neq"}:
            raise RuleError("null stands alone and takes no modifier", self.at, "write a second selection and join them with or")
        return Leaf(self.name, f"{self.name}: null", predicates.Always(answer=False), missing=True)

    def _listed(self, found: Sequence[Predicate]) -> None:
        """Refuse what matches no value of a closed list, and no action that exists."""
        actions = self.name == "event.action"
        known = tuple(self.selections.catalogue.actions) if actions else self.definition.values
        for value, predicate in zip(self.values, found, strict=True):
            if known and not any(predicate(one) for one in known):
                text = patterns.text_of(value)
                what = f"unknown action {text}" if actions else f"{self.name} is never {text}"
                raise RuleError(f"{what}{did_you_mean(text, known)}", self.at, "the names are in collector/model/actions.yaml" if actions else f"its values are {', '.join(known)}")

    def _encoded(self, value: str) -> list[tuple[str | Wild, ...]]:
        transformed = [modifier for modifier in self.modifiers if modifier in _ENCODINGS or modifier in ("base64", "base64offset", "windash")]
        if not transformed:
            return [patterns.pattern(value)]
        if "windash" in transformed:
            return [patterns.pattern(variant) for variant in self._dashed(value)]
        *before, last = transformed
        if last not in ("base64", "base64offset") or len(before) > 1:
            raise RuleError(f"{' and '.join(transformed)}: one encoding, followed by base64 or base64offset", self.at)
        data = value.encode(_ENCODINGS[before[0]] if before else "utf-8")
        if last == "base64":
            return [(base64.b64encode(data).decode(),)]
        return [(_offset(data, shift),) for shift in range(3)]

    def _dashed(self, value: str) -> list[str]:
        pieces = _DASH.split(value)
        if len(pieces) - 1 > _MOST_DASHES:
            raise RuleError(f"windash: at most {_MOST_DASHES} dashes", self.at)
        chosen = itertools.product(_DASHES, repeat=len(pieces) - 1)
        return ["".join(itertools.chain.from_iterable(itertools.zip_longest(pieces, dashes, fillvalue=""))) for dashes in chosen]

    def _reference(self, ways: Sequence[str]) -> Node:
        if len(ways) > 1 or (ways and ways[0] not in AFFIXES) or len(self.values) != 1:
            raise RuleError("fieldref takes one field and at most one of startswith, endswith, contains", self.at)
        other = str(self.values[0])
        self.selections.catalogue.field(other, self.at, RuleError)
        node = Reference(self.name, other, self._text(self.values), ways[0] if ways else "")
        return Not(node) if "neq" in self.modifiers else node


def _offset(data: bytes, shift: int) -> str:
    """Return the base64 text that ``data`` has inside longer data at one of three offsets; the unsure ends are cut off."""
    start = (0, 2, 3)[shift]
    end = (None, -3, -2)[(len(data) + shift) % 3]
    return base64.b64encode(b" " * shift + data)[start:end].decode()


def _affixed(text: str, way: str, *, cased: bool) -> Predicate:
    return _affixed_parts(patterns.pattern(text), way, cased=cased)


def _affixed_parts(parts: tuple[str | Wild, ...], way: str, *, cased: bool) -> Predicate:
    if way in ("endswith", "contains") and (not parts or parts[0] is not ANY):
        parts = (ANY, *parts)
    if way in ("startswith", "contains") and parts[-1:] != (ANY,):
        parts = (*parts, ANY)
    return predicates.matches(parts, cased=cased)

"""In: the text of a Sigma condition and its selections. Out: a tree of nodes that says whether an event matches.

The plain matcher: the tree is walked for each event. A leaf over a missing field has one fixed answer; a list in an
event makes a leaf true if any element matches, ``not`` negates that whole statement (Sigma v2.1; Elasticsearch's way).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from collector.detect.patterns import text_of
from collector.detect.predicates import affixed
from collector.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from collector.detect.predicates import Predicate
    from collector.errors import Location
    from collector.model.event import Event


class Node(Protocol):
    """A statement about an event."""

    def holds(self, event: Event) -> bool:
        """Judge an event."""
        ...

    def judge(self, known: Callable[[str], Any]) -> bool | None:
        """Judge by what is ``known`` of a field: its value, None for missing, UNKNOWN or PRESENT; None = it depends."""
        ...

    def leaves(self) -> Iterator[Leaf | Reference]:
        """Yield the leaves, left to right."""
        ...


UNKNOWN = object()
"""What ``known`` returns for a field whose value, if it has one, only the event tells."""
PRESENT = object()
"""What ``known`` returns for a field that every such event has, with a value that only the event tells."""


def value_of(event: Event, field: str) -> Any:
    """Return a field's value; @timestamp (ms) and event.id live beside the fields."""
    if field == "@timestamp":
        return event.time
    if field == "event.id":
        return event.id
    return event.get(field)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One line of a selection. ``match`` judges one scalar, ``missing`` is the answer for no value."""

    field: str
    text: str
    match: Predicate
    missing: bool = False

    def check(self, value: Any) -> bool:
        """Judge a field's value."""
        if value is None or value == []:
            return self.missing
        if isinstance(value, list):
            return any(self.match(one) for one in value)
        return self.match(value)

    def holds(self, event: Event) -> bool:
        """See Node."""
        return self.check(value_of(event, self.field))

    def judge(self, known: Callable[[str], Any]) -> bool | None:
        """See Node."""
        value = known(self.field)
        if value is PRESENT and self.missing:
            return False
        return None if value is UNKNOWN or value is PRESENT else self.check(value)

    def leaves(self) -> Iterator[Leaf | Reference]:
        """See Node."""
        yield self


@dataclass(frozen=True, slots=True)
class Reference:
    """A field compared with another one (``fieldref``): equal, or ``way`` startswith, endswith, contains; false if either is missing."""

    field: str
    other: str
    text: str
    way: str

    def holds(self, event: Event) -> bool:
        """See Node."""
        return any(affixed(self.way, text_of(a).lower(), text_of(b).lower()) for a in _elements(value_of(event, self.field)) for b in _elements(value_of(event, self.other)))

    def judge(self, known: Callable[[str], Any]) -> bool | None:
        """See Node."""
        return False if known(self.field) is None or known(self.other) is None else None

    def leaves(self) -> Iterator[Leaf | Reference]:
        """See Node."""
        yield self


def _elements(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _judged(parts: Iterable[Node], known: Callable[[str], Any], *, decisive: bool) -> bool | None:
    """Judge parts one of which, with the ``decisive`` answer, decides for all; None where only the event can."""
    whole: bool | None = not decisive
    for part in parts:
        answer = part.judge(known)
        if answer is decisive:
            return decisive
        whole = None if answer is None else whole
    return whole


@dataclass(frozen=True, slots=True)
class AllOf:
    """And."""

    parts: tuple[Node, ...]

    def holds(self, event: Event) -> bool:
        """See Node."""
        return all(part.holds(event) for part in self.parts)

    def judge(self, known: Callable[[str], Any]) -> bool | None:
        """See Node."""
        return _judged(self.parts, known, decisive=False)

    def leaves(self) -> Iterator[Leaf | Reference]:
        """See Node."""
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Or; of nothing: false."""

    parts: tuple[Node, ...]

    def holds(self, event: Event) -> bool:
        """See Node."""
        return any(part.holds(event) for part in self.parts)

    def judge(self, known: Callable[[str], Any]) -> bool | None:
        """See Node."""
        return _judged(self.parts, known, decisive=True)

    def leaves(self) -> Iterator[Leaf | Reference]:
        """See Node."""
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class Not:
    """Not."""

    part: Node

    def holds(self, event: Event) -> bool:
        """See Node."""
        return not self.part.holds(event)

    def judge(self, known: Callable[[str], Any]) -> bool | None:
        """See Node."""
        answer = self.part.judge(known)
        return None if answer is None else not answer

    def leaves(self) -> Iterator[Leaf | Reference]:
        """See Node."""
        yield from self.part.leaves()


_DEEPEST = 50
"""Parentheses and nots inside each other."""
_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
_WORDS = frozenset({"and", "or", "not", "of", "(", ")"})


def parse(text: str, selections: Mapping[str, Node], at: Location) -> Node:
    """Read one condition: ``and or not``, parentheses, ``1|all of x*|them``. Raises RuleError."""
    if "|" in text:
        raise RuleError("aggregation behind a pipe is not read", at, "write a correlation document: type event_count or value_count, group-by, timespan, condition")
    return _Parser(text, selections, at).whole()


class _Parser:
    """Recursive descent; ``not`` binds closest, then ``and``, then ``or``."""

    def __init__(self, text: str, selections: Mapping[str, Node], at: Location) -> None:
        self._tokens = _TOKEN.findall(text)
        self._selections = selections
        self._at = at
        self._depth = 0

    def whole(self) -> Node:
        node = self._either()
        if self._tokens:
            raise self._fault(f"{self._tokens[0]!r} is one word too many")
        return node

    def _fault(self, message: str) -> RuleError:
        return RuleError(f"condition: {message}", self._at, "and, or, not, parentheses, names of selections, 1 of x*, all of x*, 1 of them, all of them")

    def _peek(self) -> str:
        return self._tokens[0].lower() if self._tokens else ""

    def _take(self) -> str:
        if not self._tokens:
            raise self._fault("it ends too early")
        return str(self._tokens.pop(0))

    def _either(self) -> Node:
        parts = [self._both()]
        while self._peek() == "or":
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self) -> Node:
        parts = [self._negated()]
        while self._peek() == "and":
            self._take()
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negated(self) -> Node:
        if self._peek() == "not":
            self._take()
            return Not(self._deeper(self._negated))
        return self._term()

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fault(f"more than {_DEEPEST} parentheses and nots inside each other")
        node = read()
        self._depth -= 1
        return node

    def _term(self) -> Node:
        word = self._take()
        if word == "(":
            node = self._deeper(self._either)
            if self._take() != ")":
                raise self._fault("a parenthesis is not closed")
            return node
        if len(self._tokens) > 1 and self._peek() == "of":
            return self._quantified(word)
        if word.lower() in _WORDS:
            raise self._fault(f"{word!r} stands where a selection is expected")
        if word not in self._selections:
            raise self._fault(f"there is no selection {word}; there are {', '.join(self._selections)}")
        return self._selections[word]

    def _quantified(self, quantity: str) -> Node:
        self._take()
        pattern = self._take()
        them = pattern.lower() == "them"
        names = [name for name in self._selections if (not name.startswith("_") if them else fnmatchcase(name, pattern))]
        if not names:
            raise self._fault(f"{pattern} names no selection")
        parts = tuple(self._selections[name] for name in names)
        if quantity == "1" or quantity.lower() == "any":
            return AnyOf(parts)
        if quantity.lower() == "all":
            return AllOf(parts)
        raise self._fault(f"{quantity} of {pattern}: only 1 and all are read")

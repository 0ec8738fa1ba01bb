"""In: how a line of a selection compares, as data. Out: predicates over one scalar of an event.

Each is called by the plain matcher; its parts are what a compiled condition is made of. Strings compare
case-insensitively (Unicode ``lower()``) unless ``cased``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Literal, Protocol

from collector.detect.patterns import ANY, Wild, address, glob, number_of, text_of
from collector.model.moment import moment

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Network, IPv6Network


class Predicate(Protocol):
    """A statement about one scalar."""

    def __call__(self, value: Any) -> bool:
        """Judge it."""
        ...


@dataclass(frozen=True, slots=True)
class Always:
    """The same answer for every value."""

    answer: bool

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        del value
        return self.answer


def _fold(value: Any, *, cased: bool) -> str:
    text = text_of(value)
    return text if cased else text.lower()


@dataclass(frozen=True, slots=True)
class Whole:
    """Equals a text."""

    text: str
    cased: bool

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        return _fold(value, cased=self.cased) == self.text


@dataclass(frozen=True, slots=True)
class Part:
    """Begins with a text, ends with it or has it inside."""

    place: Literal["startswith", "endswith", "contains"]
    text: str
    cased: bool

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        mine = _fold(value, cased=self.cased)
        return affixed(self.place, mine, self.text)


def affixed(place: str, value: str, text: str) -> bool:
    """Say whether a value begins with a text, ends with it, has it inside or, with no ``place``, equals it."""
    if place == "startswith":
        return value.startswith(text)
    if place == "endswith":
        return value.endswith(text)
    return text in value if place == "contains" else value == text


@dataclass(frozen=True, slots=True)
class Glob:
    """Fits a pattern with wildcards."""

    regex: re.Pattern[str]
    cased: bool

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        return self.regex.fullmatch(_fold(value, cased=self.cased)) is not None


@dataclass(frozen=True, slots=True)
class Among:
    """Equals one of several lower-case texts, whatever its case."""

    texts: frozenset[str]

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        return _fold(value, cased=False) in self.texts


@dataclass(frozen=True, slots=True)
class Equals:
    """Is a number, or a numeric string, of that value."""

    number: float

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        return number_of(value) == self.number


@dataclass(frozen=True, slots=True)
class Compares:
    """Is a number, or a numeric string, on one side of a bound."""

    way: Literal["lt", "lte", "gt", "gte"]
    bound: float

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        number = number_of(value)
        if number is None:
            return False
        if number == self.bound:
            return self.way in ("lte", "gte")
        return (number < self.bound) == (self.way in ("lt", "lte"))


@dataclass(frozen=True, slots=True)
class Searches:
    """``re``: has a match somewhere."""

    regex: re.Pattern[str]

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        return self.regex.search(text_of(value)) is not None


@dataclass(frozen=True, slots=True)
class Within:
    """``cidr``: is an address in one of the networks."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        found = address(value) if isinstance(value, str) else None
        return found is not None and any(found in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class TimePart:
    """``minute hour day week month year`` of a date (ms or ISO text) in UTC is one of several."""

    part: str
    wanted: frozenset[int]

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        time = _time(value)
        return time is not None and _PARTS[self.part](time) in self.wanted


@dataclass(frozen=True, slots=True)
class Either:
    """One of several holds."""

    parts: tuple[Predicate, ...]

    def __call__(self, value: Any) -> bool:
        """See Predicate."""
        return any(part(value) for part in self.parts)


def either(parts: Sequence[Predicate]) -> Predicate:
    """Return one predicate for several."""
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def matches(parts: tuple[str | Wild, ...], *, cased: bool) -> Predicate:
    """Return a predicate for one pattern."""
    folded = tuple(part if isinstance(part, Wild) or cased else part.lower() for part in parts)
    if not any(isinstance(part, Wild) for part in folded):
        return Whole("".join(part for part in folded if isinstance(part, str)), cased)
    match folded:
        case (Wild() as only,) if only is ANY:
            return Always(answer=True)
        case (str(prefix), Wild() as after) if after is ANY:
            return Part("startswith", prefix, cased)
        case (Wild() as before, str(suffix)) if before is ANY:
            return Part("endswith", suffix, cased)
        case (Wild() as before, str(middle), Wild() as after) if before is ANY and after is ANY:
            return Part("contains", middle, cased)
    return Glob(glob(folded), cased)


def among(literals: Sequence[str]) -> Among:
    """Return a predicate for several plain strings, case-insensitively."""
    return Among(frozenset(literal.lower() for literal in literals))


def within(networks: Sequence[str]) -> Within:
    """Return a predicate for ``cidr``; raises ValueError for what is no network."""
    return Within(tuple(ip_network(network, strict=False) for network in networks))


_PARTS: dict[str, Callable[[datetime], int]] = {
    "minute": lambda time: time.minute,
    "hour": lambda time: time.hour,
    "day": lambda time: time.day,
    "week": lambda time: time.isocalendar().week,
    "month": lambda time: time.month,
    "year": lambda time: time.year,
}


def _time(value: Any) -> datetime | None:
    if isinstance(value, int):
        return moment(value)
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

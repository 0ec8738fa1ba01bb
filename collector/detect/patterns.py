"""In: values as rules write them. Out: predicates over one scalar of an event.

Strings compare case-insensitively (Unicode ``lower()``) unless ``cased``; ``*`` is any run including newlines, ``?``
exactly one character, a backslash before either or before itself makes it literal (Sigma v2.1).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from collector.model.moment import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_LARGEST = 1 << 63


class Wild:
    """A wildcard inside a pattern."""


ANY = Wild()
ONE = Wild()


def pattern(text: str) -> tuple[str | Wild, ...]:
    """Split a rule's string into literal runs and wildcards."""
    parts: list[str | Wild] = []
    literal = ""
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\" and text[position + 1 : position + 2] in ("*", "?", "\\"):
            position += 1
            literal += text[position]
        elif char in "*?":
            parts += [literal] if literal else []
            literal = ""
            if char == "?" or not parts or parts[-1] is not ANY:
                parts.append(ANY if char == "*" else ONE)
        else:
            literal += char
        position += 1
    return (*parts, literal) if literal else tuple(parts)


def text_of(value: Any) -> str:
    """Return a scalar as text: true, false, 25, 0.5."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number_of(value: Any) -> float | int | None:
    """Return a number or a numeric string as a number, else None (never for nan, inf, 1_000, nor beyond 64 bits)."""
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def matches(parts: tuple[str | Wild, ...], *, cased: bool) -> Callable[[Any], bool]:
    """Return a predicate for one pattern."""
    fold = text_of if cased else _lower
    folded = tuple(part if isinstance(part, Wild) or cased else part.lower() for part in parts)
    if not any(isinstance(part, Wild) for part in folded):
        whole = "".join(part for part in folded if isinstance(part, str))
        return lambda value: fold(value) == whole
    match folded:
        case (Wild() as only,) if only is ANY:
            return lambda _value: True
        case (str(prefix), Wild() as after) if after is ANY:
            return lambda value: fold(value).startswith(prefix)
        case (Wild() as before, str(suffix)) if before is ANY:
            return lambda value: fold(value).endswith(suffix)
        case (Wild() as before, str(middle), Wild() as after) if before is ANY and after is ANY:
            return lambda value: middle in fold(value)
    regex = _glob(folded)
    return lambda value: regex.fullmatch(fold(value)) is not None


def _glob(parts: tuple[str | Wild, ...]) -> re.Pattern[str]:
    """Between two ``*`` the first place that fits is as good as any later one: the atomic groups never try a second, so that the work stays linear."""
    runs = [""]
    for part in parts:
        if part is ANY:
            runs.append("")
        else:
            runs[-1] += "." if isinstance(part, Wild) else re.escape(part)
    first, *between = runs
    last = f".*{between.pop()}" if between else ""
    return re.compile(first + "".join(f"(?>.*?{run})" for run in between) + last, re.DOTALL)


def among(literals: Sequence[str]) -> Callable[[Any], bool]:
    """Return a predicate for several plain strings, case-insensitively."""
    wanted = frozenset(literal.lower() for literal in literals)
    return lambda value: _lower(value) in wanted


def _lower(value: Any) -> str:
    return text_of(value).lower()


def equals_number(wanted: float) -> Callable[[Any], bool]:
    """Return a predicate: a number or numeric string of that value."""
    return lambda value: number_of(value) == wanted


def compares(operator: str, bound: float) -> Callable[[Any], bool]:
    """Return a predicate for lt, lte, gt, gte; false for what is no number."""

    def predicate(value: Any) -> bool:
        number = number_of(value)
        if number is None:
            return False
        if operator in ("lt", "lte"):
            return number < bound or (operator == "lte" and number == bound)
        return number > bound or (operator == "gte" and number == bound)

    return predicate


def searches(regex: re.Pattern[str]) -> Callable[[Any], bool]:
    """Return a predicate for ``re``: a search, not a whole match."""
    return lambda value: regex.search(text_of(value)) is not None


@lru_cache(16384)
def address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, a v4-mapped v6 one as v4; None for what is none (``unknown``)."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def within(networks: Sequence[str]) -> Callable[[Any], bool]:
    """Return a predicate for ``cidr``; raises ValueError for what is no network."""
    parsed = [ip_network(network, strict=False) for network in networks]

    def predicate(value: Any) -> bool:
        found = address(value) if isinstance(value, str) else None
        return found is not None and any(found in network for network in parsed)

    return predicate


_PARTS: dict[str, Callable[[datetime], int]] = {
    "minute": lambda time: time.minute,
    "hour": lambda time: time.hour,
    "day": lambda time: time.day,
    "week": lambda time: time.isocalendar().week,
    "month": lambda time: time.month,
    "year": lambda time: time.year,
}


def time_part(part: str, wanted: frozenset[int]) -> Callable[[Any], bool]:
    """Return a predicate for ``minute hour day week month year`` of a date (ms or ISO text), in UTC."""
    read = _PARTS[part]

    def predicate(value: Any) -> bool:
        time = _time(value)
        return time is not None and read(time) in wanted

    return predicate


def _time(value: Any) -> datetime | None:
    if isinstance(value, int):
        return moment(value)
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

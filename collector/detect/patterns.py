"""In: values as rules write them and as events hold them. Out: patterns, texts, numbers and addresses that can be compared.

``*`` is any run including newlines, ``?`` exactly one character, a backslash before either or before itself makes it
literal (Sigma v2.1).
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

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


def glob(parts: tuple[str | Wild, ...]) -> re.Pattern[str]:
    """Return a regex for the whole text.

    Between two ``*`` the first place that fits is as good as any later one: the atomic groups never try a second, so that the work stays linear.
    """
    runs = [""]
    for part in parts:
        if part is ANY:
            runs.append("")
        else:
            runs[-1] += "." if isinstance(part, Wild) else re.escape(part)
    first, *between = runs
    last = f".*{between.pop()}" if between else ""
    return re.compile(first + "".join(f"(?>.*?{run})" for run in between) + last, re.DOTALL)


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

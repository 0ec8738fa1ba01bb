"""In: the field of a line of a selection, its way of comparing, one value. Out: what is wrong with a value that the field never has.

A rule that asks for such a value would load, run and never fire. What events hold follows from the field's type and
normaliser; closed lists are judged by the predicate itself.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from collector.detect import patterns
from collector.model.moment import iso, since_epoch

if TYPE_CHECKING:
    from collector.model.catalogue import FieldDef

Fault = tuple[str, str]
"""What is wrong, and what to do instead."""

AFFIXES = ("startswith", "endswith", "contains")
COMPARISONS = ("lt", "lte", "gt", "gte")
RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "week": (1, 53), "month": (1, 12), "year": (1970, 9999)}
"""Parts of a time: their least and greatest value."""

_TEXTS = ("keyword", "constant_keyword", "wildcard", "match_only_text", "text")
_NUMBERS = ("long", "float")
_CLOCK = "@timestamp"
_ADDRESS = re.compile(r"[0-9a-fA-F:.]*")
_DIGITS = re.compile(r"[0-9.+\-e]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")


def fault(name: str, definition: FieldDef, way: str, value: Any, *, cased: bool) -> Fault | None:
    """Return the fault of one value, None where there is none. ``way`` is a modifier that compares, empty for equality."""
    if not definition.ship:
        return f"{name} never leaves the host: events hold a keyed digest of it", f"ask for {name}|exists, or count its values with value_count"
    if way in RANGES:
        return _part(name, definition, way, value)
    if way in COMPARISONS:
        return None if definition.type in (*_TEXTS, *_NUMBERS) or name == _CLOCK else (f"{name} ({definition.type}) is neither more nor less than anything", "compare numbers")
    if way == "cidr":
        return None if definition.type in (*_TEXTS, "ip") else (f"{name} ({definition.type}) holds no addresses", "cidr belongs to fields of type ip")
    if way == "re":
        return None
    if definition.type == "ip":
        return _ip(name, way, value)
    if definition.type == "boolean":
        return _boolean(name, way, value)
    if definition.type in _NUMBERS:
        return _number(name, definition, way, value)
    if definition.type == "date":
        return _date(name, way, value)
    return _text(name, definition, way, value, cased=cased) if definition.type in _TEXTS else None


def _part(name: str, definition: FieldDef, way: str, value: Any) -> Fault | None:
    if definition.type != "date":
        return f"{name} ({definition.type}) is no time", f"{way} belongs to fields of type date"
    least, most = RANGES[way]
    number = patterns.number_of(value)
    if number is None or (number == int(number) and least <= number <= most):
        return None
    return f"{way} is never {patterns.text_of(value)}", f"it lies between {least} and {most}"


def _fragment(way: str, value: str) -> str | None:
    """Return the literal text of a value that stands for a part of a field's text, None for a whole one."""
    parts = patterns.pattern(value)
    literals = [part for part in parts if isinstance(part, str)]
    return "".join(literals) if way or len(literals) < len(parts) else None


def _ip(name: str, way: str, value: Any) -> Fault | None:
    text = patterns.text_of(value)
    fragment = _fragment(way, text)
    if fragment is not None:
        return None if _ADDRESS.fullmatch(fragment) else (f"{text} is no part of an address", f"compare networks: {name}|cidr")
    found = patterns.address(text)
    if found is None:
        return f"{text} is no address", f"a network is compared so: {name}|cidr: {text}" if "/" in text else "write an IPv4 or IPv6 address"
    return None if str(found) == text.lower() else (f"{name} is never {text}", f"events hold the short form: {found}")


def _boolean(name: str, way: str, value: Any) -> Fault | None:
    text = patterns.text_of(value)
    return None if not way and text.lower() in ("true", "false") else (f"{name} is true or false, never {text}", "write true or false without quotes")


def _number(name: str, definition: FieldDef, way: str, value: Any) -> Fault | None:
    text = patterns.text_of(value)
    if isinstance(value, str):
        fragment = _fragment(way, value)
        fits = (_NUMBER.fullmatch(value) if fragment is None else _DIGITS.fullmatch(fragment)) is not None
    else:
        number = patterns.number_of(value)
        fits = number is not None and (definition.type == "float" or number == int(number))
    return None if fits else (f"{name} ({definition.type}) is never {text}", "write the number as plain digits, without quotes")


def _date(name: str, way: str, value: Any) -> Fault | None:
    if name == _CLOCK:
        return f"{name} equals no text", f"compare {name}|hour, {name}|day and so on"
    if isinstance(value, str) and (_fragment(way, value) is not None or _instant(value) == value):
        return None
    return f"{name} is never {patterns.text_of(value)}", f"events hold 2026-11-24T10:00:00.000Z; compare {name}|year, {name}|startswith and so on"


def _instant(text: str) -> str | None:
    try:
        return iso(since_epoch(datetime.fromisoformat(text)))
    except (ValueError, TypeError):
        return None


def _text(name: str, definition: FieldDef, way: str, value: Any, *, cased: bool) -> Fault | None:
    if isinstance(value, float):
        return f"{name} holds text, and {value!r} is a number", "write it in quotes: 1.10 without them is 1.1"
    text = patterns.text_of(value)
    normal = text.upper() if definition.normaliser == "upper" else text.lower()
    if cased and definition.normaliser != "none" and normal != text:
        return f"{name}|cased is never {text}", f"events hold {normal}: cased is of no use here"
    if definition.normaliser == "domain" and way in ("", "endswith"):
        ascii_form = _ascii(normal.removesuffix("."))
        if ascii_form != normal:
            return f"{name} is never {text}", f"events hold {ascii_form}"
    return None


def _ascii(domain: str) -> str:
    """Return the A-labels of a domain, itself where it has none (RFC 5890)."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain

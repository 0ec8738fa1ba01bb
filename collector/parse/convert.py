"""In: parts of a line as text. Out: values of the catalogue's types, and what follows from them for every event alike."""

from __future__ import annotations

import ipaddress
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from collector.model.moment import iso
from collector.parse.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.catalogue import Catalogue, FieldDef
    from collector.model.shape import Shape

NULL_SENDER = "email.from.address"
"""The one field in which an empty text says something: a bounce (RFC 5321 4.5.5)."""

_LONG = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_DOMAIN = re.compile(r"[^\s\x00-\x20<>()\[\]@,;:\"'\\/=]+")
_LONGEST_DOMAIN = 253
LONGEST_IP = 64
LONGEST_KNOWN = 320
"""Texts up to here are worth remembering: a stranger's longer ones would fill the memory."""
_CUT = "..."
"""What daemons write where they cut a name: such a name equals no other."""

_LONGS = range(-(1 << 63), 1 << 63)
"""What a ``long`` holds: 64 bits, signed."""

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "source.ip": ("source.address", "related.ip"),
    "destination.ip": ("destination.address", "related.ip"),
    "user.name": ("user.domain", "user.email", "related.user"),
    "email.from.address": ("mail.from.domain",),
    "email.to.address": ("mail.to.domain",),
    "source.domain": ("related.hosts",),
    "destination.domain": ("related.hosts",),
    "file.hash.sha256": ("related.hash",),
}
"""What ``finish`` may add, by the field that it follows from."""

DOMAINS = (("email.from.address", "mail.from.domain"), ("email.to.address", "mail.to.domain"))
ADDRESSES = (("source.ip", "source.address"), ("destination.ip", "destination.address"))
RELATED: dict[str, tuple[str, ...]] = {}
for _field, _names in FOLLOWS.items():
    for _name in _names:
        if _name.startswith("related."):
            RELATED[_name] = (*RELATED.get(_name, ()), _field)


def value(catalogue: Catalogue, name: str, text: str) -> Any:
    """Return the value of a field, a list where the catalogue says so; None for a text that is none (the field then stays away)."""
    if text == "":
        return [""] if name == NULL_SENDER else None
    definition = catalogue.fields[name]
    single = typed(definition, text)
    return [single] if definition.array and single is not None else single


def typed(definition: FieldDef, text: str) -> Any:
    """Convert one text. A word outside a closed list becomes ``other`` where the list has it, else None."""
    kind = definition.type
    if kind == "ip":
        return ip(text)
    if kind == "long":
        return int(text) if _LONG.fullmatch(text) is not None else None
    if kind == "float":
        return float(text) if _FLOAT.fullmatch(text) is not None else None
    if kind == "boolean":
        return _BOOLEANS.get(text.lower())
    if kind == "date":
        moment = rfc3339(text)
        return None if moment is None else iso(moment)
    word = normal(definition.normaliser, text)
    if definition.values and word not in definition.values:
        return "other" if "other" in definition.values else None
    return word


def normal(normaliser: str, text: str) -> str:
    """Apply a normaliser of the catalogue: lower, upper, domain or none."""
    if normaliser == "lower":
        return text.lower()
    if normaliser == "upper":
        return text.upper()
    return domain(text) if normaliser == "domain" else text


def ip(text: str) -> str | None:
    """Return the short form of an address, IPv4 for a mapped one; None for what is no address. A zone (``%eth0``) goes."""
    return known_ip(text) if len(text) <= LONGEST_IP else None


@lru_cache(8192)
def known_ip(text: str) -> str | None:
    """Do the same for a text that is known to be short."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def domain(text: str) -> str:
    """Return lower case without the dot at the end, in A-labels where that can be done; RFC 5890."""
    plain = text.lower().removesuffix(".")
    return plain if plain.isascii() or len(plain) > _LONGEST_DOMAIN else _a_labels(plain)


@lru_cache(4096)
def known_domain(text: str) -> str:
    """Do the same for a text that is known to be short."""
    return domain(text)


@lru_cache(1024)
def _a_labels(plain: str) -> str:
    try:
        return plain.encode("idna").decode("ascii")
    except UnicodeError:
        return plain


def storable(given: Any) -> bool:
    """Say whether a value can be part of a document: a whole number fits a ``long``, a fraction is finite."""
    if isinstance(given, (list, tuple)):
        return all(storable(one) for one in given)
    if isinstance(given, float):
        return math.isfinite(given)
    return not isinstance(given, int) or given in _LONGS


def fits(definition: FieldDef, given: Any) -> bool:
    """Say whether a ready value (of ``set``) is of the field's type and, where there is one, of its closed list."""
    if definition.array != isinstance(given, list) or not storable(given):
        return False
    return all(_fits_one(definition, one) for one in (given if isinstance(given, list) else [given]))


def _fits_one(definition: FieldDef, given: Any) -> bool:
    if definition.type == "boolean":
        return isinstance(given, bool)
    if definition.type == "long":
        return isinstance(given, int) and not isinstance(given, bool)
    if definition.type == "float":
        return isinstance(given, (int, float)) and not isinstance(given, bool)
    if not isinstance(given, str):
        return False
    return bool(typed(definition, given) == given)


def finish(fields: dict[str, Any], shape: Shape) -> None:
    """Add what follows from an event's own fields, where its shape may carry it; what is there already stays."""
    allowed = shape.fields
    for origin, name in ADDRESSES:
        if name in allowed and origin in fields:
            fields.setdefault(name, fields[origin])
    for origin, name in DOMAINS:
        if name in allowed and origin in fields:
            found = domain_of(fields[origin][0])
            if found is not None:
                fields.setdefault(name, found)
    user = fields.get("user.name")
    if user is not None:
        _finish_user(fields, user, allowed)
    for name, origins in RELATED.items():
        if name in allowed and name not in fields:
            values = [fields[origin] for origin in origins if origin in fields]
            if values:
                fields[name] = list(dict.fromkeys(values))


def _finish_user(fields: dict[str, Any], user: str, allowed: Mapping[str, Any]) -> None:
    found = domain_of(user)
    if found is None:
        return
    if "user.domain" in allowed:
        fields.setdefault("user.domain", found)
    if "user.email" in allowed:
        fields.setdefault("user.email", user.lower())


def domain_of(address: str) -> str | None:
    """Return the domain of an address whose domain looks like one: the rest is a stranger's text."""
    return _domain_of(address) if len(address) <= LONGEST_KNOWN else _read_domain(address)


def _read_domain(address: str) -> str | None:
    local, at, name = address.rpartition("@")
    if not (local and at) or name.endswith(_CUT) or len(name) > _LONGEST_DOMAIN or _DOMAIN.fullmatch(name) is None:
        return None
    return domain(name)


_domain_of = lru_cache(4096)(_read_domain)

"""In: the values of a group-by. Out: compact keys of windows, the wider key of IPv6 ones, and the text people see.

IPv6 clients are counted by /64, since one customer has that many addresses; ``wide`` is the /48 they collapse into.
Long values are cut and told apart by a keyed digest; values of fields that never leave the host are only that digest.
A part is one length byte, one kind byte and the value, so that no two keys read alike.
"""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.detect.condition import value_of
from collector.detect.patterns import address, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.identity import Identity

ELEMENTS = 64
"""How many elements of a list-valued field make a group of their own; further ones of the same event are not counted."""

_LONGEST = 200
_TEXT, _HIDDEN, _FOUR, _SIXTY_FOUR, _FORTY_EIGHT = b"t", b"h", b"4", b"6", b"w"


class Key(NamedTuple):
    """A key as counted, its wider form (None without IPv6), and the values it was made of."""

    narrow: bytes
    wide: bytes | None
    values: Mapping[str, Any]


class Keys:
    """Makes keys for one group-by."""

    def __init__(self, fields: Sequence[str], catalogue: Catalogue, identity: Identity) -> None:
        self.fields = tuple(fields)
        self._addresses = frozenset(name for name in fields if catalogue.fields[name].type == "ip")
        self._hidden = frozenset(name for name in fields if not catalogue.fields[name].ship)
        self._identity = identity

    def of(self, event: Event, bound: Mapping[str, Any]) -> list[Key]:
        """Return a key for each combination of elements; none if a field is missing. ``bound`` fixes fields to one element."""
        values = [bound[name] if name in bound else value_of(event, name) for name in self.fields]
        if None in values:
            return []
        if not any(isinstance(value, list) for value in values):
            return [self._key(values)]
        choices = [value[:ELEMENTS] if isinstance(value, list) else (value,) for value in values]
        return [self._key(chosen) for chosen in itertools.islice(itertools.product(*choices), ELEMENTS)]

    def missing(self, event: Event) -> tuple[str, ...]:
        """Return the fields that an event lacks: it has no key."""
        return tuple(name for name in self.fields if value_of(event, name) in (None, []))

    def values(self, event: Event, group: Mapping[str, str]) -> dict[str, str]:
        """Return every field's value as people read it: from a ``group`` that has it, else from the event, empty where it lacks one."""
        return {name: group[name] if name in group else self._text(name, value_of(event, name)) for name in self.fields}

    def _text(self, name: str, value: Any) -> str:
        values = value[:ELEMENTS] if isinstance(value, list) else [] if value is None else [value]
        return ",".join(shown(self.part(name, one))[0] for one in values)

    def _key(self, values: Sequence[Any]) -> Key:
        narrow = b"".join([self.part(name, value) for name, value in zip(self.fields, values, strict=True)])
        return Key(narrow, widened(narrow) if self._addresses else None, dict(zip(self.fields, values, strict=True)))

    def part(self, name: str, value: Any) -> bytes:
        """Return the part of one field."""
        text = text_of(value)
        if name in self._hidden:
            return _part(_HIDDEN, self._identity.value(text))
        found = address(text) if name in self._addresses else None
        if isinstance(found, IPv4Address):
            return _part(_FOUR, found.packed)
        if isinstance(found, IPv6Address):
            return _part(_SIXTY_FOUR, found.packed[:8])
        data = text.encode("utf-8", "backslashreplace")
        if len(data) > _LONGEST:
            data = data[:_LONGEST].decode("utf-8", "ignore").encode() + "…".encode() + self._identity.value(text).hex().encode()
        return _part(_TEXT, data)


def _part(kind: bytes, value: bytes) -> bytes:
    return bytes((len(value),)) + kind + value


def _parts(key: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(key):
        end = position + 2 + key[position]
        yield key[position + 1 : position + 2], key[position + 2 : end]
        position = end


def widened(key: bytes) -> bytes | None:
    """Return the key with each /64 replaced by its /48; None if there is none."""
    if _SIXTY_FOUR not in key:
        return None
    parts = list(_parts(key))
    if all(kind != _SIXTY_FOUR for kind, _ in parts):
        return None
    return b"".join(_part(_FORTY_EIGHT, value[:6]) if kind == _SIXTY_FOUR else _part(kind, value) for kind, value in parts)


def shown(key: bytes) -> tuple[str, ...]:
    """Return the values of a key as people read them; an IPv6 client is its network."""
    return tuple(_shown(kind, value) for kind, value in _parts(key))


def _shown(kind: bytes, value: bytes) -> str:
    if kind == _FOUR:
        return str(ip_address(value))
    if kind in (_SIXTY_FOUR, _FORTY_EIGHT):
        return f"{ip_address(value.ljust(16, bytes(1)))}/{len(value) * 8}"
    return value.hex() if kind == _HIDDEN else value.decode()

"""In: the values of a group-by. Out: compact keys of windows, the wider key of IPv6 ones, and the text people see.

IPv6 clients are counted by /64, since one customer has that many addresses; ``wide`` is the /48 they collapse into.
Long values are cut and told apart by a keyed digest; values of fields that never leave the host are only that digest.
A part is one length byte, one kind byte and the value, so that no two keys read alike.
"""

from __future__ import annotations

import itertools
from functools import lru_cache, partial
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.detect.condition import value_of
from collector.detect.patterns import address, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.identity import Identity

ELEMENTS = 64
"""How many elements of a list-valued field make a group of their own; further ones of the same event are not counted."""

_LONGEST = 200
_REMEMBERED = 4096
_TEXT, _HIDDEN, _FOUR, _SIXTY_FOUR, _FORTY_EIGHT = b"t", b"h", b"4", b"6", b"w"
SIXTY_FOUR = b"\x08" + _SIXTY_FOUR
"""Begins the part of an IPv6 client, and so stands in every key that has one."""


class Key(NamedTuple):
    """A key, and the values it was made of."""

    narrow: bytes
    values: Mapping[str, Any]


class Memo(dict[Any, Any]):
    """What was made of the last short texts: the same few clients and accounts come again and again. Cleared whole when full."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: Any) -> Any:
        """Make it; values that are no short text are never remembered."""
        made = self._make(value)
        if isinstance(value, str) and len(value) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[value] = made
        return made


class Parts:
    """Makes the parts of keys: ``packed`` as they are counted, ``shown`` as people read them. A value is asked for by subscription."""

    def __init__(self, catalogue: Catalogue, identity: Identity) -> None:
        self._catalogue = catalogue
        self._identity = identity
        self._packed = {_TEXT: Memo(self._text), _HIDDEN: Memo(self._hidden), _FOUR: Memo(self._address)}
        self._shown = {kind: Memo(partial(_read, memo)) for kind, memo in self._packed.items()}
        self.digests = Memo(lambda value: identity.value(text_of(value)))
        """Eight bytes for a value that is counted."""

    def packed(self, name: str) -> Memo:
        """Return the parts of a field's values."""
        return self._packed[self._kind(name)]

    def shown(self, name: str) -> Memo:
        """Return the texts of a field's values."""
        return self._shown[self._kind(name)]

    def _kind(self, name: str) -> bytes:
        definition = self._catalogue.fields[name]
        return _HIDDEN if not definition.ship else _FOUR if definition.type == "ip" else _TEXT

    def _hidden(self, value: Any) -> bytes:
        return _part(_HIDDEN, self._identity.value(text_of(value)))

    def _address(self, value: Any) -> bytes:
        found = address(text_of(value))
        if isinstance(found, IPv4Address):
            return _part(_FOUR, found.packed)
        return self._text(value) if found is None else _part(_SIXTY_FOUR, found.packed[:8])

    def _text(self, value: Any) -> bytes:
        text = text_of(value)
        data = text.encode("utf-8", "backslashreplace")
        if len(data) > _LONGEST:
            data = data[:_LONGEST].decode("utf-8", "ignore").encode() + "…".encode() + self._identity.value(text).hex().encode()
        return _part(_TEXT, data)


class Keys:
    """Makes keys for one group-by."""

    def __init__(self, fields: Sequence[str], parts: Parts) -> None:
        self.fields = tuple(fields)
        self._packed = tuple(map(parts.packed, self.fields))
        self._shown = tuple(map(parts.shown, self.fields))

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

    def values(self, event: Event, group: Mapping[str, str]) -> tuple[str, ...]:
        """Return every field's value as people read it: from a ``group`` that has it, else from the event, empty where it lacks one."""
        return tuple([group[name] if name in group else _joined(memo, value_of(event, name)) for name, memo in zip(self.fields, self._shown, strict=True)])

    def _key(self, values: Sequence[Any]) -> Key:
        narrow = b"".join([memo[value] for memo, value in zip(self._packed, values, strict=True)])
        return Key(narrow, dict(zip(self.fields, values, strict=True)))


def _read(packed: Memo, value: Any) -> str:
    return shown(packed[value])[0]


def _joined(memo: Memo, value: Any) -> str:
    if isinstance(value, list):
        return ",".join([memo[one] for one in value[:ELEMENTS]])
    return "" if value is None else str(memo[value])


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
    if SIXTY_FOUR not in key:
        return None
    wide, position = [], 0
    while position < len(key):
        end = position + 2 + key[position]
        part = key[position:end]
        wide.append(b"\x06" + _FORTY_EIGHT + part[2:8] if part.startswith(SIXTY_FOUR) else part)
        position = end
    joined = b"".join(wide)
    return joined if joined != key else None


@lru_cache(4096)
def shown(key: bytes) -> tuple[str, ...]:
    """Return the values of a key as people read them; an IPv6 client is its network."""
    return tuple(_shown(kind, value) for kind, value in _parts(key))


def _shown(kind: bytes, value: bytes) -> str:
    if kind == _FOUR:
        return str(ip_address(value))
    if kind in (_SIXTY_FOUR, _FORTY_EIGHT):
        return f"{ip_address(value.ljust(16, bytes(1)))}/{len(value) * 8}"
    return value.hex() if kind == _HIDDEN else value.decode()

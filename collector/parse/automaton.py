"""In: the tree of a shape's regex. Out: Automaton: what no line that the regex takes can begin with or hold.

Positions are the single characters of the regex; which may follow which is Glushkov's construction. Bounds of repeats and
assertions are left out, so it takes more than the regex does, never less: a "no" is certain, a "yes" is not.
"""

from __future__ import annotations

from re import _constants as op  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_ASCII = 128
"""Characters from here on are one: what is said of any of them is said of all."""
_ALL = (1 << (_ASCII + 1)) - 1
_IDS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CATEGORIES = {
    op.CATEGORY_DIGIT: "0123456789",
    op.CATEGORY_SPACE: " \t\n\r\f\v",
    op.CATEGORY_WORD: _IDS + "_",
}
_NEGATED = {op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT, op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE, op.CATEGORY_NOT_WORD: op.CATEGORY_WORD}

Part = tuple[int, int, bool]
"""Positions that can come first, positions that can come last, and whether the part can be empty. Sets are bits."""


class Automaton:
    """A regex as what may follow what."""

    def __init__(self, tree: Any) -> None:
        """Build it from a tree of ``re._parser.parse``."""
        self._masks: list[int] = []
        self._follow: list[int] = []
        self._first = self._sequence(tree)[0]
        self._known: dict[int, int] = {}
        self._behind_id: int | None = None

    def may_begin(self, text: str) -> bool:
        """Say whether a line that is taken may begin with a text."""
        return self._reads(self._first, text)

    def may_begin_behind_id(self, word: str) -> bool:
        """Say whether one may begin with letters and digits, a colon, a blank and a word."""
        if self._behind_id is None:
            self._behind_id = self._read_id()
        return self._reads(self._behind_id, f": {word}")

    def _read_id(self) -> int:
        ids = 0
        for letter in _IDS:
            ids |= self._having(letter)
        read, new = 0, self._first & ids
        while new & ~read:
            read |= new
            new = self._after(new) & ids
        return self._after(read)

    def may_hold(self, text: str) -> bool:
        """Say whether one may hold a text, anywhere."""
        return self._reads((1 << len(self._masks)) - 1, text)

    def _reads(self, places: int, text: str) -> bool:
        for number, character in enumerate(text):
            places = (self._after(places) if number else places) & self._having(character)
            if not places:
                return False
        return True

    def _having(self, character: str) -> int:
        """Return the positions that a character fits."""
        code = min(ord(character), _ASCII)
        if code not in self._known:
            self._known[code] = sum(1 << place for place, mask in enumerate(self._masks) if mask >> code & 1)
        return self._known[code]

    def _after(self, places: int) -> int:
        found = 0
        while places:
            lowest = places & -places
            found |= self._follow[lowest.bit_length() - 1]
            places ^= lowest
        return found

    def _sequence(self, items: Iterable[Any]) -> Part:
        whole: Part = (0, 0, True)
        for kind, value in items:
            whole = self._joined(whole, self._part(kind, value))
        return whole

    def _part(self, kind: Any, value: Any) -> Part:
        if kind is op.SUBPATTERN:
            return self._sequence(value[3]) if not value[1] else self._anything()
        if kind is op.ATOMIC_GROUP:
            return self._sequence(value)
        if kind is op.BRANCH:
            parts = [self._sequence(branch) for branch in value[1]]
            first = last = 0
            for one in parts:
                first, last = first | one[0], last | one[1]
            return first, last, any(one[2] for one in parts)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self._repeated(*value)
        if kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
            return 0, 0, True
        if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            return self._position(_mask(kind, value))
        return self._anything()

    def _repeated(self, least: int, most: int, body: Any) -> Part:
        first, last, empty = self._sequence(body)
        if most != 1:
            self._link(last, first)
        return first, last, empty or least == 0

    def _joined(self, one: Part, other: Part) -> Part:
        self._link(one[1], other[0])
        return one[0] | (other[0] if one[2] else 0), other[1] | (one[1] if other[2] else 0), one[2] and other[2]

    def _link(self, places: int, following: int) -> None:
        while places:
            lowest = places & -places
            self._follow[lowest.bit_length() - 1] |= following
            places ^= lowest

    def _position(self, mask: int) -> Part:
        self._masks.append(mask)
        self._follow.append(0)
        place = 1 << (len(self._masks) - 1)
        return place, place, False

    def _anything(self) -> Part:
        place, _, _ = self._position(_ALL)
        self._link(place, place)
        return place, place, True


def _mask(kind: Any, value: Any) -> int:
    if kind is op.ANY:
        return _ALL
    if kind is op.IN:
        negated = value[0][0] is op.NEGATE
        mask = 0
        for one, what in value[1:] if negated else value:
            mask |= _one(one, what)
        # Beyond ASCII a class that names some of it takes some and leaves some.
        return (~mask & _ALL) | (1 << _ASCII) if negated else mask
    bit = _bit(value)
    return bit if kind is op.LITERAL else (_ALL & ~bit) | (1 << _ASCII)


def _bit(code: int) -> int:
    return 1 << min(code, _ASCII)


def _one(kind: Any, value: Any) -> int:
    if kind is op.LITERAL:
        return _bit(value)
    if kind is op.RANGE:
        low, high = value
        return sum(1 << code for code in range(min(low, _ASCII), min(high, _ASCII) + 1))
    if value in _NEGATED:
        return _ALL & ~_of(_CATEGORIES[_NEGATED[value]])
    return _of(_CATEGORIES[value])


def _of(characters: str) -> int:
    return sum(1 << ord(character) for character in characters)

"""In: the tree of a shape's regex. Out: Anatomy: the words that its lines can begin with, the literals that they hold, what its groups can take.

All of it is used to try fewer regexes and to convert without looking twice, so each statement must be true of every line that
the regex takes; what cannot be told is left unsaid. The tree is that of CPython's own regex parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_QUEUE_IDS = (("0123456789ABCDEF", 5, 16), ("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz", 10, 32))
"""Characters and lengths of short and long queue ids."""
_TAKEN_OFF = "|".join(("NOQUEUE", *(f"[{characters}]{{{least},{most}}}" for characters, least, most in _QUEUE_IDS)))
HEAD = re.compile(rf"(?:({_TAKEN_OFF}): )?([A-Za-z_-]*)")
"""How a message begins: a queue id or NOQUEUE where there is one, and the first word behind it: letters."""
_IS_TAKEN_OFF = re.compile(_TAKEN_OFF)
_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-")
_DIGITS = frozenset("0123456789")
UNBOUNDED = 1 << 32
"""The length of what has no longest text."""
_MOST_STATES = 64
_MOST_LITERALS = 4

_FIRST, _QUEUE_ID, _COLON, _SECOND, _WHOLE = range(5)
"""Where reading stands: in the first word, behind a queue id, behind its colon, in the word behind it, behind the word."""

_UNKNOWN = "?"
"""Stands for the word where it is a queue id as long as nothing takes that off."""
State = tuple[int, str]
"""Where reading stands, and the word as far as it was read."""


@dataclass(frozen=True, slots=True)
class Group:
    """What a group of a match can be. ``optional``: None, where it took no part."""

    optional: bool
    least: int
    most: int
    digits: bool
    """Nothing but the digits 0 to 9."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What is true of every message that a regex takes whole."""

    words: frozenset[str] | None
    """All that ``HEAD`` can give; None: that cannot be told."""
    literals: tuple[str, ...]
    groups: Mapping[int, Group]

    def holds(self, literal: str) -> bool:
        """Say whether every message that is taken holds a literal."""
        return any(literal in one for one in self.literals)


def first_word(text: str) -> tuple[str | None, str]:
    """Return queue id and first word of a message."""
    match = HEAD.match(text)
    assert match is not None, "it matches anything"
    return match[1], match[2]


def dissect(tree: Any) -> Anatomy:
    """Study a tree of ``re._parser.parse``."""
    groups: dict[int, Group] = {}
    _groups(tree, groups, optional=False)
    states = _walk(tree, frozenset(((_FIRST, ""),))) if not tree.state.flags & re.IGNORECASE else None
    words = None if states is None or any(word == _UNKNOWN for _, word in states) else frozenset(word for _, word in states)
    return Anatomy(words, tuple(_literals(tree)), groups)


def _groups(items: Iterable[Any], found: dict[int, Group], *, optional: bool) -> None:
    for kind, value in items:
        if kind is op.SUBPATTERN:
            number, _, _, body = value
            if number is not None:
                least, most = body.getwidth()
                found[number] = Group(optional, int(least), min(int(most), UNBOUNDED), _characters(body) <= _DIGITS)
            _groups(body, found, optional=optional)
        elif kind is op.BRANCH:
            for branch in value[1]:
                _groups(branch, found, optional=True)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            _groups(value[2], found, optional=optional or value[0] == 0)
        elif kind is op.ATOMIC_GROUP:
            _groups(value, found, optional=optional)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            _groups(value[1], found, optional=True)


_ANYTHING = frozenset(("anything",))


def _characters(items: Iterable[Any]) -> frozenset[str]:
    """Return all characters that a part can hold, or what is no subset of any alphabet."""
    found: set[str] = set()
    for kind, value in items:
        if kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.IN:
            found |= _set(value)
        elif kind is op.SUBPATTERN:
            found |= _characters(value[3])
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            found |= _characters(value[2])
        elif kind is op.BRANCH:
            found |= frozenset().union(*map(_characters, value[1]))
        elif kind is not op.AT:
            return _ANYTHING
    return frozenset(found)


def _set(items: Iterable[Any]) -> frozenset[str]:
    found: set[str] = set()
    for kind, value in items:
        if kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.RANGE and value[1] < 128:  # noqa: PLR2004 - ASCII; a larger class is no alphabet of ours
            found |= {chr(one) for one in range(value[0], value[1] + 1)}
        elif kind is op.CATEGORY and value is op.CATEGORY_DIGIT:
            found |= _DIGITS
        else:
            return _ANYTHING
    return frozenset(found)


def _literals(tree: Iterable[Any]) -> Iterator[str]:
    """Yield the runs of literal characters that stand in every match."""
    run: list[str] = []

    def walk(items: Iterable[Any]) -> Iterator[str]:
        for kind, value in items:
            if kind is op.LITERAL:
                run.append(chr(value))
            elif kind is op.SUBPATTERN and not value[1]:
                yield from walk(value[3])
            elif kind not in (op.AT, op.ASSERT, op.ASSERT_NOT):
                yield "".join(run)
                run.clear()

    yield from walk(tree)
    yield "".join(run)


def _walk(items: Iterable[Any], states: frozenset[State]) -> frozenset[State] | None:
    """Read on from every state; None where what comes cannot be told."""
    for kind, value in items:
        if all(where == _WHOLE for where, _ in states):
            return states
        after = _step(kind, value, states)
        if after is None or len(after) > _MOST_STATES:
            return None
        states = after
    return states


def _step(kind: Any, value: Any, states: frozenset[State]) -> frozenset[State] | None:
    if kind is op.LITERAL:
        return _read(chr(value), states)
    if kind is op.IN and len(value) <= _MOST_LITERALS and all(one is op.LITERAL for one, _ in value):
        return _union(_read(chr(one), states) for _, one in value)
    if kind is op.SUBPATTERN and not value[1]:
        return _walk(value[3], states)
    if kind is op.ATOMIC_GROUP:
        return _walk(value, states)
    if kind is op.BRANCH:
        return _union(_walk(branch, states) for branch in value[1])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _repeat(value, states)
    return states if kind in (op.AT, op.ASSERT, op.ASSERT_NOT) else None


def _repeat(value: Any, states: frozenset[State]) -> frozenset[State] | None:
    least, most, body = value
    reading = frozenset(state for state in states if state[0] != _WHOLE)
    if reading == {(_FIRST, "")} and any(_characters(body) <= frozenset(alphabet) and least >= low and most <= high for alphabet, low, high in _QUEUE_IDS):
        return states - reading | {(_QUEUE_ID, _UNKNOWN)}
    once = _walk(body, states)
    if once is None or (most != 1 and any(where != _WHOLE for where, _ in once)):
        return None
    return once if least else once | states


def _union(found: Iterable[frozenset[State] | None]) -> frozenset[State] | None:
    whole: set[State] = set()
    for states in found:
        if states is None:
            return None
        whole |= states
    return frozenset(whole)


def _read(character: str, states: frozenset[State]) -> frozenset[State] | None:
    return _union(_next(where, word, character) for where, word in states)


def _next(where: int, word: str, character: str) -> frozenset[State] | None:
    """Read one character. A digit in a first word may be one of a queue id: what follows cannot be told."""
    if where == _WHOLE:
        state = (_WHOLE, word)
    elif where == _COLON and character == " ":
        state = (_SECOND, "")
    elif where == _COLON:
        state = (_WHOLE, word)
    elif where == _QUEUE_ID or (where == _FIRST and character == ":" and _IS_TAKEN_OFF.fullmatch(word) is not None):
        if character != ":":
            return None
        state = (_COLON, word)
    elif character in _WORD:
        state = (where, word + character)
    elif where == _FIRST and character in _DIGITS:
        return None
    else:
        state = (_WHOLE, word)
    return frozenset((state,))

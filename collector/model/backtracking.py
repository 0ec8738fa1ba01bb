"""In: a regular expression and the numbers of its named groups. Out: what in it could run away on, or be led astray by, hostile text.

The text is read by CPython's own regex parser, so that no second grammar can disagree with what ``re`` will do.
"""

from __future__ import annotations

from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Fault = tuple[str, str]
"""What is wrong, and what to do instead."""

_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_UNNAMED = "an unnamed .* may stand at the end only"
_LAZY = "lazy: the first end that an attacker writes would win"
_UNANCHORED = "greedy, but not followed by a literal and an anchored tail"
_NESTED = "nested quantifiers"


def parse(regex: str) -> Any:
    """Return the tree of a regex that compiles, for those who read it more than once."""
    return _parser.parse(regex)


def faults(regex: str | Any, named: Mapping[int, str]) -> Iterator[Fault]:
    """Yield the faults of a regex that compiles, given as text or as its tree; ``named`` gives the part of each group that has one."""
    tree = parse(regex) if isinstance(regex, str) else regex
    yield from _walk(list(tree), [], named, None, repeated=False)


def _walk(items: Sequence[Any], tail: Sequence[Any], named: Mapping[int, str], part: str | None, *, repeated: bool) -> Iterator[Fault]:
    """Walk a sequence; ``tail`` is what stands behind it, ``part`` the named group around it, ``repeated`` an unbounded quantifier around it."""
    for index, (kind, value) in enumerate(items):
        behind = [*items[index + 1 :], *tail]
        if kind in _REPEATS:
            yield from _repeat(kind, value, behind, named, part, repeated=repeated)
        elif kind is op.SUBPATTERN:
            yield from _walk(value[3], behind, named, named.get(value[0], part), repeated=repeated)
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield from _walk(branch, behind, named, part, repeated=repeated)
        elif kind is op.ATOMIC_GROUP:
            yield from _walk(value, behind, named, part, repeated=False)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from _walk(value[1], [], named, part, repeated=repeated)
        elif kind in (op.GROUPREF, op.GROUPREF_EXISTS):
            yield "a back-reference", "groups are numbered by the loader: write the text out"


def _repeat(kind: Any, value: Any, behind: Sequence[Any], named: Mapping[int, str], part: str | None, *, repeated: bool) -> Iterator[Fault]:
    _, most, body = value
    unbounded = most is op.MAXREPEAT
    if unbounded and repeated and kind is not op.POSSESSIVE_REPEAT:
        yield _NESTED, "make the inner one possessive (++, *+) or write one character class"
    if _catch_all(kind, value):
        yield from _catching(kind, behind, part)
    yield from _walk(body, behind, named, part, repeated=repeated or unbounded)


def _catching(kind: Any, behind: Sequence[Any], part: str | None) -> Iterator[Fault]:
    if part is None:
        if behind:
            yield _UNNAMED, "say what stands there, for example [^ ]* or [^;]*"
    elif kind is op.MIN_REPEAT:
        yield f"{part} is {_LAZY}", "say which characters it may hold, or be greedy and anchor what follows"
    elif behind and not (_literal(behind) and not _has_catch_all(behind)):
        yield f"{part} is {_UNANCHORED}", "let a literal and bounded text up to the end of the line follow it, or take the whole rest as one part and derive from it"


def _catch_all(kind: Any, value: Any) -> bool:
    return kind in _REPEATS and value[1] is op.MAXREPEAT and [item[0] for item in value[2]] == [op.ANY]


def _literal(items: Sequence[Any]) -> bool:
    """Say whether what begins here always begins with one certain character."""
    if not items:
        return False
    kind, value = items[0]
    if kind is op.SUBPATTERN:
        return _literal([*value[3], *items[1:]])
    if kind is op.BRANCH:
        return all(_literal([*branch, *items[1:]]) for branch in value[1])
    if kind in _REPEATS:
        return value[0] > 0 and _literal(value[2])
    return kind is op.LITERAL


def _has_catch_all(items: Sequence[Any]) -> bool:
    for kind, value in items:
        if _catch_all(kind, value):
            return True
        inner = value[2] if kind in _REPEATS else value[3] if kind is op.SUBPATTERN else value if kind is op.ATOMIC_GROUP else []
        if _has_catch_all(inner) or (kind is op.BRANCH and any(_has_catch_all(branch) for branch in value[1])):
            return True
    return False

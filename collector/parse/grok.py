"""In: grok text and pattern files. Out: a compiled regex with its parts, or a refusal with its place. The only door for pygrok.

Only pygrok's dictionary of patterns is used. Its expansion makes every %{X} a capturing group, leaves dotted names as
literals and never ends on a pattern that contains itself.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.errors import Location, ParserError
from collector.model.backtracking import faults, parse
from collector.model.strict_yaml import did_you_mean
from collector.parse.anatomy import Anatomy, dissect

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its source holds escapes that newer compilers warn about
    from pygrok import Grok

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.content import Text

_USE = re.compile(r"%\{([A-Za-z0-9_]+)(?::([A-Za-z_@][A-Za-z0-9_.@]*))?\}")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_LONGEST = 1 << 16
"""A regex longer than this comes from patterns that double each other, not from a line of a log."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regex for ``fullmatch`` and the parts of its groups, (group, part) in the order of their brackets.

    Its classes are ASCII (a digit is 0 to 9), and a dot matches a line end too: none hides a line of the journal.
    A part may stand more than once (in alternations): the first group that took part wins.
    """

    regex: re.Pattern[str]
    parts: tuple[tuple[str, str], ...]
    anatomy: Anatomy


class Patterns:
    """pygrok's patterns and those of the files: ``NAME regex`` a line, ``#`` for comments. A later file may redefine a name, one file may not."""

    def __init__(self, files: Iterable[Text] = ()) -> None:
        """Read the files; raises ParserError for a line that is no pattern."""
        self._known: dict[str, tuple[str, Location]] = {name: (pattern.regex_str, Location("pygrok")) for name, pattern in Grok("").predefined_patterns.items()}
        for text, origin in files:
            self._read(text, origin)

    def _read(self, text: str, origin: str) -> None:
        here: set[str] = set()
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, _, regex = line.partition(" ")
            at = Location(origin, number, 1)
            if _NAME.fullmatch(name) is None or not regex.strip():
                raise ParserError(f"{line[:60]!r} is no pattern", at, "write a name, a blank and a regex")
            if name in here:
                raise ParserError(f"pattern {name} stands twice", at)
            here.add(name)
            self._known[name] = (regex.strip(), at)

    def compile(self, grok: str, at: Location) -> Pattern:
        """Expand, check and compile; raises ParserError at ``at``, or where the pattern at fault stands."""
        parts: list[tuple[str, str]] = []
        source = self._expand(grok, at, (), parts)
        if len(source) > _LONGEST:
            raise ParserError(f"the expanded regex has {len(source)} characters", at, "use plainer patterns")
        named = dict(parts)
        try:
            regex = re.compile(source, re.ASCII | re.DOTALL)
            tree = parse(source)
            found = next(faults(tree, {number: named[group] for group, number in regex.groupindex.items() if group in named}), None)
        except (re.error, OverflowError, RecursionError) as error:
            raise ParserError(f"no regex: {error}", at) from error
        if found is not None:
            raise ParserError(found[0], at, found[1])
        if len(regex.groupindex) != len(parts):
            raise ParserError("a group with a name of its own", at, "write %{PATTERN:part}")
        return Pattern(regex, tuple(parts), dissect(tree))

    def _expand(self, text: str, at: Location, inside: tuple[str, ...], parts: list[tuple[str, str]]) -> str:
        out: list[str] = []
        done = 0
        for use in _USE.finditer(text):
            out.append(self._plain(text[done : use.start()], at))
            name, part = use[1], use[2]
            if name in inside:
                raise ParserError(f"pattern {name} contains itself", at)
            if name not in self._known:
                raise ParserError(f"unknown pattern {name}{did_you_mean(name, self._known)}", at, "patterns stand in parsers/patterns")
            opening = "(?:"
            if part is not None:
                opening = f"(?P<part{len(parts)}>"
                parts.append((f"part{len(parts)}", part))
            regex, place = self._known[name]
            out.append(f"{opening}{self._expand(regex, place, (*inside, name), parts)})")
            done = use.end()
        out.append(self._plain(text[done:], at))
        return "".join(out)

    @staticmethod
    def _plain(text: str, at: Location) -> str:
        if "%{" in text:
            raise ParserError(f"a left-over %{{ in {text[text.index('%{') :][:40]!r}", at, "write %{PATTERN} or %{PATTERN:part}; a part has no type here")
        return text

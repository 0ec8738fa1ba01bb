"""In: the shapes that a program's lines may have. Out: Table: first word of a message -> the shapes to try, with their functions.

The order is that of the plain way, so the first match wins here as it does there: a shape is left out of a bucket only if none of its
lines begins with the bucket's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from collector.parse import redact
from collector.parse.anatomy import HEAD
from collector.parse.compiler import compile_file
from collector.parse.opened import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from collector.model.catalogue import Catalogue
    from collector.parse.binding import Entry
    from collector.parse.compiler import Made
    from collector.parse.loader import Program


class Row(NamedTuple):
    """A shape to try: ``guard`` stands in every line that it takes, ``also`` must be looked for besides (or None)."""

    guard: str
    fullmatch: Callable[..., Any]
    also: str | None
    make: Callable[..., Any]
    entry: Entry


Bucket = tuple[Row, ...]


class Table(NamedTuple):
    """``tokens``: what stands before the first blank -> bucket, where that alone says the first word; for the rest ``words``, first word -> bucket.

    ``others`` is the bucket of words that no shape names. ``doubtful`` are words behind which there may be a secret.
    """

    tokens: dict[str, Bucket]
    words: dict[str, Bucket]
    others: Bucket
    doubtful: frozenset[str]


class Compiled:
    """The parser files, each compiled when the first line of one of its programs comes."""

    def __init__(self, programs: Iterable[Program], catalogue: Catalogue) -> None:
        """Keep what is to be compiled."""
        self._programs = {program.name: program for program in programs}
        self._files = {entry: program.name for program in self._programs.values() for entry in program.entries}
        self._catalogue = catalogue
        self._made: dict[str, Made] = {}
        self._tables: dict[tuple[Entry, ...], Table] = {}

    def made(self, name: str) -> Made:
        """Return what a parser file is compiled to; raises KeyError for an unknown name."""
        if name not in self._made:
            self._made[name] = compile_file(name, self._programs[name].entries, self._catalogue)
        return self._made[name]

    def table(self, entries: tuple[Entry, ...]) -> Table:
        """Return the table of these shapes, in this order."""
        if entries not in self._tables:
            self._tables[entries] = self._table(entries)
        return self._tables[entries]

    def _table(self, entries: tuple[Entry, ...]) -> Table:
        words = {word: self._bucket(entries, word) for word in sorted({word for entry in entries for word in entry.pattern.anatomy.words or ()})}
        doubtful = frozenset(word for word in ("", *words) if redact.doubtful(word))
        plain = [word for word in words if word not in doubtful and word not in LEVELS]
        tokens = {token: words[word] for word in plain for token in (word, f"{word}:") if HEAD.match(f"{token} ")[1] == word}
        return Table(tokens, words, self._bucket(entries, None), doubtful)

    def _bucket(self, entries: tuple[Entry, ...], word: str | None) -> Bucket:
        found = []
        for entry in entries:
            anatomy = entry.pattern.anatomy
            if anatomy.words is None or word in anatomy.words:
                held = anatomy.holds(entry.contains)
                found.append(Row(entry.contains, entry.pattern.regex.fullmatch, None if held else entry.contains, self.made(self._files[entry]).functions[entry], entry))
        return tuple(found)

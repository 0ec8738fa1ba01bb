"""In: the shapes that a program's lines may have. Out: Table: first word of a message -> the shapes to try, with their functions.

The order is that of the plain way, so the first match wins here as it does there: a shape is left out of a bucket only if none of its
lines begins with the bucket's word.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.model.backtracking import parse
from collector.parse import redact
from collector.parse.anatomy import first_word
from collector.parse.automaton import Automaton
from collector.parse.compiler import compile_file
from collector.parse.opened import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from collector.model.catalogue import Catalogue
    from collector.parse.binding import Entry
    from collector.parse.compiler import Made, Make
    from collector.parse.loader import Dispatch, Program
    from collector.parse.redact import Guard


_ANYTHING = ".*"
"""Where a regex says so, no automaton need be asked."""


class Row(NamedTuple):
    """A shape to try. ``also`` must be looked for besides (or None).

    ``secret`` is a cheap test whether redaction could change a line that was taken; None: it cannot.
    """

    fullmatch: Callable[..., Any]
    also: str | None
    make: Make
    entry: Entry
    secret: Guard | None


Bucket = tuple[tuple[str, Row], ...]
"""Shapes to try, in their order, each behind a literal that stands in every line that it takes."""


class Table(NamedTuple):
    """Buckets by how a message begins.

    ``tokens``: what stands up to the first blank, where that alone says the first word. For the rest, first words: ``words``,
    and ``queued`` behind a queue id; under None the shapes of words that no shape names. ``doubtful`` are words behind which there may be a secret.
    """

    tokens: dict[str, Bucket]
    words: dict[str | None, Bucket]
    queued: dict[str | None, Bucket]
    doubtful: frozenset[str]

    def bucket(self, queue_id: str | None, word: str) -> Bucket:
        """Return the shapes to try for a message that begins so."""
        named = self.words if queue_id is None else self.queued
        found = named.get(word)
        return named[None] if found is None else found


class Compiled:
    """The parser files, each compiled when the first line of one of its programs comes."""

    def __init__(self, programs: Iterable[Program], catalogue: Catalogue) -> None:
        """Keep what is to be compiled."""
        self._programs = {program.name: program for program in programs}
        self._files = {entry: program.name for program in self._programs.values() for entry in program.entries}
        self._catalogue = catalogue
        self._made: dict[str, Made] = {}
        self._tables: dict[tuple[Any, ...], Table] = {}
        self._automata: dict[Entry, Automaton] = {}

    def made(self, name: str) -> Made:
        """Return what a parser file is compiled to; raises KeyError for an unknown name."""
        if name not in self._made:
            self._made[name] = compile_file(name, self._programs[name].entries, self._catalogue)
        return self._made[name]

    def table(self, dispatch: Dispatch) -> Table:
        """Return the table of the shapes that a program's lines may have."""
        key = (dispatch.product, dispatch.daemon, dispatch.entries)
        if key not in self._tables:
            self._tables[key] = self._table(dispatch)
        return self._tables[key]

    def _table(self, dispatch: Dispatch) -> Table:
        rows = [self._row(entry, dispatch) for entry in dispatch.entries]
        known = sorted({word for entry in dispatch.entries for word in entry.pattern.anatomy.words or ()})
        doubtful = frozenset(word for word in known if redact.doubtful(word) and dispatch.product != "dovecot")
        sure = [word for word in known if word and word not in doubtful and word not in LEVELS]
        tokens = [token for word in sure for token in (f"{word} ", f"{word}: ") if first_word(token) == (None, word)]
        return Table(
            {token: self._bucket(rows, token.rstrip(": "), partial(Automaton.may_begin, text=token)) for token in tokens},
            {word: self._bucket(rows, word, partial(Automaton.may_begin, text=word or "")) for word in (None, *known)},
            {word: self._bucket(rows, word, partial(Automaton.may_begin_behind_id, word=word or "")) for word in (None, *known)},
            doubtful,
        )

    def _bucket(self, rows: Iterable[Row], word: str | None, may: Callable[[Automaton], bool]) -> Bucket:
        """Return the rows whose lines can begin with a word; of a shape that names no words, its automaton is asked."""
        found = []
        for row in rows:
            words = row.entry.pattern.anatomy.words
            if may(self._automaton(row.entry)) if words is None else word in words:
                found.append((row.entry.contains, row))
        return tuple(found)

    def _row(self, entry: Entry, dispatch: Dispatch) -> Row:
        secret = redact.guard(dispatch.product, dispatch.daemon, lambda words: self._may_hold(entry, words))
        also = None if entry.pattern.anatomy.holds(entry.contains) else entry.contains
        return Row(entry.pattern.regex.fullmatch, also, self.made(self._files[entry]).functions[entry], entry, secret)

    def _may_hold(self, entry: Entry, words: str) -> bool:
        return _ANYTHING in entry.pattern.regex.pattern or self._automaton(entry).may_hold(words)

    def _automaton(self, entry: Entry) -> Automaton:
        if entry not in self._automata:
            self._automata[entry] = Automaton(parse(entry.pattern.regex.pattern))
        return self._automata[entry]

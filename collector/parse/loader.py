"""In: parser files and patterns as (text, origin), the catalogue. Out: Parsers, checked, frozen, and the shapes that events may have."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from collector.errors import ParserError
from collector.parse import binding, samples
from collector.parse.definition import define_all
from collector.parse.dispatch import Compiled
from collector.parse.grok import Patterns
from collector.parse.vocabulary import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from collector.content import Text
    from collector.model.catalogue import Catalogue
    from collector.model.shape import Shape
    from collector.parse.binding import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Which lines a parser file reads."""

    name: str
    product: str
    globs: tuple[str, ...]
    entries: tuple[Entry, ...]

    def takes(self, name: str) -> bool:
        """Say whether the file reads lines of a syslog name. A bare product is tried with all its files."""
        return name == self.product or self.names(name)

    def names(self, name: str) -> bool:
        """Say whether the file names the program itself."""
        return any(fnmatchcase(name, glob) and not (glob.startswith("*/") and name.startswith("dovecot/")) for glob in self.globs)


@dataclass(frozen=True, slots=True, eq=False)
class Dispatch:
    """What a syslog name means: the product and daemon of its events, and the shapes to try, in that order."""

    product: str
    daemon: str | None
    entries: tuple[Entry, ...]

    @property
    def service_name(self) -> str:
        """service.name of its events."""
        return self.product if self.daemon is None else f"{self.product}/{self.daemon}"


@dataclass(frozen=True, slots=True, eq=False)
class Parsers:
    """All that content says about lines. ``unparsed``, ``debug``: stream -> the shape of lines that nothing takes."""

    programs: tuple[Program, ...]
    unparsed: Mapping[str, Shape]
    debug: Mapping[str, Shape]
    compiled: Compiled

    @property
    def products(self) -> tuple[str, ...]:
        """Every product that a file names, in file order."""
        return tuple(dict.fromkeys(program.product for program in self.programs))

    @property
    def entries(self) -> Iterator[Entry]:
        """Every shape of every file, in file order."""
        for program in self.programs:
            yield from program.entries

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Every shape that an event of a line may have."""
        return (*(shape for entry in self.entries for shape in (entry.shape, *(further.shape for further in entry.further))), *self.unparsed.values(), *self.debug.values())

    def lookup(self, name: str) -> Dispatch | None:
        """Return what a syslog name means; None for a program that is no mail program."""
        for candidate in _stems(name):
            programs = [program for program in self.programs if program.takes(candidate)]
            if programs:
                product = programs[0].product
                last = candidate.rpartition("/")[2]
                # a shape without a literal takes every line: only of a program that its file names
                entries = [entry for program in programs for entry in program.entries if entry.contains or program.names(candidate)]
                return Dispatch(product, None if candidate == product else last, (*(e for e in entries if not e.catch_all), *(e for e in entries if e.catch_all)))
        product, slash, rest = name.partition("/")
        return Dispatch(product, rest.rpartition("/")[2], ()) if slash and product in self.products else None


def _stems(name: str) -> Iterator[str]:
    """Yield the name and, for a daemon with a suffix of its own (``postfix/smtpd.local``, ``x/smtpd-amavis``), what stands before it."""
    yield name
    head, slash, last = name.rpartition("/")
    if not slash or head == "dovecot":
        return
    for index in range(len(last) - 1, 0, -1):
        if last[index] in ".-_":
            yield f"{head}/{last[:index]}"


def load(files: Iterable[Text], patterns: Iterable[Text], catalogue: Catalogue) -> Parsers:
    """Load parser files in their order; raises ParserError with place and hint for the first thing that is refused."""
    known = Patterns(patterns)
    defined = define_all(list(files))
    tables = binding.tables(defined)
    programs = []
    for definition, source in defined:
        entries = binding.entries(definition, source, known, catalogue, tables)
        programs.append(Program(definition.parser, definition.product, definition.program, tuple(entries)))
    binding.check_lending(programs, tables)
    debug = {stream: _of_any_line(f"{stream}.debug", "debug-line", stream, catalogue, "event.reason") for stream in STREAMS}
    unparsed = {stream: _of_any_line(f"{stream}.unparsed", "unparsed-line", stream, catalogue) for stream in STREAMS}
    parsers = Parsers(tuple(programs), unparsed, debug, Compiled(programs, catalogue))
    stray = next(samples.strays(parsers), None)
    if stray is not None:
        raise ParserError(f"{stray.shape}, sample {stray.number}: {stray.message}", stray.at, "a sample is taken first by its own shape: order the shapes, or say more in grok")
    return parsers


def _of_any_line(name: str, action: str, stream: str, catalogue: Catalogue, *also: str) -> Shape:
    shape = catalogue.shape(name, action, stream, carried=(*also, *binding.LINE))
    return binding.with_sure(shape, {*also, *binding.SURE})

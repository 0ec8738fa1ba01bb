"""In: the definition of a parser file, with the places of its keys. Out: its entries, bound to catalogue, patterns and functions, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collector.errors import ParserError
from collector.model.moment import span
from collector.model.shape import Carried
from collector.model.strict_yaml import did_you_mean
from collector.parse import convert, enrich
from collector.parse.derive import FUNCTIONS
from collector.parse.opened import PARTS
from collector.parse.parts import followed, sure_fields
from collector.parse.vocabulary import TAG, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from collector.errors import Location
    from collector.model.catalogue import Catalogue
    from collector.model.shape import Shape
    from collector.model.strict_yaml import Document
    from collector.parse.definition import AlsoDef, ParserDef, Sample, SessionDef, ShapeDef, UseDef
    from collector.parse.derivation import Derive
    from collector.parse.grok import Pattern, Patterns
    from collector.parse.loader import Program

LINE = ("event.original", "message", "log.offset", "log.flags", "log.level", "mail.redacted", "mail.capped", "mail.maintenance", "postfix.service")
"""What the engine itself, or the site's facts, may put into an event of any line."""

SURE = ("event.original", "message")
"""Those that it puts into every one."""

_PREFIX = {"_user": "user.name", "_session": "dovecot.session"}

TRIED = "mail.auth.password_hash"
"""What redaction takes out of a line for rules alone."""


@dataclass(frozen=True, slots=True)
class SessionTable:
    """A declared table; ``age`` in ms."""

    name: str
    key: tuple[str, ...]
    age: int


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a table by a shape."""

    table: SessionTable
    opens: bool
    gives: tuple[str, ...]
    set: Mapping[str, Any]
    takes: tuple[str, ...]
    counts: str | None
    closes: bool


@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """Further events of the same line."""

    shape: Shape
    times: str | None
    less: str | None
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A shape of a parser file, ready to be tried. ``at`` is where it stands."""

    shape: Shape
    contains: str
    pattern: Pattern
    derive: tuple[tuple[str, Derive], ...]
    lends: Mapping[str, str]
    """Parts of Dovecot's prefix -> the field that they become."""
    facts: Mapping[str, Mapping[str, Any]]
    """Service name -> fields."""
    times: str | None
    uses: tuple[Use, ...]
    further: tuple[Further, ...]
    catch_all: bool
    samples: tuple[Sample, ...]
    at: Location


def tables(defined: Iterable[tuple[ParserDef, Document]]) -> dict[str, SessionTable]:
    """Gather the session tables of all files; any file may use them."""
    found: dict[str, SessionTable] = {}
    for definition, source in defined:
        for name, table in definition.sessions.items():
            if name in found:
                raise ParserError(f"session table {name} is declared twice", source.at("sessions", name), "declare it once; every file may use it")
            found[name] = _table(name, table)
    return found


def _table(name: str, table: SessionDef) -> SessionTable:
    return SessionTable(name, table.key, span(table.age))


def entries(definition: ParserDef, source: Document, patterns: Patterns, catalogue: Catalogue, known_tables: Mapping[str, SessionTable]) -> list[Entry]:
    """Bind every shape of a file; raises ParserError for the first fault."""
    file = _File(definition, source, patterns, catalogue, known_tables)
    file.check_facts()
    found: list[Entry] = []
    for index, shape in enumerate(definition.shapes):
        at = source.at("shapes", index, "name")
        if any(entry.shape.name == file.name_of(shape) for entry in found):
            raise ParserError(f"shape {shape.name} stands twice", at)
        if found and found[-1].catch_all and not shape.catch_all:
            raise ParserError(f"shape {shape.name} stands behind a catch_all", at, "shapes with catch_all stand last")
        found.append(file.entry(index, shape))
    if found:
        file.check_use_of_facts(found)
    return found


def check_lending(programs: Sequence[Program], known_tables: Mapping[str, SessionTable]) -> None:
    """Refuse what no shape of any file gives or counts: nobody would ever lend it."""
    every = [entry for program in programs for entry in program.entries]
    given: dict[str, set[str]] = {name: set() for name in known_tables}
    counted: set[str] = set()
    for entry in every:
        for use in entry.uses:
            given[use.table.name].update(use.gives, use.set)
            counted |= {use.counts} if use.counts is not None else set()
    for entry in every:
        for use in entry.uses:
            for name in use.takes:
                if name not in given[use.table.name]:
                    raise ParserError(f"{entry.shape.name} takes {name}, which no shape gives to {use.table.name}", entry.at)
        for further in entry.further:
            if further.less is not None and further.less not in counted:
                raise ParserError(f"{entry.shape.name}: less {further.less}, which no shape counts", entry.at)


class _File:
    """What the shapes of one file have in common while they are bound."""

    def __init__(self, definition: ParserDef, source: Document, patterns: Patterns, catalogue: Catalogue, known_tables: Mapping[str, SessionTable]) -> None:
        self._definition = definition
        self._source = source
        self._patterns = patterns
        self._vocabulary = Vocabulary(catalogue, definition.product)
        self._tables = known_tables

    def name_of(self, shape: ShapeDef) -> str:
        return f"{self._definition.parser}.{shape.name}"

    def check_facts(self) -> None:
        """Facts of the file and of its services: known fields of the right type. Each shape takes those that its action allows."""
        for name, given in self._definition.set.items():
            self._vocabulary.check_value(name, given, self._source.at("set", name))
        for service, facts in self._definition.service.items():
            for name, given in facts.items():
                at = self._source.at("service", service, name)
                self._vocabulary.check_value(name, given, at)
                if name in self._definition.set:
                    raise ParserError(f"{name} stands in set and in service", at, "say it once")

    def check_use_of_facts(self, found: Iterable[Entry]) -> None:
        """Refuse a fact of the file or of a service that no shape's action allows."""
        shapes = [shape for entry in found for shape in (entry.shape, *(further.shape for further in entry.further))]
        used = {name for shape in shapes for name in (*shape.static, *shape.fields)}
        said = [("set", name) for name in self._definition.set] + [("service", service, name) for service, facts in self._definition.service.items() for name in facts]
        for place in said:
            if place[-1] not in used:
                raise ParserError(f"no action of this file may carry {place[-1]}", self._source.at(*place))

    def entry(self, index: int, shape: ShapeDef) -> Entry:
        path = ("shapes", index)
        at = self._source.at(*path, "name")
        self._vocabulary.check_action(shape.action, self._source.at(*path, "action"))
        if not shape.samples:
            raise ParserError(f"shape {shape.name} has no sample", at, "add a line that this shape takes and what it must give")
        pattern = self._patterns.compile(shape.grok, self._source.at(*path, "grok"))
        parts = {part for _, part in pattern.parts}
        fields = {part for part in parts if not part.startswith("_")}
        for name in sorted(fields):
            self._vocabulary.check_field(shape.action, name, self._source.at(*path, "grok"))
        self._check_set(shape.action, shape.set, path)
        derive, given = self._derive(shape, parts, path)
        uses = tuple(self._use(use, shape, self._source.at(*path, "session")) for use in shape.session)
        said = fields | {name for use in uses for name in use.takes}
        bound = self._shape(self.name_of(shape), shape.action, shape.set, said | given, sure_fields(pattern, self._vocabulary.catalogue))
        self._vocabulary.check_shape(bound, said, at)
        self._check_uses(uses, bound, self._source.at(*path, "session"))
        local = {*parts, *PARTS, *(name for _, function in derive for name in function.gives)}
        self._check_part(shape.times, local, self._source.at(*path, "times"))
        further = tuple(self._further(also, shape, bound, local, (*path, "also", number)) for number, also in enumerate(shape.also))
        self._check_samples(index, shape)
        return Entry(
            bound,
            shape.contains,
            pattern,
            derive,
            lends={part: name for part, name in _PREFIX.items() if name in bound.fields},
            facts=self._facts(bound),
            times=shape.times,
            uses=uses,
            further=further,
            catch_all=shape.catch_all,
            samples=shape.samples,
            at=at,
        )

    def _check_set(self, action: str, given: Mapping[str, Any], path: tuple[Any, ...]) -> None:
        for name, one in given.items():
            at = self._source.at(*path, "set", name)
            self._vocabulary.check_value(name, one, at)
            self._vocabulary.check_field(action, name, at)

    def _derive(self, shape: ShapeDef, parts: set[str], path: tuple[Any, ...]) -> tuple[tuple[tuple[str, Derive], ...], set[str]]:
        """Return the functions with the parts that they are fed, and the fields that they may give."""
        found: list[tuple[str, Derive]] = []
        known = {*parts, *PARTS}
        for name, part in shape.derive.items():
            at = self._source.at(*path, "derive", name)
            function = FUNCTIONS.get(name)
            if function is None:
                raise ParserError(f"unknown function {name}{did_you_mean(name, FUNCTIONS)}", at, "the functions stand in collector/parse/derive.py")
            self._check_part(part, known, at)
            self._vocabulary.check_given(shape.action, function.gives, at)
            known |= {given for given in function.gives if given.startswith("_") or self._vocabulary.may(shape.action, given)}
            found.append((part, function))
        return tuple(found), {given for given in known - parts if not given.startswith("_")}

    def _use(self, use: UseDef, shape: ShapeDef, at: Location) -> Use:
        table = self._tables.get(use.of)
        if table is None:
            raise ParserError(f"unknown session table {use.of}{did_you_mean(use.of, self._tables)}", at, "declare it under sessions")
        for name in use.takes:
            self._vocabulary.check_field(shape.action, name, at)
        for name, one in use.set.items():
            self._vocabulary.check_value(name, one, at)
        return Use(table, use.opens, use.gives, use.set, use.takes, use.counts, use.closes)

    def _check_uses(self, uses: Iterable[Use], bound: Shape, at: Location) -> None:
        for use in uses:
            for name in (*use.gives, *use.table.key):
                if name not in bound.fields and name not in bound.static and name not in TAG:
                    raise ParserError(f"{bound.name} never has {name}, which its session {use.table.name} needs", at)
            self._check_none_of_the_line((*use.gives, *use.takes, *use.table.key), at)
            for name in use.table.key:
                if self._vocabulary.catalogue.fields[name].array:
                    raise ParserError(f"{name} is a list: it cannot be part of a key", at)

    @staticmethod
    def _check_none_of_the_line(names: Iterable[str], at: Location) -> None:
        for name in names:
            if name in LINE:
                raise ParserError(f"{name} is what the engine says of a line: every event has its own", at)

    def _further(self, also: AlsoDef, shape: ShapeDef, first: Shape, local: set[str], path: tuple[Any, ...]) -> Further:
        at = self._source.at(*path)
        self._vocabulary.check_action(also.action, at)
        self._check_part(also.times, local, at)
        if also.less is not None and (also.times is None or not shape.session):
            raise ParserError("less needs times and a session", at)
        self._check_set(also.action, also.set, path)
        for name in also.copies:
            self._vocabulary.check_field(also.action, name, at)
            if name not in first.fields and name not in first.static:
                raise ParserError(f"copies {name}, which {first.name} never has", at)
        self._check_none_of_the_line(also.copies, at)
        sure = {name for name in also.copies if name in first.fields and first.fields[name].sure}
        bound = self._shape(f"{first.name}+{path[-1] + 1}", also.action, also.set, set(also.copies), sure)
        self._vocabulary.check_shape(bound, also.copies, at)
        return Further(bound, also.times, also.less, also.copies)

    def _shape(self, name: str, action: str, own: Mapping[str, Any], fields: set[str], sure: set[str]) -> Shape:
        """Make the shape: ``fields`` are what the line, functions and sessions may give; service facts, the prefix and what follows come on top.

        ``sure`` are those that every line has. Neither what is lent nor what a function makes of a text is sure.
        """
        catalogue = self._vocabulary.catalogue
        static = {**self._vocabulary.allowed(action, self._definition.set), **own}
        facts = {field for given in self._definition.service.values() for field in given}
        prefix = {*_PREFIX.values(), TRIED} if self._definition.product == "dovecot" else set()
        carried = {field for field in fields | facts | prefix if self._vocabulary.may(action, field)}
        carried |= _following(convert.FOLLOWS, carried | static.keys(), action, catalogue)
        carried |= _following(enrich.FOLLOWS, carried, action, catalogue)
        if action in enrich.PROBED and "source.ip" in carried:
            carried.add(enrich.OWN_PROBE)
        shape = catalogue.shape(name, action, self._vocabulary.stream, static, (*carried, *LINE))
        return with_sure(shape, sure | followed(sure, shape.fields) | set(SURE))

    def _facts(self, bound: Shape) -> dict[str, dict[str, Any]]:
        return {service: {name: given for name, given in facts.items() if name in bound.fields} for service, facts in self._definition.service.items()}

    def _check_part(self, part: str | None, known: set[str], at: Location) -> None:
        if part is not None and part not in known:
            raise ParserError(f"no part {part}{did_you_mean(part, known)}", at, "a part of the grok or of a function before")

    def _check_samples(self, index: int, shape: ShapeDef) -> None:
        for number, sample in enumerate(shape.samples):
            at = self._source.at("shapes", index, "samples", number)
            if shape.contains not in sample.all_lines[-1]:
                raise ParserError(f"the sample does not contain {shape.contains!r}", at)
            for event in sample.events:
                for name in event:
                    self._vocabulary.catalogue.field(name, at, ParserError)


def with_sure(shape: Shape, sure: set[str]) -> Shape:
    """Return a shape that says which of its fields every event has."""
    return replace(shape, fields={name: Carried(field.type, name in sure) for name, field in shape.fields.items()})


def _following(follows: Mapping[str, Sequence[str]], names: Iterable[str], action: str, catalogue: Catalogue) -> set[str]:
    return {one for name in names for one in follows.get(name, ()) if catalogue.allowed(action, one)}

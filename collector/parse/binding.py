"""In: the definition of a parser file, with the places of its keys. Out: its entries, bound to catalogue, patterns and functions, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.errors import ParserError
from collector.model.moment import span
from collector.model.strict_yaml import did_you_mean
from collector.parse import convert
from collector.parse.derive import FUNCTIONS

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

STREAMS = ("postfix", "dovecot", "filter")
"""Streams of lines; the last one is for every product that has none of its own."""

LINE = ("event.original", "message", "log.offset", "log.flags", "log.level", "mail.redacted", "mail.capped", "postfix.service")
"""What the engine itself may put into an event of any line."""

TAG = ("host.name", "process.pid", "process.name", "service.name", "service.type", "log.file.path", "log.syslog.appname")
"""What the envelope may know about any line."""

ENVELOPE_PARTS = ("_user", "_session")
"""Parts of Dovecot's prefix, which a shape may derive from."""

_PREFIX = {"_user": "user.name", "_session": "dovecot.session"}
_HASH = "mail.auth.password_hash"
_FIXED = frozenset((
    *("@timestamp", "event.id", "event.kind", "event.category", "event.type", "event.action", "event.module", "event.dataset", "message", "event.original", "input.type"),
    *("service.type", "service.name", "log.file.path", "log.offset", "log.flags", "mail.redacted", "mail.capped", "agent.id", "agent.type", "agent.version", "ecs.version"),
    *("data_stream.type", "data_stream.dataset", "data_stream.namespace", "related.ip", "related.user", "related.hosts", "related.hash"),
))
"""What the action, the envelope or the engine says; a shape may not."""


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


def stream_of(product: str) -> str:
    """Return the stream of a product's lines."""
    return product if product in STREAMS else STREAMS[-1]


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
            given[use.table.name].update(use.gives)
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
        self._catalogue = catalogue
        self._tables = known_tables

    def name_of(self, shape: ShapeDef) -> str:
        return f"{self._definition.parser}.{shape.name}"

    def check_facts(self) -> None:
        """Facts of the file and of its services: known fields of the right type. Each shape takes those that its action allows."""
        for name, given in self._definition.set.items():
            self._check_value(name, given, self._source.at("set", name))
        for service, facts in self._definition.service.items():
            for name, given in facts.items():
                at = self._source.at("service", service, name)
                self._check_value(name, given, at)
                if name in self._definition.set:
                    raise ParserError(f"{name} stands in set and in service", at, "say it once")

    def check_use_of_facts(self, found: Iterable[Entry]) -> None:
        """Refuse a fact of the file or of a service that no shape's action allows."""
        shapes = [shape for entry in found for shape in (entry.shape, *(further.shape for further in entry.further))]
        used = {name for shape in shapes for name in (*shape.static, *shape.fields)}
        for path in (("set", name) for name in self._definition.set), (("service", service, name) for service, facts in self._definition.service.items() for name in facts):
            for place in path:
                if place[-1] not in used:
                    raise ParserError(f"no action of this file may carry {place[-1]}", self._source.at(*place))

    def entry(self, index: int, shape: ShapeDef) -> Entry:
        at = ("shapes", index)
        self._check_action(shape.action, self._source.at(*at, "action"))
        if not shape.samples:
            raise ParserError(f"shape {shape.name} has no sample", self._source.at(*at, "name"), "add a line that this shape takes and what it must give")
        pattern = self._patterns.compile(shape.grok, self._source.at(*at, "grok"))
        parts = {part for _, part in pattern.parts}
        for part in sorted(parts):
            if not part.startswith("_"):
                self._check_field(shape.action, part, self._source.at(*at, "grok"))
        self._check_set(shape.action, shape.set, (*at, "set"))
        derive, given = self._derive(index, shape, parts)
        fields = {part for part in parts if not part.startswith("_")} | given
        uses = tuple(self._use(use, shape, self._source.at(*at, "session")) for use in shape.session)
        bound = self._shape(self.name_of(shape), shape.action, shape.set, fields | {name for use in uses for name in use.takes})
        self._check_sure(bound, self._source.at(*at, "name"))
        self._check_uses(uses, bound, self._source.at(*at, "session"))
        local = parts | {name for _, function in derive for name in function.gives} | set(ENVELOPE_PARTS)
        self._check_part(shape.times, local, self._source.at(*at, "times"))
        further = tuple(self._further(number, also, shape, bound, local, self._source.at(*at, "also", number)) for number, also in enumerate(shape.also))
        self._check_samples(index, shape)
        lends = {part: name for part, name in _PREFIX.items() if name in bound.fields}
        return Entry(bound, shape.contains, pattern, derive, lends, self._facts(bound), shape.times, uses, further, shape.catch_all, shape.samples, self._source.at(*at, "name"))

    def _derive(self, index: int, shape: ShapeDef, parts: set[str]) -> tuple[tuple[tuple[str, Derive], ...], set[str]]:
        found: list[tuple[str, Derive]] = []
        known = {*parts, *ENVELOPE_PARTS}
        fields: set[str] = set()
        for name, part in shape.derive.items():
            at = self._source.at("shapes", index, "derive", name)
            function = FUNCTIONS.get(name)
            if function is None:
                raise ParserError(f"unknown function {name}{did_you_mean(name, FUNCTIONS)}", at, "the functions stand in collector/parse/derive.py")
            self._check_part(part, known, at)
            usable = {given for given in function.gives if given.startswith("_") or self._may(shape.action, given)}
            if not usable:
                raise ParserError(f"{shape.action} may carry nothing that {name} gives", at, "collector/model/actions.yaml says what it may")
            known |= usable
            fields |= {given for given in usable if not given.startswith("_")}
            found.append((part, function))
        return tuple(found), fields

    def _use(self, use: UseDef, shape: ShapeDef, at: Location) -> Use:
        table = self._tables.get(use.of)
        if table is None:
            raise ParserError(f"unknown session table {use.of}{did_you_mean(use.of, self._tables)}", at, "declare it under sessions")
        for name in use.takes:
            self._check_field(shape.action, name, at)
        return Use(table, use.opens, use.gives, use.takes, use.counts, use.closes)

    def _check_sure(self, bound: Shape, at: Location) -> None:
        """Rules trust that every event of an action has its sure fields."""
        missing = [name for name in self._catalogue.actions[bound.action].fields.sure if name not in bound.fields and name not in bound.static and name not in TAG]
        if missing:
            raise ParserError(f"{bound.name} never has {', '.join(missing)}, which every {bound.action} must have", at, "collector/model/actions.yaml says what is sure")

    def _check_uses(self, uses: Iterable[Use], bound: Shape, at: Location) -> None:
        for use in uses:
            for name in (*use.gives, *use.table.key):
                if name not in bound.fields and name not in bound.static and name not in TAG:
                    raise ParserError(f"{bound.name} never has {name}, which its session {use.table.name} needs", at)

    def _further(self, number: int, also: AlsoDef, shape: ShapeDef, first: Shape, local: set[str], at: Location) -> Further:
        self._check_action(also.action, at)
        self._check_part(also.times, local, at)
        if also.less is not None and (also.times is None or not shape.session):
            raise ParserError("less needs times and a session", at)
        self._check_set(also.action, also.set, ("shapes",), at)
        for name in also.copies:
            self._check_field(also.action, name, at)
            if name not in first.fields and name not in first.static:
                raise ParserError(f"copies {name}, which {first.name} never has", at)
        bound = self._shape(f"{self.name_of(shape)}+{number + 1}", also.action, also.set, set(also.copies))
        self._check_sure(bound, at)
        return Further(bound, also.times, also.less, also.copies)

    def _shape(self, name: str, action: str, own: Mapping[str, Any], fields: set[str]) -> Shape:
        product = self._definition.product
        static = {**{field: given for field, given in self._definition.set.items() if self._may(action, field)}, **own}
        facts = {field for given in self._definition.service.values() for field in given}
        prefix = {*_PREFIX.values(), _HASH} if product == "dovecot" else set()
        carried = {field for field in fields | facts | prefix if self._may(action, field)}
        followed = {follows for field in carried | static.keys() for follows in convert.FOLLOWS.get(field, ()) if self._catalogue.allowed(action, follows)}
        return self._catalogue.shape(name, action, stream_of(product), static, (*carried, *followed, *LINE))

    def _facts(self, bound: Shape) -> dict[str, dict[str, Any]]:
        return {service: {name: given for name, given in facts.items() if name in bound.fields} for service, facts in self._definition.service.items()}

    def _may(self, action: str, name: str) -> bool:
        """Say whether a shape of an action may carry a field of its own."""
        if name == "event.outcome":
            return self._catalogue.actions[action].outcome == "by-text"
        return name not in _FIXED and self._catalogue.allowed(action, name)

    def _check_action(self, action: str, at: Location) -> None:
        stream = stream_of(self._definition.product)
        streams = self._catalogue.action(action, at, ParserError).stream
        if stream not in streams:
            raise ParserError(f"{action} is no event of stream {stream}", at, f"its streams are {', '.join(streams)}")

    def _check_field(self, action: str, name: str, at: Location) -> None:
        self._catalogue.field(name, at, ParserError)
        if not self._may(action, name):
            raise ParserError(f"{action} may not carry {name}", at, "collector/model/actions.yaml says what it may")

    def _check_value(self, name: str, given: Any, at: Location) -> None:
        definition = self._catalogue.field(name, at, ParserError)
        if name in _FIXED:
            raise ParserError(f"{name} is not for a parser to say", at)
        if not convert.fits(definition, given):
            wanted = f"{'list of ' if definition.array else ''}{definition.type}{' of its closed list' if definition.values else ''}"
            raise ParserError(f"{name}: {given!r} is no {wanted}", at, f"one of {', '.join(definition.values)}" if definition.values else None)

    def _check_set(self, action: str, given: Mapping[str, Any], path: tuple[Any, ...], at: Location | None = None) -> None:
        for name, one in given.items():
            where = at or self._source.at(*path, name)
            self._check_value(name, one, where)
            self._check_field(action, name, where)

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
                    self._catalogue.field(name, at, ParserError)

"""In: a parser file's entries, the catalogue. Out: Made: for each shape a function that turns its match into fields, written as Python source for it alone.

The function does straight on what extract.py, lending.py and convert.finish do together, step by step; it must give the same.
``mailvigil parsers dump`` shows the source.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from collector.parse import convert
from collector.parse.extract import count
from collector.parse.field_source import FieldSource
from collector.parse.opened import PARTS
from collector.parse.sessions import COUNTS, FIELDS, TIME
from collector.parse.vocabulary import TAG

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from collector.model.catalogue import Catalogue
    from collector.model.shape import Shape
    from collector.parse.binding import Entry, Further, Use
    from collector.parse.opened import Opened
    from collector.parse.sessions import Sessions

CAP = 100
"""The most events of one line."""
_FEW_DIGITS = 9
_OF_A_PROCESS = ("host.name", "process.pid")
_TAG = {"host.name": "p.host", "process.pid": "p.pid"}
"""What a plan has at hand of its tag."""


class Plan(Protocol):
    """What the functions need of what an engine knows about an origin."""

    tag: Any
    host: str
    pid: int | None
    source: str
    keys: Any
    service: str
    daemon: str
    is_auth: bool


Unborn = tuple["Shape", dict[str, Any]]
Make = Callable[["re.Match[str]", str, str, int | None, "Opened", Plan, "Sessions", int], dict[str, Any] | list[Unborn] | None]
"""(match, text, message, offset, opened, plan, sessions, time) -> the fields of the line's only event; or all its events; or None, before
anything was done: the line is not quite what the shape expects, and the plain way must read it. The line is not repeated and holds no secret."""


class Made(NamedTuple):
    """The functions of a file by shape, and their source under the name that tracebacks show."""

    name: str
    source: str
    functions: dict[Entry, Make]


def compile_file(name: str, entries: Iterable[Entry], catalogue: Catalogue) -> Made:
    """Write and run the source of a file's shapes."""
    shown = f"<shapes {name}>"
    space: dict[str, Any] = {"count": count, "domain_of": convert.domain_of, "finish": convert.finish, "NOTHING": {}}
    sources = []
    numbered = list(enumerate(entries))
    for number, entry in numbered:
        sources.append(ShapeSource(number, entry, catalogue, space).source())
    source = "\n\n".join(sources) + "\n"
    exec(compile(source, shown, "exec"), space)  # noqa: S102 - the source is written here, from content that was checked
    linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)
    return Made(shown, source, {entry: space[f"make_{number}"] for number, entry in numbered})


class ShapeSource(FieldSource):
    """The whole function of a shape: its fields, what sessions lend, further events."""

    def source(self) -> str:
        """Write it."""
        self._extract()
        self._derive()
        self._prefix()
        self._facts()
        self._times()
        for use in self._entry.uses:
            self._session(use)
        self._further()
        self._finish()
        self._give_back()
        head = f"def make_{self._number}(m, text, message, offset, o, p, s, now):  # {self._shape.name}"
        return "\n".join([head, *self._lines])

    # What sessions lend.

    def _count_of(self, name: str) -> str:
        part = self._parts.get(name)
        if part is not None and not part.group.optional and part.group.digits and 0 < part.group.least <= part.group.most <= _FEW_DIGITS and name not in self._given:
            return f"int({part.variable})"
        said = [f"l.get({name!r})"] if name in self._given else []
        said += [part.variable] if part is not None else []
        said += [f"o.parts.get({name!r})"] if name in PARTS else []
        *first, last = said or ["None"]
        return "count(" + "".join(f"{one} if {one} is not None else " for one in first) + last + ")"

    def _times(self) -> None:
        if self._entry.times is not None:
            self._say(f"k = {self._count_of(self._entry.times)} or 1")
        for name in self._less():
            self._say(f"{_counter(name)} = 0")

    def _less(self) -> list[str]:
        return list(dict.fromkeys(further.less for further in self._entry.further if further.less is not None))

    def _field(self, name: str) -> tuple[str, bool]:
        """Return the expression of a field of the event, or of its tag, and whether it is always there."""
        if name in self._sure:
            return self._sure[name], True
        static = self._shape.static.get(name)
        fallback = repr(static) if static is not None else _TAG.get(name, f"p.tag.get({name!r})" if name in TAG else "")
        if name not in self._may:
            return fallback or "None", static is not None or name == "host.name"
        return f"d.get({name!r}{f', {fallback}' if fallback else ''})", static is not None

    def _session(self, use: Use) -> None:
        key, depth = self._key(use)
        less = self._less()
        takes = [] if use.opens else [name for name in use.takes if name not in self._sure]
        if (takes or less) and not use.opens:
            self._say(f"r = s.rows.get({key})", depth)
            self._say("if r is not None:", depth)
            self._say(f"if now - r[{TIME}] > {use.table.age}:", depth + 1)
            self._say(f"s.forget({key})", depth + 2)
            self._say("else:", depth + 1)
            self._taken(takes, depth + 2)
            for name in less:
                self._say(f"{_counter(name)} += r[{COUNTS}].get({name!r}, 0)", depth + 2)
        if use.closes:
            self._say(f"if {key} in s.rows:", depth)
            self._say(f"s.forget({key})", depth + 1)
        else:
            self._give(use, key, depth)

    def _key(self, use: Use) -> tuple[str, int]:
        """Build the row's key; where a field of it may be absent, what follows stands deeper."""
        if use.table.key == _OF_A_PROCESS and not self._may & set(_OF_A_PROCESS) and not self._shape.static.keys() & set(_OF_A_PROCESS):
            self._say("if p.pid is not None:")
            self._say(f"key = p.keys[{use.table.name!r}]", 2)
            return "key", 2
        values, tests = [], []
        for name in use.table.key:
            value, always = self._field(name)
            if not always or not value.replace(".", "").isidentifier():
                self._say(f"{(variable := self._value())} = {value}")
                tests += [] if always else [f"{variable} is not None"]
                value = variable
            values.append(value)
        if tests:
            self._say(f"if {' and '.join(tests)}:")
        depth = 2 if tests else 1
        text = "\\0".join([use.table.name, *(f"{{{value}}}" for value in ("p.source", *values))])
        self._say(f"key = f'{text}'", depth)
        return "key", depth

    def _taken(self, takes: list[str], depth: int) -> None:
        if not takes:
            return
        self._say(f"f = r[{FIELDS}]", depth)
        for name in takes:
            missing = f" and {name!r} not in d" if name in self._may else ""
            self._say(f"if {name!r} in f{missing}:", depth)
            self._say(f"d[{name!r}] = f[{name!r}]", depth + 1)
        self._may |= set(takes)

    def _give(self, use: Use, key: str, depth: int) -> None:
        sure, maybe = {name: repr(value) for name, value in use.set.items()}, []
        for name in use.gives:
            static = self._shape.static.get(name)
            if name in self._sure:
                sure[name] = self._listed(name, self._sure[name])
            elif name in self._may:
                maybe.append((name, f"d.get({name!r}{'' if static is None else f', {static!r}'})"))
            elif static is not None:
                sure[name] = repr(static)
        if not (sure or maybe or use.counts):
            if use.opens:
                self._say(f"s.forget({key})", depth)
            return
        self._say(f"g = {{{', '.join(f'{name!r}: {value}' for name, value in sure.items())}}}", depth)
        for name, expression in maybe:
            self._say(f"x = {expression}", depth)
            self._say("if x is not None:", depth)
            self._say(f"g[{name!r}] = x", depth + 1)
        counts = "NOTHING" if use.counts is None else f"{{{use.counts!r}: {'1' if self._entry.times is None else 'k'}}}"
        write = f"s.open({key}, now, g, {counts})" if use.opens else f"s.write({key}, {use.table.age}, now, g, {counts})"
        instead = f"s.forget({key})" if use.opens else f"s.row({key}, {use.table.age}, now)"
        self._say(write if sure or use.counts else f"{write} if g else {instead}", depth)

    def _further(self) -> None:
        """Gather the further events of the line; all that one of them has is settled once."""
        if self._entry.further:
            self._say("more = []")
        for further in self._entry.further:
            number = "1" if further.times is None else self._count_of(further.times)
            self._say(f"n = {number}{'' if further.less is None else f' - {_counter(further.less)}'}")
            self._say("if n > 0:")
            self._say("e = {'event.original': text, 'message': message, 'log.offset': offset}", 2)
            self._copies(further)
            shape = self._constant("SHAPE", further.shape)
            self._say(f"finish(e, {shape})", 2)
            self._say(f"more += [({shape}, e), *(({shape}, e.copy()) for _ in range(min(n, {CAP + 1}) - 1))]", 2)

    def _give_back(self) -> None:
        several = [*(["more"] if self._entry.further else []), *(["k > 1"] if self._entry.times is not None else [])]
        if several:
            shape = self._constant("SHAPE", self._shape)
            first = f"({shape}, d)"
            if self._entry.times is not None:
                first += f", *(({shape}, d.copy()) for _ in range(min(k, {CAP + 1}) - 1))"
            self._say(f"if {' or '.join(several)}:")
            self._say(f"return [{first}{', *more' if self._entry.further else ''}]", 2)
        self._say("return d")

    def _copies(self, further: Further) -> None:
        stated = {name for given in self._entry.facts.values() for name in given if name in further.shape.fields}
        if stated:
            facts = self._constant("facts", self._entry.facts)
            self._say(f"for name, x in ({facts}.get(p.service) or {facts}.get(p.daemon) or NOTHING).items():", 2)
            self._say(f"if name in {tuple(sorted(stated))!r}:", 3)
            self._say("e[name] = x", 4)
        for name in further.copies:
            if name in self._sure:
                self._say(f"e[{name!r}] = d[{name!r}]", 2)
            elif name in self._may:
                self._say(f"if {name!r} in d:", 2)
                self._say(f"e[{name!r}] = d[{name!r}]", 3)


def _counter(name: str) -> str:
    return "c_" + "".join(letter if letter.isalnum() else "_" for letter in name)

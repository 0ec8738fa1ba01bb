"""In: a parser file's entries, the catalogue. Out: Made: for each shape a function that turns its match into fields, written as Python source for it alone.

What the plain way finds out for every line anew (which parts are fields, of what type, which of them follow from others, what
sessions lend) is settled when a file is compiled; the function does the rest, straight on. It must give what extract.py,
lending.py and convert.finish give together. ``mailvigil parsers dump`` shows the source.
"""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from collector.parse import convert
from collector.parse.anatomy import Group
from collector.parse.binding import TRIED
from collector.parse.conversion import conversion
from collector.parse.derivation import remembering
from collector.parse.extract import count
from collector.parse.opened import PARTS
from collector.parse.parts import parts_of
from collector.parse.sessions import COUNTS, FIELDS, TIME
from collector.parse.vocabulary import TAG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.model.catalogue import Catalogue
    from collector.model.shape import Shape
    from collector.parse.binding import Entry, Further, Use
    from collector.parse.parts import Part

CAP = 100
"""The most events of one line."""
_OF_THE_TAG = Group(optional=True, least=1, most=1 << 16, digits=False)
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
Make = "Callable[[re.Match[str], str, str, int | None, Opened, Plan, Sessions, int, str | None], dict[str, Any] | list[Unborn]]"
"""(match, text, message, offset, opened, plan, sessions, time, sealed password hash) -> the fields of the line's only event, ready; or what
further events it has, with the fields that are their own."""


class Made(NamedTuple):
    """The functions of a file by shape, and their source under the name that tracebacks show."""

    name: str
    source: str
    functions: dict[Entry, Any]


def compile_file(name: str, entries: Iterable[Entry], catalogue: Catalogue) -> Made:
    """Write and run the source of a file's shapes."""
    shown = f"<shapes {name}>"
    space: dict[str, Any] = {"count": count, "domain_of": convert.domain_of, "NOTHING": {}}
    sources = []
    numbered = list(enumerate(entries))
    for number, entry in numbered:
        sources.append(_Function(number, entry, catalogue, space).source())
    source = "\n\n".join(sources) + "\n"
    exec(compile(source, shown, "exec"), space)  # noqa: S102 - the source is written here, from content that was checked
    linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)
    return Made(shown, source, {entry: space[f"make_{number}"] for number, entry in numbered})


class _Function:
    """The source of one shape's function, as it grows. ``may`` are the fields that the event can have so far, ``sure`` those that it has."""

    def __init__(self, number: int, entry: Entry, catalogue: Catalogue, space: dict[str, Any]) -> None:
        self._number = number
        self._entry = entry
        self._shape = entry.shape
        self._catalogue = catalogue
        self._space = space
        self._lines: list[str] = []
        self._parts = parts_of(entry.pattern)
        self._sure: dict[str, str] = {}
        self._may: set[str] = set()
        self._done: set[str] = set()
        self._alone = _followers(entry)
        self._local = any(name.startswith("_") for _, function in entry.derive for name in function.gives)
        self._values = 0

    def source(self) -> str:
        self._extract()
        self._derive()
        self._prefix()
        self._facts()
        self._times()
        for use in self._entry.uses:
            self._session(use)
        self._further()
        self._finish()
        self._say("return d")
        head = f"def make_{self._number}(m, text, message, offset, o, p, s, now, tried):  # {self._shape.name}"
        return "\n".join([head, *self._lines])

    def _say(self, line: str, depth: int = 1) -> None:
        self._lines.append("    " * depth + line)

    def _constant(self, name: str, value: Any) -> str:
        """Give a value a name in the file, and return the name."""
        known = [name if name.isidentifier() else "function", f"{name}_{self._number}"]
        own = next((one for one in known if one.isidentifier() and self._space.get(one, value) is value), f"function_{len(self._space)}")
        self._space[own] = value
        return own

    def _value(self) -> str:
        self._values += 1
        return f"x{self._values}"

    # What the line says.

    def _extract(self) -> None:
        fields = [part for part in self._parts.values() if not part.name.startswith("_")]
        used = {part.name for part in fields} | {part for part, _ in self._entry.derive} | {*self._entry.lends, self._entry.times, *(further.times for further in self._entry.further)}
        needed = {group for part in self._parts.values() if part.name in used for group in part.groups}
        groups = [f"v{number}" if number in needed else "_" for number in range(1, self._entry.pattern.regex.groups + 1)]
        if needed:
            self._say(f"{', '.join(groups)}{',' if len(groups) == 1 else ''} = m.groups()")
        for part in self._parts.values():
            if part.name in used and len(part.groups) > 1:
                first, *others = [f"v{group}" for group in part.groups]
                self._say(f"{part.variable} = " + "".join(f"{one} if {one} is not None else " for one in [first, *others[:-1]]) + others[-1])
        self._may = {part.name for part in fields}
        for part in fields:
            if part.sure:
                self._expect(part)
        display = ["'event.original': text", "'message': message", "'log.offset': offset"]
        display += [f"{name!r}: {self._listed(name, value)}" for name, value in self._sure.items()]
        display += self._followed()
        self._say(f"d = {{{', '.join(display)}}}")
        for part in fields:
            if not part.sure:
                self._say(f"if {part.variable} is not None:" if part.name == convert.NULL_SENDER else f"if {part.variable}:")
                self._optional(part.name, part.variable, part.group, 2)

    def _converted(self, name: str, text: str, group: Group) -> tuple[str, bool]:
        made = conversion(name, self._catalogue.fields[name], group)
        self._space.update(made.names)
        return made.expression.format(v=text), made.total

    def _expect(self, part: Part) -> None:
        """Convert a part that every match has. Where it is no value after all (an address that is none), the plain way takes the line."""
        expression, total = self._converted(part.name, part.variable, part.group)
        value = expression
        if value != part.variable:
            value = self._value()
            self._say(f"{value} = {expression}")
        if not total:
            self._say(f"if {value} is None:")
            self._say("return None", 2)
        self._sure[part.name] = value

    def _followed(self) -> list[str]:
        """Return what follows from fields that are sure, as parts of the first display."""
        found = []
        for name, origin in self._alone.items():
            if origin in self._sure:
                value = self._sure[origin]
                found.append(f"{name!r}: {f'[{value}]' if name.startswith('related.') else value}")
                self._done.add(name)
        return found

    def _optional(self, name: str, text: str, group: Group, depth: int) -> None:
        """Set a field of the line that is not always there, and what follows from it alone."""
        expression, total = self._converted(name, text, group)
        follows = [follower for follower, origin in self._alone.items() if origin == name]
        value = expression
        if follows or not total:
            value = self._value()
            self._say(f"{value} = {expression}", depth)
        if not total:
            self._say(f"if {value} is not None:", depth)
            depth += 1
        self._say(f"d[{name!r}] = {self._listed(name, value)}", depth)
        for follower in follows:
            self._say(f"d[{follower!r}] = {f'[{value}]' if follower.startswith('related.') else value}", depth)
            self._done.add(follower)

    def _listed(self, name: str, expression: str) -> str:
        return f"[{expression}]" if self._catalogue.fields[name].array else expression

    # What functions make of it.

    def _text(self, name: str) -> tuple[str, bool]:
        """Return the expression of a part's text, and whether it is always a text: what the line says, the tag, a function before."""
        part = self._parts.get(name)
        if part is not None and not part.group.optional:
            return part.variable, True
        said = [] if part is None else [part.variable]
        said += [f"o.parts.get({name!r})"] if name in PARTS else []
        said += [f"l.get({name!r})"] if self._local else []
        *first, last = said or ["None"]
        return "".join(f"{one} if {one} is not None else " for one in first) + last, False

    def _derive(self) -> None:
        if self._local:
            self._say("l = {}")
        for part, derive in self._entry.derive:
            text, always = self._text(part)
            if not text.isidentifier():
                self._say(f"t = {text}")
                text = "t"
            depth = 1
            if not always:
                self._say(f"if {text}.__class__ is str:")
                depth = 2
            function = self._constant(derive.function.__name__, derive.function)
            group = self._parts[part].group if part in self._parts else None
            call = f"{function}({text})"
            if derive.repeats:
                known = self._constant(f"known_{derive.function.__name__}", remembering(derive.function))
                short = group is not None and group.most <= convert.LONGEST_KNOWN
                call = f"{known}({text})" if short else f"({known} if len({text}) < {convert.LONGEST_KNOWN + 1} else {function})({text})"
            self._take(call, derive.gives, depth)

    def _take(self, call: str, gives: tuple[str, ...], depth: int) -> None:
        allowed = tuple(name for name in gives if name in self._shape.fields)
        if allowed == gives and not self._may & set(gives):
            self._say(f"d.update({call})", depth)
        else:
            self._say(f"for n, x in {call}.items():", depth)
            if allowed:
                self._say(f"if n in {allowed!r} and n not in d:", depth + 1)
                self._say("d[n] = x", depth + 2)
            if any(name.startswith("_") for name in gives):
                self._say("if n[0] == '_':", depth + 1)
                self._say("l.setdefault(n, x)", depth + 2)
        self._may.update(allowed)

    # What the tag and the service say.

    def _prefix(self) -> None:
        for part, name in self._entry.lends.items():
            tests = ["not p.is_auth"] if part == "_user" else []
            tests += [f"{name!r} not in d"] if name in self._may else []
            tests += ["o.parts"] if part not in self._parts else []
            self._say(f"if {' and '.join(tests)}:" if tests else "if True:")
            self._say(f"t = {self._text(part)[0]}", 2)
            self._say("if t:", 2)
            made = conversion(name, self._catalogue.fields[name], _OF_THE_TAG)
            self._space.update(made.names)
            value = self._value()
            self._say(f"{value} = {made.expression.format(v='t')}", 3)
            self._say(f"if {value} is not None:", 3)
            self._say(f"d[{name!r}] = {self._listed(name, value)}", 4)
            self._may.add(name)
        if TRIED in self._shape.fields:
            self._say("if tried is not None:")
            self._say(f"d[{TRIED!r}] = tried", 2)
            self._may.add(TRIED)

    def _facts(self) -> None:
        names = {name for given in self._entry.facts.values() for name in given}
        if not names:
            return
        facts = self._constant("facts", self._entry.facts)
        self._say(f"t = {facts}.get(p.service) or {facts}.get(p.daemon)")
        self._say("if t:")
        if names & self._may:
            self._say("for n, x in t.items():", 2)
            self._say("if n not in d:", 3)
            self._say("d[n] = x", 4)
        else:
            self._say("d.update(t)", 2)
        self._may |= names

    # What sessions lend.

    def _count_of(self, name: str) -> str:
        part = self._parts.get(name)
        if part is not None and not part.group.optional and part.group.digits and 0 < part.group.least <= part.group.most <= _FEW_DIGITS and not self._local:
            return f"int({part.variable})"
        said = [f"l.get({name!r})"] if self._local else []
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
        number = "o.repeat" if self._entry.times is None else "k * o.repeat"
        counts = f"{{{use.counts!r}: {number}}}" if use.counts is not None else "NOTHING"
        write = f"s.open({key}, now, g, {counts})" if use.opens else f"s.write({key}, {use.table.age}, now, g, {counts})"
        instead = f"s.forget({key})" if use.opens else f"s.row({key}, {use.table.age}, now)"
        self._say(write if sure or use.counts else f"{write} if g else {instead}", depth)

    # What becomes of it.

    def _further(self) -> None:
        if not self._entry.further and self._entry.times is None:
            return
        self._say("more = []")
        for further in self._entry.further:
            number = "1" if further.times is None else self._count_of(further.times)
            self._say(f"n = {number}{'' if further.less is None else f' - {_counter(further.less)}'}")
            self._say("if n > 0:")
            self._say("e = {}", 2)
            self._copies(further)
            shape = self._constant("S", further.shape)
            self._say(f"more += [({shape}, e)] * min(n, {CAP + 1})", 2)
        more = "more" if self._entry.times is None else "k > 1 or more"
        self._say(f"if {more}:")
        times = "" if self._entry.times is None else f" * min(k, {CAP + 1})"
        self._say(f"return [({self._constant('S', self._shape)}, d)]{times} + more", 2)

    def _copies(self, further: Further) -> None:
        stated = {name for given in self._entry.facts.values() for name in given if name in further.shape.fields}
        if stated:
            facts = self._constant("facts", self._entry.facts)
            self._say(f"for n2, x in ({facts}.get(p.service) or {facts}.get(p.daemon) or NOTHING).items():", 2)
            self._say(f"if n2 in {tuple(sorted(stated))!r}:", 3)
            self._say("e[n2] = x", 4)
        for name in further.copies:
            if name in self._sure:
                self._say(f"e[{name!r}] = d[{name!r}]", 2)
            elif name in self._may:
                self._say(f"if {name!r} in d:", 2)
                self._say(f"e[{name!r}] = d[{name!r}]", 3)

    def _finish(self) -> None:
        followers = [name for name in self._shape.fields if name not in self._done]
        for origin, name in convert.ADDRESSES:
            if name in followers and origin in self._may:
                self._follow(origin, name, "x")
        for origin, name in convert.DOMAINS:
            if name in followers and origin in self._may:
                self._follow(origin, name, "y", f"domain_of({self._sure.get(origin, 'x[0]')})")
        names = [name for name in ("user.domain", "user.email") if name in followers]
        if names and "user.name" in self._may:
            user = self._sure.get("user.name", "x")
            if user == "x":
                self._say("x = d.get('user.name')")
            self._say(f"y = domain_of({user})" if user != "x" else "y = None if x is None else domain_of(x)")
            self._say("if y is not None:")
            for name in names:
                value = "y" if name == "user.domain" else f"{user}.lower()"
                self._say(f"d.setdefault({name!r}, {value})" if name in self._may else f"d[{name!r}] = {value}", 2)
        for name, origins in convert.RELATED.items():
            if name in followers:
                self._related(name, [origin for origin in origins if origin in self._may])

    def _follow(self, origin: str, name: str, value: str, read: str = "") -> None:
        tests = [f"{name!r} not in d"] if name in self._may else []
        if origin not in self._sure:
            self._say(f"x = d.get({origin!r})")
            tests.insert(0, "x is not None")
        elif value == "x":
            value = self._sure[origin]
        depth = 1
        if tests:
            self._say(f"if {' and '.join(tests)}:")
            depth = 2
        if read:
            self._say(f"y = {read}", depth)
            self._say("if y is not None:", depth)
            depth += 1
        self._say(f"d[{name!r}] = {value}", depth)

    def _related(self, name: str, origins: list[str]) -> None:
        if not origins:
            return
        depth = 1
        if name in self._may:
            self._say(f"if {name!r} not in d:")
            depth = 2
        if len(origins) == 1 and origins[0] in self._sure:
            self._say(f"d[{name!r}] = [{self._sure[origins[0]]}]", depth)
            return
        a, *rest = (f"d.get({origin!r})" for origin in origins)
        self._say(f"a = {a}", depth)
        if not rest:
            self._say("if a is not None:", depth)
            self._say(f"d[{name!r}] = [a]", depth + 1)
            return
        self._say(f"b = {rest[0]}", depth)
        self._say("if a is not None:", depth)
        self._say(f"d[{name!r}] = [a] if b is None or b == a else [a, b]", depth + 1)
        self._say("elif b is not None:", depth)
        self._say(f"d[{name!r}] = [b]", depth + 1)


def _followers(entry: Entry) -> dict[str, str]:
    """Return fields that follow from one field of the line's own text, and that nothing else can say."""
    own = {name: part for name, part in parts_of(entry.pattern).items() if not name.startswith("_")}
    other = {name for _, derive in entry.derive for name in derive.gives} | {name for given in entry.facts.values() for name in given}
    other |= {name for use in entry.uses for name in use.takes} | {*entry.lends.values(), TRIED}
    found = {}
    for name, origins in (*((name, (origin,)) for origin, name in convert.ADDRESSES), *convert.RELATED.items()):
        possible = [origin for origin in origins if origin in own or origin in other]
        if len(possible) == 1 and name in entry.shape.fields and name not in own and name not in other:
            origin = possible[0]
            if origin in own and (own[origin].sure or origin not in other):
                found[name] = origin
    return found


def _counter(name: str) -> str:
    return "c_" + "".join(letter if letter.isalnum() else "_" for letter in name)

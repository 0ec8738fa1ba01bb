"""In: a shape, the catalogue. Out: FieldSource: the Python source that makes an event's fields of a match, as far as the line alone says them.

What the plain way finds out for every line anew (which parts are fields, of what type, which of them follow from others) is
settled here, once. It must give what extract.py and convert.finish give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.parse import convert, derivation
from collector.parse.anatomy import Group
from collector.parse.conversion import conversion
from collector.parse.opened import PARTS
from collector.parse.parts import parts_of

if TYPE_CHECKING:
    from collector.model.catalogue import Catalogue
    from collector.parse.binding import Entry
    from collector.parse.derivation import Derive
    from collector.parse.parts import Part

_OF_THE_TAG = Group(optional=True, least=1, most=1 << 16, digits=False)


class FieldSource:
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
        self._given: set[str] = set()
        """Parts that functions may have given so far; they stand in ``l``."""
        self._values = 0

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
        used = {part.name for part in fields} | {part for part, _ in self._entry.derive} | {*self._entry.lends, self._entry.times}
        used |= {further.times for further in self._entry.further}
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
        said += [f"l.get({name!r})"] if name in self._given else []
        *first, last = said or ["None"]
        return "".join(f"{one} if {one} is not None else " for one in first) + last, False

    def _derive(self) -> None:
        if any(name.startswith("_") for _, derive in self._entry.derive for name in derive.gives):
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
            allowed = tuple(name for name in derive.gives if name in self._shape.fields)
            local = {name for name in derive.gives if name.startswith("_")}
            self._say(f"{'f, g' if local else 'f'} = {self._call(part, text, derive, allowed, local=bool(local))}", depth)
            if self._may & set(allowed):
                self._say("for name, x in f.items():", depth)
                self._say("if name not in d:", depth + 1)
                self._say("d[name] = x", depth + 2)
            else:
                self._say("d.update(f)", depth)
            if local:
                self._say("l = {**g, **l}" if self._given else "l = g", depth)
                self._given |= local
            self._may.update(allowed)

    def _call(self, part: str, text: str, derive: Derive, allowed: tuple[str, ...], *, local: bool) -> str:
        """Return the call of a function, from memory where that is worth it."""
        name = derive.function.__name__
        if allowed == derive.gives and not derive.repeats:
            return f"{self._constant(name, derive.function)}({text})"
        picking = self._constant(name, derivation.picking(derive.function, allowed, local=local))
        if not derive.repeats:
            return f"{picking}({text})"
        known = self._constant(f"known_{name}", derivation.remembering(self._space[picking]))
        group = self._parts[part].group if part in self._parts else None
        if group is not None and group.most <= derivation.LONGEST:
            return f"{known}({text})"
        return f"({known} if len({text}) < {derivation.LONGEST + 1} else {picking})({text})"

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

    # What becomes of it.

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
    other |= {name for use in entry.uses for name in use.takes} | {*entry.lends.values()}
    found = {}
    for name, origins in (*((name, (origin,)) for origin, name in convert.ADDRESSES), *convert.RELATED.items()):
        possible = [origin for origin in origins if origin in own or origin in other]
        if len(possible) == 1 and name in entry.shape.fields and name not in own and name not in other:
            origin = possible[0]
            if origin in own and (own[origin].sure or origin not in other):
                found[name] = origin
    return found

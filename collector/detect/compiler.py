"""In: a shape, and the rules that its action can complete. Out: its judge, one generated Python function, or nothing where no rule can be touched.

What every event of the shape has or lacks decides conditions here and now; of what is left each field is read once, and
windows are fed by direct calls. Windows whose keys or values are lists are left to the plain way. The plain twin of a
judge is ``Plain.judge``; text of rules enters the source as Python literals only, never as it stands.
"""

from __future__ import annotations

import linecache
import math
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.detect.condition import Not
from collector.detect.expressions import DEPENDS, Code, Locals, expression
from collector.model.moment import AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType

    from collector.detect.expressions import Expression
    from collector.detect.outcomes import Said
    from collector.detect.plain import Plain
    from collector.detect.rule import Correlation, Exemption, Rule
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.shape import Shape

_STEP = "    "


class Compiled(NamedTuple):
    """A judge and what it was made of; ``rules`` are those that it can hit or feed."""

    source: str
    rules: tuple[str, ...]
    judge: Callable[[Event], Said]


def compile_shape(shape: Shape, plain: Plain, catalogue: Catalogue) -> Compiled | None:
    """Return the judge of a shape, None where no event of it can hit a rule."""
    writer = _Writer(shape, plain, catalogue)
    detections = [(rule, code) for rule in plain.detections(shape.action) if rule.node is not None and (code := expression(rule.node, writer.names)) is not False]
    if not detections:
        return None
    body = writer.body(detections, plain.correlations(shape.action))
    head = [f"# {shape.name!r}: {shape.action!r}", *writer.names.notes, "def judge(event):"]
    source = "\n".join([*head, *(_STEP + line for line in ("get, tag, time = event.dynamic.get, event.tag.get, event.time", *body)), ""])
    name = f"<rules {shape.name}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space = writer.names.constants
    exec(_code(source, name), space)  # noqa: S102 - this is one of the three compilers
    return Compiled(source, tuple(writer.touched), space["judge"])


@lru_cache(2048)
def _code(source: str, name: str) -> CodeType:
    """Compile a source once, however many roads are laid over the same content: each test of a rule lays its own."""
    return compile(source, name, "exec")


class _Writer:
    """Writes the statements of one judge."""

    def __init__(self, shape: Shape, plain: Plain, catalogue: Catalogue) -> None:
        self.names = Locals(shape, catalogue)
        self.touched: dict[str, None] = {}
        self._plain = plain
        self._outcomes = plain.outcomes
        self._lines: list[str] = []
        self._lists: set[str] = set()
        """Correlations whose groups or values are elements of lists, and what they feed."""
        self._hits: dict[str, str] = {}
        """Rules that may be hit: "True", or the local that says so."""
        self._stopping: dict[str, str | None] = {}
        """Exceptions: when they keep an event of the shape out, None for never."""
        outcomes = plain.outcomes
        for name, value in (
            *(("clock", outcomes.clock), ("counts", outcomes.exceptions.counts), ("keyless", outcomes.keyless), ("fromhex", bytes.fromhex)),
            *(("keep", outcomes.evidence.add), ("size", outcomes.windows.size), ("room", outcomes.room), ("digests", outcomes.parts.digests)),
        ):
            self.names.bind(name, value)

    def body(self, detections: Sequence[tuple[Rule, Expression]], correlations: Iterable[Rule]) -> list[str]:
        for rule, code in detections:
            self._hit(rule, code)
        some = self._any(self._hits.values())
        judged = [*self._taken(), *([] if some is None else [f"if not ({some}): return []"])]
        for rule, _ in detections:
            self._except(rule)
        self._evidence([rule for rule, _ in detections])
        for rule, _ in detections:
            self._follow(rule)
        feeding = [rule for rule in correlations if self._fed(rule)]
        if self._lists:
            self._put(0, "feeds = {}")
        for rule in feeding:
            self._correlation(rule)
        stops = [f"stop_{name} = {text}" for name, text in self._stopping.items() if text is not None]
        told = self._taken(*stops, "ident = fromhex(event.id)", "out = []")
        return [*judged, *told, "if size.bytes > size.budget: out += room()", "return out"]

    def _taken(self, *first: str) -> list[str]:
        """Return what was written since the last call, behind what it needs to read."""
        lines, self._lines = self._lines, []
        return [*self.names.reads(), *first, *lines]

    def _put(self, depth: int, *lines: str) -> None:
        self._lines += [_STEP * depth + line for line in lines]

    def _bound(self, verb: str, rule: Rule, function: Callable[..., Any]) -> str:
        return self.names.bind(f"{verb}_{rule.name}", function)

    # what is hit

    def _hit(self, rule: Rule, code: Expression) -> None:
        self.touched[rule.name] = None
        self._hits[rule.name] = "True"
        if isinstance(code, Code):
            self._hits[rule.name] = f"hit_{rule.name}"
            self._put(0, f"hit_{rule.name} = {code.text}")

    def _except(self, rule: Rule) -> None:
        """Take back a hit that an exception keeps out."""
        local = f"hit_{rule.name}"
        for stop, name in self._stops(rule):
            if self._hits[rule.name] == "True":
                self._hits[rule.name] = local
                self._put(0, f"{local} = True")
            self._put(0, f"if {local} and {stop}:", f"{_STEP}counts[{name!r}] += 1", f"{_STEP}{local} = False")

    def _stops(self, rule: Rule) -> list[tuple[str, str]]:
        """Return the locals that say whether an exception keeps the event out of a rule, with the exceptions' names."""
        edges = self._outcomes.exceptions.edges(rule.name)
        for one in edges:
            if one.name not in self._stopping:
                self._stopping[one.name] = self._stop(one)
        return [(f"stop_{one.name}", one.name) for one in edges if self._stopping[one.name] is not None]

    def _stop(self, exemption: Exemption) -> str | None:
        code = expression(Not(exemption.node), self.names)
        if code is False:
            return None
        lasts = [f"time < {exemption.end}"] if math.isfinite(exemption.end) else []
        return " and ".join([*lasts, *([code.text] if isinstance(code, Code) else [])]) or "True"

    def _any(self, hits: Iterable[str]) -> str | None:
        """Return an expression for one of several hits, None where one is sure."""
        found = list(hits)
        return None if "True" in found else " or ".join(found)

    def _evidence(self, detections: Sequence[Rule]) -> None:
        loud = [self._hits[rule.name] for rule in detections if rule.absence is None]
        if loud:
            some = self._any(loud)
            self._put(0, f"{f'if {some}: ' if some else ''}keep(ident, event.get('event.original') or '')")

    def _follow(self, rule: Rule) -> None:
        """Write what a hit detection does by itself: it tells, or its silence is watched."""
        hit = self._hits[rule.name]
        if rule.absence is not None:
            self._absence(rule, hit)
        elif rule.name in self._outcomes.rules.active:
            call = f"out += {self._bound('tell', rule, partial(self._outcomes.matched, rule))}(event, ident)"
            self._put(0, call if hit == "True" else f"if {hit}: {call}")

    def _absence(self, rule: Rule, hit: str) -> None:
        assert rule.absence is not None
        if self._lacks(rule.group_by):
            return
        if any(map(self.names.array, rule.group_by)):
            self._put(0, f"if {hit}: {self._bound('seen', rule, partial(self._outcomes.seen, rule))}(event, ident)")
            return
        packed, needed = self._key(rule.group_by)
        self._put(0, f"if {' and '.join([hit, *(f'{raw} is not None' for raw in needed)])}:")
        self._put(1, "spoke = time if time < clock.now else clock.now", f"if spoke + {rule.absence.window} > clock.now:")
        add = self._bound("add", rule, self._outcomes.windows.tables[rule.key].add)
        self._put(2, f"new = {add}({packed}, spoke, ident)")
        self._put(2, f"if new is not None: {self._bound('watch', rule, partial(self._outcomes.watch, rule))}(new, spoke)")

    # what is fed

    def _lacks(self, group_by: Sequence[str]) -> bool:
        """Say whether no event of the shape has a key."""
        return any(self.names.fixed(name) in (None, []) for name in group_by)

    def _key(self, group_by: Sequence[str]) -> tuple[str, list[str]]:
        """Return the key of a window and the locals that must not be None."""
        parts, needed = [], []
        for name in group_by:
            value, memo = self.names.fixed(name), self._outcomes.parts.packed(name)
            if value is DEPENDS:
                raw = self.names.raw(name)
                parts.append(f"{self.names.bind(f'part{raw[1:]}', memo)}[{raw}]")
                needed.append(raw)
            else:
                parts.append(repr(memo[value]))
        return " + ".join(parts) or "b''", needed

    def _fed(self, rule: Rule) -> bool:
        """Say whether a base may be hit; note what then may be hit by it."""
        correlation = rule.correlation
        assert correlation is not None
        if not any(base in self._hits for base in correlation.bases):
            return False
        self.touched[rule.name] = None
        if not self._lacks(rule.group_by) and (correlation.field is None or self.names.fixed(correlation.field) is not None):
            self._hits[rule.name] = f"hit_{rule.name}"
        fields = (*rule.group_by, *((correlation.field,) if correlation.field is not None else ()))
        fixed_value = correlation.field is not None and self.names.fixed(correlation.field) is not DEPENDS
        if fixed_value or any(map(self.names.array, fields)) or self._lists & set(correlation.bases):
            self._lists.add(rule.name)
        return True

    def _correlation(self, rule: Rule) -> None:
        correlation = rule.correlation
        assert correlation is not None
        fed = [(stage, self._hits[base]) for stage, base in enumerate(correlation.bases) if base in self._hits]
        local = self._hits.get(rule.name)
        if local is not None:
            self._put(0, f"{local} = False")
        depth = 0
        some = self._any(hit for _, hit in fed)
        if some is not None:
            self._put(0, f"if {some}:")
            depth = 1
        if rule.name in self._lists:
            self._plainly(rule, correlation, depth)
            return
        choices = [(stop, [f"counts[{name!r}] += 1"]) for stop, name in self._stops(rule)]
        if self._lacks(rule.group_by):
            choices.append(("True", [f"keyless[{rule.name!r}] += 1"]))
        else:
            packed, needed = self._key(rule.group_by)
            if needed:
                choices.append((" or ".join(f"{raw} is None" for raw in needed), [f"keyless[{rule.name!r}] += 1"]))
            if local is not None:
                what, given = self._what(correlation)
                choices.append((f"time <= clock.now + {AHEAD}{given}", [f"key = {packed}", *self._adds(rule, correlation, fed, what), *self._holds(rule, local)]))
        for number, (condition, lines) in enumerate(choices):
            self._put(depth, f"{'elif' if number else 'if'} {condition}:")
            self._put(depth + 1, *lines)

    def _what(self, correlation: Correlation) -> tuple[str, str]:
        """Return what is counted or added, and on what further condition."""
        if correlation.field is None:
            return "None", ""
        if correlation.type == "value_count":
            raw = self.names.raw(correlation.field)
            return f"digests[{raw}]", f" and {raw} is not None"
        number = self.names.form(correlation.field, "number")
        return f"float({number})", f" and {number} is not None"

    def _adds(self, rule: Rule, correlation: Correlation, fed: Sequence[tuple[int, str]], what: str) -> list[str]:
        add = self._bound("add", rule, self._outcomes.windows.tables[rule.key].add)
        if not correlation.type.startswith("temporal"):
            return [f"held = {add}(key, time, ident, {what})"]
        lines = ["held = None"]
        for stage, hit in reversed(fed):
            lines += [f"again = {add}(key, time, ident, {stage}){'' if hit == 'True' else f' if {hit} else None'}", "held = held if again is None else again"]
        return lines

    def _holds(self, rule: Rule, local: str) -> list[str]:
        lines = ["if held is not None:", f"{_STEP}{local} = True"]
        if rule.name in self._outcomes.rules.active:
            lines.append(f"{_STEP}out += {self._bound('tell', rule, partial(self._outcomes.held, rule))}(event, held)")
        return lines

    def _plainly(self, rule: Rule, correlation: Correlation, depth: int) -> None:
        for base in correlation.bases:
            if base in self._hits and base not in self._lists:
                hit = self._hits[base]
                self._put(depth, f"{'' if hit == 'True' else f'if {hit}: '}feeds[{base!r}] = [{{}}]")
        self._put(depth, f"out += {self._bound('correlate', rule, partial(self._plain.correlate, rule))}(event, ident, feeds)")
        if rule.name in self._hits:
            self._put(depth, f"{self._hits[rule.name]} = {rule.name!r} in feeds")

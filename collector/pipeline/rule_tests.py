"""In: rules with the tests they carry, and a maker of fresh roads. Out: what each test found, and which rules fire at the samples of others.

A test walks the road that the service walks: merge, parsers, detector, documents. Only its time is its own: it moves with
the steps, and nothing passes behind the last one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.detect.rule import site_of
from collector.errors import ContentError, RuleError
from collector.model import json
from collector.model.alert import Alert, Fact
from collector.model.moment import iso, span
from collector.model.record import Position, Record, SourceInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from collector.detect.rule import Rule, RuleTest, Step
    from collector.model.site import Site
    from collector.pipeline.pipeline import Judged, Pipeline

START = 1_795_514_400_000
"""2026-11-24T10:00:00Z: when a test begins whose first step is no line."""

Fresh = Callable[["Site | None"], "Pipeline"]
"""Makes a road from an empty state, with every rule on and no source, for a site; None = the shipped defaults."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one test; ``message`` says what is wrong where it is not ``ok``."""

    rule: str
    test: str
    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """Another rule fired at the sample of a rule."""

    rule: str
    test: str
    other: str


def run(rule: Rule, fresh: Fresh) -> Iterator[Result]:
    """Walk each test of a rule and compare with what it expects. A step that cannot be walked fails its test."""
    for test in rule.tests:
        walk = _Walk(fresh(site_of(test)), rule)
        try:
            walk.steps(test.steps)
        except ContentError as error:
            yield Result(rule.name, test.name, ok=False, message=str(error))
            continue
        faults = list(_faults(test, walk))
        yield Result(rule.name, test.name, not faults, "; ".join(faults))


def cross(rules: Iterable[Rule], fresh: Fresh) -> Iterator[Hit]:
    """Walk every test in which a rule fires and yield the other rules that open an alert there. A test that cannot be walked is left to ``run``."""
    for rule in rules:
        for test in rule.tests:
            if not test.expect.alerts:
                continue
            walk = _Walk(fresh(site_of(test)), rule)
            try:
                walk.steps(test.steps)
            except ContentError:
                continue
            for other in sorted({alert.rule.name for alert, _ in walk.alerts} - {rule.name}):
                yield Hit(rule.name, test.name, other)


def _faults(test: RuleTest, walk: _Walk) -> Iterator[str]:
    own = walk.own()
    if len(own) != test.expect.alerts:
        seen = ", ".join(f"{action} x{number}" for action, number in sorted(walk.actions.items())) or "none"
        yield f"{len(own)} alerts, expected {test.expect.alerts} (events: {seen})"
    elif own:
        for name, wanted in test.expect.fields.items():
            found = _field(own[0], name)
            if found != wanted:
                yield f"{name} is {found!r}, expected {wanted!r}"


def _field(document: Mapping[str, Any], name: str) -> Any:
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


class _Lent:
    """The source of a test: it holds one record at a time."""

    at_end = True

    def __init__(self) -> None:
        self.record: Record | None = None

    def read(self, limit: int) -> Sequence[Record]:
        """See merge.Readable."""
        del limit
        record, self.record = self.record, None
        return () if record is None else (record,)


class _Walk:
    """One test on its way: what time it is, and what was said so far."""

    def __init__(self, pipeline: Pipeline, rule: Rule) -> None:
        self.alerts: list[tuple[Alert, bytes]] = []
        self.actions: Counter[str] = Counter()
        self._pipeline = pipeline
        self._rule = rule
        self._source = _Lent()
        self._number = 0
        pipeline.merge.add("test", self._source)

    def own(self) -> list[dict[str, Any]]:
        """Return the documents of the rule's openings and repeats."""
        return [json.loads(body) for alert, body in self.alerts if alert.rule.name == self._rule.name and alert.step != "end"]

    def steps(self, steps: Sequence[Step]) -> None:
        """Walk the steps; raises ContentError for one that cannot be walked."""
        start = now = self._start(steps[0])
        for step in steps:
            if step.at is not None:
                now = start + span(step.at)
            if step.tick is not None:
                now += span(step.tick)
                self._hear(self._pipeline.tick(now))
                continue
            for number in range(step.times):
                if number and step.every is not None:
                    now += span(step.every)
                self._once(step, number, now)

    def _start(self, step: Step) -> int:
        """Return the first line's own stamp, if there is one that names its year."""
        if step.lines:
            opened = self._pipeline.engine.open(self._record(step.lines[0], START))
            if opened.time is not None and opened.named_year:
                return opened.time
        return START

    def _once(self, step: Step, number: int, now: int) -> None:
        vary = {name: text.replace("{n}", str(number)) for name, text in step.vary.items()}
        if step.event is not None:
            self._event(step.event, vary, now)
            return
        unknown = dict(vary)
        for line in step.lines:
            self._line(line, vary, unknown, now)
        if unknown:
            raise RuleError(f"vary: {', '.join(unknown)} is no part of what takes {step.lines[0]!r}", self._rule.at)

    def _event(self, fields: Mapping[str, Any], vary: Mapping[str, str], now: int) -> None:
        given = dict(fields)
        action = given.pop("event.action", None)
        if not isinstance(action, str):
            raise RuleError("an event of a test names its event.action", self._rule.at)
        for name, text in vary.items():
            if name not in given:
                raise RuleError(f"vary: {name} is no field of the event", self._rule.at)
            given[name] = [text] if isinstance(given[name], list) else text
        self._pipeline.merge.tell(now, (self._pipeline.birth(Fact(action, given, now), now),))
        self._hear(self._pipeline.walk(now, 1))

    def _line(self, line: str, vary: Mapping[str, str], unknown: dict[str, str], now: int) -> None:
        engine = self._pipeline.engine
        stamp = engine.open(self._record(line, now)).stamp
        if stamp is None:
            raise RuleError(f"no stamp to replace in {line!r}", self._rule.at)
        text = line[: stamp[0]] + iso(now) + line[stamp[1] :]
        spans = engine.spans(text, now) if vary else {}
        for (begin, end), name in sorted(((spans[name], name) for name in vary if name in spans), reverse=True):
            text = text[:begin] + vary[name] + text[end:]
            unknown.pop(name, None)
        record = self._record(text, now)
        if engine.open(record).time != now:
            raise RuleError(f"the stamp of {line!r} cannot be replaced", self._rule.at, "write the line as a syslog file with RFC 3339 stamps has it")
        self._source.record = record
        self._hear(self._pipeline.walk(now, 1))

    def _record(self, text: str, now: int) -> Record:
        self._number += 1
        return Record(SourceInfo("test"), text.encode("utf-8", "backslashreplace"), now, Position((b"test", self._number.to_bytes(8, "big")), b""))

    def _hear(self, judged: Iterator[Judged]) -> None:
        for subject, rendered in judged:
            if isinstance(subject, Alert):
                self.alerts.append((subject, rendered.document.body))
            else:
                self.actions[subject.shape.action] += 1

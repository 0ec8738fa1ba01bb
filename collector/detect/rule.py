"""In: the checked documents of rule files. Out: Rule and its tests: what the engine, the test runner and the docs know of one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from collector.model.moment import since_epoch, span
from collector.model.site import LOOPBACK, Site
from collector.model.strict_yaml import Strict

if TYPE_CHECKING:
    from datetime import date

    from collector.detect.condition import Node
    from collector.detect.documents import CorrelationDocument, DetectionDocument
    from collector.detect.playbooks import Playbook
    from collector.errors import Location
    from collector.model.alert import RuleFacts
    from collector.model.event import Event

SEVERITY: dict[str, int] = {"informational": 1, "low": 21, "medium": 47, "high": 73, "critical": 99}


def _spanned(text: str) -> str:
    span(text)
    return text


Span = Annotated[str, AfterValidator(_spanned)]


class Step(Strict):
    """One step of a rule's test: a ``line`` (or a session of lines), an ``event``, or a ``tick`` (only time passes)."""

    line: tuple[str, ...] | str | None = None
    event: dict[str, Any] | None = None
    tick: Span | None = None
    at: Span | None = None
    every: Span | None = None
    times: int = Field(default=1, ge=1, le=100_000)
    vary: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        if sum(part is not None for part in (self.line, self.event, self.tick)) != 1:
            raise ValueError("a step is either a line, an event or a tick")
        if self.tick is not None and (self.times != 1 or self.every is not None or self.vary):
            raise ValueError("a tick takes at, and nothing else")
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        """The line or lines; none for an event or a tick."""
        return () if self.line is None else (self.line,) if isinstance(self.line, str) else self.line


class Expect(Strict):
    """What a test expects: ``alerts`` counts opening alerts and repeats; other keys are fields of the first alert."""

    model_config = ConfigDict(extra="allow", frozen=True)

    alerts: int = Field(ge=0)

    @property
    def fields(self) -> dict[str, Any]:
        """The expected fields of the first alert."""
        return dict(self.model_extra or {})


class RuleTest(Strict):
    """One test of a rule; ``site`` are settings of its own in the form of ``[site]``."""

    name: str
    steps: tuple[Step, ...] = Field(min_length=1)
    expect: Expect
    site: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def site_of(test: RuleTest) -> Site | None:
    """Return the test's own site settings, None for the shipped defaults; raises ValueError for what is no setting."""
    if not test.site:
        return None
    networks = test.site.get("networks", LOOPBACK)
    facts: dict[str, Any] = {"networks": networks, "trusted_clients": networks, **test.site}
    return Site(**facts)


@dataclass(frozen=True, slots=True)
class Suppress:
    """One episode for each value of ``by``; times in ms."""

    by: tuple[str, ...]
    quiet: int
    repeat: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Correlation:
    """What a window asks. ``timespan`` in ms; for counts ``threshold`` is the least number that fires, for sums it is passed if ``strict``."""

    type: Literal["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"]
    bases: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan: int
    threshold: float
    strict: bool = False
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """No event of a key ``by`` for ``window`` ms."""

    by: tuple[str, ...]
    window: int


@dataclass(frozen=True, eq=False)
class Rule:
    """A loaded rule. One of: a plain detection (``node``), an absence (``node`` and ``absence``), a ``correlation``."""

    facts: RuleFacts
    document: DetectionDocument | CorrelationDocument
    at: Location
    suppress: Suppress
    actions: frozenset[str]
    """event.action values of the events that may complete it."""
    node: Node | None = None
    correlation: Correlation | None = None
    absence: Absence | None = None
    playbook: Playbook | None = None
    tests: tuple[RuleTest, ...] = ()
    group_by: tuple[str, ...] = field(default=())
    """Fields of its key: of the window, of the absence; none for a plain detection."""

    @cached_property
    def name(self) -> str:
        """What people type."""
        return self.facts.name

    @property
    def speaks(self) -> bool:
        """Informational rules feed others and write no alert."""
        return self.facts.level != "informational"

    @cached_property
    def key(self) -> bytes:
        """Names the state of the rule: the hash of its logic."""
        return bytes.fromhex(self.facts.logic)

    @cached_property
    def owner(self) -> str:
        """Names its episodes: they belong to one version."""
        return f"{self.facts.uuid}:{self.facts.version}"


@dataclass(frozen=True, eq=False)
class Exemption:
    """A filter document: AND-ed to the condition of the rules that it names, on the way into them only."""

    name: str
    title: str
    rules: tuple[str, ...]
    """Names; empty: any."""
    node: Node
    expires: date | None
    """None: it ends with the product that ships it."""
    owner: str
    reason: str
    at: Location

    def covers(self, rule: str) -> bool:
        """Say whether it names a rule."""
        return not self.rules or rule in self.rules

    @cached_property
    def end(self) -> float:
        """The end of its last day (ms, UTC)."""
        if self.expires is None:
            return math.inf
        return since_epoch(datetime(self.expires.year, self.expires.month, self.expires.day, tzinfo=UTC) + timedelta(days=1))

    def stops(self, event: Event) -> bool:
        """Say whether it keeps an event out: by the event's own time, so that a replay decides as the service did."""
        return event.time < self.end and not self.node.holds(event)

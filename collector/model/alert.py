"""In: what a rule found. Out: Alert and Fact, the only things that leave detect/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What an alert says about its rule. ``level`` is Sigma's, ``logic`` the hash of what the rule decides by."""

    name: str
    uuid: str
    title: str
    description: str
    level: str
    severity: int
    """21, 47, 73 or 99; 1 for informational, which writes no alert."""
    risk_score: int
    status: str
    """stable, or test: goes to the stream alert_test as event.kind event."""
    version: int
    logic: str
    category: str
    """The rule's folder: authentication, encryption, traffic ..."""
    tags: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    ruleset: str = "mailvigil-core"


@dataclass(frozen=True, slots=True)
class PlaybookFacts:
    """The playbook that a rule names, with its steps rendered for this alert."""

    id: str
    title: str
    version: int
    rendered: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One statement of one episode: it opens (step "0"), repeats ("1".."n") or ends ("end"). Times in ms."""

    id: str
    time: int
    """Event time of what completed it (absence, end: the due time)."""
    rule: RuleFacts
    step: str
    episode: str
    """Id of the opening statement: the same in all steps."""
    count: int
    first: int
    last: int
    threshold: int | None
    window: int | None
    """Timespan in ms."""
    group: tuple[tuple[str, str], ...]
    """The key: (field, value)."""
    reason: str
    """One plain sentence with the numbers."""
    message: str
    """A readable title with values."""
    cause: tuple[str, ...]
    """event.category of the event that completed it."""
    outcome: str | None
    fields: Mapping[str, Any]
    """Group key and principals as catalogue fields: host.name, source.ip, user.name ..."""
    event_ids: tuple[str, ...]
    """At most 10, the latest."""
    evidence: tuple[str, ...]
    """At most 10 redacted raw lines."""
    missing: int = 0
    """How many of them had left the evidence ring."""
    late: bool = False
    distinct: Mapping[str, int] = field(default_factory=dict)
    """mail.alert.distinct.X -> number, where the rule counts values."""
    total: float | None = None
    """The sum, where the rule sums."""
    suppressed: int = 0
    """Events since the last statement of the episode."""
    playbook: PlaybookFacts | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a station has to tell about itself; only agent/ and pipeline/ turn it into an event.

    ``action`` is one of actions.yaml whose stream is agent, ``time`` ms since the epoch, None for now.
    """

    action: str
    fields: Mapping[str, Any]
    time: int | None = None

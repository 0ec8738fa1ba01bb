"""In: nothing. Out: Shape, the place where parse, detect and render meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Carried:
    """A field that an event of a shape carries: its catalogue type, and whether it is always there."""

    type: str
    sure: bool


@dataclass(frozen=True, eq=False)
class Shape:
    """One kind of event of one parser, probe or part of the collector. Compared by identity, made once at load."""

    name: str
    """For example ``postfix.smtpd.connect``."""
    action: str
    stream: str
    """postfix, dovecot, filter, certificate, report, host, agent: X of ``logs-mail.X-<namespace>``."""
    static: Mapping[str, Any] = field(default_factory=dict)
    """What every event of the shape carries, by value."""
    fields: Mapping[str, Carried] = field(default_factory=dict)
    """What one may carry besides: own parts, what a session lends, enrichment."""

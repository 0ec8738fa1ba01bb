"""In: settings ``[rules.NAME]``. Out: Override, and what comes of a rule's own words and the site's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.errors import ConfigError, RuleError
from collector.model.moment import span

if TYPE_CHECKING:
    from collector.errors import Location


@dataclass(frozen=True, slots=True)
class Override:
    """Settings ``[rules.NAME]``: what a site changes of a rule; spans as text or ms."""

    threshold: float | None = None
    timespan: str | int | None = None
    suppress_for: str | int | None = None
    enabled: bool | None = None

    def refuse(self, rule: str, *keys: str) -> None:
        """Raise ConfigError for a key that is set although the rule has nothing of the kind."""
        for key in keys:
            if getattr(self, key) is not None:
                raise ConfigError(f"[rules.{rule}] {key}: the rule has none")


NOTHING = Override()
LONGEST = 3650 * 86_400_000
"""The longest span (ms): ten years."""


def milliseconds(own: str, other: str | int | None, rule: str, at: Location) -> int:
    """Return a span in ms: the site's if it states one, else the rule's ``own``. Raises ConfigError for the one, RuleError for the other."""
    if other is None:
        found = span(own)
        if not 0 < found <= LONGEST:
            raise RuleError("a span of time is above 0 and at most 3650d", at)
        return found
    try:
        found = span(other) if isinstance(other, str) else other
    except ValueError as error:
        raise ConfigError(f"[rules.{rule}] {error}") from error
    if not 0 < found <= LONGEST:
        raise ConfigError(f"[rules.{rule}] {other!r}: a span of time is above 0 and at most 3650d")
    return found

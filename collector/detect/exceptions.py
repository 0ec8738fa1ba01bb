"""In: the filter documents that cover a rule, and an event. Out: whether it may enter that rule, and how often one was kept out.

A filter is judged on the way into the rules that it names, never on a building block that others share. Its last day is
that of the event's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.detect.rule import Exemption, Rule
    from collector.model.event import Event


class Exceptions:
    """The edges into rules. ``counts``: exception name -> events kept out since the start."""

    def __init__(self, exemptions: Sequence[Exemption], rules: Iterable[Rule]) -> None:
        self._edges = {rule.name: tuple(one for one in exemptions if one.covers(rule.name)) for rule in rules}
        self.counts = {one.name: 0 for one in exemptions}

    def edges(self, rule: str) -> tuple[Exemption, ...]:
        """Return the exceptions on the way into a rule, in the order in which they are asked."""
        return self._edges[rule]

    def stopping(self, rule: str, event: Event) -> tuple[Exemption, ...]:
        """Return the exceptions that keep an event out of a rule."""
        return tuple(one for one in self._edges[rule] if one.stops(event))

    def admits(self, rule: str, event: Event) -> bool:
        """Say whether an event may enter a rule; counts those that may not."""
        for one in self._edges[rule]:
            if one.stops(event):
                self.counts[one.name] += 1
                return False
        return True

"""In: an event. Out: what is said of it, by walking the trees of the rules that its action can complete.

What hits feeds the windows, and a window whose condition holds feeds others, whether or not it speaks. It is what the
compiled judges must agree with; they leave to it the windows whose keys or values are lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.detect import keys
from collector.detect.patterns import number_of
from collector.model.moment import AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.detect.outcomes import Bound, Outcomes, Said
    from collector.detect.rule import Correlation, Rule
    from collector.model.event import Event


class Plain:
    """Judges events the plain way."""

    def __init__(self, outcomes: Outcomes) -> None:
        """Index the rules by event.action."""
        self.outcomes = outcomes
        self._detections = _index(rule for rule in outcomes.needed if rule.correlation is None)
        self._correlations = _index(rule for rule in outcomes.needed if rule.correlation is not None)

    def detections(self, action: str) -> tuple[Rule, ...]:
        """Return the detections that events of an action can hit."""
        return self._detections.get(action, ())

    def correlations(self, action: str) -> tuple[Rule, ...]:
        """Return the correlations that events of an action can feed, bases first."""
        return self._correlations.get(action, ())

    def judge(self, event: Event) -> Said:
        """Judge an event."""
        hits = [rule for rule in self.detections(event.shape.action) if rule.node is not None and rule.node.holds(event) and self.outcomes.exceptions.admits(rule.name, event)]
        if not hits:
            return []
        out: Said = []
        ident = bytes.fromhex(event.id)
        if any(rule.absence is None for rule in hits):
            self.outcomes.evidence.add(ident, event.get("event.original") or "")
        feeds: dict[str, list[Bound]] = {}
        for rule in hits:
            if rule.absence is not None:
                self.outcomes.seen(rule, event, ident)
                continue
            feeds[rule.name] = [{}]
            if rule.name in self.outcomes.rules.active:
                out += self.outcomes.matched(rule, event, ident)
        for rule in self.correlations(event.shape.action):
            out += self.correlate(rule, event, ident, feeds)
        return out + self.outcomes.room()

    def correlate(self, rule: Rule, event: Event, ident: bytes, feeds: dict[str, list[Bound]]) -> Said:
        """Feed one window from its bases, and let what holds feed others."""
        correlation = rule.correlation
        assert correlation is not None
        stages = [stage for stage, base in enumerate(correlation.bases) if base in feeds]
        if not stages or not self.outcomes.exceptions.admits(rule.name, event):
            return []
        self.outcomes.keyless[rule.name] += bool(self.outcomes.keys[rule.name].missing(event))
        out: Said = []
        for counted, (bound, state) in self._held(rule, correlation, event, ident, {stage: feeds[correlation.bases[stage]] for stage in stages}).items():
            feeds.setdefault(rule.name, []).append(bound)
            if rule.name in self.outcomes.rules.active:
                out += self.outcomes.shown(rule, event, counted, state, bound)
        return out

    def _held(self, rule: Rule, correlation: Correlation, event: Event, ident: bytes, fed: dict[int, list[Bound]]) -> dict[bytes, tuple[Bound, bytes]]:
        """Count an event; return the keys whose condition holds now, with their states.

        The last stage comes first, so that one event serves one stage of a sequence; where events are counted, one counts once a key.
        """
        holding: dict[bytes, tuple[Bound, bytes]] = {}
        table = self.outcomes.windows.tables[rule.key]
        sequence = correlation.type.startswith("temporal")
        places: set[tuple[int, bytes]] = set()
        for stage in sorted(fed, reverse=True):
            counts = self._counts(correlation, event, stage)
            for bound in fed[stage]:
                for key in self.outcomes.keys[rule.name].of(event, bound):
                    place = (stage if sequence else 0, key.narrow)
                    if place in places:
                        continue
                    places.add(place)
                    for what in counts:
                        counted = table.add(key.narrow, event.time, ident, what)
                        if counted is not None:
                            holding[counted] = ({**bound, **key.values}, table.rows[counted])
        return holding

    def _counts(self, correlation: Correlation, event: Event, stage: int) -> Sequence[Any]:
        """Return what a window counts of an event (see Operator); one thing for each value where values are counted, none where it has none to count or add.

        A stamp far ahead of the clock gives none: it would end the windows of events whose clock is right.
        """
        if event.time > self.outcomes.clock.now + AHEAD:
            return ()
        if correlation.field is None:
            return (stage,)
        found = event.get(correlation.field)
        values = found[: keys.ELEMENTS] if isinstance(found, list) else [] if found is None else [found]
        if correlation.type == "value_count":
            return [self.outcomes.parts.digests[value] for value in values]
        amounts = [float(number) for value in values if (number := number_of(value)) is not None]
        return (sum(amounts),) if amounts else ()


def _index(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        for action in rule.actions:
            found.setdefault(action, []).append(rule)
    return {action: tuple(members) for action, members in found.items()}

"""In: events in the order of merging, and the passing of time. Out: alerts, and facts about the detector itself.

Each shape has a judge, compiled when its first event comes; a shape that no rule can touch has none. Time passes in
``advance`` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.detect import compiler, explain
from collector.detect.outcomes import Outcomes
from collector.detect.plain import Plain
from collector.model.moment import AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from collector.detect.compiler import Compiled
    from collector.detect.keys import Key
    from collector.detect.loader import Rules
    from collector.detect.outcomes import Said
    from collector.detect.rule import Rule
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.identity import Identity
    from collector.model.shape import Shape
    from collector.model.state import Remembers


class _Judges(dict["Shape", "Callable[[Event], Said] | None"]):
    """The judge of each shape seen so far, None where no rule can be touched."""

    def __init__(self, compiled: Callable[[Shape], Compiled | None] | None, plain: Plain) -> None:
        super().__init__()
        self._compiled = compiled
        self._plain = plain

    def __missing__(self, shape: Shape) -> Callable[[Event], Said] | None:
        made = None if self._compiled is None else self._compiled(shape)
        judge = self[shape] = self._plain.judge if self._compiled is None else None if made is None else made.judge
        return judge


class Detector:
    """Judges events. ``window_bytes`` bounds the windows of all rules, ``ring_bytes`` the evidence lines; not ``compiled``: the plain way."""

    def __init__(self, rules: Rules, catalogue: Catalogue, identity: Identity, *, window_bytes: int = 64 << 20, ring_bytes: int = 16 << 20, compiled: bool = True) -> None:
        """Begin without memory."""
        outcomes = Outcomes(rules, catalogue, identity, window_bytes, ring_bytes)
        self.rules = rules
        self.needed = outcomes.needed
        self.hidden = catalogue.hidden
        self.windows = outcomes.windows
        self.evidence = outcomes.evidence
        self.episodes = outcomes.episodes
        self.exceptions = outcomes.exceptions
        self.keyless = outcomes.keyless
        """Events since the start that hit a base of a correlation and lack a field of its key: no window counts them."""
        self.memories: tuple[Remembers, ...] = (outcomes.windows, outcomes.episodes, outcomes.clock, outcomes.evidence)
        self._catalogue = catalogue
        self._outcomes = outcomes
        self._clock = outcomes.clock
        self._dues = outcomes.dues
        self._plain = Plain(outcomes)
        self._judges = _Judges(self.compiled if compiled else None, self._plain)

    @property
    def clock(self) -> int:
        """The highest key that ``advance`` was given, in ms."""
        return self._clock.now

    def advance(self, key_ms: int) -> Said:
        """Settle in order of due time what falls due up to ``key_ms``, then move the clock there; never backwards."""
        clock = self._clock
        if key_ms <= clock.now:
            return []
        if key_ms < self._dues.next and key_ms < self.windows.next:
            clock.now = key_ms
            return []
        out = self._outcomes.settle(key_ms)
        self.windows.pass_time(clock.now, key_ms)
        clock.now = key_ms
        return out

    def rewind(self, now_ms: int) -> Said:
        """Set a clock back that had run ahead with the host's: episodes last seen in that future end and windows of it go, or each would mute its key until then."""
        self._clock.now = now_ms
        self.windows.rewind(now_ms + AHEAD)
        ahead = sorted(ident for ident, episode in self.episodes.items() if episode.seen > now_ms)
        return [one for ident in ahead for one in self._outcomes.tell(self.episodes.end(ident, now_ms))]

    def see(self, event: Event) -> Said:
        """Judge an event. The clock stays; an event older than it enters the windows at its own time."""
        judge = self._judges[event.shape]
        return [] if judge is None else judge(event)

    def compiled(self, shape: Shape) -> Compiled | None:
        """Return the judge of a shape with its source, None where no rule can be touched."""
        return compiler.compile_shape(shape, self._plain, self._catalogue)

    def explain(self, event: Event) -> tuple[explain.Verdict, ...]:
        """Say of each rule that the event's action can complete what it makes of it, without changing anything."""
        return tuple(explain.verdicts(self, event))

    def candidates(self, action: str) -> tuple[Rule, ...]:
        """Return the rules that events of an action can complete, bases first."""
        return (*self._plain.detections(action), *self._plain.correlations(action))

    def keys_of(self, rule: Rule, event: Event) -> list[Key]:
        """Return the keys of an event in a rule's window."""
        return self._outcomes.keys[rule.name].of(event, {})

    def missing(self, rule: Rule, event: Event) -> tuple[str, ...]:
        """Return the fields of a rule's key that an event lacks."""
        return self._outcomes.keys[rule.name].missing(event)

    def episode_of(self, rule: Rule, event: Event, group: Mapping[str, str]) -> dict[str, str]:
        """Return the values of suppress.by."""
        return dict(zip(rule.suppress.by, self._outcomes.suppress_keys[rule.name].values(event, group), strict=True))

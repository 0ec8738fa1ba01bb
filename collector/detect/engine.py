"""In: events in the order of merging, and the passing of time. Out: alerts, and facts about the detector itself.

The plain way: the rules that an event's action can complete are judged one by one, what they hit feeds the windows, and
a window whose condition holds feeds others, whether or not it speaks. Time passes in ``advance`` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.detect import explain, keys
from collector.detect.alerts import Teller
from collector.detect.dues import Dues
from collector.detect.evidence import Evidence
from collector.detect.exceptions import Exceptions
from collector.detect.keys import Keys
from collector.detect.operators import IDS, Sample, View, newest, operator
from collector.detect.overflow import Clock
from collector.detect.patterns import number_of, text_of
from collector.detect.suppress import Episodes
from collector.detect.windows import Windows
from collector.model.moment import AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from collector.detect.keys import Key
    from collector.detect.loader import Rules
    from collector.detect.rule import Correlation, Rule
    from collector.detect.suppress import Found, Statement
    from collector.model.alert import Alert, Fact
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.identity import Identity
    from collector.model.state import Remembers

_ABSENCE = "absence"

Bound = dict[str, Any]
"""Fields of an event fixed to one element of a list: a window has one group for each."""


class Detector:
    """Judges events. ``window_bytes`` bounds the windows of all rules, ``ring_bytes`` the evidence lines."""

    def __init__(self, rules: Rules, catalogue: Catalogue, identity: Identity, *, window_bytes: int = 64 << 20, ring_bytes: int = 16 << 20) -> None:
        """Index the rules by event.action; begin without memory."""
        self.rules = rules
        self.needed = tuple(rules.needed.values())
        self.hidden = catalogue.hidden
        self._identity = identity
        self._plain = _index(rule for rule in self.needed if rule.correlation is None)
        self._correlations = _index(rule for rule in self.needed if rule.correlation is not None)
        self._by_key = {rule.key: rule for rule in self.needed}
        self._keys = {rule.name: Keys(rule.group_by, catalogue, identity) for rule in self.needed}
        self._suppress_keys = {rule.name: Keys(rule.suppress.by, catalogue, identity) for rule in self.needed}
        self._dues = Dues()
        self.windows = Windows({rule.key: found for rule in self.needed if (found := operator(rule)) is not None}, window_bytes, self._rearm)
        self.evidence = Evidence(ring_bytes)
        self.episodes = Episodes(self._dues, rules.active.values())
        self.exceptions = Exceptions(rules.exemptions, self.needed)
        self._clock = Clock(self._dues, self.needed)
        self._teller = Teller(catalogue, identity, self.evidence)
        self.keyless = {rule.name: 0 for rule in self.needed if rule.correlation is not None}
        """Events since the start that hit a base of a correlation and lack a field of its key: no window counts them."""
        self.memories: tuple[Remembers, ...] = (self.windows, self.episodes, self._clock, self.evidence)

    @property
    def clock(self) -> int:
        """The highest key that ``advance`` was given, in ms."""
        return self._clock.now

    def advance(self, key_ms: int) -> list[Alert | Fact]:
        """Settle in order of due time what falls due up to ``key_ms``, then move the clock there; never backwards."""
        before = self.clock
        if key_ms <= before:
            return []
        out: list[Alert | Fact] = []
        for due, (kind, *name) in self._dues.until(key_ms):
            if kind == _ABSENCE:
                out += self._absent(due, *name)
            elif kind == "episode":
                out += self._tell(self.episodes.end(str(name[0]), due))
            else:
                out += self._clock.due(str(name[0]), due)
        self.windows.pass_time(before, key_ms)
        self._clock.now = key_ms
        return out

    def rewind(self, now_ms: int) -> list[Alert | Fact]:
        """Set a clock back that had run ahead with the host's: episodes last seen in that future end and windows of it go, or each would mute its key until then."""
        self._clock.now = now_ms
        self.windows.rewind(now_ms + AHEAD)
        ahead = sorted(ident for ident, episode in self.episodes.items() if episode.seen > now_ms)
        return [one for ident in ahead for one in self._tell(self.episodes.end(ident, now_ms))]

    def see(self, event: Event) -> list[Alert | Fact]:
        """Judge an event. The clock stays; an event older than it enters the windows at its own time."""
        hits = self._hits(event)
        if not hits:
            return []
        out: list[Alert | Fact] = []
        ident = bytes.fromhex(event.id)
        if any(rule.absence is None for rule in hits):
            self.evidence.add(ident, event.get("event.original") or "")
        feeds: dict[str, list[Bound]] = {}
        for rule in hits:
            if rule.absence is not None:
                self._seen(rule, event, ident)
                continue
            feeds[rule.name] = [{}]
            if rule.name in self.rules.active:
                group = self._suppress_keys[rule.name].values(event, {})
                out += self._match(rule, event, View(1, event.time, event.time, (ident,)), {}, group)
        for rule in self._correlations.get(event.shape.action, ()):
            out += self._correlate(rule, event, ident, feeds)
        for key, lost in self.windows.make_room(self.clock):
            out += self._clock.given_up(key.hex(), lost)
        return out

    def explain(self, event: Event) -> tuple[explain.Verdict, ...]:
        """Say of each rule that the event's action can complete what it makes of it, without changing anything."""
        return tuple(explain.verdicts(self, event))

    def candidates(self, action: str) -> tuple[Rule, ...]:
        """Return the rules that events of an action can complete, bases first."""
        return (*self._plain.get(action, ()), *self._correlations.get(action, ()))

    def keys_of(self, rule: Rule, event: Event) -> list[Key]:
        """Return the keys of an event in a rule's window."""
        return self._keys[rule.name].of(event, {})

    def missing(self, rule: Rule, event: Event) -> tuple[str, ...]:
        """Return the fields of a rule's key that an event lacks."""
        return self._keys[rule.name].missing(event)

    def episode_of(self, rule: Rule, event: Event, group: Mapping[str, str]) -> dict[str, str]:
        """Return the values of suppress.by."""
        return self._suppress_keys[rule.name].values(event, group)

    def _hits(self, event: Event) -> list[Rule]:
        found = []
        for rule in self._plain.get(event.shape.action, ()):
            assert rule.node is not None
            if rule.node.holds(event) and self.exceptions.admits(rule.name, event):
                found.append(rule)
        return found

    def _correlate(self, rule: Rule, event: Event, ident: bytes, feeds: dict[str, list[Bound]]) -> list[Alert | Fact]:
        """Feed one window from its bases, and let what holds feed others."""
        correlation = rule.correlation
        assert correlation is not None
        stages = [stage for stage, base in enumerate(correlation.bases) if base in feeds]
        if not stages or not self.exceptions.admits(rule.name, event):
            return []
        self.keyless[rule.name] += bool(self.missing(rule, event))
        out: list[Alert | Fact] = []
        for counted, (bound, view) in self._held(rule, correlation, event, ident, {stage: feeds[correlation.bases[stage]] for stage in stages}).items():
            feeds.setdefault(rule.name, []).append(bound)
            if rule.name in self.rules.active:
                group = dict(zip(rule.group_by, keys.shown(counted), strict=True))
                out += self._match(rule, event, self._with_bases(correlation, event, bound, view), bound, group)
        return out

    def _held(self, rule: Rule, correlation: Correlation, event: Event, ident: bytes, fed: dict[int, list[Bound]]) -> dict[bytes, tuple[Bound, View]]:
        """Count an event; return the keys whose condition holds now.

        The last stage comes first, so that one event serves one stage of a sequence; where events are counted, one counts once a key.
        """
        holding: dict[bytes, tuple[Bound, View]] = {}
        table = self.windows.tables[rule.key]
        sequence = correlation.type.startswith("temporal")
        places: set[tuple[int, bytes]] = set()
        for stage in sorted(fed, reverse=True):
            samples = self._samples(correlation, event, ident, stage)
            for bound in fed[stage]:
                for key in self._keys[rule.name].of(event, bound):
                    place = (stage if sequence else 0, key.narrow)
                    if place in places:
                        continue
                    places.add(place)
                    for sample in samples:
                        counted, holds = self.windows.add(rule.key, key, sample)
                        if holds:
                            holding[counted] = ({**bound, **key.values}, table.operator.view(table.rows[counted]))
        return holding

    def _samples(self, correlation: Correlation, event: Event, ident: bytes, stage: int) -> Sequence[Sample]:
        """Give one sample; one for each value where values are counted, none where it has none to count or add.

        A stamp far ahead of the clock gives none: it would end the windows of events whose clock is right.
        """
        if event.time > self.clock + AHEAD:
            return ()
        if correlation.field is None:
            return (Sample(event.time, ident, stage),)
        found = event.get(correlation.field)
        values = found[: keys.ELEMENTS] if isinstance(found, list) else [] if found is None else [found]
        if correlation.type == "value_count":
            return [Sample(event.time, ident, value=self._identity.value(text_of(value))) for value in values]
        amounts = [float(number) for value in values if (number := number_of(value)) is not None]
        return (Sample(event.time, ident, amount=sum(amounts)),) if amounts else ()

    def _with_bases(self, correlation: Correlation, event: Event, bound: Bound, view: View) -> View:
        """Add to a sequence the events of the windows that fed it, where they still stand."""
        if not correlation.type.startswith("temporal"):
            return view
        count, ids, first = view.count, list(view.ids), view.first
        for base in correlation.bases:
            rule = self.rules.needed[base]
            if rule.correlation is None:
                continue
            table = self.windows.tables[rule.key]
            for key in self._keys[base].of(event, bound):
                state = self.windows.state(rule.key, key)
                inner = table.operator.view(state) if state is not None else None
                if inner is not None and set(inner.ids) & set(view.ids):
                    count += inner.count - 1
                    ids += inner.ids
                    first = min(first, inner.first)
        return View(count, first, view.last, tuple(dict.fromkeys(ids))[:IDS])

    def _match(self, rule: Rule, event: Event, view: View, bound: Bound, group: dict[str, str]) -> list[Alert | Fact]:
        found = self._teller.found(rule, event, view, bound, group, late=event.time < self.clock)
        return self._matched(rule, self._suppress_keys[rule.name].values(event, group), self.clock, found)

    def _matched(self, rule: Rule, values: dict[str, str], clock: int, found: Found) -> list[Alert | Fact]:
        return self._tell(self.episodes.matched(rule, tuple(values.values()), clock, found))

    def _tell(self, statements: Iterable[Statement]) -> list[Alert | Fact]:
        return [self._teller.alert(statement) for statement in statements]

    def _seen(self, rule: Rule, event: Event, ident: bytes) -> None:
        """Note that a key spoke. A stamp ahead of the clock counts as now; one whose window is over says nothing about today."""
        assert rule.absence is not None
        time = min(event.time, self.clock)
        if time + rule.absence.window <= self.clock:
            return
        for key in self._keys[rule.name].of(event, {}):
            counted, _ = self.windows.add(rule.key, key, Sample(time, ident))
            self._dues.set((_ABSENCE, rule.key, counted), newest(self.windows.tables[rule.key].rows[counted]) + rule.absence.window)

    def _absent(self, due: int, logic: str | bytes, key: str | bytes) -> list[Alert | Fact]:
        """Say once that a key was silent for the whole window; it must speak again before it is missed again."""
        assert isinstance(logic, bytes)
        assert isinstance(key, bytes)
        rule, table = self._by_key[logic], self.windows.tables[logic]
        state = table.rows.get(key)
        if state is None:
            return []
        self.windows.put(logic, key, None)
        group = dict(zip(rule.group_by, keys.shown(key), strict=True))
        found = self._teller.absent(due, table.operator.view(state), group)
        return self._matched(rule, {name: group.get(name, "") for name in rule.suppress.by}, due, found)

    def _rearm(self) -> None:
        """Set the dues of all keys whose absence is watched."""
        self._dues.forget(_ABSENCE)
        for rule in self.needed:
            if rule.absence is not None:
                for key, state in self.windows.tables[rule.key].rows.items():
                    self._dues.set((_ABSENCE, rule.key, key), newest(state) + rule.absence.window)


def _index(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        for action in rule.actions:
            found.setdefault(action, []).append(rule)
    return {action: tuple(members) for action, members in found.items()}

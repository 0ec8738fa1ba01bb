"""In: a rule that an event hit, a window that holds, something that fell due. Out: what is said of it; what must be remembered of it.

All that outlasts an event stands here: windows, evidence, episodes, the clock. The judge of a shape, compiled or plain,
decides what hits and feeds; what follows from that is the same code.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from collector.detect import keys
from collector.detect.alerts import Teller
from collector.detect.dues import Dues
from collector.detect.evidence import Evidence
from collector.detect.exceptions import Exceptions
from collector.detect.keys import Keys, Parts
from collector.detect.operators import IDS, View, newest, operator
from collector.detect.overflow import Clock
from collector.detect.suppress import Episodes, Match
from collector.detect.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.detect.loader import Rules
    from collector.detect.rule import Correlation, Rule
    from collector.detect.suppress import Found, Statement
    from collector.model.alert import Alert, Fact
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.identity import Identity

ABSENCE = "absence"

Said = list["Alert | Fact"]
Bound = dict[str, Any]
"""Fields of an event fixed to one element of a list: a window has one group for each."""


class Outcomes:
    """What follows from hits. ``window_bytes`` bounds the windows of all rules, ``ring_bytes`` the evidence lines."""

    def __init__(self, rules: Rules, catalogue: Catalogue, identity: Identity, window_bytes: int, ring_bytes: int) -> None:
        self.rules = rules
        self.needed = tuple(rules.needed.values())
        self.dues = Dues()
        self.clock = Clock(self.dues, self.needed)
        self.windows = Windows({rule.key: found for rule in self.needed if (found := operator(rule)) is not None}, window_bytes, self._rearm)
        self.evidence = Evidence(ring_bytes)
        self.episodes = Episodes(self.dues, rules.active.values())
        self.exceptions = Exceptions(rules.exemptions, self.needed)
        self.parts = Parts(catalogue, identity)
        self.keys = {rule.name: Keys(rule.group_by, self.parts) for rule in self.needed}
        self.suppress_keys = {rule.name: Keys(rule.suppress.by, self.parts) for rule in self.needed}
        self.keyless = {rule.name: 0 for rule in self.needed if rule.correlation is not None}
        """Events since the start that hit a base of a correlation and lack a field of its key: no window counts them."""
        self._by_key = {rule.key: rule for rule in self.needed}
        self._teller = Teller(catalogue, identity, self.evidence)

    def matched(self, rule: Rule, event: Event, ident: bytes) -> Said:
        """Speak of one event that is the matter itself."""
        keyed = self.suppress_keys[rule.name]
        values = keyed.values(event, {})
        view, group = View(1, event.time, event.time, (ident,)), dict(zip(keyed.fields, values, strict=True))
        found = partial(self._teller.found, rule, event, view, {}, group, late=event.time < self.clock.now)
        return self._episode(rule, values, Match(event.time, event.time, (event.id,), found))

    def held(self, rule: Rule, event: Event, counted: bytes) -> Said:
        """Speak of a window that holds at an event."""
        return self.shown(rule, event, counted, self.windows.tables[rule.key].rows[counted], {})

    def shown(self, rule: Rule, event: Event, counted: bytes, state: bytes, bound: Bound) -> Said:
        """Speak of a window by its state.

        Each match brings a new event to the episode of a window that counts; a sequence brings all of its own.
        """
        correlation = rule.correlation
        assert correlation is not None
        late = event.time < self.clock.now
        if correlation.type.startswith("temporal"):
            view = self._with_bases(correlation, event, bound, self.windows.tables[rule.key].operator.view(state))
            match = Match(view.first, view.last, [one.hex() for one in view.ids], partial(self._found, rule, event, view, bound, counted, late=late))
        else:
            match = Match(event.time, event.time, (event.id,), partial(self._counted, rule, event, state, bound, counted, late=late))
        values = keys.shown(counted)
        if rule.suppress.by != rule.group_by:
            values = self.suppress_keys[rule.name].values(event, _group(rule, counted))
        return self._episode(rule, values, match)

    def _counted(self, rule: Rule, event: Event, state: bytes, bound: Bound, counted: bytes, *, late: bool) -> Found:
        return self._found(rule, event, self.windows.tables[rule.key].operator.view(state), bound, counted, late=late)

    def _found(self, rule: Rule, event: Event, view: View, bound: Bound, counted: bytes, *, late: bool) -> Found:
        return self._teller.found(rule, event, view, bound, _group(rule, counted), late=late)

    def _episode(self, rule: Rule, values: tuple[str, ...], match: Match) -> Said:
        return self.tell(self.episodes.matched(rule, values, self.clock.now, match))

    def _with_bases(self, correlation: Correlation, event: Event, bound: Bound, view: View) -> View:
        """Add to a sequence the events of the windows that fed it, where they still stand."""
        count, ids, first = view.count, list(view.ids), view.first
        for base in correlation.bases:
            rule = self.rules.needed[base]
            if rule.correlation is None:
                continue
            table = self.windows.tables[rule.key]
            for key in self.keys[base].of(event, bound):
                state = table.rows.get(table.standing(key.narrow))
                inner = table.operator.view(state) if state is not None else None
                if inner is not None and set(inner.ids) & set(view.ids):
                    count += inner.count - 1
                    ids += inner.ids
                    first = min(first, inner.first)
        return View(count, first, view.last, tuple(dict.fromkeys(ids))[:IDS])

    def tell(self, statements: Iterable[Statement]) -> Said:
        """Make the alerts of statements."""
        return [self._teller.alert(statement) for statement in statements]

    def seen(self, rule: Rule, event: Event, ident: bytes) -> None:
        """Note that the keys of an event spoke. A stamp ahead of the clock counts as now; one whose window is over says nothing about today."""
        assert rule.absence is not None
        time = min(event.time, self.clock.now)
        if time + rule.absence.window <= self.clock.now:
            return
        for key in self.keys[rule.name].of(event, {}):
            counted = self.windows.tables[rule.key].add(key.narrow, time, ident)
            if counted is not None:
                self.watch(rule, counted, time)

    def watch(self, rule: Rule, counted: bytes, time: int) -> None:
        """Watch the silence of a key that is new. While it speaks its due is not moved: when it comes up, the window says when it spoke last."""
        assert rule.absence is not None
        self.dues.set((ABSENCE, rule.key, counted), time + rule.absence.window)

    def settle(self, time: int) -> Said:
        """Settle in order of due time what falls due up to ``time``."""
        out: Said = []
        for due, (kind, *name) in self.dues.until(time):
            if kind == ABSENCE:
                out += self._absent(due, *name)
            elif kind == "episode":
                out += self.tell(self.episodes.end(str(name[0]), due))
            else:
                out += self.clock.due(str(name[0]), due)
        return out

    def _absent(self, due: int, logic: str | bytes, narrow: str | bytes) -> Said:
        """Say once that a key was silent for the whole window; it must speak again before it is missed again."""
        assert isinstance(logic, bytes)
        assert isinstance(narrow, bytes)
        rule, table = self._by_key[logic], self.windows.tables[logic]
        assert rule.absence is not None
        key = table.standing(narrow)
        state = table.rows.get(key)
        if state is None:
            return []
        if newest(state) + rule.absence.window > due:
            self.watch(rule, key, newest(state))
            return []
        table.put(key, None)
        group = _group(rule, key)
        view = table.operator.view(state)
        values = tuple(group.get(name, "") for name in rule.suppress.by)
        match = Match(view.first, view.last, [one.hex() for one in view.ids], partial(self._teller.absent, due, view, group))
        return self.tell(self.episodes.matched(rule, values, due, match))

    def room(self) -> Said:
        """Give up keys of windows until they fit again, and say so."""
        return [fact for key, lost in self.windows.make_room(self.clock.now) for fact in self.clock.given_up(key.hex(), lost)]

    def _rearm(self) -> None:
        """Watch all keys whose absence is waited for."""
        self.dues.forget(ABSENCE)
        for rule in self.needed:
            if rule.absence is not None:
                for key, state in self.windows.tables[rule.key].rows.items():
                    self.watch(rule, key, newest(state))


def _group(rule: Rule, counted: bytes) -> dict[str, str]:
    """Return a key as people read it."""
    return dict(zip(rule.group_by, keys.shown(counted), strict=True))

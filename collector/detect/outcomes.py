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
from collector.detect.suppress import Episodes
from collector.detect.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.detect.loader import Rules
    from collector.detect.rule import Correlation, Rule
    from collector.detect.suppress import Statement
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
        view, group = View(1, event.time, event.time, (ident,)), self.suppress_keys[rule.name].values(event, {})
        return self._match(rule, event, view, {}, group)

    def held(self, rule: Rule, event: Event, counted: bytes) -> Said:
        """Speak of a window that holds at an event."""
        table = self.windows.tables[rule.key]
        return self.shown(rule, event, counted, table.operator.view(table.rows[counted]), {})

    def shown(self, rule: Rule, event: Event, counted: bytes, view: View, bound: Bound) -> Said:
        """Speak of a window by its view."""
        assert rule.correlation is not None
        group = dict(zip(rule.group_by, keys.shown(counted), strict=True))
        return self._match(rule, event, self._with_bases(rule.correlation, event, bound, view), bound, group)

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
            for key in self.keys[base].of(event, bound):
                state = table.rows.get(table.standing(key.narrow))
                inner = table.operator.view(state) if state is not None else None
                if inner is not None and set(inner.ids) & set(view.ids):
                    count += inner.count - 1
                    ids += inner.ids
                    first = min(first, inner.first)
        return View(count, first, view.last, tuple(dict.fromkeys(ids))[:IDS])

    def _match(self, rule: Rule, event: Event, view: View, bound: Bound, group: dict[str, str]) -> Said:
        latest = partial(self._teller.found, rule, event, view, bound, group, late=event.time < self.clock.now)
        values = group if rule.suppress.by == rule.group_by else self.suppress_keys[rule.name].values(event, group)
        return self.tell(self.episodes.matched(rule, tuple(values.values()), self.clock.now, view, latest))

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
        group = dict(zip(rule.group_by, keys.shown(key), strict=True))
        view = table.operator.view(state)
        values = tuple(group.get(name, "") for name in rule.suppress.by)
        return self.tell(self.episodes.matched(rule, values, due, view, partial(self._teller.absent, due, view, group)))

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

"""In: each time a rule holds for a key. Out: when it speaks: at once, at its repeat steps, and once more when it is over.

One episode for each rule and values of ``suppress.by``. It runs on the clock, so that a backlog read late is one episode
too. It opens at once (step 0); the first match after a repeat step speaks with the running count (step 1..n); quiet for
``suppress.for``, it ends, and says so if anything came after its last statement. At most 10,000 are open; beyond that
the one opened first is closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.detect.dues import Dues
from collector.detect.operators import IDS
from collector.model import json
from collector.model.state import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from collector.detect.rule import Rule

OPEN = 10_000
KIND = "episode"
_FOREVER = 1 << 62


@dataclass(slots=True)
class Found:
    """What a rule found, as an alert will tell it. Times in ms, ids as 32 hex digits, the latest first."""

    opening: str
    """Id of the event that completed it; for an absence its due time as text."""
    time: int
    count: int
    first: int
    last: int
    ids: list[str]
    group: list[tuple[str, str]]
    fields: dict[str, Any]
    cause: list[str]
    outcome: str | None = None
    late: bool = False
    distinct: int | None = None
    total: float | None = None


class Match(NamedTuple):
    """One match: the span and the ids of its events that an open episode does not know yet; ``found`` gathers what an alert tells of it."""

    first: int
    last: int
    ids: Sequence[str]
    found: Callable[[], Found]


@dataclass(slots=True)
class Episode:
    """An open episode: when it opened (clock, ms), the last match (clock), events told so far, steps spoken, and what it has come to.

    What the latest match has to tell is gathered only when it is told or written: a flood of matches says nothing new.
    """

    opened: int
    seen: int
    said: int
    steps: int
    found: Found
    _latest: Callable[[], Found] | None = field(default=None, repr=False)

    def grow(self, match: Match, clock: int) -> None:
        """Take one more match. What was told stays as it was told."""
        if self._latest is None:
            self.found = replace(self.found)
        found = self.found
        found.count += 1
        found.first = min(found.first, match.first)
        found.last = max(found.last, match.last)
        found.ids = list(dict.fromkeys([*match.ids, *found.ids]))[:IDS]
        self.seen = clock
        self._latest = match.found

    def settled(self) -> Found:
        """Return what it has come to, as its latest match tells it."""
        if self._latest is not None:
            old, self.found = self.found, self._latest()
            self.found.opening, self.found.count, self.found.first, self.found.last, self.found.ids = old.opening, old.count, old.first, old.last, old.ids
            self._latest = None
        return self.found


@dataclass(frozen=True, slots=True)
class Statement:
    """What has to be said: ``values`` are those of suppress.by, ``news`` how many events came since the last statement."""

    rule: Rule
    step: str
    time: int
    values: tuple[str, ...]
    found: Found
    news: int


class Episodes(Table):
    """All open episodes, ``Episode`` by rule, version and values; see Remembers."""

    def __init__(self, dues: Dues, rules: Iterable[Rule]) -> None:
        """``dues`` receives the ends; episodes of others than ``rules`` are forgotten when memory is read."""
        super().__init__("detect.episodes")
        self._dues = dues
        self._rules = {rule.owner: rule for rule in rules}
        self._oldest = Dues()

    @staticmethod
    def ident(rule: Rule, values: Iterable[str]) -> str:
        """Return the key of an episode."""
        return json.dumps([rule.owner, *values]).decode()

    def matched(self, rule: Rule, values: tuple[str, ...], clock: int, match: Match) -> list[Statement]:
        """Take one match; return what is to be said now."""
        ident = self.ident(rule, values)
        said: list[Statement] = []
        episode = self.get(ident)
        if episode is None:
            said += self._make_room(clock)
            found = match.found()
            episode = self[ident] = Episode(clock, clock, 0, 0, found)
            self._oldest.set((ident,), clock)
            said.append(Statement(rule, "0", found.time, values, found, found.count))
            episode.said = found.count
        else:
            self.touch(ident)
            episode.grow(match, clock)
            passed = sum([clock - episode.opened >= step for step in rule.suppress.repeat])
            if passed > episode.steps:
                episode.steps = passed
                found = episode.settled()
                said.append(Statement(rule, str(passed), found.time, values, found, found.count - episode.said))
                episode.said = found.count
        self._dues.set((KIND, ident), clock + rule.suppress.quiet)
        return said

    def _make_room(self, clock: int) -> list[Statement]:
        if len(self) < OPEN:
            return []
        _, token = next(self._oldest.until(_FOREVER))
        return self.end(str(token[0]), clock)

    def end(self, ident: str, time: int) -> list[Statement]:
        """Close an episode at its due time; return its summary if there is more than it has said."""
        episode = self.get(ident)
        if episode is None:
            return []
        self.discard(ident)
        self._oldest.drop((ident,))
        self._dues.drop((KIND, ident))
        news = episode.found.count - episode.said
        owner, *values = json.loads(ident)
        return [Statement(self._rules[owner], "end", time, tuple(values), episode.settled(), news)] if news else []

    def delta(self) -> bytes:
        """See Remembers."""
        for ident in self._touched:
            episode = self.get(ident)
            if episode is not None:
                episode.settled()
        return super().delta()

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers."""
        super().recall(blobs)
        self._dues.forget(KIND)
        self._oldest = Dues()
        for ident, row in list(self.items()):
            rule = self._rules.get(json.loads(ident)[0])
            if rule is None:
                self.discard(ident)
                continue
            found = Found(**{**row["found"], "group": [tuple(pair) for pair in row["found"]["group"]]})
            episode = Episode(**{**row, "found": found})
            dict.__setitem__(self, ident, episode)
            self._oldest.set((ident,), episode.opened)
            self._dues.set((KIND, ident), episode.seen + rule.suppress.quiet)

"""In: how many keys a full table gave up. Out: detector-overflow facts, when it begins and each hour while it lasts.

The table also holds the clock: both are small, and both must never run ahead of the position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.model.alert import Fact
from collector.model.moment import iso
from collector.model.state import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.detect.dues import Dues
    from collector.detect.rule import Rule

HOUR = 3_600_000
KIND = "overflow"
_CLOCK = "clock"


class Clock(Table):
    """The clock and, by logic hash, rules whose table overflows: since when, keys given up, how many of them were told; see Remembers.

    ``now`` is the highest merge key so far (ms). It moves with every record, and becomes a row only when rows are asked for.
    """

    def __init__(self, dues: Dues, rules: Iterable[Rule]) -> None:
        super().__init__("detect.clock")
        self.now = 0
        self._dues = dues
        self._rules = {rule.facts.logic: rule for rule in rules}

    def given_up(self, logic: str, keys: int) -> list[Fact]:
        """Count keys; return a fact if the overflow begins."""
        row = self.get(logic)
        if row is not None:
            self[logic] = {**row, "keys": row["keys"] + keys}
            return []
        self[logic] = {"since": self.now, "keys": keys, "told": keys, "due": self.now + HOUR}
        self._dues.set((KIND, logic), self.now + HOUR)
        return [self._fact(logic, self.now)]

    def due(self, logic: str, time: int) -> list[Fact]:
        """Tell of an overflow that went on in the last hour; forget one that did not."""
        row = self[logic]
        if row["keys"] == row["told"]:
            self.discard(logic)
            return []
        self[logic] = {**row, "told": row["keys"], "due": time + HOUR}
        self._dues.set((KIND, logic), time + HOUR)
        return [self._fact(logic, time)]

    def _fact(self, logic: str, time: int) -> Fact:
        row, rule = self[logic], self._rules[logic].facts
        reason = f"the window table of {rule.name} was full: {row['keys']} keys with the least progress were given up"
        fields = {
            "rule.id": rule.name,
            "rule.uuid": rule.uuid,
            "rule.name": rule.title,
            "mail.detector.keys": row["keys"],
            "mail.detector.since": iso(row["since"]),
            "event.reason": reason,
        }
        return Fact("detector-overflow", fields, time)

    def delta(self) -> bytes:
        """See Remembers."""
        if self.now != self.get(_CLOCK, 0):
            self[_CLOCK] = self.now
        return super().delta()

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers."""
        super().recall(blobs)
        self.now = int(self.get(_CLOCK, 0))
        self._dues.forget(KIND)
        for logic in [name for name in self if name != _CLOCK]:
            if logic in self._rules:
                self._dues.set((KIND, logic), self[logic]["due"])
            else:
                self.discard(logic)

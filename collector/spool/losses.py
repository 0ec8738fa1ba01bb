"""In: what had to be given up, as it happens. Out: Facts: at the beginning, every hour, at the end; never one a commit."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.model.alert import Fact
from collector.model.moment import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

HOUR = 3_600_000
_MOST = 1000


@dataclass(slots=True)
class _Loss:
    """What is not told yet."""

    told: int | None = None
    first: int = 0
    last: int = 0
    counts: dict[str, int] = field(default_factory=dict)


class Losses:
    """Event documents dropped at the limit, rows deleted before a slow sink came, dead letters that made room, damaged blobs."""

    def __init__(self) -> None:
        self._facts: deque[Fact] = deque(maxlen=_MOST)
        self._losses: dict[tuple[str, str], _Loss] = {}

    def overflow(self, counts: Mapping[str, int], now: int) -> None:
        """Note event documents dropped, by stream; an empty mapping: the overflow is over."""
        key = ("overflow", "")
        if counts:
            self._add(key, counts, now)
        elif key in self._losses:
            self._tell(key, now)
            del self._losses[key]

    def missed(self, sink: str, counts: Mapping[str, int], now: int) -> None:
        """Note rows that went before a sink which is not required had passed them: its cursor jumped."""
        self._add(("missed", sink), counts, now)

    def dead_letters_gone(self, sink: str, count: int, now: int) -> None:
        """Note that the oldest dead letters went for newer ones."""
        self._add(("dead letters gone", sink), {"": count}, now)

    def damaged(self, what: str, count: int, now: int) -> None:
        """Note that a blob did not match its checksum and was set aside."""
        self._add(("damaged", what), {"": count}, now)

    def settle(self, now: int) -> None:
        """Tell what was held back for an hour."""
        for key, loss in self._losses.items():
            if loss.counts and loss.told is not None and now - loss.told >= HOUR:
                self._tell(key, now)

    def facts(self) -> tuple[Fact, ...]:
        """Return what there is to tell since the last call."""
        found = []
        while self._facts:
            found.append(self._facts.popleft())
        return tuple(found)

    def _add(self, key: tuple[str, str], counts: Mapping[str, int], now: int) -> None:
        loss = self._losses.setdefault(key, _Loss())
        if not loss.counts:
            loss.first = now
        loss.last = now
        for name, count in counts.items():
            loss.counts[name] = loss.counts.get(name, 0) + count
        if loss.told is None or now - loss.told >= HOUR:
            self._tell(key, now)

    def _tell(self, key: tuple[str, str], now: int) -> None:
        loss = self._losses[key]
        if loss.counts:
            self._facts.append(_fact(*key, loss))
            loss.counts = {}
        loss.told = now


def _fact(what: str, name: str, loss: _Loss) -> Fact:
    total = sum(loss.counts.values())
    if what == "overflow":
        named = [f"{stream}={count}" for stream, count in sorted(loss.counts.items())]
        return Fact("spool-overflow", {"mail.agent.dropped": total, "mail.agent.streams": named, "event.start": iso(loss.first), "event.end": iso(loss.last)})
    fields = {"mail.agent.state": "lost", "mail.agent.count": total, "event.outcome": "failure"}
    if what == "damaged":
        return Fact("agent-health", {"mail.agent.subject": "spool", "event.reason": f"damaged on the disk, set aside: {name}"} | fields)
    reason = "documents were deleted before this sink came" if what == "missed" else "the oldest dead letters went for newer ones"
    return Fact("agent-health", {"mail.agent.subject": "sink", "mail.agent.sink": name, "event.reason": reason} | fields)

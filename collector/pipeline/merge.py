"""In: sources that lend records, each in its own order. Out: one stream of opened records and born events, in the order of merging.

Sources are merged before they are parsed, the same way in the service and in replay. Taken is the lowest key = max(the
source's last key, min(stamp, near)), ties by source name. A source without a next record holds the others back until it
has been at its end for a moment or cannot be read. What was not taken counts as not read: its position stays before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Protocol

from collector.errors import SourceError
from collector.model.moment import AHEAD
from collector.model.state import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from collector.model.event import Event
    from collector.model.record import Record
    from collector.parse.syslog import Opened

PATIENCE = 300
"""How long (ms) a source at its end holds the others back."""
LATENCY = 2000
"""How long (ms) a line may be on its way from its stamp to its file: wall-clock time moves the clock only that far up to now,
so that a line that was just written is not late."""
READ = 512
"""Records asked of a source at a time."""
TOLD = "\x00told"
"""The name of the lane of born events: first among equals, so that a health event stands before what follows it."""


@dataclass(slots=True)
class Taken:
    """The next thing on the road: an opened record or a born event, and the key to which the clock moves."""

    key: int
    opened: Opened | None = None
    event: Event | None = None
    skew: int = 0
    """Seconds that the stamp lies ahead, where this is the first such line of its source in a row."""


class Readable(Protocol):
    """What merge needs of a source."""

    @property
    def at_end(self) -> bool:
        """The last read found nothing, and nothing is known to wait."""
        ...

    def read(self, limit: int) -> Sequence[Record]:
        """Return the next records; () = nothing new now. Raises SourceError where it cannot be read."""
        ...


class Lane:
    """One source on its way into the merge."""

    def __init__(self, name: str, source: Readable, opener: Callable[[Record], Opened], clocks: Table, *, live: bool) -> None:
        """Take the source; ``live`` means that more may come later and that ``near`` is a real clock."""
        self.name = name
        self.error: SourceError | None = None
        self._source = source
        self._open = opener
        self._clocks = clocks
        self._live = live
        self._records: deque[Record] = deque()
        self._head: Taken | None = None
        self._dry = False
        self._end_since: int | None = None
        self.looked = 0
        """The number of the last look at the source, counted over all lanes."""

    @property
    def taken_up(self) -> bool:
        """True if all that was read is taken: the source's own position is the lane's."""
        return self._head is None and not self._records

    @property
    def dry(self) -> bool:
        """True if the last look found nothing."""
        return self.taken_up and self._dry

    @property
    def at_end(self) -> bool:
        """True if the last look found nothing and nothing is known to wait, or the source cannot be read."""
        return self.dry and (self.error is not None or self._source.at_end)

    def look_again(self) -> None:
        """Begin a new round: a source that had nothing is asked once more."""
        self._dry = False

    def head(self, now: int, look: Callable[[], int]) -> Taken | None:
        """Return the next record, opened, without taking it; ``look`` numbers a look at the source."""
        if self._head is None:
            if not self._records and not self._dry:
                self.looked = look()
                self._read(now)
            if self._records:
                self._head = self._opened(self._records.popleft())
        return self._head

    def _read(self, now: int) -> None:
        try:
            self._records.extend(self._source.read(READ))
            self.error = None
        except SourceError as error:
            self.error = error
        if self._records:
            self._end_since = None
        else:
            self._dry = True
            if not self._source.at_end:
                self._end_since = None
            elif self._end_since is None:
                self._end_since = now

    def _opened(self, record: Record) -> Taken:
        opened = self._open(record)
        if opened.time is None and self.name in self._clocks:
            # A line without a stamp is of the time of the line before it: its arrival would differ from run to run.
            opened.time = self._clocks[self.name][0]
        near = opened.time if not self._live and opened.named_year and opened.time is not None else record.near
        stamp = near if opened.time is None else opened.time
        lowest = min(stamp, near)
        last, skewed = self._clocks.get(self.name, (lowest, False))
        skew = 0 if skewed or not self._ahead(stamp, near) else (stamp - near) // 1000
        return Taken(max(last, lowest), opened, skew=skew)

    def _ahead(self, stamp: int | None, near: int) -> bool:
        return self._live and stamp is not None and stamp > near + AHEAD

    def settled(self, now: int) -> bool:
        """Say whether the others need not wait for this one."""
        if not self._live or self.error is not None:
            return True
        # The clock may jump: a source whose end lies in the future has waited long enough too.
        return self._end_since is not None and abs(now - self._end_since) >= PATIENCE

    def take(self) -> Taken:
        """Take the head: from now on it counts as read."""
        taken, self._head = self._head, None
        assert taken is not None
        assert taken.opened is not None
        self._clocks[self.name] = [taken.key, self._ahead(taken.opened.time, taken.opened.record.near)]
        return taken


class Merge:
    """Merges lanes. Its only memory are the last keys of the sources (``memories``)."""

    def __init__(self, opener: Callable[[Record], Opened], *, live: bool) -> None:
        """Begin without sources."""
        self._open = opener
        self._live = live
        self._lanes: list[Lane] = []
        self._told: deque[Taken] = deque()
        self._looks = count(1)
        self._clocks = Table("pipeline.clocks")
        self.memories = (self._clocks,)

    def add(self, name: str, source: Readable) -> None:
        """Add a source under a name of its own."""
        self._lanes.append(Lane(name, source, self._open, self._clocks, live=self._live))
        self._lanes.sort(key=lambda lane: lane.name)

    def tell(self, time: int, events: Iterable[Event]) -> None:
        """Queue born events that arrived at ``time`` (ms)."""
        self._told.extend(Taken(time - LATENCY, event=event) for event in events)

    def rewind(self, now: int) -> None:
        """Forget keys that lie ahead of ``now`` (ms): the host's clock was wrong when they were taken."""
        for name, (key, skewed) in list(self._clocks.items()):
            if key > now:
                self._clocks[name] = [now, skewed]

    def errors(self) -> dict[str, SourceError]:
        """Return the sources that cannot be read now."""
        return {lane.name: lane.error for lane in self._lanes if lane.error is not None}

    @property
    def taken_up(self) -> frozenset[str]:
        """The sources of which all that was read is taken."""
        return frozenset(lane.name for lane in self._lanes if lane.taken_up)

    @property
    def drained(self) -> bool:
        """True if every source was at its end or unreadable at the last take, and nothing born waits: time may be ticked."""
        return not self._told and all(lane.at_end for lane in self._lanes)

    def take(self, now: int, limit: int) -> Iterator[Taken]:
        """Yield at most ``limit`` things in the order of merging; ``now`` in ms (replay: any).

        With a limit of 0 nothing is read: born events come at once and do not move the clock past what stays unread.
        """
        while not limit and self._told:
            yield Taken(0, event=self._told.popleft().event)
        for lane in self._lanes:
            lane.look_again()
        while limit:
            best = self._lowest(now)
            if best is None and any(not lane.settled(now) for lane in self._lanes):
                return
            if self._told and (best is None or (self._told[0].key, TOLD) < best[:2]):
                yield self._told.popleft()
            elif best is None:
                return
            else:
                yield best[2].take()
            limit -= 1

    def _lowest(self, now: int) -> tuple[int, str, Lane] | None:
        """Return the lane to take from; None where there is none, or where one that is not settled holds the others back.

        A lane that was found empty before the lowest record was read is looked at once more: one writer that fills several
        files in the order of stamps has by then written everything that belongs before that record.
        """
        look = self._looks.__next__
        while True:
            best: tuple[int, str, Lane] | None = None
            waits = False
            for lane in self._lanes:
                head = lane.head(now, look)
                if head is None:
                    waits = waits or not lane.settled(now)
                elif best is None or (head.key, lane.name) < best[:2]:
                    best = (head.key, lane.name, lane)
            if best is None:
                return None
            stale = [lane for lane in self._lanes if lane.dry and lane.looked < best[2].looked]
            if not stale:
                return None if waits else best
            for lane in stale:
                lane.look_again()

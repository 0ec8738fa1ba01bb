"""In: sources that lend records, each in its own order. Out: one stream of opened records and born events, in the order of merging.

Sources are merged before they are parsed, the same way in the service and in replay. Taken is the lowest key = max(the
source's last key, min(stamp, near)), ties by source name. A source without a next record holds the others back until it
has been at its end for a moment or cannot be read. What was not taken counts as not read: its position stays before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol

from collector.errors import SourceError
from collector.model.moment import AHEAD, passed
from collector.model.state import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from collector.model.event import Event
    from collector.model.record import Record
    from collector.parse.opened import Opened

PATIENCE = 300
"""How long (ms) a source at its end holds the others back."""
LATENCY = 2000
"""How long (ms) a line may be on its way from its stamp to its file: wall-clock time moves the clock only that far up to now,
so that a line that was just written is not late."""
READ = 512
"""Records asked of a source at a time."""
TOLD = "\x00told"
"""The name of the lane of born events: first among equals, so that a health event stands before what follows it."""


Rank = tuple[int, str, "Lane"]
"""Key and name of a lane's next record: the order in which lanes are taken from."""


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

    def __init__(self, name: str, source: Readable, opener: Callable[[Record], Opened], *, live: bool) -> None:
        """Take the source; ``live`` means that more may come later and that ``near`` is a real clock."""
        self.name = name
        self.last: int | None = None
        """The key of the last record taken."""
        self.skewed = False
        """Its stamp lay ahead."""
        self.moved = False
        """Something was taken since the last delta."""
        self.error: SourceError | None = None
        self._source = source
        self._open = opener
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
        if self._head is None and not self._records and not self._dry:
            self.looked = look()
            self._read(now)
        return self.following()

    def following(self) -> Taken | None:
        """Return the next record, opened, without taking it and without a look at the source."""
        if self._head is None and self._records:
            self._head = self._opened(self._records.popleft())
        return self._head

    def reopen(self, opener: Callable[[Record], Opened]) -> None:
        """Go on in another merge: what was opened and not taken is opened anew."""
        if self._head is not None and self._head.opened is not None:
            self._records.appendleft(self._head.opened.record)
            self._head = None
        self._open = opener

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
        opened, last = self._open(record), self.last
        if opened.time is None and last is not None:
            # A line without a stamp is of the time of the line before it: its arrival would differ from run to run.
            opened.time = last
        stamp = record.near if opened.time is None else opened.time
        near = stamp if not self._live and opened.named_year else record.near
        key = min(stamp, near)
        skew = (stamp - near) // 1000 if self._ahead(stamp, near) and not self.skewed else 0
        return Taken(key if last is None or key > last else last, opened, None, skew)

    def _ahead(self, stamp: int, near: int) -> bool:
        return stamp > near + AHEAD and self._live

    def settled(self, now: int) -> bool:
        """Say whether the others need not wait for this one."""
        if not self._live or self.error is not None:
            return True
        return self._end_since is not None and passed(self._end_since, now, PATIENCE)

    def take(self) -> Taken:
        """Take the head: from now on it counts as read."""
        taken, self._head = self._head, None
        assert taken is not None
        opened = taken.opened
        assert opened is not None
        self.last, self.moved = taken.key, True
        self.skewed = opened.time is not None and self._ahead(opened.time, opened.record.near)
        return taken


class Clocks(Table):
    """The last key of each source and whether its stamp lay ahead: what a merge must not forget."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        """``lanes`` may grow."""
        super().__init__("pipeline.clocks")
        self._lanes = lanes

    def rewind(self, now: int) -> None:
        """Forget keys that lie ahead of ``now`` (ms)."""
        self._note()
        for name, (key, skewed) in list(self.items()):
            if key > now:
                self[name] = [now, skewed]
        for lane in self._lanes:
            self.place(lane)

    def delta(self) -> bytes:
        """See Remembers."""
        self._note()
        return super().delta()

    def lap(self) -> Iterator[bytes]:
        """See Remembers."""
        self._note()
        yield from super().lap()

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers."""
        super().recall(blobs)
        for lane in self._lanes:
            self.place(lane)

    def _note(self) -> None:
        for lane in self._lanes:
            if lane.moved:
                self[lane.name] = [lane.last, lane.skewed]
                lane.moved = False

    def place(self, lane: Lane) -> None:
        """Set a lane where it stood."""
        lane.last, lane.skewed = self.get(lane.name, (None, False))
        lane.moved = False


class Merge:
    """Merges lanes. Its only memory are the last keys of the sources (``memories``)."""

    def __init__(self, opener: Callable[[Record], Opened], *, live: bool) -> None:
        """Begin without sources."""
        self._open = opener
        self._live = live
        self._lanes: list[Lane] = []
        self._told: deque[Taken] = deque()
        self._looks = count(1)
        self._clocks = Clocks(self._lanes)
        self.memories = (self._clocks,)

    def add(self, name: str, source: Readable) -> None:
        """Add a source under a name of its own."""
        lane = Lane(name, source, self._open, live=self._live)
        self._clocks.place(lane)
        self._lanes.append(lane)
        self._lanes.sort(key=lambda lane: lane.name)

    def adopt(self, other: Merge) -> None:
        """Go on with the sources of another merge, and with what it had read of them and not taken; they stand where ``memories`` say."""
        for lane in other._lanes:
            lane.reopen(self._open)
            self._clocks.place(lane)
        self._lanes += other._lanes

    def tell(self, time: int, events: Iterable[Event]) -> None:
        """Queue born events that arrived at ``time`` (ms)."""
        self._told.extend(Taken(time - LATENCY, event=event) for event in events)

    def rewind(self, now: int) -> None:
        """Forget keys that lie ahead of ``now`` (ms): the host's clock was wrong when they were taken."""
        self._clocks.rewind(now)

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
            ranked = self._ranked(now)
            if self._told and (not ranked or (self._told[0].key, TOLD) < ranked[0][:2]):
                if not ranked and any(not lane.settled(now) for lane in self._lanes):
                    return
                yield self._told.popleft()
                limit -= 1
            elif not ranked:
                return
            else:
                for taken in islice(self._run(ranked), limit):
                    yield taken
                    limit -= 1

    def _run(self, ranked: Sequence[Rank]) -> Iterator[Taken]:
        """Yield what the first lane has in front of the others, as far as it was read."""
        others = [rank[:2] for rank in ranked[1:2]] + [(told.key, TOLD) for told in islice(self._told, 1)]
        lane, bound = ranked[0][2], min(others, default=None)
        yield lane.take()
        while (head := lane.following()) is not None and (bound is None or (head.key, lane.name) < bound):
            yield lane.take()

    def _ranked(self, now: int) -> list[Rank]:
        """Return the lanes in the order in which to take from them; none where there is nothing, or where a lane that is not settled holds the others back.

        A lane that was found empty before the lowest record was read is looked at once more: one writer that fills several
        files in the order of stamps has by then written everything that belongs before that record.
        """
        look = self._looks.__next__
        while True:
            heads = [(head.key, lane.name, lane) for lane in self._lanes if (head := lane.head(now, look)) is not None]
            if not heads:
                return []
            heads.sort(key=lambda rank: rank[:2])
            stale = [lane for lane in self._lanes if lane.dry and lane.looked < heads[0][2].looked]
            if not stale:
                waits = any(lane.dry and not lane.settled(now) for lane in self._lanes)
                return [] if waits else heads
            for lane in stale:
                lane.look_again()

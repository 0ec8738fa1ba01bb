"""In: the packed state of one key and one more event. Out: the new state, and a view where the condition holds.

A window slides and is inclusive: what counts lies between the key's newest event and ``timespan`` before it. States are
immutable bytes of O(threshold) size; the first eight are the newest stamp (ms, signed, big-endian) in every one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collector.detect.rule import Rule

IDS = 10
"""How many event ids a key keeps: the latest."""
NOWHERE = -(1 << 63)

_STAMP = struct.Struct(">q")
_ID = 16
_FULL = IDS * (8 + _ID)
"""Length of the state of a count that has as many events as ids."""


@dataclass(slots=True)
class View:
    """What a window shows: events counted in it (at most the threshold), their span in ms, their ids (the latest first), distinct values, the sum."""

    count: int
    first: int
    last: int
    ids: tuple[bytes, ...]
    distinct: int | None = None
    total: float | None = None


class Operator(Protocol):
    """One kind of window."""

    timespan: int

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """Return the new state (the old one itself: nothing changed) and whether the condition holds at this event.

        ``time`` in ms, ``event`` its id (16 bytes); ``what`` is the number of the base rule that it hit (sequences), the 8
        bytes of its value (distinct values), its amount (sums), else nothing.
        """
        ...

    def view(self, state: bytes) -> View:
        """Read a state."""
        ...

    def progress(self, state: bytes) -> float:
        """Return how far a key has come; comparable within one rule."""
        ...

    def rank(self, state: bytes) -> float:
        """Return a number that grows with the progress, as cheaply as can be: full tables ask it of every key."""
        ...


def newest(state: bytes) -> int:
    """Return the stamp of a key's newest event."""
    stamp: int = _STAMP.unpack_from(state)[0]
    return stamp


class _Ring:
    """The ``threshold`` latest entries, newest first.

    Layout: n stamps; n digests of 8 bytes (distinct values); the ids of the first min(n, 10).
    """

    rank = staticmethod(len)
    """See Operator: the more entries, the longer."""
    _distinct = False
    _width = 8
    """Bytes of an entry without its id."""

    def __init__(self, threshold: int, timespan: int) -> None:
        self.threshold = threshold
        self.timespan = timespan

    def _length(self, state: bytes) -> int:
        full = IDS * (self._width + _ID)
        return len(state) // (self._width + _ID) if len(state) <= full else IDS + (len(state) - full) // self._width

    def _late(self, state: bytes, time: int, event: bytes, value: bytes) -> tuple[bytes, bool]:
        """Insert an event that is older than the newest one."""
        n = self._length(state)
        stamps, ids = list(struct.unpack_from(f">{n}q", state)), _ids(state, self._width * n)
        values = [state[at : at + 8] for at in range(8 * n, self._width * n, 8)]
        edge = stamps[0] - self.timespan
        if time < edge:
            return state, False
        if not self._distinct or _sighted(stamps, values, ids, time, value):
            place = 0
            while place < len(stamps) and stamps[place] > time:
                place += 1
            stamps.insert(place, time)
            values.insert(place, value)
            if place < IDS:
                ids.insert(place, event)
        n = min(self.threshold, len(stamps))
        while stamps[n - 1] < edge:
            n -= 1
        packed = struct.pack(f">{n}q", *stamps[:n]) + b"".join(values[:n]) + b"".join(ids[: min(n, IDS)])
        return packed, n == self.threshold

    def view(self, state: bytes) -> View:
        """See Operator."""
        n = self._length(state)
        return View(n, _STAMP.unpack_from(state, 8 * n - 8)[0], newest(state), tuple(_ids(state, self._width * n)), distinct=n if self._distinct else None)

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return self._length(state)


class Count(_Ring):
    """event_count: the latest events."""

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """See Operator."""
        del what
        if state is None:
            return _STAMP.pack(time) + event, self.threshold == 1
        if time < _STAMP.unpack_from(state)[0]:
            return self._late(state, time, event, b"")
        n = len(state) // 24 if len(state) <= _FULL else self._length(state)
        kept = n if n < self.threshold else self.threshold - 1
        edge = time - self.timespan
        while kept and _STAMP.unpack_from(state, 8 * kept - 8)[0] < edge:
            kept -= 1
        ids = state[8 * n : 8 * n + (_ID * kept if kept < IDS else _ID * (IDS - 1))]
        return _STAMP.pack(time) + state[: 8 * kept] + event + ids, kept + 1 == self.threshold


class Distinct(_Ring):
    """value_count: the latest sightings of distinct values."""

    _distinct = True
    _width = 16

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """See Operator."""
        if state is None:
            return _STAMP.pack(time) + what + event, self.threshold == 1
        if time < _STAMP.unpack_from(state)[0]:
            return self._late(state, time, event, what)
        n = self._length(state)
        if n < self.threshold and state[8 * n : 8 * n + 8] == what and _STAMP.unpack_from(state, 8 * n - 8)[0] >= time - self.timespan:
            return _STAMP.pack(time) + state[8 : 16 * n] + event + state[16 * n + _ID :], False
        stamps, values, ids = state[: 8 * n], state[8 * n : 16 * n], state[16 * n :]
        at = values.find(what)
        if at >= 0 and (at % 8 == 0 or (at := _aligned(values, what)) >= 0):
            stamps, values, ids, n = stamps[:at] + stamps[at + 8 :], values[:at] + values[at + 8 :], ids[: 2 * at] + ids[2 * at + _ID :], n - 1
        kept = n if n < self.threshold else self.threshold - 1
        edge = time - self.timespan
        while kept and _STAMP.unpack_from(stamps, 8 * kept - 8)[0] < edge:
            kept -= 1
        ids = ids[: _ID * kept if kept < IDS else _ID * (IDS - 1)]
        return _STAMP.pack(time) + stamps[: 8 * kept] + what + values[: 8 * kept] + event + ids, kept + 1 == self.threshold


def _sighted(stamps: list[int], values: list[bytes], ids: list[bytes], time: int, value: bytes) -> bool:
    """Take out an older sighting of a value; False if a newer one is known."""
    if value in values:
        at = values.index(value)
        if stamps[at] > time:
            return False
        del stamps[at], values[at], ids[at : at + 1]
    return True


def _aligned(values: bytes, value: bytes) -> int:
    """Return where a value stands among others of its size, -1 where it does not: bytes of two neighbours may read like it."""
    at = values.find(value)
    while at > 0 and at % 8:
        at = values.find(value, at + 1)
    return at


def _ids(state: bytes, start: int) -> list[bytes]:
    return [state[at : at + _ID] for at in range(start, len(state), _ID)]


class Panes:
    """value_sum: 60 panes of a window, so its edge is exact to a sixtieth.

    Layout: newest stamp, number of panes, for each (newest first) its first stamp, sum (double) and number of events; up to 10 ids, the latest first.
    """

    PANES = 60
    _HEAD = struct.Struct(">qB")
    _PANE = struct.Struct(">qdI")

    def __init__(self, threshold: float, timespan: int, *, strict: bool) -> None:
        self.threshold = threshold
        self.timespan = timespan
        self._strict = strict
        self._width = max(1, timespan // self.PANES)

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """See Operator."""
        if state is None:
            state = self._HEAD.pack(time, 0)
        latest, n = self._HEAD.unpack_from(state)
        end = self._HEAD.size + n * self._PANE.size
        packed = state[self._HEAD.size : end]
        panes = list(self._PANE.iter_unpack(packed))
        pane = time // self._width
        oldest = (max(pane, panes[0][0] // self._width) if panes else pane) - self.PANES
        if pane <= oldest:
            return state, False
        at = 0
        while at < len(panes) and panes[at][0] // self._width > pane:
            at += 1
        known = at < len(panes) and panes[at][0] // self._width == pane
        first, total, count = panes[at] if known else (time, 0.0, 0)
        panes[at : at + known] = [(min(first, time), total + what, min(count + 1, 0xFFFFFFFF))]
        size = self._PANE.size
        packed = packed[: at * size] + self._PANE.pack(*panes[at]) + packed[(at + known) * size :]
        while panes[-1][0] // self._width <= oldest:
            panes.pop()
        whole = sum(total for _, total, _ in panes)
        events = sum(count for _, _, count in panes)
        ids = (event + state[end:])[: _ID * min(events, IDS)]
        return self._HEAD.pack(max(latest, time), len(panes)) + packed[: size * len(panes)] + ids, whole > self.threshold or (whole == self.threshold and not self._strict)

    def view(self, state: bytes) -> View:
        """See Operator."""
        latest, n = self._HEAD.unpack_from(state)
        end = self._HEAD.size + n * self._PANE.size
        panes = list(self._PANE.iter_unpack(state[self._HEAD.size : end]))
        return View(sum(count for _, _, count in panes), panes[-1][0], latest, tuple(_ids(state, end)), total=sum(total for _, total, _ in panes))

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return self.view(state).total or 0.0

    rank = progress


class Together:
    """temporal: each base rule at least once, in any order. Layout: newest stamp; for each base the stamp and id of its latest event."""

    _SLOT = struct.Struct(">q16s")

    def __init__(self, bases: int, timespan: int) -> None:
        self.timespan = timespan
        self._bases = bases

    def _read(self, state: bytes | None) -> list[tuple[int, bytes]]:
        if state is None:
            return [(NOWHERE, bytes(_ID))] * self._bases
        return list(self._SLOT.iter_unpack(state[8:]))

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """See Operator."""
        slots = self._read(state)
        if time >= slots[what][0]:
            slots[what] = (time, event)
        latest = max(stamp for stamp, _ in slots)
        packed = _STAMP.pack(latest) + b"".join(self._SLOT.pack(*slot) for slot in slots)
        return packed, time >= latest - self.timespan and all(stamp >= latest - self.timespan for stamp, _ in slots)

    def _present(self, state: bytes) -> list[tuple[int, bytes]]:
        return sorted((slot for slot in self._read(state) if slot[0] >= newest(state) - self.timespan), reverse=True)

    def view(self, state: bytes) -> View:
        """See Operator."""
        slots = self._present(state)
        return View(len(slots), slots[-1][0], slots[0][0], tuple(dict.fromkeys(one for _, one in slots)))

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return len(self._present(state))

    rank = progress


class InOrder:
    """temporal_ordered: for each stage the chain with the latest possible start; equal stamps count, one event serves one stage.

    Layout: newest stamp; for each stage the stamps of its chain's start and end, then the ids of all its stages.
    """

    _FIRST = 3 * 8 + _ID
    """Length of a state that has come to its first stage."""

    def __init__(self, bases: int, timespan: int) -> None:
        self.timespan = timespan
        self._bases = bases

    def _read(self, state: bytes | None) -> list[tuple[int, int, tuple[bytes, ...]] | None]:
        chains: list[tuple[int, int, tuple[bytes, ...]] | None] = []
        at = 8
        for stage in range(self._bases):
            if state is None or at >= len(state):
                chains.append(None)
                continue
            start, end = struct.unpack_from(">qq", state, at)
            ids = _ids(state[: at + 16 + _ID * (stage + 1)], at + 16)
            chains.append(None if start == NOWHERE else (start, end, tuple(ids)))
            at += 16 + _ID * (stage + 1)
        return chains

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """See Operator. An event that follows nothing is not kept."""
        if state is None and what:
            return None, False
        if not what and (state is None or (len(state) == self._FIRST and newest(state) <= time)):
            return 3 * _STAMP.pack(time) + event, False
        chains = self._read(state)
        latest = max([time, *(chain[1] for chain in chains if chain is not None)])
        chains = [None if chain is not None and chain[0] < latest - self.timespan else chain for chain in chains]
        before = chains[what - 1] if what else (time, time, ())
        if before is None or not before[1] <= time <= before[0] + self.timespan:
            return state, False
        old = chains[what]
        new = (before[0], time, (*before[2], event))
        whole = what == self._bases - 1
        if old is None or whole or new[0] >= old[0]:
            chains[what] = new
        return self._pack(chains), whole

    def _pack(self, chains: list[tuple[int, int, tuple[bytes, ...]] | None]) -> bytes:
        while chains[-1] is None:
            chains.pop()
        latest = max(chain[1] for chain in chains if chain is not None)
        out = [_STAMP.pack(latest)]
        for stage, chain in enumerate(chains):
            start, end, ids = chain or (NOWHERE, NOWHERE, (bytes(_ID),) * (stage + 1))
            out.append(struct.pack(">qq", start, end) + b"".join(ids))
        return b"".join(out)

    def view(self, state: bytes) -> View:
        """See Operator: the longest chain."""
        start, end, ids = [chain for chain in self._read(state) if chain is not None][-1]
        return View(len(ids), start, end, ids[::-1])

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return sum(chain is not None for chain in self._read(state))

    rank = progress


class LastSeen:
    """absence: the newest event of a key. Layout: its stamp, its id."""

    def __init__(self, window: int) -> None:
        self.timespan = window

    def add(self, state: bytes | None, time: int, event: bytes, what: Any) -> tuple[bytes | None, bool]:
        """See Operator; holds where the key is new: from now on its silence must be watched."""
        del what
        if state is not None and newest(state) > time:
            return state, False
        return _STAMP.pack(time) + event, state is None

    def view(self, state: bytes) -> View:
        """See Operator."""
        return View(1, newest(state), newest(state), tuple(_ids(state, 8)))

    def progress(self, state: bytes) -> float:
        """See Operator: all keys are alike."""
        return float(bool(state))

    rank = progress


def operator(rule: Rule) -> Operator | None:
    """Return the operator of a rule, None for one without a window."""
    if rule.absence is not None:
        return LastSeen(rule.absence.window)
    correlation = rule.correlation
    if correlation is None:
        return None
    span, threshold = correlation.timespan, correlation.threshold
    match correlation.type:
        case "event_count":
            return Count(int(threshold), span)
        case "value_count":
            return Distinct(int(threshold), span)
        case "value_sum":
            return Panes(threshold, span, strict=correlation.strict)
        case "temporal":
            return Together(len(correlation.bases), span)
        case "temporal_ordered":
            return InOrder(len(correlation.bases), span)

"""In: the packed state of one key and one more event. Out: the new state, and a view where the condition holds.

A window slides and is inclusive: what counts lies between the key's newest event and ``timespan`` before it. States are
immutable bytes of O(threshold) size; the first eight are the newest stamp (ms, signed, big-endian) in every one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collector.detect.rule import Rule

IDS = 10
"""How many event ids a key keeps: the latest."""
NOWHERE = -(1 << 63)

_STAMP = struct.Struct(">q")
_ID = 16


@dataclass(frozen=True, slots=True)
class View:
    """What a window shows: events counted in it (at most the threshold), their span in ms, their ids (the latest first), distinct values, the sum."""

    count: int
    first: int
    last: int
    ids: tuple[bytes, ...]
    distinct: int | None = None
    total: float | None = None


class Sample(NamedTuple):
    """One event for a window: its time (ms), its id (16 bytes), which base rule it hit, and what is counted."""

    time: int
    id: bytes
    stage: int = 0
    value: bytes = b""
    amount: float = 0.0


class Operator(Protocol):
    """One kind of window."""

    timespan: int

    def add(self, state: bytes | None, sample: Sample) -> tuple[bytes | None, bool]:
        """Return the new state (None: nothing to keep) and whether the condition holds at this event."""
        ...

    def view(self, state: bytes) -> View:
        """Read a state."""
        ...

    def progress(self, state: bytes) -> float:
        """Return how far a key has come; comparable within one rule."""
        ...


def newest(state: bytes) -> int:
    """Return the stamp of a key's newest event."""
    stamp: int = _STAMP.unpack_from(state)[0]
    return stamp


class Ring:
    """event_count and value_count: the ``threshold`` latest events, or latest sightings of distinct values; newest first.

    Layout: n stamps; n digests of 8 bytes (value_count); the ids of the first min(n, 10).
    """

    def __init__(self, threshold: int, timespan: int, *, distinct: bool) -> None:
        self.threshold = threshold
        self.timespan = timespan
        self._distinct = distinct
        self._width = 16 if distinct else 8

    def _length(self, state: bytes) -> int:
        full = IDS * (self._width + _ID)
        return len(state) // (self._width + _ID) if len(state) <= full else IDS + (len(state) - full) // self._width

    def _read(self, state: bytes | None) -> tuple[list[int], list[bytes], list[bytes]]:
        if state is None:
            return [], [], []
        n = self._length(state)
        stamps = list(struct.unpack_from(f">{n}q", state))
        values = [state[at : at + 8] for at in range(8 * n, 16 * n, 8)] if self._distinct else []
        return stamps, values, _ids(state, self._width * n)

    def add(self, state: bytes | None, sample: Sample) -> tuple[bytes | None, bool]:
        """See Operator."""
        stamps, values, ids = self._read(state)
        latest = max(stamps[0], sample.time) if stamps else sample.time
        if sample.time < latest - self.timespan:
            return state, False
        if not self._distinct or self._sighted(stamps, values, ids, sample):
            place = 0
            while place < len(stamps) and stamps[place] > sample.time:
                place += 1
            stamps.insert(place, sample.time)
            if self._distinct:
                values.insert(place, sample.value)
            if place < IDS:
                ids.insert(place, sample.id)
        n = min(self.threshold, len(stamps))
        while stamps[n - 1] < latest - self.timespan:
            n -= 1
        packed = struct.pack(f">{n}q", *stamps[:n]) + b"".join(values[:n]) + b"".join(ids[: min(n, IDS)])
        return packed, n == self.threshold

    @staticmethod
    def _sighted(stamps: list[int], values: list[bytes], ids: list[bytes], sample: Sample) -> bool:
        """Take out an older sighting of the value; False if a newer one is known."""
        if sample.value in values:
            at = values.index(sample.value)
            if stamps[at] > sample.time:
                return False
            del stamps[at], values[at], ids[at : at + 1]
        return True

    def view(self, state: bytes) -> View:
        """See Operator."""
        stamps, _, ids = self._read(state)
        return View(len(stamps), stamps[-1], stamps[0], tuple(ids), distinct=len(stamps) if self._distinct else None)

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return self._length(state)


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

    def _read(self, state: bytes | None) -> tuple[int, dict[int, tuple[int, float, int]], list[bytes]]:
        if state is None:
            return NOWHERE, {}, []
        latest, n = self._HEAD.unpack_from(state)
        end = self._HEAD.size + n * self._PANE.size
        panes = {first // self._width: (first, total, count) for first, total, count in self._PANE.iter_unpack(state[self._HEAD.size : end])}
        return latest, panes, _ids(state, end)

    def add(self, state: bytes | None, sample: Sample) -> tuple[bytes | None, bool]:
        """See Operator."""
        latest, panes, ids = self._read(state)
        pane = sample.time // self._width
        top = max(pane, *panes) if panes else pane
        if pane <= top - self.PANES:
            return state, False
        first, total, count = panes.get(pane, (sample.time, 0.0, 0))
        panes[pane] = (min(first, sample.time), total + sample.amount, min(count + 1, 0xFFFFFFFF))
        kept = [panes[one] for one in sorted(panes, reverse=True) if one > top - self.PANES]
        whole = sum(total for _, total, _ in kept)
        events = sum(count for _, _, count in kept)
        head = self._HEAD.pack(max(latest, sample.time), len(kept))
        packed = head + b"".join(self._PANE.pack(*one) for one in kept) + b"".join([sample.id, *ids][: min(events, IDS)])
        return packed, whole > self.threshold or (whole == self.threshold and not self._strict)

    def view(self, state: bytes) -> View:
        """See Operator."""
        latest, panes, ids = self._read(state)
        return View(
            sum(count for _, _, count in panes.values()),
            min(first for first, _, _ in panes.values()),
            latest,
            tuple(ids),
            total=sum(total for _, total, _ in panes.values()),
        )

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return self.view(state).total or 0.0


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

    def add(self, state: bytes | None, sample: Sample) -> tuple[bytes | None, bool]:
        """See Operator."""
        slots = self._read(state)
        if sample.time >= slots[sample.stage][0]:
            slots[sample.stage] = (sample.time, sample.id)
        latest = max(stamp for stamp, _ in slots)
        packed = _STAMP.pack(latest) + b"".join(self._SLOT.pack(*slot) for slot in slots)
        return packed, sample.time >= latest - self.timespan and all(stamp >= latest - self.timespan for stamp, _ in slots)

    def _present(self, state: bytes) -> list[tuple[int, bytes]]:
        return sorted((slot for slot in self._read(state) if slot[0] >= newest(state) - self.timespan), reverse=True)

    def view(self, state: bytes) -> View:
        """See Operator."""
        slots = self._present(state)
        return View(len(slots), slots[-1][0], slots[0][0], tuple(dict.fromkeys(one for _, one in slots)))

    def progress(self, state: bytes) -> float:
        """See Operator."""
        return len(self._present(state))


class InOrder:
    """temporal_ordered: for each stage the chain with the latest possible start; equal stamps count, one event serves one stage.

    Layout: newest stamp; for each stage the stamps of its chain's start and end, then the ids of all its stages.
    """

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

    def add(self, state: bytes | None, sample: Sample) -> tuple[bytes | None, bool]:
        """See Operator. An event that follows nothing is not kept."""
        chains = self._read(state)
        latest = max([sample.time, *(chain[1] for chain in chains if chain is not None)])
        chains = [None if chain is not None and chain[0] < latest - self.timespan else chain for chain in chains]
        before = chains[sample.stage - 1] if sample.stage else (sample.time, sample.time, ())
        if before is None or not before[1] <= sample.time <= before[0] + self.timespan:
            return state, False
        old = chains[sample.stage]
        new = (before[0], sample.time, (*before[2], sample.id))
        whole = sample.stage == self._bases - 1
        if old is None or whole or new[0] >= old[0]:
            chains[sample.stage] = new
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


class LastSeen:
    """absence: the newest event of a key. Layout: its stamp, its id."""

    def __init__(self, window: int) -> None:
        self.timespan = window

    def add(self, state: bytes | None, sample: Sample) -> tuple[bytes | None, bool]:
        """See Operator; never holds at an event."""
        if state is not None and newest(state) > sample.time:
            return state, False
        return _STAMP.pack(sample.time) + sample.id, False

    def view(self, state: bytes) -> View:
        """See Operator."""
        return View(1, newest(state), newest(state), tuple(_ids(state, 8)))

    def progress(self, state: bytes) -> float:
        """See Operator: all keys are alike."""
        return float(bool(state))


def operator(rule: Rule) -> Operator | None:
    """Return the operator of a rule, None for one without a window."""
    if rule.absence is not None:
        return LastSeen(rule.absence.window)
    correlation = rule.correlation
    if correlation is None:
        return None
    span, threshold = correlation.timespan, correlation.threshold
    match correlation.type:
        case "event_count" | "value_count":
            return Ring(int(threshold), span, distinct=correlation.type == "value_count")
        case "value_sum":
            return Panes(threshold, span, strict=correlation.strict)
        case "temporal":
            return Together(len(correlation.bases), span)
        case "temporal_ordered":
            return InOrder(len(correlation.bases), span)

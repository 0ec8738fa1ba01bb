"""In: samples for the keys of rules. Out: whether a window's condition holds; what a spool needs to remember every window.

One table a rule, from a key to a packed state, all within one budget of bytes. What goes when it is full depends on the
states alone (expired keys first, then least progress, oldest, lowest key), so that live, restarted and replayed runs
agree. Remembered by the hash of a rule's logic: editing one rule keeps the others' windows.

A blob is a version byte, then for each rule: 8 bytes of logic hash, the limit below which keys were swept (signed, ms),
the number of rows, and rows of key length (2 bytes), state length (4 bytes, all ones for a removal), key, state.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from collector.detect.keys import widened
from collector.detect.operators import NOWHERE, newest
from collector.errors import SpoolError
from collector.model.state import PART

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from collector.detect.keys import Key
    from collector.detect.operators import Operator, Sample

VERSION = 1
SIXTY_FOURS = 256
"""More keys than this in one /48 become one key."""

_SECTION = struct.Struct(">8sqI")
_ROW = struct.Struct(">HI")
_REMOVED = 0xFFFFFFFF
_SLOT = 64
"""Bytes that CPython's dict needs for an entry, with room to grow."""
_MINUTE = 60_000
_WIDE = 200
"""Bytes for a key's place among those of its /48."""


def _cost(key: bytes, state: bytes) -> int:
    """Estimate what a row takes in memory: two objects of 33 bytes and their contents, in steps of 16, and a slot."""
    return _SLOT + (len(key) + 48 & ~15) + (len(state) + 48 & ~15)


class Table:
    """The keys of one rule."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.rows: dict[bytes, bytes] = {}
        self.bytes = 0
        self.touched: dict[bytes, None] = {}
        self.swept = NOWHERE
        self._members: dict[bytes, tuple[bytes, ...]] = {}

    def counted(self, key: Key) -> bytes:
        """Return the key under which an event counts now: the /48 where it stands for its /64s, or must from now on."""
        if key.wide is None or key.narrow in self.rows:
            return key.narrow
        if key.wide in self.rows:
            return key.wide
        members = self._members.get(key.wide, ())
        if len(members) < SIXTY_FOURS:
            return key.narrow
        self._collapse(key.wide, members)
        return key.wide

    def _collapse(self, wide: bytes, members: tuple[bytes, ...]) -> None:
        """Let the /48 go on from the furthest of its /64s, whose events are all its own."""
        furthest = max(members, key=lambda key: (self.operator.progress(self.rows[key]), newest(self.rows[key]), key))
        state = self.rows[furthest]
        for member in members:
            self.put(member, None)
        self.put(wide, state)

    def put(self, key: bytes, state: bytes | None) -> None:
        """Set or remove a row."""
        self.touched[key] = None
        self.place(key, state)

    def place(self, key: bytes, state: bytes | None) -> None:
        """Set or remove a row that was remembered."""
        old = self.rows.get(key)
        if old is not None:
            self.bytes -= _cost(key, old)
        if state is not None:
            self.rows[key] = state
            self.bytes += _cost(key, state)
        elif old is not None:
            del self.rows[key]
        if (old is None) != (state is None):
            self._enlist(key, present=state is not None)

    def _enlist(self, key: bytes, *, present: bool) -> None:
        wide = widened(key)
        if wide is None:
            return
        members = self._members.get(wide, ())
        if present:
            self._members[wide] = (*members, key)
            self.bytes += _WIDE
            return
        self.bytes -= _WIDE
        left = tuple(member for member in members if member != key)
        if left:
            self._members[wide] = left
        else:
            del self._members[wide]

    def sweep(self, limit: int) -> None:
        """Remove what is older than ``limit``."""
        self.swept = max(self.swept, limit)
        for key in [key for key, state in self.rows.items() if newest(state) < limit]:
            self.place(key, None)

    def give_up(self, clock: int) -> int:
        """Remove a sixteenth of the keys, expired ones first; return how many were not expired."""
        wanted = max(1, len(self.rows) // 16)
        oldest = clock - self.operator.timespan
        progress = self.operator.progress
        expired, alive = [], []
        for key, state in self.rows.items():
            stamp = newest(state)
            if stamp < oldest:
                expired.append(key)
            else:
                alive.append((progress(state), stamp, key))
        lost = [] if len(expired) >= wanted else [key for _, _, key in sorted(alive)[: wanted - len(expired)]]
        for key in (*expired, *lost):
            self.put(key, None)
        return len(lost)


class Windows:
    """All tables; see Remembers."""

    name = "detect.windows"

    def __init__(self, operators: Mapping[bytes, Operator], budget: int, recalled: Callable[[], None] = lambda: None) -> None:
        """``operators`` by logic hash, ``budget`` in bytes, ``recalled`` is called when memory was read."""
        self.tables = {key: Table(operator) for key, operator in operators.items()}
        self._budget = budget
        self._recalled = recalled
        self.bytes = 0

    def put(self, rule: bytes, key: bytes, state: bytes | None) -> None:
        """Set or remove a row."""
        table = self.tables[rule]
        self.bytes -= table.bytes
        table.put(key, state)
        self.bytes += table.bytes

    def add(self, rule: bytes, key: Key, sample: Sample) -> tuple[bytes, bool]:
        """Count an event; return the key under which it counts and whether the condition holds."""
        table = self.tables[rule]
        self.bytes -= table.bytes
        counted = table.counted(key)
        old = table.rows.get(counted)
        state, holds = table.operator.add(old, sample)
        if state is not None and state != old:
            table.put(counted, state)
        self.bytes += table.bytes
        return counted, holds

    def standing(self, rule: bytes, key: Key) -> bytes:
        """Return the key under which a group stands now."""
        return key.wide if key.wide is not None and key.narrow not in self.tables[rule].rows and key.wide in self.tables[rule].rows else key.narrow

    def state(self, rule: bytes, key: Key) -> bytes | None:
        """Return what is known of a group."""
        return self.tables[rule].rows.get(self.standing(rule, key))

    def make_room(self, clock: int) -> Iterator[tuple[bytes, int]]:
        """Give up keys until the budget holds; yield rule and number of keys that were still of use."""
        while self.bytes > self._budget:
            rule, table = max(self.tables.items(), key=lambda one: (one[1].bytes, one[0]))
            self.bytes -= table.bytes
            lost = table.give_up(clock)
            self.bytes += table.bytes
            if lost:
                yield rule, lost

    def pass_time(self, before: int, now: int) -> None:
        """Sweep tables whose timespan turned over: what is two timespans old helps no late event either."""
        for table in self.tables.values():
            timespan = table.operator.timespan
            period = max(timespan, _MINUTE)
            if before // period != now // period and table.rows:
                self.bytes -= table.bytes
                table.sweep(now - 2 * timespan)
                self.bytes += table.bytes

    def rewind(self, limit: int) -> None:
        """Forget the keys whose newest event lies beyond ``limit`` (ms): they would take no other until then."""
        for rule, table in self.tables.items():
            for key in [key for key, state in table.rows.items() if newest(state) > limit]:
                self.put(rule, key, None)

    def delta(self) -> bytes:
        """See Remembers."""
        out = []
        for rule, table in self.tables.items():
            if table.touched or table.swept != NOWHERE:
                rows = [_row(key, table.rows.get(key)) for key in table.touched]
                out.append(_SECTION.pack(rule, table.swept, len(rows)) + b"".join(rows))
                table.touched.clear()
                table.swept = NOWHERE
        return bytes((VERSION,)) + b"".join(out) if out else b""

    def lap(self) -> Iterator[bytes]:
        """See Remembers. What was removed meanwhile is left out: its removal stands in a delta."""
        for rule, table in self.tables.items():
            rows: list[bytes] = []
            size = 0
            for key in list(table.rows):
                if size >= PART:
                    yield _part(rule, rows)
                    rows, size = [], 0
                state = table.rows.get(key)
                if state is not None:
                    rows.append(_row(key, state))
                    size += len(rows[-1])
            if rows:
                yield _part(rule, rows)

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers. Raises SpoolError for another version or a damaged blob; windows of rules that are gone are left out."""
        for key, table in self.tables.items():
            self.tables[key] = Table(table.operator)
        for blob in blobs:
            self._read(blob)
        self.bytes = sum(table.bytes for table in self.tables.values())
        self._recalled()

    def _read(self, blob: bytes) -> None:
        if blob[:1] != bytes((VERSION,)):
            raise SpoolError("the memory of windows has an unknown version", None, "an older mailvigil cannot read what a newer one wrote")
        at = 1
        try:
            while at < len(blob):
                rule, swept, n = _SECTION.unpack_from(blob, at)
                at += _SECTION.size
                table = self.tables.get(rule)
                if table is not None and swept != NOWHERE:
                    table.sweep(swept)
                    table.swept = NOWHERE
                for _ in range(n):
                    length, size = _ROW.unpack_from(blob, at)
                    end = at + _ROW.size + length
                    key, at = blob[at + _ROW.size : end], end + (0 if size == _REMOVED else size)
                    if table is not None:
                        table.place(key, None if size == _REMOVED else blob[end:at])
        except struct.error as error:
            raise SpoolError(f"the memory of windows is damaged: {error}") from error
        if at != len(blob):
            raise SpoolError("the memory of windows is damaged: its last row is cut")

    def keep(self) -> int | None:
        """See Remembers: every delta, until a lap."""
        return None


def _row(key: bytes, state: bytes | None) -> bytes:
    return _ROW.pack(len(key), _REMOVED) + key if state is None else _ROW.pack(len(key), len(state)) + key + state


def _part(rule: bytes, rows: list[bytes]) -> bytes:
    return bytes((VERSION,)) + _SECTION.pack(rule, NOWHERE, len(rows)) + b"".join(rows)

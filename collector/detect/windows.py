"""In: samples for the keys of rules. Out: whether a window's condition holds; what a spool needs to remember every window.

One table a rule, from a key to a packed state, all within one budget of bytes. What goes when it is full depends on the
states alone (expired keys first, then least progress, oldest, lowest key), so that live, restarted and replayed runs
agree. Remembered by the hash of a rule's logic: editing one rule keeps the others' windows.

A blob is a version byte, then for each rule: 8 bytes of logic hash, the limit below which keys were swept (signed, ms),
the number of rows, and rows of key length (2 bytes), state length (4 bytes, all ones for a removal), key, state.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from collector.detect.keys import SIXTY_FOUR, widened
from collector.detect.operators import NOWHERE, newest
from collector.errors import SpoolError
from collector.model.state import PART

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from collector.detect.operators import Operator

VERSION = 1
SIXTY_FOURS = 256
"""More keys than this in one /48 become one key."""

_SECTION = struct.Struct(">8sqI")
_ROW = struct.Struct(">HI")
_STAMP = struct.Struct(">q")
_REMOVED = 0xFFFFFFFF
_SLOT = 64
"""Bytes that CPython's dict needs for an entry, with room to grow."""
_MINUTE = 60_000
_WIDE = 200
"""Bytes for a key's place among those of its /48."""
_LATER = 1 << 62


def _cost(key: bytes, state: bytes) -> int:
    """Estimate what a row takes in memory: two objects of 33 bytes and their contents, in steps of 16, and a slot."""
    return _SLOT + (len(key) + 48 & ~15) + (len(state) + 48 & ~15)


class Size:
    """How many bytes the rows of all tables take, and how many they may."""

    __slots__ = ("budget", "bytes")

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.bytes = 0


class Table:
    """The keys of one rule."""

    __slots__ = ("_add", "_members", "_size", "bytes", "operator", "rows", "swept", "touched")

    def __init__(self, operator: Operator, size: Size) -> None:
        self.operator = operator
        self._add = operator.add
        self._size = size
        self.rows: dict[bytes, bytes] = {}
        self.bytes = 0
        self.touched: dict[bytes, None] = {}
        self.swept = NOWHERE
        self._members: dict[bytes, list[bytes]] = {}

    def add(self, key: bytes, time: int, event: bytes, what: Any = None) -> bytes | None:
        """Count an event (see Operator); return the key under which it counts where the condition holds now."""
        old = self.rows.get(key)
        if old is None:
            if SIXTY_FOUR in key:
                key = self._counted(key)
                old = self.rows.get(key)
            state, holds = self._add(old, time, event, what)
            if state is not None and state is not old:
                self.put(key, state)
            return key if holds else None
        state, holds = self._add(old, time, event, what)
        if state is not old and state is not None:
            self.touched[key] = None
            self.rows[key] = state
            if len(state) != len(old):
                self._grow((len(state) + 48 & ~15) - (len(old) + 48 & ~15))
        return key if holds else None

    def _grow(self, change: int) -> None:
        self.bytes += change
        self._size.bytes += change

    def standing(self, key: bytes) -> bytes:
        """Return the key under which a group stands now: the /48 where it stands for its /64s."""
        if key not in self.rows:
            wide = widened(key)
            if wide is not None and wide in self.rows:
                return wide
        return key

    def _counted(self, narrow: bytes) -> bytes:
        """Return the key under which the first event of a /64 counts: the /48 where it stands for its /64s, or must from now on."""
        wide = widened(narrow)
        if wide is None or wide in self.rows:
            return wide or narrow
        members = self._members.get(wide, ())
        if len(members) < SIXTY_FOURS:
            return narrow
        self._collapse(wide, tuple(members))
        return wide

    def _collapse(self, wide: bytes, members: tuple[bytes, ...]) -> None:
        """Let the /48 go on from the furthest of its /64s, whose events are all its own."""
        furthest = max(members, key=lambda key: (self.operator.rank(self.rows[key]), newest(self.rows[key]), key))
        state = self.rows[furthest]
        for member in members:
            self.put(member, None)
        self.put(wide, state)

    def clear(self) -> None:
        """Forget everything."""
        self._size.bytes -= self.bytes
        self.bytes = 0
        self.swept = NOWHERE
        for held in (self.rows, self.touched, self._members):
            held.clear()

    def put(self, key: bytes, state: bytes | None) -> None:
        """Set or remove a row."""
        self.touched[key] = None
        self.place(key, state)

    def place(self, key: bytes, state: bytes | None) -> None:
        """Set or remove a row that was remembered."""
        old = self.rows.get(key)
        change = (0 if state is None else _cost(key, state)) - (0 if old is None else _cost(key, old))
        if state is not None:
            self.rows[key] = state
        elif old is not None:
            del self.rows[key]
        if (old is None) != (state is None) and SIXTY_FOUR in key:
            change += self._enlist(key, present=state is not None)
        self._grow(change)

    def _enlist(self, key: bytes, *, present: bool) -> int:
        """Note that a /64 came or went; return by how many bytes its place among those of its /48 grows."""
        wide = widened(key)
        if wide is None:
            return 0
        if present:
            self._members.setdefault(wide, []).append(key)
            return _WIDE
        members = self._members[wide]
        members.remove(key)
        if not members:
            del self._members[wide]
        return -_WIDE

    def sweep(self, limit: int) -> None:
        """Remove what is older than ``limit``."""
        self.swept = max(self.swept, limit)
        for key in [key for key, state in self.rows.items() if newest(state) < limit]:
            self.place(key, None)

    def give_up(self, clock: int) -> int:
        """Remove a sixteenth of the keys, expired ones first; return how many were not expired."""
        wanted = max(1, len(self.rows) // 16)
        oldest = clock - self.operator.timespan
        stamps = [_STAMP.unpack_from(state)[0] for state in self.rows.values()]
        expired = [key for key, stamp in zip(self.rows, stamps, strict=True) if stamp < oldest]
        lost = []
        if len(expired) < wanted:
            ranks = map(self.operator.rank, self.rows.values())
            alive = [row for row in zip(ranks, stamps, self.rows, strict=True) if row[1] >= oldest]
            lost = [key for _, _, key in sorted(alive)[: wanted - len(expired)]]
        for key in (*expired, *lost):
            self.put(key, None)
        return len(lost)


class Windows:
    """All tables; see Remembers. Sweeps are due at ``next`` (ms, on the clock)."""

    name = "detect.windows"

    def __init__(self, operators: Mapping[bytes, Operator], budget: int, recalled: Callable[[], None] = lambda: None) -> None:
        """``operators`` by logic hash, ``budget`` in bytes, ``recalled`` is called when memory was read."""
        self.size = Size(budget)
        self.tables = {key: Table(operator, self.size) for key, operator in operators.items()}
        self._recalled = recalled
        self.next = NOWHERE

    def make_room(self, clock: int) -> Iterator[tuple[bytes, int]]:
        """Give up keys until the budget holds; yield rule and number of keys that were still of use."""
        while self.size.bytes > self.size.budget:
            rule, table = max(self.tables.items(), key=lambda one: (one[1].bytes, one[0]))
            lost = table.give_up(clock)
            if lost:
                yield rule, lost

    def pass_time(self, before: int, now: int) -> None:
        """Sweep tables whose timespan turned over: what is two timespans old helps no late event either."""
        self.next = _LATER
        for table in self.tables.values():
            timespan = table.operator.timespan
            period = max(timespan, _MINUTE)
            self.next = min(self.next, (now // period + 1) * period)
            if before // period != now // period and table.rows:
                table.sweep(now - 2 * timespan)

    def rewind(self, limit: int) -> None:
        """Forget the keys whose newest event lies beyond ``limit`` (ms): they would take no other until then."""
        self.next = NOWHERE
        for table in self.tables.values():
            for key in [key for key, state in table.rows.items() if newest(state) > limit]:
                table.put(key, None)

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
        for table in self.tables.values():
            table.clear()
        for blob in blobs:
            self._read(blob)
        self.next = NOWHERE
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

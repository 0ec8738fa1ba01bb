"""In: who must not forget, and how much they wrote. Out: parts of laps, and which rows go when one is done.

Memory is a log of deltas. When an owner wrote more since its last lap than that lap was long, it writes every key again, in
parts, one a commit; then what stood before goes. Nothing marks a lap as done: it is done when the oldest row is its first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.model.document import LapPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from collector.model.state import Remembers
    from collector.spool.database import Database
    from collector.spool.packing import Packed


class Laps:
    """Decides when a lap begins. ``parts`` belongs to the feeder's thread, all else to who commits."""

    def __init__(self, db: Database, least: int) -> None:
        """Measure what stands; ``least`` bytes at least are written between two laps."""
        self._db = db
        self._least = least
        self._running: dict[str, tuple[Remembers, Iterator[bytes] | None]] = {}
        """Whose lap, and the parts to come; None from the last part until it is committed. An owner that was made anew begins again."""
        self.grown = {owner: self.measure(owner) for (owner,) in db.rows("select distinct owner from memory order by owner")}
        """By owner: bytes since the last whole lap, bytes of that lap."""

    def parts(self, memories: Iterable[Remembers]) -> list[LapPart]:
        """Return at most one part an owner. Call it right beside ``delta()``: both must show the same state.

        That is why no part is read ahead, and why a lap ends with an empty part.
        """
        found = (self._part(memory) for memory in memories if memory.keep() is None)
        return [part for part in found if part is not None]

    def _part(self, memory: Remembers) -> LapPart | None:
        owner = memory.name
        whose, coming = self._running.get(owner, (None, None))
        first = whose is not memory
        if first:
            since, last_lap = self.grown.get(owner, (0, 0))
            if since <= max(self._least, last_lap):
                return None
            coming = memory.lap()
            self._running[owner] = (memory, coming)
        if coming is None:
            return None
        blob = next(filter(None, coming), b"")
        if not blob:
            self._running[owner] = (memory, None)
        return LapPart(owner, blob, first=first, last=not blob)

    def write(self, packed: Packed, seq: int) -> None:
        """Write deltas and parts within the caller's transaction, and delete what a finished lap or a full ring makes needless."""
        self._db.many("insert into memory(seq, owner, lap, blob) values(?, ?, 0, ?)", [(seq, owner, blob) for owner, blob in packed.deltas])
        for part in packed.laps:
            first = seq if part.first else self._lap(part.owner)
            if part.blob:
                self._db.run("insert into memory(seq, owner, lap, blob) values(?, ?, ?, ?)", seq, part.owner, first, part.blob)
            if part.last:
                self._db.run("delete from memory where owner = ? and seq < ?", part.owner, first)
        for owner, deltas in packed.keep.items():
            self._db.run(
                "delete from memory where owner = ?1 and id <= (select id from memory where owner = ?1 order by id desc limit 1 offset ?2)",
                owner, deltas,
            )  # fmt: skip

    def committed(self, packed: Packed) -> None:
        """Take note of what ``write`` wrote, once it is durable."""
        for owner, blob in packed.deltas:
            since, last_lap = self.grown.get(owner, (0, 0))
            self.grown[owner] = (since + len(blob), last_lap)
        for part in packed.laps:
            if part.last:
                self.grown[part.owner] = self.measure(part.owner)
                self._running.pop(part.owner, None)

    def _lap(self, owner: str) -> int:
        return int(self._db.value("select max(lap) from memory where owner = ?", owner))

    def measure(self, owner: str) -> tuple[int, int]:
        """Return (bytes since the last whole lap, bytes of that lap) from the rows themselves."""
        total, lap = self._db.rows(
            """select coalesce(sum(length(blob)), 0), coalesce(sum(length(blob)) filter (where lap = (select min(seq) from memory where owner = ?1)), 0)
            from memory where owner = ?1""",
            owner,
        )[0]
        return total - lap, lap

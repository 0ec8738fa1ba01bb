"""In: Batches. Out: Parcels, cursors, memory: the state of the house in one file, each step of it one transaction."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from collector.errors import SpoolError, SpoolFull
from collector.spool import cursors, dead_letters, install_key, opening, packing, parcels, streams
from collector.spool.backlog import Backlog
from collector.spool.ballast import Ballast, disk
from collector.spool.cursors import Cursors, SinkSpec
from collector.spool.dead_letters import DeadLetters
from collector.spool.laps import Laps
from collector.spool.limits import Limits, Room, judge
from collector.spool.losses import Losses
from collector.spool.packing import Packed
from collector.spool.reader import Reader, database
from collector.spool.retention import DAY_MS, STEP, Retention
from collector.spool.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from collector.model.alert import Fact
    from collector.model.document import Batch, Delivery, LapPart, Parcel
    from collector.model.state import Remembers
    from collector.spool.backlog import Amount, Pending
    from collector.spool.cursors import Removed
    from collector.spool.dead_letters import Retry
    from collector.spool.opening import Opened
    from collector.spool.packing import Blob
    from collector.spool.parcels import Damage
    from collector.spool.rescue import Rescued
    from collector.spool.retention import Jump

__all__ = ["Limits", "Packed", "Room", "SinkSpec", "Spool", "Start"]

_AGE_EVERY = 60_000
"""ms between two steps of retention when there is nothing left over."""


class Start(StrEnum):
    """What is known of this host when the spool is opened; it stays until the first commit that says where a source stands."""

    FRESH = "fresh"
    """Never seen: neither spool nor key."""
    LOST = "lost"
    """A key without a spool, or a spool that was rescued without its positions."""
    KNOWN = "known"


class Spool(Reader):
    """The state of one host. Any thread may call any method; all raise SpoolError and have then changed nothing."""

    def __init__(self, folder: Path, held: int, opened: Opened, ballast: Ballast, limits: Limits, *, events: bool) -> None:
        """Use ``open``."""
        db = opened.db
        super().__init__(db)
        self.key: bytes
        self.seq: int
        self.run: int
        self.key, self.seq, self.run, start = db.rows("select secret, seq, run, start from meta")[0]
        self.state = Start(start)
        self.unclean = opened.unclean
        self.rescued: Rescued | None = opened.rescued
        self._folder, self._held, self._events, self._limits = folder, held, events, limits
        self._ballast = ballast
        self._cursors = Cursors(db)
        self._backlog = Backlog(db, self._cursors)
        self._retention = Retention(db, self._cursors)
        self._tallies = Tallies(db)
        self._dead_letters = DeadLetters(db, limits.dead_letter_bytes)
        self._laps = Laps(db, limits.lap)
        self._losses = Losses()
        self._percent = 0.0
        self._aged = -_AGE_EVERY
        self._now = 0
        """ms of the last commit or delivery."""

    @classmethod
    def open(cls, folder: Path, *, events: bool = True, limits: Limits = Limits()) -> Self:  # noqa: B008 - frozen
        """Open or create the spool of a folder and begin a run. ``events`` False: no sink takes documents, none are kept.

        ``key`` is the install secret, ``seq`` the number of the last commit, ``run`` that of this run, ``unclean`` says that the
        last run did not end in order, ``rescued`` what became of a damaged file. Raises SpoolError where another process has the
        spool, a later release wrote it or the folder cannot be used; SpoolFull where not even the start can be written.
        """
        with ExitStack() as undo:
            held = opening.hold(folder)
            undo.callback(os.close, held)
            ballast = Ballast(folder, limits.ballast)
            try:
                opened = opening.sound_file(folder)
            except SpoolFull:
                if not ballast.give():
                    raise
                opened = opening.sound_file(folder)
            undo.callback(opened.db.close)
            spool = cls(folder, held, opened, ballast, limits, events=events)
            spool._ballast_stands()
            if install_key.read(folder) != spool.key:
                install_key.write(folder, spool.key)
            undo.pop_all()
        return spool

    @classmethod
    def read(cls, folder: Path) -> Reader:
        """Open the spool for questions only, whether a service has it or not."""
        return Reader(database(folder, read_only=True))

    def close(self) -> None:
        """End the run in order. A damaged or full file is left as it is, and checked at the next start."""
        with self._db.lock:
            if self._held < 0:
                return
            with suppress(SpoolError):
                if not self._db.damaged:
                    self._db.run("update meta set clean = 1")
            self._db.close()
            os.close(self._held)
            self._held = -1

    # What must not be forgotten

    def recall(self, memory: Remembers) -> None:
        """Give an owner back what it knew at the last commit. A blob that does not match its checksum is left out and told."""
        with self._db.reading("select blob from memory where owner = ? order by seq, id", memory.name) as rows:
            memory.recall(self._intact(memory.name, rows))

    def _intact(self, owner: str, rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
        for (blob,) in rows:
            data = packing.decompress(blob)
            if data is None:
                self._losses.damaged(f"memory of {owner}", 1, self._now)
            else:
                yield data

    def position(self, source: str) -> bytes | None:
        """Return where a source stands."""
        token: bytes | None = self._db.value("select token from position where source = ?", source)
        return token

    def forget_position(self, source: str) -> None:
        """Let a source begin anew."""
        self._db.run("delete from position where source = ?", source)

    def saw(self, sources: Iterable[str], now_ms: int) -> list[str]:
        """Say which sources' paths are there: at the start, and once a day. Positions of those not there for 30 days go and are returned."""
        with self._db.transaction():
            return self._retention.old_positions(sources, now_ms, self._limits.position_days)

    def laps(self, memories: Iterable[Remembers]) -> list[LapPart]:
        """Return the parts of laps that belong into this batch; on the feeder's thread, right beside ``delta()``."""
        return self._laps.parts(memories)

    # What comes in

    def room(self) -> Room:
        """Say whether the feeder may read; bring the ballast back when there is room for it."""
        ballast = self._ballast_stands()
        room = judge(self._limits, self._backlog.waiting, *disk(self._folder), ballast=ballast, before=self._percent)
        self._percent = room.percent
        return room

    def pack(self, batch: Batch) -> Packed:
        """Compress a batch; pure, so that it can be committed again."""
        return packing.pack(batch, events=self._events)

    def commit(self, packed: Packed, now_ms: int) -> int:
        """Write a batch, all or nothing, and return its seq.

        Raises SpoolFull on a full disk. The ballast is then given up, so that delivered rows can go; until it is back nothing
        is committed: what was freed would be used up again, and then nothing could be deleted any more.
        """
        with self._db.lock:
            if not self._ballast_stands():
                raise SpoolFull(f"the disk of {self._folder} is full", hint="make room on it; reading goes on by itself")
            seq, self._now = self.seq + 1, now_ms
            dropped = self._overflowing(packed)
            documents = [blob for blob in packed.documents if blob.stream not in dropped]
            try:
                with self._db.transaction():
                    wrote, jumps, aged = self._write(packed, documents, seq, now_ms)
            except SpoolError as error:
                self._tallies.forget()
                if isinstance(error, SpoolFull):
                    self._ballast.give()
                raise
            self.seq, self.state, self._aged = seq, self._state(packed), aged
            self._laps.committed(packed)
            self._backlog.add(wrote)
            self._jumped(jumps, now_ms)
            self._losses.overflow(dropped, now_ms)
            self._losses.settle(now_ms)
            return seq

    def _state(self, packed: Packed) -> Start:
        return Start.KNOWN if packed.positions else self.state

    def _overflowing(self, packed: Packed) -> dict[str, int]:
        """Return the event streams to drop, with the number of documents."""
        if self._limits.overflow == "stop" or self._backlog.waiting < self._limits.max_bytes:
            return {}
        return {blob.stream: blob.count for blob in packed.documents if not streams.own(blob.stream)}

    def _write(self, packed: Packed, documents: Sequence[Blob], seq: int, now_ms: int) -> tuple[list[tuple[str, Amount]], list[Jump], int]:
        self._db.run("update meta set seq = ?, start = ?, standing = coalesce(?, standing)", seq, self._state(packed), packed.standing or None)
        self._db.many("insert into document values(?, ?, ?, ?, ?, ?)", [(seq, blob.stream, now_ms, blob.count, blob.crc, blob.body) for blob in documents])
        wrote = [(blob.stream, (1, blob.count, len(blob.body))) for blob in documents]
        for n, (row, blob) in enumerate(packed.alerts):
            values = (seq, n, row.id, row.time, row.rule, row.severity, row.group, row.stream, now_ms, blob.crc, blob.body)
            if self._db.run("insert or ignore into alert values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *values):
                wrote.append((row.stream, (1, 1, len(blob.body))))
        self._db.many(
            "insert into position values(?, ?, ?) on conflict do update set token = excluded.token, seen = excluded.seen",
            [(source, token, now_ms) for source, token in packed.positions.items()],
        )
        self._laps.write(packed, seq)
        self._tallies.add(packed.tallies, now_ms)
        excess = self._backlog.held + sum(len(blob.body) for blob in documents) - self._limits.max_bytes
        return wrote, self._retention.evict(excess) if excess > 0 else [], self._age(now_ms)

    def _age(self, now_ms: int) -> int:
        """Take one step of retention if it is due; return from when on the next one counts."""
        if not self._cursors.configured or self._aged <= now_ms < self._aged + _AGE_EVERY:
            return self._aged
        more = self._retention.old_alerts(now_ms - self._limits.alert_days * DAY_MS)
        more = self._tallies.age(now_ms) or more
        return now_ms - _AGE_EVERY if more else now_ms

    def _jumped(self, jumps: Sequence[Jump], now_ms: int) -> None:
        for jump in jumps:
            self._backlog.take(jump.sink, jump.stream, jump.amount)
            self._losses.missed(jump.sink, {jump.stream: jump.amount[1]}, now_ms)

    def _ballast_stands(self) -> bool:
        if self._ballast.here:
            return True
        return self._ballast.restore(self._limits.free_wanted(disk(self._folder)[1]))

    # What goes out

    def configure(self, sinks: Sequence[SinkSpec]) -> list[Removed]:
        """Say which sinks there are, before anything is read or shipped; return those that are configured no more."""
        with self._db.lock:
            with self._db.transaction():
                removed = self._cursors.configure(sinks, self.seq)
            for stream in cursors.present(self._db, "document"):
                self._drop(stream, STEP)
            self._backlog.measure()
            return removed

    def streams(self, sink: str) -> list[str]:
        """Return the streams that hold something for a sink, passed or not: alerts, the agent's own, the others."""
        spec = self._sink(sink)
        return sorted((stream for kind in streams.KINDS if spec.takes(kind) for stream in cursors.present(self._db, kind)), key=streams.urgency)

    def next(self, sink: str, stream: str, max_documents: int = parcels.DOCUMENTS, max_bytes: int = parcels.BYTES) -> Parcel | None:
        """Return what follows the sink's cursor, blobs of several commits joined; None if there is nothing.

        A blob that does not match its checksum is set aside among the dead letters, told, and never sent.
        """
        if not self._sink(sink).takes(streams.kind(stream)):
            return None
        with self._db.lock:
            while True:
                parcel, damages = parcels.read(self._db, stream, self._cursors.after(sink, stream), max_documents, max_bytes)
                if damages:
                    self._set_aside(stream, damages)
                if parcel is not None or not damages:
                    return parcel

    def token(self, sink: str, stream: str) -> bytes | None:
        """Return the sink's own state of a stream; None if there is none, or after its cursor jumped."""
        return self._cursors.token(sink, stream)

    def delivered(self, sink: str, parcel: Parcel, delivery: Delivery, now_ms: int) -> None:
        """Move the cursor, keep the token, write dead letters, delete what every sink has passed: one transaction.

        On a full disk the cursor moves first, on the ballast if need be, and rows go one by one; what cannot go now goes later.
        """
        if delivery.again:
            raise SpoolError(f"{sink}: the cursor of {parcel.stream} cannot move while {len(delivery.again)} documents are to be sent again")
        self._sink(sink)
        letters = dead_letters.of(sink, parcel, delivery)
        with self._db.lock:
            self._now = now_ms
            after = self._cursors.after(sink, parcel.stream)
            passed = cursors.count(self._db, parcel.stream, after, parcel.seq)
            full = not self._ballast.here
            try:
                gone = self._move(sink, parcel, delivery.token, letters, now_ms, most=0 if full else cursors.ENDLESS)
            except SpoolFull:
                if full or not self._ballast.give():
                    raise
                full = True
                gone = self._move(sink, parcel, delivery.token, letters, now_ms, most=0)
            self._backlog.take(sink, parcel.stream, passed)
            if gone:
                self._losses.dead_letters_gone(sink, gone, now_ms)
            if full:
                self._drop(parcel.stream, 1)

    def _move(self, sink: str, parcel: Parcel, token: bytes | None, letters: Sequence[dead_letters.Letter], now_ms: int, *, most: int) -> int:
        try:
            with self._db.transaction():
                self._cursors.move(sink, parcel.stream, parcel.seq, token, now_ms)
                gone = self._dead_letters.put(letters, now_ms)
                self._retention.passed(parcel.stream, most)
        except SpoolError:
            self._dead_letters.forget()
            raise
        return gone

    def retrying(self, sink: str) -> bool:
        """Say whether dead letters of a sink wait to be sent again."""
        return self._db.one("select 1 from dead_letter where sink = ? and retry = 1 limit 1", sink) is not None

    def retry(self, sink: str) -> Retry | None:
        """Return dead letters of a sink that somebody asked to have sent again; None if there are none."""
        with self._db.lock:
            return dead_letters.marked(self._db, sink)

    def retried(self, sink: str, retry: Retry, delivery: Delivery, now_ms: int) -> None:
        """Delete the dead letters that were delivered, keep those refused again: one transaction. The cursor stays where it is."""
        stream = retry.parcel.stream
        with self._db.lock, self._db.transaction():
            self._dead_letters.settle(retry, delivery, now_ms)
            self._cursors.move(sink, stream, self._cursors.after(sink, stream), delivery.token, now_ms)

    def _drop(self, stream: str, at_once: int) -> None:
        """Delete what every sink has passed in short transactions, each copied out of the write-ahead log: that works on a full disk."""
        with suppress(SpoolFull):
            gone = at_once
            while gone == at_once:
                self._db.checkpoint()
                with self._db.transaction():
                    gone = self._retention.passed(stream, at_once)
            self._db.checkpoint()

    def _set_aside(self, stream: str, damages: list[Damage]) -> None:
        try:
            with self._db.transaction():
                self._dead_letters.put(parcels.set_aside(self._db, stream, damages), self._now)
        except SpoolError:
            self._dead_letters.forget()
            raise
        self._backlog.recount(stream)
        self._losses.damaged(stream, sum(damage.count for damage in damages), self._now)

    def pending(self, sink: str) -> Pending:
        """Return what a sink has not passed; true if that is anything."""
        return self._backlog.pending(sink)

    def facts(self) -> tuple[Fact, ...]:
        """Return what there is to tell since the last call: documents dropped, cursors that jumped, dead letters gone, damaged blobs."""
        return self._losses.facts()

    def _sink(self, name: str) -> SinkSpec:
        spec = self._cursors.sinks.get(name)
        if spec is None:
            raise SpoolError(f"{name} is no configured sink", hint="Spool.configure comes first")
        return spec

"""In: a journal and a token. Out: its entries as records, each once and in order, whatever becomes of journalctl.

First a journalctl reads up to where the journal ends now: its end is the one sure sign that nothing older waits. Then one
follows. Both begin at the cursor of the last entry taken, which must come first and is dropped: ``--after-cursor`` would
skip an entry where the match left out the cursor's own, and an unknown cursor is no error to journalctl: it prints what lies
nearest, or nothing for ever where the cursor lies in the future. If another entry comes first, reading begins anew by time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.model.moment import passed
from collector.model.record import Header, Record
from collector.sources.base import Start
from collector.sources.journal_export import CAP, BrokenExport, Export
from collector.sources.journal_place import EntryPosition, Place, digest, identity, unpack
from collector.sources.journalctl import FIELDS
from collector.sources.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collector.model.alert import Fact
    from collector.model.record import SourceInfo
    from collector.sources.journalctl import Journal, Reading

OLDEST_MS = 7 * 86_400_000
"""How far back a lost spool makes entries be read again."""
LIVE_MS = 2_000
"""An entry that is younger says that the follower keeps up."""
LULL_MS = 250
"""How long a follower that does not keep up must be silent to count as at its end."""
LOOK_MS = 1_000
"""How often the journal's folders are looked at: a follower does not notice that they were replaced."""
HANDSHAKE_MS = 60_000
"""How long a follower may take to find its cursor."""
FIRST_MS = 500
LONGEST_MS = 60_000
"""Bounds of the wait before journalctl is started again; the first time there is none."""
ROUNDS = 16
"""The most blocks read in one call without an entry."""

_CURSOR, _TIME = b"__CURSOR", b"__REALTIME_TIMESTAMP"
WANTED = (_CURSOR, _TIME, *(field.encode() for field in FIELDS))
_SENDER = tuple(field.encode() for field in FIELDS if field != "MESSAGE")
_Sender = tuple[str | None, int | None, str | None, int | None]
SENDERS = 4096
"""How many senders are remembered; a host has hundreds of processes."""
_DIGITS = 10
"""The most digits of a pid."""


class JournalSource:
    """A journal, one ``Source``. ``clock`` gives ms since the epoch; ``listen`` is told descriptors that should ring the bell."""

    lineage = None
    ended = False

    def __init__(self, info: SourceInfo, journal: Journal, *, start: Start, clock: Callable[[], int], listen: Callable[[int], None] = lambda _: None) -> None:
        self.info = info
        self.at_end = False
        self._journal = journal
        self._start = start
        self._clock = clock
        self._listen = listen
        self._telling = Telling(info.name, file=False)
        self._match = digest(journal.match)
        self._place: Place | None = None
        """Behind the last entry that was read."""
        self._token: bytes | None = None
        """Behind the last record that was lent."""
        self._records: deque[Record] = deque()
        self._reading: Reading | None = None
        self._export = Export(WANTED)
        self._expected: str | None = None
        """The cursor with which the output begins, if the journal knows it."""
        self._caught_up = False
        """The process that reads follows."""
        self._folders: frozenset[tuple[int, int]] = frozenset()
        self._looked = self._started = self._heard = 0
        self._newest = 0
        """Time (ms) of the last entry."""
        self._senders: dict[tuple[bytes | None, ...], _Sender] = {}
        self._failures = 0
        self._failed: tuple[str, int] | None = None
        """Why journalctl ended, and when."""

    def resume(self, position: bytes | None) -> None:
        """See Source. A token of another version counts as lost."""
        if position is None:
            return
        self._place = unpack(position)
        if self._place is None:
            self._start = Start.OLDEST_COPY
        else:
            self._token = position

    def begin(self) -> None:
        """Apply the start rule now, so that it can be remembered before anything was read."""
        if self._place is None:
            since = {Start.BEGINNING: 0, Start.END: self._clock(), Start.OLDEST_COPY: self._clock() - OLDEST_MS}[self._start]
            self._place = Place(since * 1000, self._match)
            self._token = self._place.token()

    def read(self, limit: int) -> Sequence[Record]:
        """See Source."""
        self.begin()
        self.at_end = False
        try:
            for _ in range(ROUNDS):
                if self._records or not self._pull():
                    break
        except SourceError as error:
            self._telling.unwell(error.with_hint)
            raise
        records = [self._records.popleft() for _ in range(min(limit, len(self._records)))]
        if not records:
            return ()
        self._token = records[-1].position.resume
        return records

    def position(self) -> bytes | None:
        """See Source."""
        return self._token

    def facts(self) -> tuple[Fact, ...]:
        """See Source."""
        return self._telling.drain()

    def close(self) -> None:
        """See Source."""
        if self._reading is not None:
            self._reading.end()
            self._reading = None

    def _pull(self) -> bool:
        """Read a block, or start what will give one. False: there is nothing to do now."""
        reading = self._reading or self._launch()
        block = reading.read()
        if block is None:
            return self._silent(reading)
        self._heard = self._clock()
        if not block:
            return self._over(reading)
        try:
            entries = self._export.feed(block)
            for entry in entries:
                self._admit(entry)
                if self._reading is None:
                    break
        except BrokenExport as error:
            self._restart(f"its output cannot be read: {error}")
        return True

    def _launch(self) -> Reading:
        now = self._clock()
        if self._failed is not None:
            reason, since = self._failed
            if not passed(since, now, self._delay()):
                raise SourceError(f"{self.info.name}: journalctl ended ({reason})", hint="it is started again within a minute")
        assert self._place is not None
        self._folders = self._journal.folders()
        start = f"--cursor={self._place.cursor}" if self._place.cursor else "--since=@{}.{:06d}".format(*divmod(self._place.time, 1_000_000))
        self._reading = self._journal.follow(start) if self._caught_up else self._journal.upto_now(start)
        self._export = Export(WANTED)
        self._expected = self._place.cursor or None
        self._started = self._heard = self._looked = now
        return self._reading

    @property
    def _missed(self) -> bool:
        """The cursor has not come. Where the match is another one, its entry may not be asked for any more: that is no loss."""
        return self._expected is not None and self._place is not None and self._place.match == self._match

    def _delay(self) -> int:
        return 0 if self._failures <= 1 else min(LONGEST_MS, FIRST_MS << min(self._failures, 16))

    def _admit(self, entry: Mapping[bytes, bytes]) -> None:
        cursor = entry.get(_CURSOR, b"").decode("ascii", "replace")
        known, time = identity(cursor), entry.get(_TIME, b"")
        if known is None or not time.isdigit():
            raise BrokenExport("an entry without a cursor or a time")
        self._telling.well()
        if self._expected != cursor and self._missed:
            self._begin_by_time()
            return
        expected, self._expected = self._expected, None
        if expected == cursor:
            return
        self._failures, self._failed = 0, None
        at = int(time)
        self._newest = at // 1000
        self._place = Place(at, self._match, cursor)
        text = entry.get(b"MESSAGE", b"")
        self._records.append(Record(self.info, text[:CAP], self._newest, EntryPosition(known, self._place), self._header(entry, self._newest), len(text) > CAP))

    def _header(self, entry: Mapping[bytes, bytes], time: int) -> Header:
        """Return what journald knows; a process writes many entries."""
        key = tuple(map(entry.get, _SENDER))
        known = self._senders.get(key)
        if known is None:
            if len(self._senders) >= SENDERS:
                self._senders.clear()
            known = self._senders[key] = _sender(entry)
        program, pid, host, priority = known
        return Header(program, pid, host, time, priority)

    def _over(self, reading: Reading) -> bool:
        """Go on after the end of the process."""
        failure = reading.end()
        self._reading = None
        if failure is not None or self._caught_up:
            self._restart(failure or "it stopped following")
        elif self._missed:
            self._begin_by_time()
        else:
            self._telling.well()
            self.at_end = self._caught_up = True
            return False
        return True

    def _silent(self, reading: Reading) -> bool:
        now = self._clock()
        if not self._caught_up:
            self._listen(reading.descriptor)
            return False
        if self._missed and passed(self._started, now, HANDSHAKE_MS):
            self._restart("it did not find its cursor")
            return True
        if passed(self._looked, now, LOOK_MS):
            self._looked = now
            if self._changed():
                return True
        self._listen(reading.descriptor)
        self.at_end = not passed(self._newest, now, LIVE_MS) or passed(self._heard, now, LULL_MS)
        return False

    def _changed(self) -> bool:
        """Say whether the journal lies in other folders now, or none; then let the follower go: it still watches the old ones."""
        try:
            same = self._journal.folders() == self._folders
        except SourceError:
            same = False
        if not same:
            self.close()
            self._caught_up = False
        return not same

    def _restart(self, reason: str) -> None:
        """Let the process go; begin again behind the last entry, after a while if it failed before."""
        now = self._clock()
        self.close()
        self._caught_up = False
        self._failures = 1 if abs(now - self._started) > LONGEST_MS else self._failures + 1
        self._failed = (reason, now)
        if self._failures == 1:
            self._telling.degraded(f"{self.info.name}: journalctl ended ({reason}): it is started again")

    def _begin_by_time(self) -> None:
        """Give a cursor up that the journal does not know: go on by its time; by what the clock says where that has not come yet."""
        assert self._place is not None
        now = self._clock()
        time = self._place.time if self._place.time <= now * 1000 else (now - OLDEST_MS) * 1000
        self._telling.gap(f"{self.info.name} holds the last entry that was read no more: entries that followed it may be gone")
        self.close()
        self._caught_up = False
        self._place = Place(time, self._match)
        self._token = self._place.token()


def _sender(entry: Mapping[bytes, bytes]) -> _Sender:
    """Return program, pid, host and priority. The text of a container has an envelope of its own."""
    inside = b"CONTAINER_NAME" in entry
    program = None if inside else _text(entry.get(b"SYSLOG_IDENTIFIER"))
    pid = None if inside else _number(entry.get(b"SYSLOG_PID", entry.get(b"_PID")))
    severity, facility = _number(entry.get(b"PRIORITY")), _number(entry.get(b"SYSLOG_FACILITY"))
    priority = None if severity is None or facility is None else facility * 8 + severity
    return program, pid, _text(entry.get(b"_HOSTNAME")), priority


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace")[:255] or None if value is not None else None


def _number(value: bytes | None) -> int | None:
    return int(value) if value is not None and value.isdigit() and len(value) <= _DIGITS else None

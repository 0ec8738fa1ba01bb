"""In: sources, and facts of every station. Out: batches for the compressor: the one walker of the road.

A step reads what there is, up to a batch, and never sleeps. A batch is handed over when the sources are drained (at most every
200 ms), else at 5,000 lines or 1 s. Backpressure is not reading: the log is the first buffer.
"""

from __future__ import annotations

from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

from collector.agent.standing import Standing
from collector.errors import ContentError, SpoolFull
from collector.model.moment import AHEAD, passed
from collector.pipeline.merge import LATENCY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collector.agent.compressor import Compressor
    from collector.agent.geo import Geo
    from collector.agent.health import Health
    from collector.agent.roster import Roster
    from collector.agent.telemetry import Telemetry
    from collector.errors import SourceError
    from collector.model.alert import Fact
    from collector.model.document import Batch
    from collector.pipeline.pipeline import Pipeline
    from collector.sources.base import Source
    from collector.spool.store import Spool

LINES = 5000
QUIET = 200
BUSY = 1000
CHUNK = 500
"""Lines between two looks at the clock."""
LOOK = 1000
DAY = 86_400_000
FACTS = 1000
"""Facts that may wait; a sink that tells more between two steps is cut short."""


class Feeder:
    """Owns the pipeline: all that touches its memory happens in ``step``. ``tell`` may be called from any thread."""

    def __init__(self, pipeline: Pipeline, spool: Spool, compressor: Compressor, roster: Roster, telemetry: Telemetry, clock: Callable[[], int]) -> None:
        self._pipeline = pipeline
        self._spool = spool
        self._compressor = compressor
        self._roster = roster
        self._telemetry = telemetry
        self._clock = clock
        self._sources: dict[str, Source] = {}
        self._facts: Queue[Fact] = Queue(FACTS)
        self._standing = Standing()
        self._began: dict[str, bytes] = {}
        """Where sources begin that are new here, for the next batch: a start at the end must survive a kill."""
        self._stood: dict[str, bytes] = {}
        """Where each source stood in the last batch."""
        self._waiting: Batch | None = None
        self._taken = 0
        self._since = clock()
        self._ticked = 0
        self._looked = clock()
        self._saw = 0
        self.health: Health | None = None
        self.geo: Geo | None = None
        self._renewal: Callable[[], Pipeline | None] | None = None
        self._add(roster.refresh(appeared=False))

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources by name."""
        return self._sources

    def _add(self, sources: Sequence[Source]) -> None:
        for source in sources:
            self._sources[source.info.name] = source
            self._pipeline.merge.add(source.info.name, source)
            token = source.position()
            if token is not None:
                self._began[source.info.name] = token

    def _look_around(self, now: int) -> None:
        """Once a second: files that globs match by now. Once a day: new databases of places; which paths are there at all, positions of the others go after 30 days."""
        if passed(self._looked, now, LOOK):
            self._looked = now
            self._add(self._roster.refresh(appeared=True))
        if passed(self._saw, now, DAY):
            self._saw = now
            self._look_at_geo()
            try:
                self._spool.saw(self._roster.present(), now)
            except SpoolFull:
                self._saw = 0

    def _look_at_geo(self) -> None:
        """Take databases of places that were replaced."""
        changed, facts = self.geo.look() if self.geo is not None else (False, ())
        if changed:
            self._pipeline.enricher.forget()
        for fact in facts:
            self.tell(fact)

    def tell(self, fact: Fact) -> None:
        """Log a fact and put it on the road."""
        self._telemetry.tell(fact)
        try:
            self._facts.put_nowait(fact)
        except Full:
            self._telemetry.counts["facts lost"] += 1

    def renew(self, road: Callable[[], Pipeline | None]) -> None:
        """Ask for another pipeline, from any thread: ``road`` is called in a step once everything is committed; None keeps the old one."""
        self._renewal = road

    @property
    def renewing(self) -> bool:
        """True until the pipeline that was asked for is in use."""
        return self._renewal is not None

    def _renewed(self, road: Callable[[], Pipeline | None]) -> bool:
        if not self.flush() or not self._compressor.idle:
            return False
        pipeline = road()
        if pipeline is not None:
            pipeline.engine.counts.update(self._pipeline.engine.counts)
            pipeline.merge.adopt(self._pipeline.merge)
            self._pipeline = pipeline
        if self._renewal is road:
            self._renewal = None
        return True

    @property
    def at_end(self) -> bool:
        """True if there was nothing left to read at the last step and everything is handed over."""
        return self._pipeline.merge.drained and self._waiting is None and self._facts.empty() and not self._gathered

    @property
    def ended(self) -> bool:
        """True if everything is handed over and no source will ever have more."""
        return self.at_end and bool(self._sources) and all(source.ended for source in self._sources.values())

    @property
    def unreadable(self) -> Mapping[str, SourceError]:
        """The sources that could not be read at the last step."""
        return self._pipeline.merge.errors()

    @property
    def nap(self) -> float:
        """Seconds after which a step may find something without a bell: a source that must be waited for, or a batch that is due."""
        return 1.0 if self.at_end else 0.05

    def step(self) -> bool:
        """Walk on; True if something was read or handed over."""
        if self._waiting is not None:
            return self._hand_over()
        if self._renewal is not None:
            return self._renewed(self._renewal)
        room = self._spool.room()
        if self.health is not None:
            self.health.room(room)
        now = self._clock()
        self._look_around(now)
        self._hear(now)
        if self._pipeline.detector.clock > now + AHEAD:
            for _ in self._pipeline.rewind(now - LATENCY):
                pass
        before = self._taken
        while self._taken < LINES and self._clock() - now < BUSY:
            taken = self._walk(min(CHUNK, LINES - self._taken) if room.read else 0)
            if not taken:
                break
        drained = self._pipeline.merge.drained
        if drained and room.read and now - LATENCY > self._ticked:
            self._ticked = now - LATENCY
            for _ in self._pipeline.tick(self._ticked):
                pass
        self._tell_sources()
        return self._due(drained=drained) or self._taken > before

    def _walk(self, limit: int) -> int:
        before = self._pipeline.taken
        for _ in self._pipeline.walk(self._clock(), limit):
            pass
        self._taken += self._pipeline.taken - before
        return self._pipeline.taken - before

    def _hear(self, now: int) -> None:
        """Put facts on the road. One that the vocabulary does not know is a fault of the program, and no reason to stop reading."""
        events = []
        while True:
            try:
                fact = self._facts.get_nowait()
                events.append(self._pipeline.birth(fact, now))
                self._standing.note(fact, now)
            except Empty:
                break
            except ContentError as error:
                self._telemetry.fault("fact", error)
        self._pipeline.merge.tell(now, events)

    def _tell_sources(self) -> None:
        for source in self._sources.values():
            for fact in source.facts():
                self.tell(fact)
        for fact in self._spool.facts():
            self.tell(fact)
        if self.health is not None:
            self.health.heartbeat(self._pipeline.engine.counts)

    def _due(self, *, drained: bool) -> bool:
        now = self._clock()
        due = self._taken >= LINES or passed(self._since, now, BUSY) or (drained and passed(self._since, now, QUIET))
        return due and self._gathered and self._seal()

    @property
    def _gathered(self) -> bool:
        """There is something for a batch."""
        return bool(self._pipeline.gathered() or self._taken or self._began or self._moved())

    def _moved(self) -> dict[str, bytes]:
        """Return where sources stand that moved without a record, as at the end of a file: only those of which all that was read is taken."""
        tokens = {name: self._sources[name].position() for name in self._pipeline.merge.taken_up}
        return {name: token for name, token in tokens.items() if token is not None and token != self._stood.get(name)}

    def _seal(self) -> bool:
        batch = self._pipeline.batch()
        batch.positions = self._began | batch.positions | self._moved()
        self._began = {}
        self._stood |= batch.positions
        batch.laps = self._spool.laps(self._pipeline.memories)
        batch.standing = self._standing.document(self._clock(), self._sources.values(), self.unreadable)
        self._waiting = batch
        self._taken = 0
        self._since = self._clock()
        return self._hand_over()

    def _hand_over(self) -> bool:
        if self._waiting is None or not self._compressor.submit(self._waiting):
            return False
        self._waiting = None
        return True

    def flush(self) -> bool:
        """Hand over whatever is gathered, due or not, and read nothing more; True if nothing is left."""
        if self._waiting is not None and not self._hand_over():
            return False
        self._hear(self._clock())
        self._walk(0)
        return not self._gathered or self._seal()

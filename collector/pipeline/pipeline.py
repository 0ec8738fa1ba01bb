"""In: what the merge took, in its order. Out: documents of events and alerts, and the Batch that commits them.

The one road: the service, replay, rule tests and explain walk it with the same code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from collector.model import json
from collector.model.alert import Alert, Fact
from collector.model.document import Batch
from collector.parse.enrich import Enricher
from collector.pipeline.render import Rendered
from collector.pipeline.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from collector.detect.engine import Detector
    from collector.model.event import Event
    from collector.model.finding import Births
    from collector.model.identity import Identity
    from collector.model.record import Record
    from collector.model.state import Remembers
    from collector.parse.engine import Engine
    from collector.pipeline.merge import Merge, Taken
    from collector.pipeline.render import Renderer

SKEW = 0xFFFF
"""The ordinal of a line's log-time-anomaly: behind every event that the line itself gives."""

Judged = tuple["Event | Alert", Rendered]


class Pipeline:
    """Parses, judges and renders; gathers what the next commit must hold."""

    def __init__(self, merge: Merge, engine: Engine, detector: Detector, renderer: Renderer, births: Births, identity: Identity, enricher: Enricher | None = None) -> None:
        self.engine = engine
        self.detector = detector
        self.merge = merge
        self.enricher = enricher or Enricher()
        self._renderer = renderer
        self._births = births
        self._identity = identity
        self.memories: tuple[Remembers, ...] = (*merge.memories, *engine.memories, *detector.memories)
        self.taken = 0
        """How many things the merge has given so far."""
        self._batch = Batch()
        self._tally = Tally()
        self._last: dict[str, Record] = {}
        """The last record of each source in this batch: reading goes on behind it."""

    def walk(self, now: int, limit: int) -> Iterator[Judged]:
        """Take at most ``limit`` things from the merge; yield each event, and right after it the alerts it completed."""
        advance, see, shown = self.detector.advance, self.detector.see, self._shown
        for taken in self.merge.take(now, limit):
            self.taken += 1
            key, opened = taken.key, taken.opened
            fell_due = advance(key)
            if fell_due:
                yield from self._told(fell_due, key)
            for event in self._events(taken):
                yield event, shown(event)
                found = see(event)
                if found:
                    yield from self._told(found, key)
            if opened is not None:
                self._last[opened.record.source.name] = opened.record

    def tick(self, now: int) -> Iterator[Judged]:
        """Let time pass without a record: only when every source is at its end (replay: never)."""
        yield from self._told(self.detector.advance(now), now)

    def rewind(self, now: int) -> Iterator[Judged]:
        """Set a clock back that had run ahead of ``now`` (ms) together with the host's, and say so."""
        ahead = (self.detector.clock - now) // 1000
        self.merge.rewind(now)
        reason = f"the clock had run {ahead} s ahead of the host's: it was set back"
        yield from self._told((*self.detector.rewind(now), Fact("log-time-anomaly", {"mail.log.skew_seconds": ahead, "event.reason": reason}, now)), now)

    def birth(self, fact: Fact, now: int) -> Event:
        """Make the event of something that a station has to tell."""
        time = now if fact.time is None else fact.time
        fields = dict(fact.fields)
        return self._births.event(self._identity.own(fact.action, time, json.dumps(fields)), time, fact.action, fields)

    def _events(self, taken: Taken) -> Iterable[Event]:
        if taken.event is not None:
            return (taken.event,)
        opened = taken.opened
        assert opened is not None
        events: Sequence[Event] = self.engine.read(opened)
        if not taken.skew:
            return events
        record = opened.record
        fields = {"mail.log.skew_seconds": taken.skew, "event.reason": f"{record.source.name}: a stamp lies {taken.skew} s ahead of the clock"}
        time = record.near
        anomaly = self._births.event(self._identity.line(record.position.identity, record.raw, SKEW), time, "log-time-anomaly", fields)
        return (*events, anomaly)

    def _told(self, found: Iterable[Alert | Fact], now: int) -> Iterator[Judged]:
        for one in found:
            if isinstance(one, Alert):
                self._tally.alert(one)
                placed = replace(one, fields={**one.fields, **self.enricher.at(one.time)})
                yield placed, self._keep(self._renderer.alert(placed))
            else:
                event = self.birth(one, now)
                yield event, self._shown(event)
                yield from self._told(self.detector.see(event), now)

    def _shown(self, event: Event) -> Rendered:
        self.enricher.enrich(event)
        self._tally.event(event)
        return self._keep(self._renderer.event(event))

    def _keep(self, rendered: Rendered) -> Rendered:
        if rendered.alert is not None:
            self._batch.alerts.append(rendered.alert)
        else:
            self._batch.documents.setdefault(rendered.stream, []).append(rendered.document)
        return rendered

    def gathered(self) -> int:
        """Return how many documents wait for the next commit."""
        return sum(map(len, self._batch.documents.values())) + len(self._batch.alerts)

    def batch(self) -> Batch:
        """Hand over what was gathered since the last call, with the memory of all stations at this very moment."""
        batch, self._batch = self._batch, Batch()
        batch.positions = {name: record.position.resume for name, record in self._last.items()}
        self._last.clear()
        batch.tallies = self._tally.take()
        for memory in self.memories:
            delta = memory.delta()
            keep = memory.keep()
            if delta:
                batch.deltas[memory.name] = delta
            if keep is not None:
                batch.keep[memory.name] = keep
        batch.counts = dict(self.engine.counts)
        return batch

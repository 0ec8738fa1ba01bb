"""In: parcels of the spool. Out: deliveries of one sink, and its cursors moved.

A step sends at most one parcel and never sleeps: where a sink is away the step says until when there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.agent.backoff import REFUSED, Backoff
from collector.agent.health import health
from collector.errors import SinkRefused, SinkUnavailable, SpoolDamaged, SpoolError
from collector.model.alert import Fact
from collector.model.document import Delivery, Parcel, bulk
from collector.model.moment import passed

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.sinks.base import Sink
    from collector.spool.dead_letters import Retry
    from collector.spool.store import Spool

PUT_OFF = 3
"""So many times in a row some documents of a parcel were put off before the sink counts as unavailable."""
HOUR = 3_600_000
DAY = 86_400_000
RETRY = "dead letters"
"""Stands where the name of a stream does for what is sent again because somebody asked for it."""


@dataclass(slots=True)
class _Sending:
    """A parcel on its way: what of it is still to be sent, and what is known of the rest."""

    parcel: Parcel
    rest: Parcel
    rejected: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    tries: int = 0
    retry: Retry | None = None

    @property
    def name(self) -> str:
        return self.parcel.stream if self.retry is None else RETRY


class Shipper:
    """Ships for one sink. ``tell`` takes facts for the agent stream; ``clock`` gives ms."""

    def __init__(self, sink: Sink, spool: Spool, tell: Callable[[Fact], None], clock: Callable[[], int], backoff: Backoff | None = None, *, rereads: bool = False) -> None:
        self.sink = sink
        self.state = "ok"
        self._fresh: Sink | None = None
        self._spool = spool
        self._tell = tell
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._rereads = rereads
        self._resumed: set[str] = set()
        self._turn = 0
        self._sending: dict[str, _Sending] = {}
        self._refused_at: dict[str, int] = {}
        """Streams that the sink refused to take, and when: each is tried again by itself."""
        self._paused_at = self._wait = 0
        self._duplicate_told: dict[str, int] = {}
        self._refused = 0
        self._refused_told = -HOUR

    def step(self) -> bool:
        """Send one parcel if there is one and the sink is not waited for; True if something was delivered."""
        if self._fresh is not None:
            self._change(self._fresh)
        now = self._clock()
        if not passed(self._paused_at, now, self._wait):
            return False
        try:
            return self._try(now)
        except SpoolDamaged:
            raise
        except SpoolError as error:
            self._paused("unavailable", f"the spool cannot be read: {error.with_hint}", self._backoff.failed())
            return False
        finally:
            for fact in self.sink.facts():
                self._tell(fact)

    def renew(self, sink: Sink) -> None:
        """Ship through another sink of the same name from the next step on; from any thread."""
        self._fresh = sink

    def _change(self, sink: Sink) -> None:
        """Go on where the cursors stand; who was away or refused is tried at once."""
        self.sink.close()
        self.sink = sink
        if self._fresh is sink:
            self._fresh = None
        self._resumed.clear()
        self._refused_at.clear()
        self._wait = 0

    def _try(self, now: int) -> bool:
        sending = self._next(now)
        if sending is None:
            return False
        stream = sending.parcel.stream
        try:
            if stream not in self._resumed:
                self.sink.resume(stream, self._spool.token(self.sink.name, stream))
            delivery = self.sink.send(sending.rest)
        except SinkUnavailable as error:
            sending.tries += 1
            self._paused("unavailable", error.with_hint, self._backoff.failed())
            return False
        except SinkRefused as error:
            sending.tries += 1
            self._refused_at[sending.name] = now  # what refuses one stream may take another: an alert does not wait for it
            self._is("refused", error.with_hint)
            return False
        return self._answered(sending, delivery, now)

    def _answered(self, sending: _Sending, delivery: Delivery, now: int) -> bool:
        sending.rejected.extend(delivery.rejected)
        sending.duplicates += delivery.duplicates
        if delivery.again:
            documents = [document for document in sending.rest.documents() if document.id in delivery.again]
            sending.rest = Parcel(sending.parcel.seq, sending.parcel.stream, len(documents), bulk(documents))
            sending.tries += 1
            # Now and then some are put off: that is worth a word only when it goes on.
            self._paused("unavailable" if sending.tries >= PUT_OFF else self.state, f"{len(documents)} documents were put off by the server", self._backoff.failed())
            return False
        whole = Delivery(rejected=tuple(sending.rejected), token=delivery.token, duplicates=sending.duplicates)
        stream = sending.parcel.stream
        first = stream not in self._resumed
        # Until the cursor is committed the sink knows more than the spool: it must be told where it stands before the next send.
        self._resumed.discard(stream)
        try:
            if sending.retry is None:
                self._spool.delivered(self.sink.name, sending.parcel, whole, now)
            else:
                self._spool.retried(self.sink.name, sending.retry, whole, now)
        except SpoolDamaged:
            raise
        except SpoolError as error:
            self._sending[sending.name] = _Sending(sending.parcel, sending.parcel, tries=sending.tries + 1, retry=sending.retry)
            self._paused("unavailable", f"what it took could not be noted: {error.with_hint}", self._backoff.failed())
            return False
        if sending.duplicates and not (first or sending.tries or self._rereads or sending.retry):
            self._duplicates(sending, now)
        if sending.rejected:
            self._dead_letters(sending.rejected, now)
        self._resumed.add(stream)
        del self._sending[sending.name]
        self._refused_at.pop(sending.name, None)
        self._backoff.worked()
        self._wait = 0
        if not self._refused_at:
            self._is("ok", "it takes documents again")
        return True

    def _next(self, now: int) -> _Sending | None:
        """Alerts and the agent's own stream first, then dead letters that somebody wants sent again (each once), the others in turn.

        So neither a backlog nor a refused parcel stands before an alert.
        """
        streams = self._spool.streams(self.sink.name)
        urgent = [stream for stream in streams if stream.startswith(("logs-mail.alert-", "logs-mail.agent-"))]
        others = [stream for stream in streams if stream not in urgent]
        turned = others[self._turn % len(others) :] + others[: self._turn % len(others)] if others else []
        for stream in (*urgent, RETRY, *turned):
            if not passed(self._refused_at.get(stream, now - REFUSED), now, REFUSED):
                continue
            sending = self._sending.get(stream)
            if sending is None:
                sending = self._found(stream)
                if sending is None:
                    continue
                self._sending[stream] = sending
            if stream in others:
                self._turn += 1
            return sending
        return None

    def _found(self, name: str) -> _Sending | None:
        if name == RETRY:
            retry = self._spool.retry(self.sink.name)
            return None if retry is None else _Sending(retry.parcel, retry.parcel, retry=retry)
        parcel = self._spool.next(self.sink.name, name)
        return None if parcel is None else _Sending(parcel, parcel)

    def _duplicates(self, sending: _Sending, now: int) -> None:
        """Tell, once a day and stream, of documents that were there although never sent before: maybe two collectors share one state."""
        stream = sending.parcel.stream
        if not passed(self._duplicate_told.get(stream, -DAY), now, DAY):
            return
        self._duplicate_told[stream] = now
        self._tell(Fact("delivery-duplicate", {"mail.agent.sink": self.sink.name, "mail.agent.count": sending.duplicates, "mail.agent.streams": [stream]}))

    def _dead_letters(self, rejected: list[tuple[str, str]], now: int) -> None:
        """Tell of refused documents, once an hour: they are kept, but they will not arrive by themselves."""
        self._refused += len(rejected)
        if not passed(self._refused_told, now, HOUR):
            return
        reason = f"{self._refused} documents were refused and are kept as dead letters; the last one: {rejected[-1][1]}"
        self._tell(health("sink", "degraded", reason, sink=self.sink.name, count=self._refused))
        self._refused, self._refused_told = 0, now

    def _paused(self, state: str, reason: str, wait: int) -> None:
        self._paused_at, self._wait = self._clock(), wait
        self._is(state, reason)

    def _is(self, state: str, reason: str) -> None:
        """Tell a state when it is another than the last one."""
        before, self.state = self.state, state
        if before != state:
            self._tell(health("sink", state, reason, sink=self.sink.name))

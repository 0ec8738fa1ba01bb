"""In: syslog messages that come over loopback UDP and TCP. Out: records, once: they cannot be received again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.model.moment import passed
from collector.model.record import Record
from collector.sources.run import Run
from collector.sources.syslog_listener import CONNECTIONS, Listener
from collector.sources.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from collector.model.alert import Fact
    from collector.model.record import SourceInfo

RETRY_MS = 5_000
"""How long after a failed bind the next is tried."""
TELL_MS = 10_000
"""How often losses are told while they go on."""


class SyslogSource:
    """A listener, one ``Source``. ``clock`` gives ms; ``ring`` rings the bell."""

    lineage = None
    ended = False

    def __init__(self, info: SourceInfo, host: str, port: int, protocols: Collection[str], *, clock: Callable[[], int], ring: Callable[[], object] = lambda: None) -> None:
        self.info = info
        self.at_end = False
        self._where = (host, port, tuple(protocols))
        self._clock = clock
        self._ring = ring
        self._run = Run(info.name, clock)
        self._telling = Telling(info.name, file=False)
        self._listener: Listener | None = None
        self._failed: tuple[SourceError, int] | None = None
        self._told = (0, 0)
        """What was lost by then: datagrams, connections."""
        self._told_at = 0

    @property
    def ports(self) -> dict[str, int]:
        """Where it listens, by protocol."""
        return self._listener.ports if self._listener is not None else {}

    def resume(self, position: bytes | None) -> None:
        """See Source: a new run begins."""
        self._run.resume(position)

    def begin(self) -> None:
        """Listen now; where that fails the first read says so."""
        try:
            self._listening()
        except SourceError:
            return

    def read(self, limit: int) -> Sequence[Record]:
        """See Source."""
        self.at_end = False
        try:
            listener = self._listening()
        except SourceError as error:
            self._telling.unwell(error.with_hint)
            raise
        self._telling.well()
        taken = listener.store.take(limit)
        self.at_end = not taken
        return [Record(self.info, message.raw, near, self._run.position(), None, message.truncated) for message, near in taken]

    def position(self) -> bytes | None:
        """See Source."""
        return self._run.token

    def facts(self) -> tuple[Fact, ...]:
        """See Source; losses at most once in TELL_MS."""
        now = self._clock()
        if self._listener is not None and passed(self._told_at, now, TELL_MS):
            self._tell(self._listener, now)
        return self._telling.drain()

    def close(self) -> None:
        """See Source."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _tell(self, listener: Listener, now: int) -> None:
        drops, refused = listener.drops(), listener.refused
        if lost := (drops - self._told[0]) % (1 << 32):
            self._telling.gap(f"{self.info.name}: {lost} datagrams came faster than they could be taken", count=lost)
        if more := refused - self._told[1]:
            self._telling.degraded(f"{self.info.name}: {more} connections were refused, {CONNECTIONS} are open", more)
        if lost or more:
            self._told, self._told_at = (drops, refused), now

    def _listening(self) -> Listener:
        now = self._clock()
        if self._listener is None:
            if self._failed is not None and not passed(self._failed[1], now, RETRY_MS):
                raise self._failed[0]
            host, port, protocols = self._where
            try:
                self._listener = Listener(host, port, protocols, self._ring, self._clock)
            except OSError as error:
                failure = SourceError(f"{self.info.name}: cannot listen: {error.strerror or error}", hint="is another program there? Ports below 1024 need CAP_NET_BIND_SERVICE")
                self._failed = failure, now
                raise failure from error
        return self._listener

"""In: assembled parts and signals. Out: a process that runs until it is told to stop, and its exit code.

``Agent.once`` walks everything to its end by hand, in one thread; ``Agent.serve`` gives each worker a thread. Both are loops
around the same steps.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from collector.agent.systemd import notify, watched
from collector.errors import CollectorError, SinkError, SourceError, SpoolDamaged, SpoolError
from collector.model.moment import passed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.agent.compressor import Compressor
    from collector.agent.feeder import Feeder
    from collector.agent.health import Health
    from collector.agent.reload import Reload
    from collector.agent.shipper import Shipper
    from collector.agent.telemetry import Telemetry
    from collector.sources.wake import Bell, Ears, Watch
    from collector.spool.store import Spool

POLL = 1.0
"""Seconds; correctness rests on this poll, the bell only makes it quicker."""
STUCK = 45.0
"""Seconds after which a worker that began no step counts as stuck: the watchdog is then left alone, and an end waits no longer."""
RETRY = 0.5
"""Seconds between two tries of a commit that failed."""
NAP = 0.05
"""Seconds between two looks of who walks all steps by hand."""
LAST_TRY = 5000
"""How long (ms) the last commit of a service is tried."""


@dataclass(slots=True)
class Parts:
    """What assembly put together."""

    spool: Spool
    feeder: Feeder
    compressor: Compressor
    shippers: Sequence[Shipper]
    health: Health
    telemetry: Telemetry
    arrived: Bell
    """Rung when a source may have something new."""
    committed: Sequence[Bell]
    """One a shipper, rung after each commit."""
    watch: Watch
    ears: Ears


class Agent:
    """Runs the parts. ``clock`` gives ms; ``signals`` fills with the numbers of signals that ask for an end."""

    def __init__(self, parts: Parts, clock: Callable[[], int], signals: Sequence[int] = ()) -> None:
        self._parts = parts
        self._clock = clock
        self._signals = signals
        self._stop = Flag()
        self._beats: dict[str, float] = {}
        """When each worker that must never stand still last began a step."""
        self._fault: BaseException | None = None

    def stop(self) -> None:
        """Ask for an orderly end, from any thread; not from a signal handler: what it rings may be held by the thread that was interrupted."""
        self._stop.set()
        self._parts.arrived.ring()
        for bell in self._parts.committed:
            bell.ring()

    def once(self, deadline: float) -> int:
        """Read every source to its end, then ship for ``deadline`` seconds; what is left stays spooled.

        Reading is given up where there was no room for as long. Returns the exit code of the first part of the road that
        failed: a source (4), the disk (5), a sink (6). Its end is no agent-stop: it is what was asked for.
        """
        try:
            return self._once(int(deadline * 1000))
        finally:
            self._close()

    def _once(self, deadline: int) -> int:
        parts = self._parts
        parts.health.started()
        self._read_to_the_end(deadline)
        read = parts.feeder.at_end
        self._ship_what_there_is(deadline)
        if parts.feeder.unreadable:
            return SourceError.exit_code
        if not parts.compressor.idle or parts.spool.room().reason == "disk":
            return SpoolError.exit_code
        if self._unsent():
            return SinkError.exit_code
        return 0 if read else SourceError.exit_code

    def _read_to_the_end(self, deadline: int) -> None:
        since = self._clock()
        while not self._parts.feeder.at_end and not self._told_to_stop():
            if self._step():
                since = self._clock()
            elif not self._parts.spool.room().read and passed(since, self._clock(), deadline):
                return
            elif not self._parts.feeder.at_end:
                self._parts.arrived.wait(NAP)

    def _ship_what_there_is(self, deadline: int) -> None:
        since = self._clock()
        while not self._flushed() or self._unsent():
            if not (self._commit(0) or self._ship_all()):
                if passed(since, self._clock(), deadline) or self._told_to_stop():
                    return
                self._parts.arrived.wait(NAP)

    def _told_to_stop(self) -> bool:
        return self._stop.is_set() or bool(self._signals)

    def _flushed(self) -> bool:
        """Hand over what is gathered; True if all of it is committed."""
        return self._parts.feeder.flush() and self._parts.compressor.idle

    def _unsent(self) -> bool:
        spool = self._parts.spool
        return any(spool.pending(shipper.sink.name) or spool.retrying(shipper.sink.name) for shipper in self._parts.shippers)

    def _step(self) -> bool:
        """Walk one step of everything by hand; True if something moved."""
        moved = self._parts.feeder.step()
        moved = self._commit(0) or moved
        return self._ship_all() or moved

    def _ship_all(self) -> bool:
        """Give every sink its step; True if one of them delivered."""
        return sum(shipper.step() for shipper in self._parts.shippers) > 0

    def _commit(self, timeout: float) -> bool:
        """Commit what waits; True if there was something. A failure is told, and the same batch is tried again; a damaged file mends at the next start."""
        try:
            done = self._parts.compressor.step(timeout or None)
        except SpoolDamaged:
            raise
        except SpoolError as error:
            self._parts.health.commit_failed(error)
            return False
        if done:
            self._parts.health.committed()
        return done

    def _flush(self) -> None:
        """Commit what is gathered at the end, or give up after a while."""
        since = self._clock()
        while not self._flushed():
            if not self._commit(0):
                if passed(since, self._clock(), LAST_TRY):
                    return
                self._parts.arrived.wait(NAP)

    @property
    def parts(self) -> Parts:
        """What runs."""
        return self._parts

    def serve(self, reload: Reload | None = None) -> int:
        """Run until SIGTERM or SIGINT, until no source will ever have more, or until a worker dies of a fault of the program; ``reload`` gets a step about once a second."""
        parts = self._parts
        parts.health.started()
        workers = [self._worker("feeder", self._feed), self._worker("compressor", self._compress)]
        workers += [self._worker(f"shipper {shipper.sink.name}", self._ship, shipper, bell) for shipper, bell in zip(parts.shippers, parts.committed, strict=True)]
        for worker in workers:
            worker.start()
        notify("READY=1")
        while not self._signals and not self._stop.wait(POLL):
            if watched() and all(time.monotonic() - beat < STUCK for beat in self._beats.values()):
                notify("WATCHDOG=1")
            parts.watch.refresh()
            if reload is not None:
                reload.step()
        notify("STOPPING=1")
        self.stop()
        until = time.monotonic() + STUCK
        for worker in workers:
            worker.join(max(0.1, until - time.monotonic()))
        if self._fault is None and not any(worker.is_alive() for worker in workers[:2]):
            parts.health.stopped(self._signals[0] if self._signals else None)
            self._flush()
        self._close()
        return self._fault.exit_code if isinstance(self._fault, CollectorError) else 1 if self._fault else 0

    def _worker(self, name: str, loop: Callable[..., None], *arguments: object) -> Thread:
        def supervised() -> None:
            try:
                loop(*arguments)
            except Exception as error:  # noqa: BLE001 - the supervisor: whatever it was, the process ends and says so
                self._fault = self._fault or error
                self.stop()
                self._parts.telemetry.fault(name, error)

        return Thread(target=supervised, name=name, daemon=True)

    def _feed(self) -> None:
        while not self._stop.is_set():
            self._beats["feeder"] = time.monotonic()
            if not self._parts.feeder.step():
                if self._parts.feeder.ended:
                    self.stop()
                self._parts.arrived.wait(self._parts.feeder.nap)

    def _compress(self) -> None:
        """Commit until told to stop; what then fails to be committed is tried a last time by who ends the process."""
        while not self._stop.is_set():
            self._beats["compressor"] = time.monotonic()
            if not self._commit(RETRY) and not self._parts.compressor.idle:
                self._stop.wait(RETRY)

    def _ship(self, shipper: Shipper, bell: Bell) -> None:
        while not self._stop.is_set():
            if not shipper.step():
                bell.wait(POLL)

    def _close(self) -> None:
        self._parts.watch.close()
        self._parts.ears.close()
        for shipper in self._parts.shippers:
            shipper.sink.close()
        for source in self._parts.feeder.sources.values():
            source.close()
        self._parts.spool.close()


def catch_signals() -> list[int]:
    """Catch SIGTERM and SIGINT from now on, before anything is opened; return the list that they fill. SIGHUP ends nothing."""
    caught: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: caught.append(number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return caught

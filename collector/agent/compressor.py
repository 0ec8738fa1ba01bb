"""In: batches of the feeder. Out: commits in the spool, in the same order.

Compression and commit run beside the feeder; at most two batches wait, then the feeder waits too. A commit that fails is
tried again with the same batch, and nothing behind it is committed before it.
"""

from __future__ import annotations

from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.model.document import Batch
    from collector.sources.wake import Bell
    from collector.spool.store import Packed, Spool

WAITING = 2


class Compressor:
    """Packs and commits. The ``committed`` bells are rung after each commit: shippers have something to do."""

    def __init__(self, spool: Spool, clock: Callable[[], int], committed: Sequence[Bell] = ()) -> None:
        self._spool = spool
        self._clock = clock
        self._committed = committed
        self._queue: Queue[Batch] = Queue(WAITING)
        self._packed: Packed | None = None

    def submit(self, batch: Batch, timeout: float | None = None) -> bool:
        """Hand over a batch; False if there was no room for it in ``timeout`` seconds (None: now)."""
        try:
            self._queue.put(batch, block=timeout is not None, timeout=timeout)
        except Full:
            return False
        return True

    @property
    def idle(self) -> bool:
        """True if everything handed over is committed."""
        return self._packed is None and self._queue.unfinished_tasks == 0

    def step(self, timeout: float | None = None) -> bool:
        """Commit the oldest batch; False if none came in ``timeout`` seconds. Raises SpoolError: the same batch is tried at the next step."""
        if self._packed is None:
            try:
                batch = self._queue.get(block=timeout is not None, timeout=timeout)
            except Empty:
                return False
            self._packed = self._spool.pack(batch)
        self._spool.commit(self._packed, self._clock())
        self._packed = None
        self._queue.task_done()
        for bell in self._committed:
            bell.ring()
        return True

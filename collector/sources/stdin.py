"""In: standard input of the service, a pipe or a file. Out: its lines as records, once: they cannot be read again."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.model.record import Record
from collector.sources.framing import Framer
from collector.sources.run import Run
from collector.sources.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.model.alert import Fact
    from collector.model.record import SourceInfo
    from collector.sources.framing import Line

BLOCK = 1 << 16
"""The most bytes of one read; a pipe holds no more."""


class StdinSource:
    """One ``Source``. ``clock`` gives ms; ``listen`` is told descriptors that should ring the bell.

    ``to_the_end``: it is at its end only when its writer has closed it, however long that takes; else also while nothing comes.
    """

    lineage = None

    def __init__(
        self, info: SourceInfo, *, clock: Callable[[], int], to_the_end: bool = False, listen: Callable[[int], None] = lambda _: None, descriptor: int = 0
    ) -> None:
        self.info = info
        self.at_end = False
        self.ended = False
        self._clock = clock
        self._to_the_end = to_the_end
        self._listen = listen
        self._descriptor = descriptor
        self._run = Run(info.name, clock)
        self._framer = Framer()
        self._telling = Telling(info.name, file=False)

    def resume(self, position: bytes | None) -> None:
        """See Source: a new run begins."""
        self._run.resume(position)

    def read(self, limit: int) -> Sequence[Record]:
        """See Source."""
        self.at_end = False
        lines = self._framer.take(limit)
        while not lines and not self.ended:
            block = self._block()
            if block is None:
                self._listen(self._descriptor)
                self.at_end = not self._to_the_end
                return ()
            if block:
                self._framer.feed(block)
                lines = self._framer.take(limit)
            else:
                self.ended = True
                last = self._framer.finish()
                lines = [] if last is None else [last]
                if not self._to_the_end:
                    self._telling.unwell(f"{self.info.name} has ended: its writer closed it")
        self.at_end = not lines
        return [self._record(line) for line in lines]

    def position(self) -> bytes | None:
        """See Source."""
        return self._run.token

    def facts(self) -> tuple[Fact, ...]:
        """See Source."""
        return self._telling.drain()

    def close(self) -> None:
        """See Source: the descriptor is the process's own."""

    def _block(self) -> bytes | None:
        """Return what is there; None: nothing now; b"": the end. The descriptor stays as it is: others may share it."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        try:
            return os.read(self._descriptor, BLOCK) if poll.poll(0) else None
        except OSError as error:
            raise SourceError(f"standard input cannot be read: {error.strerror or error}", hint="start mailvigil behind a pipe, or remove [source.stdin]") from error

    def _record(self, line: Line) -> Record:
        return Record(self.info, line.raw, self._clock(), self._run.position(), truncated=line.truncated)

"""In: a json-file log of Docker. Out: the lines of its containers as records; rotation is the file's business."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from collector.sources.docker_lines import WAIT_MS, Joiner, pack, unpack
from collector.sources.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collector.model.alert import Fact
    from collector.model.record import Record
    from collector.sources.file import FileSource


GIVE_UP_MS = 2 * WAIT_MS
"""How long a line may stay unfinished while nothing more comes."""


class DockerSource:
    """A ``Source`` around the one that reads the file. ``clock`` gives ms since the epoch."""

    ended = False

    def __init__(self, file: FileSource, clock: Callable[[], int]) -> None:
        self.info = file.info
        self.at_end = False
        self._file = file
        self._clock = clock
        self._joiner = Joiner()
        self._records: deque[Record] = deque()
        self._token: bytes | None = None
        self._telling = Telling(file.info.path or file.info.name)

    @property
    def lineage(self) -> bytes | None:
        """See Source."""
        return self._file.lineage

    def resume(self, position: bytes | None) -> None:
        """See Source."""
        if position is None:
            self._file.resume(None)
            return
        token, lent = unpack(position)
        self._file.resume(token)
        self._joiner = Joiner(token, lent)
        self._token = position

    def begin(self) -> None:
        """Apply the start rule now; see FileSource."""
        self._file.begin()
        if self._token is None and (token := self._file.position()) is not None:
            self._joiner = Joiner(token)
            self._token = pack(token)

    def read(self, limit: int) -> Sequence[Record]:
        """See Source. A line that is still unfinished is left, and what began behind it too."""
        if self._token is None:
            self.begin()
        self.at_end = False
        while not self._records:
            lines = self._file.read(limit)
            for line in lines:
                self._records.extend(self._joiner.feed(line))
            if not lines:
                since = self._joiner.since
                if since is None or abs(self._clock() - since) <= GIVE_UP_MS:
                    self.at_end = self._file.at_end
                    return ()
                self._records.extend(self._joiner.give_up())
        if self._joiner.torn:
            self._telling.gap(f"a line of {self.info.name} was cut in the middle: its begin is lost", self.lineage, self._joiner.torn)
            self._joiner.torn = 0
        records = [self._records.popleft() for _ in range(min(limit, len(self._records)))]
        self._token = records[-1].position.resume
        return records

    def position(self) -> bytes | None:
        """See Source."""
        token = self._file.position()
        return pack(token) if token is not None and self._token is not None and self._joiner.settled and not self._records else self._token

    def facts(self) -> tuple[Fact, ...]:
        """See Source."""
        return self._telling.drain() + self._file.facts()

    def close(self) -> None:
        """See Source."""
        self._file.close()

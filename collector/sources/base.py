"""In: nothing. Out: Source, the door through which records come in, and Start, where reading begins without a position."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.model.alert import Fact
    from collector.model.record import Record, SourceInfo


class Start(Enum):
    """Where a source begins that has no position."""

    BEGINNING = "beginning"
    END = "end"
    OLDEST_COPY = "oldest-copy"
    """The spool was lost: the oldest rotated copy of the last 7 days, then the newer ones, then the path."""


class Source(Protocol):
    """One object a file, journal or listener. It is asked by one thread and never blocks.

    Reading goes forward only: what ``read`` returned is not returned again, unless the source is made anew and resumes
    before it.
    """

    info: SourceInfo
    ended: bool
    """Nothing will ever come again: standard input was closed."""

    @property
    def at_end(self) -> bool:
        """The last read found nothing, and nothing is known to wait (a newer file behind the grace of an older one does)."""
        ...

    @property
    def lineage(self) -> bytes | None:
        """The lineage now read; None where there is none or before the first line. Two sources of one lineage hold the same lines."""
        ...

    def resume(self, position: bytes | None) -> None:
        """Go on right behind the record whose ``Position.resume`` this is; None: begin by the start rule. To be called once, before the first read."""
        ...

    def read(self, limit: int) -> Sequence[Record]:
        """Return at most ``limit`` records; () = none now.

        Raises SourceError while it cannot be read; it recovers by itself, so call it again later.
        """
        ...

    def position(self) -> bytes | None:
        """Return the token of where reading goes on behind everything that was read, or of where it began; None: it could not begin yet."""
        ...

    def facts(self) -> tuple[Fact, ...]:
        """Return what happened to the source since the last call: log-gap, log-tamper, agent-health."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...

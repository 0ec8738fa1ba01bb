"""In: records that cannot be read again. Out: their positions: source, number of the run, number in the run.

What was received and not yet committed when the process dies is lost; no id is ever given twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.model.record import Position

if TYPE_CHECKING:
    from collections.abc import Callable


class Run:
    """One start of a source. Runs are numbered by the clock (ms), so that not even a lost spool makes a number come back; ``clock`` gives it."""

    def __init__(self, name: str, clock: Callable[[], int]) -> None:
        self._name = name.encode()
        self._clock = clock
        self._records = 0
        self._number = b""
        self.resume(None)

    @property
    def token(self) -> bytes:
        """What is kept as position: the run."""
        return self._number

    def resume(self, token: bytes | None) -> None:
        """Begin behind the last run; a host's clock may have been set back since."""
        self._number = max(self._clock(), int.from_bytes(token or b"", "big") + 1).to_bytes(8, "big")

    def position(self) -> Position:
        """Return the position of the next record."""
        self._records += 1
        return Position((self._name, self._number, self._records.to_bytes(8, "big")), self._number)

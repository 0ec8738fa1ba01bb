"""In: failures in a row. Out: how long to wait before the next try: full jitter between nothing and a doubling bound."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = 500
LONGEST = 60_000
REFUSED = 300_000
"""A sink that refused is tried again after this many ms."""


class Backoff:
    """Full jitter (ms). ``chance`` returns a float in [0, 1)."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._failures = 0

    def failed(self) -> int:
        """Count a failure; return the ms to wait."""
        bound = min(LONGEST, FIRST << min(self._failures, 16))
        self._failures += 1
        return max(1, int(self._chance() * bound))

    def worked(self) -> None:
        """Begin anew."""
        self._failures = 0

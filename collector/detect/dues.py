"""In: what falls due when. Out: the same in order of due time. Derived from what its owners remember, and never stored."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Token = tuple[str | bytes, ...]
"""What falls due: its kind, then what names it; also the order of what falls due together."""

NEVER = 1 << 62
"""Later than every due time (ms)."""
_SLACK = 1024


class Dues:
    """A heap with one due time a token. Moving a due later costs nothing: the old entry is moved when it comes up.

    Nothing falls due before ``next`` (ms).
    """

    def __init__(self) -> None:
        self.next = NEVER
        self._heap: list[tuple[int, Token]] = []
        self._due: dict[Token, int] = {}

    def set(self, token: Token, due: int) -> None:
        """Say that a token falls due at ``due`` (ms), and no longer when it did before."""
        known = self._due.get(token)
        self._due[token] = due
        if known is None or due < known:
            heapq.heappush(self._heap, (due, token))
            if len(self._heap) > 2 * len(self._due) + _SLACK:
                self._sort()
            self.next = self._heap[0][0]

    def drop(self, token: Token) -> None:
        """Forget a token."""
        self._due.pop(token, None)

    def forget(self, kind: str) -> None:
        """Forget all tokens of a kind."""
        self._due = {token: due for token, due in self._due.items() if token[0] != kind}
        self._sort()
        self.next = self._heap[0][0] if self._heap else NEVER

    def _sort(self) -> None:
        self._heap = sorted((due, token) for token, due in self._due.items())

    def until(self, time: int) -> Iterator[tuple[int, Token]]:
        """Yield and forget what falls due up to ``time``, in order; what is set meanwhile takes part."""
        while self._heap and self._heap[0][0] <= time:
            due, token = heapq.heappop(self._heap)
            self.next = self._heap[0][0] if self._heap else NEVER
            current = self._due.get(token)
            if current is None or current < due:
                continue
            if current > due:
                heapq.heappush(self._heap, (current, token))
                self.next = self._heap[0][0]
                continue
            del self._due[token]
            yield due, token

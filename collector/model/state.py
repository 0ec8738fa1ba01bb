"""In: keyed values that a station must not forget. Out: Remembers, and a table that keeps it.

Memory is a log: a delta a commit, absolute values and removals; now and then a lap that writes every key again, in
parts, so that what stood before it can go. What is recalled equals what lived at that commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from collector.model import json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PART = 1 << 20
"""The most bytes that one part of a lap holds, give or take one key."""


class Remembers(Protocol):
    """Who must not forget. ``name`` is the owner in the spool's memory table."""

    name: str

    def delta(self) -> bytes:
        """Return what was touched since the last call, in absolute values; b"" for nothing."""
        ...

    def lap(self) -> Iterator[bytes]:
        """Yield all keys known when it begins, in the form of deltas, in parts of at most PART; deltas go on meanwhile."""
        ...

    def recall(self, blobs: Iterable[bytes]) -> None:
        """Forget everything, then read deltas and parts in written order."""
        ...

    def keep(self) -> int | None:
        """Return how many of the newest deltas hold all that is known (a ring); None: every one, until a lap."""
        ...


class Table(dict[str, Any]):
    """A dict of JSON values that knows what was touched since the last delta.

    A value that is changed in place must be ``touch``ed; ``None`` is no value.
    """

    def __init__(self, name: str) -> None:
        """Begin empty."""
        super().__init__()
        self.name = name
        self._touched: dict[str, None] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        """Set and remember the touch."""
        self._touched[key] = None
        super().__setitem__(key, value)

    def touch(self, key: str) -> None:
        """Say that the value of ``key`` was changed in place."""
        self._touched[key] = None

    def discard(self, key: str) -> None:
        """Remove ``key`` if it is there."""
        if self.pop(key, None) is not None:
            self._touched[key] = None

    def delta(self) -> bytes:
        """See Remembers."""
        if not self._touched:
            return b""
        blob = json.dumps({key: self.get(key) for key in self._touched})
        self._touched.clear()
        return blob

    def lap(self) -> Iterator[bytes]:
        """See Remembers. A key that was removed meanwhile is left out: its removal stands in a delta."""
        rows: dict[str, Any] = {}
        size = 0
        for key in list(self):
            if size >= PART:
                yield json.dumps(rows)
                rows, size = {}, 0
            value = self.get(key)
            if value is not None:
                rows[key] = value
                size += len(key) + len(json.dumps(value)) + 4
        if rows:
            yield json.dumps(rows)

    def recall(self, blobs: Iterable[bytes]) -> None:
        """See Remembers. Keys stand in the order of their last writing."""
        self.clear()
        for blob in blobs:
            for key, value in json.loads(blob).items():
                self.pop(key, None)
                if value is not None:
                    super().__setitem__(key, value)
        self._touched.clear()

    def keep(self) -> int | None:
        """See Remembers."""
        return None

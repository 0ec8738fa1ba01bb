"""In: rendered bytes. Out: Batch, Parcel, Delivery: what crosses pipeline -> spool -> sink."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.model import json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(slots=True)
class Document:
    """One ECS document: ``id`` is its _id, ``body`` one line of JSON without a line end. Never written to; light, for each event has one."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert for the spool's alert table; ``time`` is event time in ms, ``group`` the key as ``field=value`` joined by blanks."""

    id: str
    time: int
    rule: str
    severity: int
    group: str
    stream: str
    body: bytes


@dataclass(frozen=True, slots=True)
class LapPart:
    """A part of an owner's lap. After the ``last`` one, what its owner wrote before the ``first`` one goes."""

    owner: str
    blob: bytes
    first: bool
    last: bool


@dataclass(slots=True)
class Batch:
    """What one commit holds; plain data. Everything in it commits together or not at all.

    ``documents`` by full data stream name, ``positions`` by source name, ``deltas`` by owner, ``tallies`` by (hour since
    the epoch, dimension, key), ``keep`` by owner: how many of its newest deltas are enough (a ring). ``standing`` is what
    the agent says of itself (JSON), for those who ask beside it; empty: nothing new.
    """

    documents: dict[str, list[Document]] = field(default_factory=dict)
    positions: dict[str, bytes] = field(default_factory=dict)
    deltas: dict[str, bytes] = field(default_factory=dict)
    keep: dict[str, int] = field(default_factory=dict)
    laps: list[LapPart] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    tallies: dict[tuple[int, str, str], int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    standing: bytes = b""

    @property
    def empty(self) -> bool:
        """True if a commit would write nothing."""
        return not (self.documents or self.positions or self.deltas or self.laps or self.alerts or self.tallies)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Documents of one stream, as gzip members of bulk-ready NDJSON, joined byte by byte and never compressed again.

    ``seq`` is the number of the last commit in it, ``count`` the number of documents.
    """

    seq: int
    stream: str
    count: int
    blob: bytes

    def documents(self) -> Iterator[Document]:
        """Unpack lazily; raises gzip.BadGzipFile or zlib.error where a blob was damaged."""
        lines = gzip.decompress(self.blob).split(b"\n")
        for action, body in zip(lines[0::2], lines[1::2], strict=False):
            yield Document(json.loads(action)["create"]["_id"], body)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a parcel. What is not named was delivered.

    ``again``: ids to send once more before the cursor moves. ``rejected``: (id, reason) of dead letters. ``token``: the
    sink's own state, committed with the cursor. ``duplicates``: how many were there already. ``failure_store``: how many the server
    could not index and took into its failure store instead; they count as delivered.
    """

    again: frozenset[str] = frozenset()
    rejected: tuple[tuple[str, str], ...] = ()
    token: bytes | None = None
    duplicates: int = 0
    failure_store: int = 0


def bulk(documents: Iterable[Document]) -> bytes:
    """Pack documents as one gzip member (level 1, reproducible) of ``{"create":{"_id":..}}`` and body lines."""
    chosen = list(documents)
    actions = "".join([f'{{"create":{{"_id":"{document.id}"}}}}\n' for document in chosen])
    lines = [b""] * (2 * len(chosen) + 1)
    lines[0::2] = actions.encode().split(b"\n")  # the last one is empty: the end of the last line
    lines[1::2] = [document.body for document in chosen]
    return gzip.compress(b"\n".join(lines), 1, mtime=0)

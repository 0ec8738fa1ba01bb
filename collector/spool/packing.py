"""In: a Batch. Out: Packed: the same, compressed, ready to be written once or many times.

Pure and heavy on the processor: it runs on the compressor's thread, beside the feeder.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from collector.model.document import Document, bulk
from collector.spool import streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.model.document import AlertRow, Batch, LapPart


@dataclass(frozen=True, slots=True)
class Blob:
    """``count`` documents of one stream as one gzip member; ``crc`` (CRC-32) is of the stored bytes."""

    stream: str
    count: int
    body: bytes
    crc: int


@dataclass(frozen=True, slots=True)
class Packed:
    """What a commit writes. ``alerts`` keep their columns; their bodies stand in the blobs beside them."""

    documents: tuple[Blob, ...]
    positions: Mapping[str, bytes]
    deltas: tuple[tuple[str, bytes], ...]
    keep: Mapping[str, int]
    laps: tuple[LapPart, ...]
    alerts: tuple[tuple[AlertRow, Blob], ...]
    tallies: Mapping[tuple[int, str, str], int]
    standing: bytes


def pack(batch: Batch, *, events: bool = True) -> Packed:
    """Compress a batch; without ``events`` no sink takes documents and none are kept. Raises ValueError for a stream in the wrong table."""
    misplaced = [stream for stream in batch.documents if streams.kind(stream) == "alert"] + [row.stream for row in batch.alerts if streams.kind(row.stream) != "alert"]
    if misplaced:
        raise ValueError(f"{misplaced[0]}: alerts belong to logs-mail.alert-*, and nothing else does")
    return Packed(
        documents=tuple(_blob(stream, documents) for stream, documents in batch.documents.items() if documents) if events else (),
        positions=dict(batch.positions),
        deltas=tuple((owner, compress(delta)) for owner, delta in batch.deltas.items() if delta),
        keep=dict(batch.keep),
        laps=tuple(replace(part, blob=compress(part.blob) if part.blob else b"") for part in batch.laps),
        alerts=tuple((replace(row, body=b""), _blob(row.stream, [Document(row.id, row.body)])) for row in batch.alerts),
        tallies=dict(batch.tallies),
        standing=batch.standing,
    )


def compress(data: bytes) -> bytes:
    """Return one gzip member (RFC 1952), level 1, without a time: equal bytes give equal members."""
    return gzip.compress(data, 1, mtime=0)


def _blob(stream: str, documents: Iterable[Document]) -> Blob:
    chosen = list(documents)
    body = bulk(chosen)
    return Blob(stream, len(chosen), body, zlib.crc32(body))


def decompress(data: bytes) -> bytes | None:
    """Undo ``compress``; None where the member's own CRC-32 or form is not right."""
    try:
        return gzip.decompress(data)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        return None

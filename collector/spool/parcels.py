"""In: rows behind a cursor. Out: parcels: blobs joined byte by byte, none of them damaged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from zlib import crc32

from collector.model.document import Parcel
from collector.spool import streams
from collector.spool.dead_letters import DAMAGED, Letter

if TYPE_CHECKING:
    from collector.spool.database import Database
    from collector.spool.streams import Kind

DOCUMENTS = 2000
BYTES = 5 << 20

_ROWS: dict[Kind, str] = {
    "document": "select seq, count, crc, body, rowid from document where stream = ? and seq > ? order by seq",
    "alert": "select seq, 1, crc, body, rowid from alert where stream = ? and seq > ? order by seq, n",
}
_DELETE: dict[Kind, str] = {"document": "delete from document where rowid = ?", "alert": "delete from alert where rowid = ?"}


@dataclass(frozen=True, slots=True)
class Damage:
    """A row whose blob does not match its checksum."""

    rowid: int
    seq: int
    count: int
    body: bytes


def read(db: Database, stream: str, after: int, most_documents: int, most_bytes: int) -> tuple[Parcel | None, list[Damage]]:
    """Join what follows ``after``, up to both limits; a seq is never split, so a single long one may exceed them."""
    count, size, upto = 0, 0, 0
    blobs: list[bytes] = []
    damages: list[Damage] = []
    with db.reading(_ROWS[streams.kind(stream)], stream, after) as rows:
        for seq, group in groupby(rows, key=itemgetter(0)):
            found = list(group)
            good = [row for row in found if crc32(row[3]) == row[2]]
            documents, length = sum(row[1] for row in good), sum(len(row[3]) for row in good)
            if blobs and (count + documents > most_documents or size + length > most_bytes):
                break
            damages.extend(Damage(row[4], seq, row[1], row[3]) for row in found if row not in good)
            count, size, upto = count + documents, size + length, seq
            blobs.extend(row[3] for row in good)
    return (Parcel(upto, stream, count, b"".join(blobs)) if blobs else None), damages


def set_aside(db: Database, stream: str, damages: list[Damage]) -> list[Letter]:
    """Delete damaged rows within the caller's transaction; return them as dead letters, so that nobody stumbles over them again."""
    db.many(_DELETE[streams.kind(stream)], [(damage.rowid,) for damage in damages])
    return [Letter(DAMAGED, stream, "", f"{damage.count} documents of commit {damage.seq}: the stored blob does not match its checksum", damage.body) for damage in damages]

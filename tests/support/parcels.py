"""Parcels made by hand: small documents that both servers take, each with its own id."""

from collector.model import json
from collector.model.document import Document, Parcel, bulk

STREAM = "logs-mail.postfix-default"


def document(number, prefix="d", **fields):
    """A document whose id is ``<prefix>00007``; ``fields`` are top-level keys of it."""
    name = f"{prefix}{number:05}"
    body = {"@timestamp": f"2026-11-24T10:{number // 60 % 60:02}:{number % 60:02}.000Z", "event": {"id": name, "action": "smtp-connect"}, "message": f"connect number {number} <é>"}
    return Document(name, json.dumps(body | fields))


def documents(first, last, prefix="d"):
    return [document(number, prefix) for number in range(first, last)]


def parcel(seq, *members, stream=STREAM):
    """Each member is a list of documents and becomes one gzip member, as commits are joined in the spool."""
    return Parcel(seq, stream, sum(map(len, members)), b"".join(map(bulk, members)))


def ids(*members):
    return [one.id for member in members for one in member]

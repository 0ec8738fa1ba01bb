"""In: what a server answered to a bulk request. Out: Verdict: what became of each document, or what to do with the parcel.

Pure, and tables where there is something to decide: by the status of the request, by the status of each item. The
answers are those of Elasticsearch 7 to 9 and OpenSearch 2 and 3, and of proxies that stand before them.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from collector.errors import SinkRefused
from collector.model import json
from collector.model.document import Document, Parcel, bulk

if TYPE_CHECKING:
    from collections.abc import Sequence

REASON = 500
"""How many characters of a server's words are kept."""


class Step(Enum):
    """What to do with a parcel after an answer."""

    TAKEN = "taken"
    """Each document has its fate: ``again``, ``rejected``, else delivered."""
    SPLIT = "split"
    """Send it in two halves; a single document is rejected."""
    LENIENT = "lenient"
    """Send it again without require_data_stream."""
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Documents are named by their place in the parcel, from 0."""

    step: Step
    reason: str = ""
    hint: str | None = None
    again: tuple[int, ...] = ()
    rejected: tuple[tuple[int, str], ...] = ()
    duplicates: int = 0
    failure_store: int = 0


class _Fate(Enum):
    DELIVERED = 0
    DUPLICATE = 1
    AGAIN = 2
    REJECTED = 3
    REFUSED = 4


_ITEM = {200: _Fate.DELIVERED, 201: _Fate.DELIVERED, 409: _Fate.DUPLICATE, 401: _Fate.REFUSED, 403: _Fate.REFUSED, 404: _Fate.REFUSED, 429: _Fate.AGAIN}
_ITEM_CLASS = {4: _Fate.REJECTED, 5: _Fate.AGAIN}
_NO_FAULT_OF_A_DOCUMENT = (
    ("illegal_argument_exception", "only write ops with an op_type of create"),
    ("illegal_argument_exception", "pipeline with id"),
    ("index_closed_exception", ""),
)
"""Items with status 400 that say something of the index: (error type, words in its reason)."""

_HINTS = {
    401: "check api_key, or username and password",
    403: 'the key needs the privileges "auto_configure" and "create_doc" on logs-mail.*-*',
    404: "the index template logs-mail is missing: install it before anything is sent",
    406: "the server does not take plain JSON: check that it is Elasticsearch 7 to 9 or OpenSearch",
}
_NO_SERVER = "check hosts: what answers there is no Elasticsearch or OpenSearch, or a proxy before it stands in the way"

_REQUEST = {
    400: Step.SPLIT, 413: Step.SPLIT,
    401: Step.REFUSED, 403: Step.REFUSED, 404: Step.REFUSED, 406: Step.REFUSED,
    408: Step.UNAVAILABLE, 425: Step.UNAVAILABLE, 429: Step.UNAVAILABLE,
}  # fmt: skip
_REQUEST_CLASS = {1: Step.UNAVAILABLE, 2: Step.TAKEN, 3: Step.REFUSED, 4: Step.REFUSED, 5: Step.UNAVAILABLE}


def verdict(status: int, body: bytes, count: int) -> Verdict:
    """Judge an answer to a bulk request of ``count`` ``create`` operations. Takes any bytes, raises nothing."""
    answer = _json(body)
    step = _REQUEST.get(status) or _REQUEST_CLASS.get(status // 100, Step.UNAVAILABLE)
    if step is Step.TAKEN:
        return _items(answer, count)
    kind, reason = _error(answer)
    said = _cut(f"HTTP {status} {kind}: {reason}") if kind else f"HTTP {status}"
    if status == 400:  # noqa: PLR2004 - an HTTP status
        return _bad_request(kind, reason, said)
    return Verdict(step, said, _HINTS.get(status) or (_NO_SERVER if step is Step.REFUSED else None))


def _bad_request(kind: str, reason: str, said: str) -> Verdict:
    if not kind:
        return Verdict(Step.REFUSED, said, _NO_SERVER)
    if "require_data_stream" in reason:
        return Verdict(Step.LENIENT, said)
    if kind == "media_type_header_exception":
        return Verdict(Step.REFUSED, said, _HINTS[406])
    return Verdict(Step.SPLIT, said)


def _items(answer: Any, count: int) -> Verdict:
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) != count:
        return Verdict(Step.UNAVAILABLE, "the answer does not fit the request", _NO_SERVER)
    again: list[int] = []
    rejected: list[tuple[int, str]] = []
    duplicates = stored = 0
    for place, item in enumerate(items):
        outcome = item.get("create") if isinstance(item, dict) else None
        if not isinstance(outcome, dict) or not isinstance(outcome.get("status"), int):
            return Verdict(Step.UNAVAILABLE, "the answer does not fit the request", _NO_SERVER)
        status = outcome["status"]
        kind, reason = _error(outcome)
        fate = _fate(status, kind, reason)
        if fate is _Fate.REFUSED:
            return Verdict(Step.REFUSED, _cut(f"status {status} {kind}: {reason}"), _HINTS.get(status, "the data stream is not set up as it must be"))
        if fate is _Fate.AGAIN:
            again.append(place)
        elif fate is _Fate.REJECTED:
            rejected.append((place, _cut(f"{status} {kind}: {reason}")))
        duplicates += fate is _Fate.DUPLICATE
        stored += outcome.get("failure_store") == "used"
    return Verdict(Step.TAKEN, again=tuple(again), rejected=tuple(rejected), duplicates=duplicates, failure_store=stored)


def _fate(status: int, kind: str, reason: str) -> _Fate:
    fate = _ITEM.get(status) or _ITEM_CLASS.get(status // 100, _Fate.AGAIN)
    if fate is _Fate.REJECTED and any(kind == its_kind and words in reason for its_kind, words in _NO_FAULT_OF_A_DOCUMENT):
        return _Fate.REFUSED
    return fate


def _error(answer: Any) -> tuple[str, str]:
    """Return (type, reason) of an answer or an item, with the reason of what caused it; ("", "") where there is none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, str):
        return "error", error
    if not isinstance(error, dict):
        return "", ""
    cause = error.get("caused_by")
    deeper = f" ({cause.get('reason')})" if isinstance(cause, dict) and cause.get("reason") else ""
    return str(error.get("type") or "error"), f"{error.get('reason')}{deeper}"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _cut(text: str) -> str:
    """Bound what a server says: it may quote a whole document between the beginning and the point."""
    return text if len(text) <= REASON else f"{text[: REASON // 2]} ... {text[-REASON // 2 :]}"


def documents(parcel: Parcel) -> list[Document]:
    """Unpack a parcel; raises SinkRefused where its blob was damaged on the disk."""
    try:
        found = list(parcel.documents())
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError, LookupError, TypeError) as error:
        raise _damaged(parcel) from error
    if len(found) != parcel.count:
        raise _damaged(parcel)
    return found


def _damaged(parcel: Parcel) -> SinkRefused:
    return SinkRefused(f"parcel {parcel.seq} of {parcel.stream} is damaged in the spool", hint="check the disk; the spool must be repaired before this stream goes on")


def part(parcel: Parcel, chosen: Sequence[Document]) -> Parcel:
    """Return a smaller parcel with only some of the documents."""
    return Parcel(parcel.seq, parcel.stream, len(chosen), bulk(chosen))


def halves(parcel: Parcel) -> tuple[Parcel, Parcel]:
    """Cut a parcel of at least two documents into two, in order."""
    every = documents(parcel)
    middle = len(every) // 2
    return part(parcel, every[:middle]), part(parcel, every[middle:])

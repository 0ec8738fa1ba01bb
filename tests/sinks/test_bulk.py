import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SinkRefused
from collector.model import json
from collector.model.document import Parcel
from collector.sinks.bulk import Step, Verdict, documents, halves, part, verdict
from tests.support import faulty_server as server
from tests.support.parcels import STREAM, ids, parcel
from tests.support.parcels import documents as some


def judged(reply, count=1):
    return verdict(reply.status, reply.body, count)


def of_one(status, kind="some_exception", reason="why", **more):
    return judged(server.items({"status": status, "error": {"type": kind, "reason": reason}, **more}))


def test_all_new():
    assert judged(server.items(*[server.CREATED] * 3, errors=False), 3) == Verdict(Step.TAKEN)


def test_each_document_has_its_own_fate():
    away = {"status": 503, "error": {"type": "unavailable_shards_exception", "reason": "primary"}}
    found = judged(server.items(server.CREATED, server.THERE, server.MANY, server.BAD, server.THERE, away), 6)
    assert found.step is Step.TAKEN
    assert found.again == (2, 5)
    assert found.rejected == ((3, "400 document_parsing_exception: failed to parse ('x' is not an IP string)"),)
    assert found.duplicates == 2


def test_the_failure_store_counts_as_delivered_and_is_counted():
    assert judged(server.items({"status": 201, "failure_store": "used"}, server.CREATED, errors=False), 2) == Verdict(Step.TAKEN, failure_store=1)


@pytest.mark.parametrize(
    ("status", "kind", "reason", "hint"),
    [
        (403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized for user [agent]", "create_doc"),
        (404, "index_not_found_exception", "no such index", "index template logs-mail"),
        (400, "illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams", "set up"),
        (400, "illegal_argument_exception", "pipeline with id [logs-mail@default] does not exist", "set up"),
        (400, "index_closed_exception", "closed", "set up"),
    ],
)
def test_no_document_is_at_fault(status, kind, reason, hint):
    found = of_one(status, kind, reason)
    assert found.step is Step.REFUSED
    assert kind in found.reason
    assert hint in found.hint


@pytest.mark.parametrize(
    ("status", "fate"),
    [(400, "rejected"), (413, "rejected"), (422, "rejected"), (429, "again"), (500, "again"), (502, "again"), (503, "again"), (409, "duplicates")],
)
def test_items_by_status(status, fate):
    found = of_one(status)
    assert {name for name in ("again", "rejected", "duplicates") if getattr(found, name)} == {fate}


NAMED = server.error(400, "illegal_argument_exception", "request [/x/_bulk] contains unrecognized parameter: [require_data_stream]")


@pytest.mark.parametrize(
    ("reply", "step"),
    [
        (server.Reply(413), Step.SPLIT),
        (NAMED, Step.LENIENT),
        (server.error(400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]"), Step.SPLIT),
        (server.error(400, "media_type_header_exception", "Accept version must be either version 8 or 7, but found 9"), Step.REFUSED),
        (server.Reply(400, b"<html>The plain HTTP request was sent to HTTPS port</html>", "text/html"), Step.REFUSED),
        (server.Reply(400, b'{"error":"no handler found"}'), Step.SPLIT),
        (server.Reply(406, b""), Step.REFUSED),
        (server.error(401, "security_exception", "missing authentication credentials"), Step.REFUSED),
        (server.error(403, "security_exception", "unauthorized"), Step.REFUSED),
        (server.error(404, "index_not_found_exception", "no such index"), Step.REFUSED),
        (server.Reply(405, b""), Step.REFUSED),
        (server.Reply(301, b""), Step.REFUSED),
        (server.Reply(408, b""), Step.UNAVAILABLE),
        (server.error(429, "circuit_breaking_exception", "Data too large"), Step.UNAVAILABLE),
        (server.Reply(500, b"oops"), Step.UNAVAILABLE),
        (server.Reply(502, b"<html>", "text/html"), Step.UNAVAILABLE),
        (server.Reply(503, b""), Step.UNAVAILABLE),
        (server.Reply(504, b""), Step.UNAVAILABLE),
        (server.Reply(200, b"<html>please log in</html>", "text/html"), Step.UNAVAILABLE),
        (server.Reply(200, b""), Step.UNAVAILABLE),
        (server.Reply(200, b"[]"), Step.UNAVAILABLE),
        (server.Reply(200, b'{"errors":false,"items":{}}'), Step.UNAVAILABLE),
        (server.Reply(200, b'{"errors":false,"items":[{"index":{"status":201}}]}'), Step.UNAVAILABLE),
        (server.Reply(200, b'{"errors":false,"items":[{"create":{"status":"201"}}]}'), Step.UNAVAILABLE),
        (server.items(server.CREATED, server.CREATED), Step.UNAVAILABLE),
    ],
)  # fmt: skip
def test_requests(reply, step):
    found = judged(reply)
    assert found.step is step
    assert found.reason
    assert found.hint or step is not Step.REFUSED


def test_what_a_server_says_is_bounded():
    assert len(of_one(400, reason="x" * 10_000).rejected[0][1]) < 600
    assert len(judged(server.error(403, "security_exception", "x" * 10_000)).reason) < 600


keys = st.sampled_from(["errors", "items", "create", "status", "error", "type", "reason", "caused_by", "failure_store"])
scalars = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=20)


@given(st.integers(100, 599), st.binary() | values.map(json.dumps), st.integers(0, 3))
def test_any_answer_has_a_verdict_that_names_only_what_was_sent(status, body, count):
    found = verdict(status, body, count)
    places = [*found.again, *(place for place, _ in found.rejected)]
    assert len(set(places)) == len(places)
    assert all(0 <= place < count for place in places)
    assert found.step is Step.TAKEN or (not places and found.reason)


def test_a_parcel_is_unpacked_and_cut_in_order():
    whole = parcel(9, some(0, 3), some(3, 7))
    first, second = halves(whole)
    assert (first.seq, first.stream, first.count, second.count) == (9, STREAM, 3, 4)
    assert ids(first.documents(), second.documents()) == ids(some(0, 7))
    chosen = [one for one in documents(whole) if one.id == "d00004"]
    assert list(part(whole, chosen).documents()) == some(4, 5)


@pytest.mark.parametrize("spoil", [lambda blob: blob[:-9], lambda blob: b"", lambda blob: b"x" + blob, lambda blob: blob[:40] + b"\xff" + blob[41:], lambda blob: blob + blob])
def test_a_damaged_parcel_is_said_to_be_one(spoil):
    whole = parcel(9, some(0, 20))
    with pytest.raises(SinkRefused, match=r"parcel 9 of logs-mail\.postfix-default is damaged") as refused:
        documents(Parcel(9, STREAM, 20, spoil(whole.blob)))
    assert refused.value.hint

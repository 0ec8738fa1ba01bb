import gzip
import subprocess
import sys

import pytest
from pydantic import ValidationError

from collector.errors import SinkRefused, SinkUnavailable
from collector.model.document import Parcel
from collector.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from tests.support.faulty_server import BAD, CREATED, MANY, RESET, SILENCE, THERE, FaultyServer, Reply, error, items
from tests.support.parcels import STREAM, documents, ids, parcel

UNKNOWN_PARAMETER = error(400, "illegal_argument_exception", f"request [/{STREAM}/_bulk] contains unrecognized parameter: [require_data_stream]")


@pytest.fixture
def server():
    with FaultyServer() as server:
        yield server


@pytest.fixture
def sink(server):
    sink = ElasticsearchSink("elasticsearch", ElasticsearchOptions(hosts=(server.url,), timeout=5))
    yield sink
    sink.close()


def delivered(server):
    """Ids that the server said it took, once each."""
    return sorted({one for request in server.requests for one in getattr(request, "taken", [])})


def bulk_of(poison=(), most=10**9, status=400):
    """A server that answers a whole request with 400 while it holds a poisonous id, and with 413 while it holds too many."""

    def answer(request):
        if len(request.ids) > most:
            return Reply(413)
        if set(poison) & set(request.ids):
            return error(status, "illegal_argument_exception", "id is too long, must be no longer than 512 bytes")
        request.taken = request.ids
        return items(*[CREATED] * len(request.ids), errors=False)

    return answer


def test_the_stored_blob_goes_out_as_it_is(server, sink):
    one = parcel(3, documents(0, 2), documents(2, 5))
    delivery = sink.send(one)
    (request,) = server.requests
    assert request.method == "POST"
    assert request.path == f"/{STREAM}/_bulk?require_data_stream=true&filter_path=errors,items.*.status,items.*.error,items.*.failure_store"
    assert request.body == one.blob
    assert (request.headers["content-type"], request.headers["content-encoding"]) == ("application/x-ndjson", "gzip")
    assert (delivery.again, delivery.rejected, delivery.token, delivery.duplicates) == (frozenset(), (), None, 0)


def test_some_again_some_rejected_the_rest_delivered(server, sink):
    server.script = [items(CREATED, MANY, THERE, BAD, {"status": 201, "failure_store": "used"})]
    delivery = sink.send(parcel(1, documents(0, 2), documents(2, 5)))
    assert delivery.again == {"d00001"}
    assert delivery.rejected == (("d00003", "400 document_parsing_exception: failed to parse ('x' is not an IP string)"),)
    assert (delivery.duplicates, delivery.failure_store) == (1, 1)


@pytest.mark.parametrize("most", [1, 3, 7, 16])
def test_too_big_is_halved_until_it_fits_and_stays_in_order(server, sink, most):
    server.script = [bulk_of(most=most)] * 200
    assert sink.send(parcel(1, documents(0, 16))).rejected == ()
    assert [one for request in server.requests for one in getattr(request, "taken", [])] == ids(documents(0, 16))


def test_too_big_even_alone_is_rejected(server, sink):
    server.script = [Reply(413, b"", early=True)] * 3
    delivery = sink.send(parcel(1, documents(0, 2)))
    assert delivery.rejected == (("d00000", "HTTP 413"), ("d00001", "HTTP 413"))


@pytest.mark.parametrize("poison", [[0], [15], [3, 4], list(range(16))])
def test_bad_requests_are_bisected_until_the_culprits_are_alone(server, sink, poison):
    culprits = [f"d{number:05}" for number in poison]
    server.script = [bulk_of(culprits)] * 200
    delivery = sink.send(parcel(1, documents(0, 16)))
    assert [one for one, _ in delivery.rejected] == culprits
    assert "512 bytes" in delivery.rejected[0][1]
    assert delivered(server) == [one for one in ids(documents(0, 16)) if one not in culprits]


def test_documents_of_halves_keep_their_fate(server, sink):
    server.script = [Reply(413), items(MANY, BAD), items(THERE, MANY)]
    delivery = sink.send(parcel(1, documents(0, 4)))
    assert delivery.again == {"d00000", "d00003"}
    assert [one for one, _ in delivery.rejected] == ["d00001"]
    assert delivery.duplicates == 1


def test_a_server_that_dies_between_the_halves_gets_the_whole_parcel_again(server, sink):
    server.script = [Reply(413), items(CREATED, CREATED, errors=False), RESET]
    with pytest.raises(SinkUnavailable):
        sink.send(parcel(1, documents(0, 4)))
    server.script = [items(THERE, THERE, CREATED, CREATED)]
    assert sink.send(parcel(1, documents(0, 4))).duplicates == 2


@pytest.mark.parametrize(
    "fault",
    [
        RESET, Reply(429), Reply(500), Reply(502, b"<html>", "text/html"), Reply(503), Reply(504), Reply(200, b"<html>log in</html>", "text/html"),
        Reply(200, b'{"errors":false', cut=3), items(CREATED),
    ],
)  # fmt: skip
def test_nothing_is_known_so_all_of_it_comes_again(server, sink, fault):
    server.script = [fault]
    with pytest.raises(SinkUnavailable) as away:
        sink.send(parcel(1, documents(0, 3)))
    assert away.value.message
    assert sink.send(parcel(1, documents(0, 3))).duplicates == 0
    assert server.requests[-1].ids == ids(documents(0, 3))


def test_a_silent_server_is_given_up(server):
    server.script = [SILENCE]
    sink = ElasticsearchSink("elasticsearch", ElasticsearchOptions(hosts=(server.url,), timeout=0.2))
    with pytest.raises(SinkUnavailable, match="in time"):
        sink.send(parcel(1, documents(0, 3)))
    sink.close()


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        (error(401, "security_exception", "unable to authenticate"), "api_key"),
        (error(403, "security_exception", "unauthorized"), "create_doc"),
        (Reply(404), "index template"),
        (Reply(406), "plain JSON"),
        (Reply(400, b"<html>plain HTTP to HTTPS port", "text/html"), "hosts"),
        (Reply(307), "hosts"),
        (items(CREATED, {"status": 403, "error": {"type": "security_exception", "reason": "unauthorized"}}), "create_doc"),
        (items(CREATED, {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}), "index template"),
    ],
)
def test_no_document_is_at_fault(server, sink, fault, hint):
    server.script = [fault]
    with pytest.raises(SinkRefused, match=STREAM) as refused:
        sink.send(parcel(1, documents(0, 2)))
    assert hint in refused.value.hint


def test_a_damaged_parcel_ends_in_refusal_not_in_dead_letters(server, sink):
    whole = parcel(1, documents(0, 9))
    server.script = [error(400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]")]
    with pytest.raises(SinkRefused, match="damaged"):
        sink.send(Parcel(1, STREAM, 9, whole.blob[:-20]))


def test_a_renewed_key_is_read_after_a_refusal(server, tmp_path):
    key = tmp_path / "api_key"
    key.write_text("id:old\n")
    sink = ElasticsearchSink("elasticsearch", ElasticsearchOptions(hosts=(server.url,), api_key={"file": str(key)}))
    server.script = [error(401, "security_exception", "expired")]
    with pytest.raises(SinkRefused):
        sink.send(parcel(1, documents(0, 1)))
    key.write_text("id:new\n")
    sink.send(parcel(1, documents(0, 1)))
    sink.close()
    assert [request.headers["authorization"] for request in server.requests] == ["ApiKey aWQ6b2xk", "ApiKey aWQ6bmV3"]


def test_username_and_password(server):
    sink = ElasticsearchSink("elasticsearch", ElasticsearchOptions(hosts=(server.url,), username="agent", password="geheim"))
    sink.send(parcel(1, documents(0, 1)))
    sink.close()
    assert server.requests[0].headers["authorization"] == "Basic YWdlbnQ6Z2VoZWlt"


def test_without_the_parameter_the_template_is_looked_for_once(server, sink):
    server.script = [UNKNOWN_PARAMETER, Reply(200, b'{"index_templates":[]}')]
    sink.send(parcel(1, documents(0, 2)))
    sink.send(parcel(2, documents(2, 4)))
    assert [(request.method, "require_data_stream" in request.path) for request in server.requests] == [("POST", True), ("GET", False), ("POST", False), ("POST", False)]
    assert server.requests[1].path == "/_index_template/logs-mail"
    assert server.requests[2].ids == ids(documents(0, 2))
    assert sink.facts() == ()


def test_without_the_template_nothing_is_sent_until_it_is_there(server, sink):
    server.script = [UNKNOWN_PARAMETER, Reply(404, b"{}"), Reply(404, b"{}"), Reply(503), Reply(200, b"{}")]
    for expected in (SinkRefused, SinkRefused, SinkUnavailable):
        with pytest.raises(expected, match="index template logs-mail"):
            sink.send(parcel(1, documents(0, 2)))
    sink.send(parcel(1, documents(0, 2)))
    assert [request.method for request in server.requests] == ["POST", "GET", "GET", "GET", "GET", "POST"]


def test_who_may_not_look_for_the_template_is_warned_once(server, sink):
    server.script = [UNKNOWN_PARAMETER, Reply(403, b"{}")]
    sink.send(parcel(1, documents(0, 2)))
    sink.send(parcel(2, documents(2, 4)))
    (fact,) = sink.facts()
    assert fact.action == "agent-health"
    assert "plain indices" in fact.fields["event.reason"]
    assert sink.facts() == ()


def test_a_server_that_goes_on_naming_the_parameter_is_no_endless_loop(server, sink):
    server.script = [UNKNOWN_PARAMETER, Reply(200, b"{}"), UNKNOWN_PARAMETER]
    with pytest.raises(SinkRefused, match="require_data_stream"):
        sink.send(parcel(1, documents(0, 2)))


def test_closing_twice_and_sending_again(server, sink):
    sink.resume(STREAM, None)
    sink.send(parcel(1, documents(0, 1)))
    sink.close()
    sink.close()
    sink.send(parcel(2, documents(1, 2)))
    assert len(server.requests) == 2


def test_the_library_is_loaded_by_who_sends_only():
    code = "import sys, collector.sinks.elasticsearch; sys.exit('elastic_transport' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"hosts": ()}, "hosts"),
        ({"hosts": ("es1.example.org",)}, "scheme, name and port"),
        ({"hosts": ("https://es1.example.org",)}, "scheme, name and port"),
        ({"hosts": ("ftp://es1.example.org:21",)}, "scheme, name and port"),
        ({"hosts": ("https://es1.example.org:port",)}, "hosts"),
        ({"hosts": ("https://bob:secret@es1.example.org:9200",)}, "api_key"),
        ({"username": "bob"}, "belong together"),
        ({"username": "bob", "password": "x", "api_key": "a:b"}, "not both"),
        ({"ssl_assert_fingerprint": "ab:cd"}, "64 hexadecimal"),
        ({"hosts": ("http://127.0.0.1:9200",), "ca_file": "ca.pem"}, "of no use"),
        ({"timeout": 0}, "timeout"),
        ({"host": "x"}, "host"),
    ],
)
def test_options_that_make_no_sense(wrong, says):
    with pytest.raises(ValidationError, match=says):
        ElasticsearchOptions(**{"hosts": ("https://es1.example.org:9200",), **wrong})


def test_a_fingerprint_may_have_colons_and_secrets_do_not_print():
    options = ElasticsearchOptions(hosts=["https://es1.example.org:9200"], ssl_assert_fingerprint=":".join(["AB"] * 32), api_key="id:geheim")
    assert options.ssl_assert_fingerprint == "ab" * 32
    assert "geheim" not in repr(options)


def test_every_option_says_what_it_is():
    assert all(field.description for field in ElasticsearchOptions.model_fields.values())


def test_gzip_members_are_left_alone(server, sink):
    one = parcel(3, documents(0, 2), documents(2, 5))
    sink.send(one)
    assert gzip.decompress(server.requests[0].body) == gzip.decompress(one.blob)

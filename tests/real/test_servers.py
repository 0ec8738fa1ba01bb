"""The sink against what it will meet: a real Elasticsearch and a real OpenSearch."""

from contextlib import contextmanager

import pytest

from collector.errors import SinkRefused
from collector.model.document import Document
from collector.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from tests.conformance.sinks import SinkSuite
from tests.support.parcels import document, documents, ids, parcel

pytestmark = pytest.mark.real


def sink_for(server, **options):
    ca_file = str(server.ca_file) if server.ca_file else None
    return ElasticsearchSink("elasticsearch", ElasticsearchOptions(hosts=(server.url,), ca_file=ca_file, **options))


@pytest.fixture
def sink(server):
    sink = sink_for(server)
    yield sink
    sink.close()


@pytest.fixture
def stream(namespace):
    return f"logs-mail.postfix-{namespace}"


class Place:
    def __init__(self, server, namespace):
        self._server = server
        self._namespace = namespace

    def open(self):
        return sink_for(self._server)

    def received(self, stream):
        return [hit["_id"] for hit in self._server.documents(stream)]

    @contextmanager
    def unavailable(self):
        self._server.kill()
        yield
        self._server.start()

    @contextmanager
    def refusing(self):
        """Streams of this namespace begin with a write block, as a full disk or an administrator leaves it."""
        pattern = f"logs-mail.*-{self._namespace}"
        self._server.put_template("blocked", priority=300, index_patterns=[pattern], template={"settings": {"number_of_replicas": 0, "index.blocks.write": True}})
        yield
        status, answer = self._server.call("PUT", f"/{pattern}/_settings", {"index.blocks.write": False})
        assert status == 200, answer


class _Suite(SinkSuite):
    ordered = False

    @pytest.fixture
    def stream(self, namespace):
        return f"logs-mail.postfix-{namespace}"

    @pytest.fixture
    def other(self, namespace):
        return f"logs-mail.dovecot-{namespace}"


class TestElasticsearch(_Suite):
    @pytest.fixture
    def place(self, elasticsearch, namespace):
        return Place(elasticsearch, namespace)


class TestOpenSearch(_Suite):
    @pytest.fixture
    def place(self, opensearch, namespace):
        return Place(opensearch, namespace)


def test_what_is_there_already_is_delivered_and_counted(server, sink, stream):
    sink.send(parcel(1, documents(0, 10), stream=stream))
    delivery = sink.send(parcel(2, documents(5, 10), documents(10, 20), stream=stream))
    assert (delivery.again, delivery.rejected, delivery.duplicates) == (frozenset(), (), 5)
    assert server.count(stream) == 20


def test_it_is_a_data_stream_and_documents_stay_as_they_were_sent(server, sink, stream):
    sent = document(1, source={"ip": "203.0.113.9", "address": "203.0.113.9"}, event={"id": "d00001", "original": '<22>é \\ " line'})
    sink.send(parcel(1, [sent], stream=stream))
    assert server.documents(stream)[0]["_source"]["event"]["original"] == '<22>é \\ " line'
    status, answer = server.call("GET", f"/{stream}/_mapping")
    assert status == 200
    assert all(index.startswith(f".ds-{stream}-") for index in answer)
    assert server.call("POST", f"/{stream}/_count", {"query": {"term": {"source.ip": "203.0.113.0/24"}}})[1]["count"] == 1


def test_one_bad_document_keeps_no_other_back(server, sink, stream):
    bad = document(2, event={"id": "d00002", "severity": "very"})
    delivery = sink.send(parcel(1, [document(1), bad, document(3)], stream=stream))
    ((rejected, reason),) = delivery.rejected
    assert rejected == "d00002"
    assert "parsing_exception" in reason
    assert "event.severity" in reason
    assert server.count(stream) == 2


def test_an_address_that_is_none_does_not_make_a_document_bad(server, sink, stream):
    assert sink.send(parcel(1, [document(1, source={"ip": "unknown"})], stream=stream)).rejected == ()
    assert server.count(stream) == 1


def test_an_id_that_spoils_the_whole_request_is_found(server, sink, stream):
    spoiler = Document("x" * 600, document(1).body)
    delivery = sink.send(parcel(1, documents(0, 7), [spoiler], documents(7, 11), stream=stream))
    ((rejected, reason),) = delivery.rejected
    assert rejected == spoiler.id
    assert "too long" in reason
    assert server.count(stream) == 11


def test_without_a_template_elasticsearch_gets_nothing_and_makes_nothing(elasticsearch, namespace):
    sink = sink_for(elasticsearch)
    with pytest.raises(SinkRefused) as refused:
        sink.send(parcel(1, documents(0, 3), stream=f"other-mail.postfix-{namespace}"))
    sink.close()
    assert "index template logs-mail" in refused.value.hint
    assert elasticsearch.call("GET", f"/other-mail.postfix-{namespace}/_mapping")[0] == 404


def test_without_a_template_opensearch_gets_nothing_until_it_is_there(opensearch, stream):
    opensearch.put_template("stand-in", priority=400)  # what streams use cannot be deleted, so another must be stronger
    opensearch.delete_template()
    sink = sink_for(opensearch)
    with pytest.raises(SinkRefused, match="no index template logs-mail"):
        sink.send(parcel(1, documents(0, 3), stream=stream))
    assert opensearch.count(stream) == 0
    opensearch.put_template(priority=500)
    opensearch.delete_template("stand-in")
    opensearch.put_template()
    sink.send(parcel(1, documents(0, 3), stream=stream))
    sink.close()
    assert opensearch.count(stream) == 3
    assert sink.facts() == ()


@pytest.fixture
def writer(strict_elasticsearch):
    name, password = strict_elasticsearch.writer
    sink = sink_for(strict_elasticsearch, username=name, password=password)
    yield sink
    sink.close()


def test_create_doc_and_auto_configure_are_enough(strict_elasticsearch, writer, stream):
    writer.send(parcel(1, documents(0, 3), stream=stream))
    assert writer.send(parcel(1, documents(0, 3), stream=stream)).duplicates == 3
    assert strict_elasticsearch.count(stream) == 3


def test_another_stream_than_it_may_write_is_refused(writer, namespace):
    with pytest.raises(SinkRefused, match="security_exception") as refused:
        writer.send(parcel(1, documents(0, 3), stream=f"other-mail.postfix-{namespace}"))
    assert "create_doc" in refused.value.hint


@pytest.mark.parametrize("password", [None, "wrong"])
def test_who_may_not_write_is_refused_and_told_what_is_missing(strict_elasticsearch, stream, password):
    name, right = strict_elasticsearch.reader
    sink = sink_for(strict_elasticsearch, username=name, password=password or right)
    with pytest.raises(SinkRefused) as refused:
        sink.send(parcel(1, documents(0, 3), stream=stream))
    sink.close()
    assert ("api_key" if password else "create_doc") in refused.value.hint


def test_a_body_too_big_is_halved_and_a_document_too_big_rejected(strict_elasticsearch, writer, stream):
    huge = document(0, "huge", message="x" * 70_000)
    delivery = writer.send(parcel(1, documents(0, 900), [huge], documents(900, 1000), stream=stream))
    assert delivery.rejected == ((huge.id, "HTTP 413"),)
    assert [hit["_id"] for hit in strict_elasticsearch.documents(stream)] == ids(documents(0, 1000))

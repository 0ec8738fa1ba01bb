import base64
import hashlib
import socket
import ssl

import pytest

from collector.errors import SinkRefused, SinkUnavailable
from collector.sinks.elastic_client import Answer, ElasticClient, Peer, api_key, basic
from tests.support.certificates import make
from tests.support.faulty_server import RESET, SILENCE, FaultyServer, Reply


@pytest.fixture
def server():
    with FaultyServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def client_of():
    clients = []

    def make(*hosts, **options):
        clients.append(ElasticClient(Peer(hosts, **options)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def unused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


BODY = bytes(range(256))


def test_bodies_go_and_come_untouched_whatever_the_type(server, client_of):
    server.script = [Reply(200, BODY, "application/json"), Reply(404, BODY, "image/png"), Reply(400, b"", "nonsense"), Reply(500, b"<html>", "text/html; charset=latin1")]
    client = client_of(server.url)
    answers = [client.request("POST", "/x/_bulk", BODY, {"content-type": "application/x-ndjson"}) for _ in range(4)]
    assert answers == [Answer(200, BODY), Answer(404, BODY), Answer(400, b""), Answer(500, b"<html>")]
    assert all(request.body == BODY for request in server.requests)


def test_only_what_is_asked_for_is_sent_and_without_versioned_types(server, client_of):
    server.script = [Reply(200, b"{}")]
    client_of(server.url).request("GET", "/_index_template/logs-mail", headers={"accept": "application/json"})
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("GET", "/_index_template/logs-mail", b"")
    assert not any("compatible-with" in value for value in request.headers.values())
    assert not any(name.lower() in ("authorization", "x-elastic-client-meta") for name in request.headers)


def test_a_path_before_the_api_is_kept(server, client_of):
    server.script = [Reply()]
    client_of(f"{server.url}/search/").request("GET", "/x")
    assert server.requests[0].path == "/search/x"


def test_credentials(server, client_of):
    encoded = base64.b64encode(b"id:key").decode()
    assert api_key("id:key") == api_key(encoded) == f"ApiKey {encoded}"
    assert base64.b64decode(basic("bob", "ü:x").removeprefix("Basic ")).decode() == "bob:ü:x"
    server.script = [Reply()]
    client_of(server.url, authorization=api_key("id:key")).request("GET", "/x")
    assert server.requests[0].headers["authorization"] == f"ApiKey {encoded}"


def test_where_one_host_is_away_the_next_is_asked(server, client_of):
    server.script = [Reply(), Reply(), Reply()]
    client = client_of(unused(), unused(), server.url)
    assert [client.request("GET", "/x").status for _ in range(3)] == [200] * 3


def test_nobody_there(client_of):
    with pytest.raises(SinkUnavailable, match="connection failed") as away:
        client_of(unused()).request("GET", "/x")
    assert away.value.hint


def test_the_library_says_nothing_by_itself(client_of, capfd, caplog):
    with pytest.raises(SinkUnavailable):
        client_of(unused(), unused()).request("GET", "/x")
    assert caplog.records == []
    assert "".join(capfd.readouterr()) == ""


def test_an_unknown_name(client_of):
    with pytest.raises(SinkUnavailable):
        client_of("http://nowhere.invalid:9200").request("GET", "/x")


@pytest.mark.parametrize("fault", [RESET, Reply(200, b'{"errors":false}', cut=5)])
def test_a_connection_lost_in_the_middle(server, client_of, fault):
    server.script = [fault]
    with pytest.raises(SinkUnavailable, match="connection failed"):
        client_of(server.url).request("POST", "/x", b"body", {"content-type": "application/x-ndjson"})


def test_no_answer_in_time(server, client_of):
    server.script = [SILENCE]
    with pytest.raises(SinkUnavailable, match="in time"):
        client_of(server.url, timeout=0.2).request("GET", "/x")


def test_an_answer_before_the_body_was_read_is_heard(server, client_of):
    server.script = [Reply(413, b"", early=True)]
    answer = client_of(server.url).request("POST", "/x", bytes(20 << 20), {"content-type": "application/x-ndjson"})
    assert answer == Answer(413, b"")


@pytest.mark.parametrize("wrong", ["ApiKey a\nb", "ApiKey a\r\nX: y", "Basic é€"])
def test_stray_characters_in_a_secret(server, client_of, wrong):
    with pytest.raises(SinkRefused) as refused:
        client_of(server.url, authorization=wrong).request("GET", "/x")
    assert "stray" in refused.value.hint


def fingerprint(file):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read_text())).hexdigest()


@pytest.fixture
def tls(certificates):
    def start(name="server", maximum=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if maximum is not None:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = maximum
        context.load_cert_chain(getattr(certificates, name), certificates.key)
        server = FaultyServer([Reply()])
        server.wrap(context)
        servers.append(server.__enter__())
        return f"https://127.0.0.1:{server.port}"

    servers = []
    yield start
    for server in servers:
        server.__exit__()


def test_the_given_ca_is_trusted(tls, certificates, client_of):
    assert client_of(tls(), ca_file=str(certificates.ca)).request("GET", "/x").status == 200


def test_the_fingerprint_of_the_servers_certificate_is_enough(tls, certificates, client_of):
    assert client_of(tls("elsewhere"), fingerprint=fingerprint(certificates.elsewhere)).request("GET", "/x").status == 200
    assert client_of(tls(), fingerprint=fingerprint(certificates.server), ca_file=str(certificates.ca)).request("GET", "/x").status == 200


@pytest.mark.parametrize("trust", [{}, {"ca_file": "other_ca"}, {"fingerprint": "other_ca"}, {"fingerprint": "ca"}, {"fingerprint": "server", "ca_file": "other_ca"}])
def test_who_is_not_trusted_gets_nothing(tls, certificates, client_of, trust):
    files = {key: getattr(certificates, name) for key, name in trust.items()}
    options = {key: fingerprint(file) if key == "fingerprint" else str(file) for key, file in files.items()}
    with pytest.raises(SinkUnavailable, match="no TLS connection") as away:
        client_of(tls(), **options).request("GET", "/x")
    assert "ca_file" in away.value.hint


def test_a_certificate_for_another_name(tls, certificates, client_of):
    with pytest.raises(SinkUnavailable, match="no TLS connection"):
        client_of(tls("elsewhere"), ca_file=str(certificates.ca)).request("GET", "/x")


def test_a_private_ca_shuts_out_the_public_ones(certificates, client_of):
    client = client_of("https://127.0.0.1:9", ca_file=str(certificates.ca))
    (node,) = client._transport.node_pool.all()
    context = node.pool.conn_kw["ssl_context"]
    assert [dict(part[0] for part in one["subject"])["commonName"] for one in context.get_ca_certs()] == ["ca"]
    assert node.pool.ca_certs is None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_plain_text_where_tls_is_meant(server, client_of):
    with pytest.raises(SinkUnavailable):
        client_of(server.url.replace("http:", "https:")).request("GET", "/x")


@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_ca_file_that_is_none(tmp_path, client_of, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SinkRefused, match="cannot be read"):
        client_of("https://127.0.0.1:9", ca_file=str(file))

"""The sink against receivers of its own: every scheme passes the suite of sinks, and every way in which a connection ends is seen."""

import hashlib
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
from pydantic import ValidationError

from collector.errors import SinkRefused, SinkUnavailable
from collector.sinks.syslog import SEVERITY, SyslogOptions, SyslogSink
from tests.conformance.sinks import SinkSuite
from tests.support import certificates
from tests.support.parcels import STREAM, document, documents, ids, parcel
from tests.support.syslog_receiver import receiver


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("syslog"))


class Place:
    """A receiver, and the sink that sends to it."""

    def __init__(self, there, **options):
        self.there = there
        self.options = {"timeout": 5} | options

    def open(self):
        return SyslogSink("syslog", SyslogOptions(target=self.there.target, **self.options), "mx1")

    def received(self, stream=STREAM):
        return self.there.ids(stream)

    @contextmanager
    def unavailable(self):
        """An orderly end: what was acknowledged is read before it."""
        self.there.wait(lambda there: there.messages)
        self.there.close()
        yield
        self.there.open()

    @contextmanager
    def refusing(self):
        self.there.certificate = self.there._certificates.elsewhere
        yield
        self.there.certificate = self.there._certificates.server


class Suite(SinkSuite):
    def arrived(self, place, stream, wanted):
        """In order within a connection; which of two a receiver reads first is its own affair."""
        place.there.wait(lambda there: sorted(there.ids(stream)) == wanted)


class TestUDP(Suite):
    test_who_will_not_have_it_gets_it_when_he_will = None  # a port takes everything

    @pytest.fixture
    def place(self):
        with receiver("udp") as there:
            yield Place(there)


class TestTCP(Suite):
    test_who_will_not_have_it_gets_it_when_he_will = None  # the same

    @pytest.fixture(params=["octet-counting", "newline"])
    def place(self, request):
        with receiver("tcp", framing=request.param) as there:
            yield Place(there, framing=request.param)


class TestTLS(Suite):
    @pytest.fixture
    def place(self, tls):
        with receiver("tcp+tls", tls) as there:
            yield Place(there, ca_file=str(tls.ca))


@pytest.fixture
def tcp():
    with receiver("tcp") as there:
        yield Place(there)


@pytest.fixture
def sink(tcp):
    made = tcp.open()
    yield made
    made.close()


@pytest.mark.parametrize("reset", [False, True])
def test_a_peer_that_was_there_is_met_again_before_anything_is_lost(tcp, sink, reset):
    """Without a look the first message into a closed connection would be gone without a word."""
    sink.send(parcel(1, documents(0, 2)))
    tcp.there.wait(lambda there: len(there.messages) == 2)
    tcp.there.hang_up(reset=reset)
    sink.send(parcel(2, documents(2, 3)))
    tcp.there.wait(lambda there: tcp.received() == ids(documents(0, 3)))
    assert tcp.there.accepted == 2


def test_what_a_peer_does_not_take_is_not_delivered_and_goes_again(tcp):
    tcp.options["timeout"] = 0.3
    sink = tcp.open()
    tcp.there.be_deaf()
    big = [document(number, message="x" * 7000) for number in range(1500)]
    with pytest.raises(SinkUnavailable) as away:
        sink.send(parcel(1, big))
    assert away.value.hint
    tcp.there.be_deaf(deaf=False)
    sink.send(parcel(1, big))
    tcp.there.wait(lambda there: len(set(tcp.received())) == 1500)
    sink.close()


def test_a_reset_while_bytes_wait_for_their_acknowledgement_is_seen(tcp):
    """The peer takes what its kernel has room for, then dies: the parcel must not count as delivered."""
    sink = tcp.open()
    tcp.there.be_deaf()
    big = [document(number, message="x" * 7000) for number in range(1500)]
    failed = []

    def send():
        try:
            sink.send(parcel(1, big))
        except SinkUnavailable as error:
            failed.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    tcp.there.wait(lambda there: there.accepted == 1 and there._connections)
    tcp.there.hang_up(reset=True)
    sending.join(30)
    assert not sending.is_alive()
    assert len(failed) == 1
    sink.close()


def test_nobody_there_is_waited_for_and_a_name_that_is_none_too():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for target in (f"tcp://127.0.0.1:{port}", "tcp://nowhere.invalid:601", "udp://nowhere.invalid:514"):
        sink = SyslogSink("syslog", SyslogOptions(target=target), "mx1")
        with pytest.raises(SinkUnavailable) as away:
            sink.send(parcel(1, documents(0, 1)))
        assert away.value.hint
        sink.close()


def test_a_name_that_cannot_be_looked_up_is_refused():
    sink = SyslogSink("syslog", SyslogOptions(target=f"tcp://{'a' * 70}.example.org:601"), "mx1")
    with pytest.raises(SinkRefused, match="no name of a host"):
        sink.send(parcel(1, documents(0, 1)))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_ends_in_order(tls, version):
    with receiver("tcp+tls", tls, version=version) as there:
        sink = Place(there, ca_file=str(tls.ca)).open()
        sink.send(parcel(1, documents(0, 3)))
        sink.close()
        there.wait(lambda there: there.ends == ["closed"])
        assert there.ids(STREAM) == ids(documents(0, 3))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_tls_below_1_2_is_not_spoken(tls):
    with receiver("tcp+tls", tls, version=ssl.TLSVersion.TLSv1_1) as there, pytest.raises(SinkUnavailable, match="no TLS"):
        Place(there, ca_file=str(tls.ca)).open().send(parcel(1, documents(0, 1)))


def fingerprint(path):
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).digest())


def test_whom_it_trusts(tls):
    with receiver("tcp+tls", tls) as there:
        trusted = [{"ca_file": tls.ca}, {"fingerprint": fingerprint(tls.server)}, {"ca_file": tls.ca, "fingerprint": fingerprint(tls.server)}]
        for number, options in enumerate(trusted):
            sink = Place(there, **{name: str(value) for name, value in options.items()}).open()
            sink.send(parcel(1, documents(number, number + 1)))
            sink.close()
        there.wait(lambda there: there.ids(STREAM) == ids(documents(0, 3)))
        strangers = [{}, {"ca_file": tls.other_ca}, {"fingerprint": fingerprint(tls.ca)}, {"ca_file": tls.ca, "fingerprint": fingerprint(tls.ca)}]
        strangers += [{"ca_file": tls.ca, "server_name": "siem.example.org"}, {"ca_file": "/nowhere/ca.pem"}, {"ca_file": tls.ca, "cert_file": "/nowhere/cert.pem"}]
        for options in strangers:
            with pytest.raises(SinkRefused) as refused:
                Place(there, **{name: str(value) for name, value in options.items()}).open().send(parcel(1, documents(9, 10)))
            assert refused.value.hint
        assert there.ids(STREAM) == ids(documents(0, 3))


def test_another_name_is_trusted_where_it_is_named(tls):
    with receiver("tcp+tls", tls) as there:
        there.certificate = tls.elsewhere
        sink = Place(there, ca_file=str(tls.ca), server_name="es.example.org").open()
        sink.send(parcel(1, documents(0, 1)))
        there.wait(lambda there: there.ids(STREAM) == ids(documents(0, 1)))
        sink.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_missing_is_no_delivery(tls, version):
    """In TLS 1.3 the handshake is over for the client before the server has refused it."""
    with receiver("tcp+tls", tls, client_ca=tls.ca, version=version) as there:
        with pytest.raises(SinkUnavailable) as away:
            Place(there, ca_file=str(tls.ca)).open().send(parcel(1, documents(0, 1)))
        assert "client certificate" in away.value.hint
        sink = Place(there, ca_file=str(tls.ca), cert_file=str(tls.server), key_file={"file": str(tls.key)}).open()
        sink.send(parcel(1, documents(0, 2)))
        there.wait(lambda there: there.ids(STREAM) == ids(documents(0, 2)))
        sink.close()


def test_a_renewed_ca_file_is_read_at_the_next_connection(tls, tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_bytes(tls.other_ca.read_bytes())
    with receiver("tcp+tls", tls) as there:
        sink = Place(there, ca_file=str(ca)).open()
        with pytest.raises(SinkRefused):
            sink.send(parcel(1, documents(0, 1)))
        ca.write_bytes(tls.ca.read_bytes())
        sink.send(parcel(1, documents(0, 1)))
        there.wait(lambda there: there.ids(STREAM) == ids(documents(0, 1)))
        sink.close()


def test_json_goes_over_the_wire_too():
    with receiver("udp") as there:
        sink = Place(there, format="rfc5424-json").open()
        sink.send(parcel(1, documents(0, 1)))
        sink.close()
        there.wait(lambda there: [message.text[:18] for message in there.parsed] == ['{"@timestamp":"202'])


WRONG = [
    ({"target": "siem.example.org:514"}, "is no target"),
    ({"target": "tls://siem.example.org:6514"}, "is no target"),
    ({"target": "tcp://siem.example.org"}, "is no target"),
    ({"target": "tcp://siem.example.org:0"}, "is no target"),
    ({"target": "tcp://siem.example.org:99999"}, "is no target"),
    ({"target": "tcp://user@siem.example.org:601"}, "is no target"),
    ({"target": "tcp://siem.example.org:601/x"}, "is no target"),
    ({"target": "tcp://siem.example.org:601", "ca_file": "/x"}, "is of no use"),
    ({"target": "tcp+tls://siem.example.org:6514", "key_file": {"file": "/x"}}, "without cert_file"),
    ({"target": "tcp+tls://siem.example.org:6514", "framing": "newline"}, "plain TCP"),
    ({"target": "tcp+tls://siem.example.org:6514", "server_name": ".x"}, "no name"),
    ({"target": "tcp+tls://siem.example.org:6514", "fingerprint": "ab"}, "SHA-256"),
    ({"target": "udp://siem.example.org:514", "max_bytes": 100_000}, "datagram"),
    ({"target": "udp://siem.example.org:514", "max_bytes": 100}, "2048"),
    ({"target": "udp://siem.example.org:514", "facility": "post"}, "no facility"),
    ({"target": "udp://siem.example.org:514", "severity": {"huge": "crit"}}, "levels are"),
    ({"target": "udp://siem.example.org:514", "severity": {"high": "panic"}}, "severities"),
    ({"target": "udp://siem.example.org:514", "format": "cef"}, "rfc5424"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_what_cannot_work_is_no_setting(options, words):
    with pytest.raises(ValidationError, match=words):
        SyslogOptions.model_validate(options)


def test_a_severity_that_is_not_named_keeps_its_default():
    options = SyslogOptions.model_validate({"target": "tcp://[2001:db8::1]:601", "severity": {"high": "alert"}})
    assert options.severity == SEVERITY | {"high": "alert"}
    assert SyslogSink("syslog", options, "mx1")._peer.host == "2001:db8::1"


def test_a_connection_keeps_the_order(tcp, sink):
    for start in range(0, 2000, 500):
        sink.send(parcel(start, documents(start, start + 500)))
    tcp.there.wait(lambda there: there.ids(STREAM) == ids(documents(0, 2000)))
    assert tcp.there.accepted == 1

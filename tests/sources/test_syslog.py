"""Messages over real loopback sockets: what was received and what was lost is what was sent."""

import contextlib
import errno
import os
import socket
import time

import pytest

from collector.errors import SourceError
from collector.model.record import SourceInfo
from collector.sources import syslog_listener as module
from collector.sources.syslog import RETRY_MS, TELL_MS, SyslogSource
from tests.conformance.sources import OnceSuite, until, upto


class Sender:
    """Talks to the newest source over UDP or one TCP connection a write."""

    lineage = False

    def __init__(self, protocol, address="127.0.0.1"):
        self.protocol = protocol
        self.address = address
        self.ahead = 0
        self.sources = []
        self.rung = 0

    def ring(self):
        self.rung += 1

    def open(self, protocols=("udp", "tcp"), port=0):
        self.source = SyslogSource(
            SourceInfo("syslog", input="syslog"), self.address, port, protocols, clock=lambda: time.time_ns() // 1_000_000 + self.ahead, ring=self.ring
        )
        self.sources.append(self.source)
        return self.source

    def connect(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM if self.protocol == "udp" else socket.SOCK_STREAM)
        made.connect((self.address, self.source.ports[self.protocol]))
        return made

    def write(self, lines):
        with self.connect() as made:
            for line in lines:
                made.send(line if self.protocol == "udp" else line + b"\n")


@pytest.fixture(params=[("udp", "127.0.0.1"), ("tcp", "127.0.0.1"), ("tcp", "::1")], ids=" ".join)
def place(request):
    made = Sender(*request.param)
    yield made
    for source in made.sources:
        source.close()


class TestConformance(OnceSuite):
    pass


@pytest.fixture
def tcp():
    made = Sender("tcp")
    yield made
    for source in made.sources:
        source.close()


@pytest.fixture
def udp():
    made = Sender("udp")
    yield made
    for source in made.sources:
        source.close()


def listening(place, **options):
    source = place.open(**options)
    source.resume(None)
    assert len(source.read(1)) == 0
    return source


def raws(records):
    return [record.raw for record in records]


def test_either_protocol_can_be_chosen(udp):
    assert set(listening(udp).ports) == {"udp", "tcp"}
    assert set(listening(udp, protocols=("tcp",)).ports) == {"tcp"}


def test_the_bell_rings(udp):
    source = listening(udp)
    udp.write([b"<22>one"])
    until(lambda: udp.rung, "rung")
    assert raws(source.read(5)) == [b"<22>one"]


def told(source):
    return sum(fact.fields["mail.agent.count"] for fact in source.facts() if fact.action == "log-gap")


def test_a_flood_of_datagrams_received_and_lost_is_what_was_sent(udp, monkeypatch):
    """Nobody reads meanwhile: the store and the kernel's buffer fill, and the kernel counts what it drops."""
    monkeypatch.setattr(module, "STORE", 1 << 20)
    monkeypatch.setattr(module, "RECEIVE", 1 << 18)
    source = listening(udp)
    sent = 30_000
    with udp.connect() as made:
        for number in range(sent):
            made.send(b"<22>message %d" % number)
    lost = told(source)
    assert lost > 0
    assert source._listener.store._size < (1 << 20) + 2 * module.BURST
    records = upto(source, 1, limit=1000)

    def read():
        records.extend(source.read(1000))
        return len(records) + lost + told(source) >= sent

    until(read, "read")
    assert len(records) + lost == sent
    assert len(set(raws(records))) == len(records)
    udp.ahead += TELL_MS
    assert told(source) == 0
    udp.write([b"<22>and on"])
    assert raws(upto(source, 1)) == [b"<22>and on"]


def test_losses_are_told_at_most_every_ten_seconds_and_none_is_forgotten(udp, monkeypatch):
    monkeypatch.setattr(module, "STORE", 1)
    monkeypatch.setattr(module, "RECEIVE", 1 << 16)
    source = listening(udp)

    def flood():
        with udp.connect() as made:
            for _ in range(6000):
                made.send(b"x" * 200)

    flood()
    first = told(source)
    flood()
    assert told(source) == 0
    udp.ahead += TELL_MS
    second = told(source)
    assert first > 0
    assert second > 0
    records = []

    def read():
        records.extend(source.read(1000))
        return len(records) + first + second >= 12_000

    until(read, "read")
    assert len(records) + first + second == 12_000


def test_a_flood_over_tcp_waits_and_nothing_is_lost(tcp, monkeypatch):
    monkeypatch.setattr(module, "STORE", 1 << 18)
    source = listening(tcp)
    lines = [b"<22>message %d " % number + b"x" * 300 for number in range(20_000)]
    stream = b"".join(line + b"\n" for line in lines)
    with tcp.connect() as made:
        made.setblocking(False)
        sent = 0

        def pushed():
            nonlocal sent
            try:
                sent += made.send(stream[sent : sent + 65536])
            except BlockingIOError:
                return True
            return sent == len(stream)

        until(pushed, "pushed")
        until(lambda: source._listener.store._size >= 1 << 18, "full")
        assert source._listener.store._size < (1 << 18) + 2 * module.BURST
        records = []

        def read():
            nonlocal sent
            records.extend(source.read(500))
            if sent < len(stream):
                with contextlib.suppress(BlockingIOError):
                    sent += made.send(stream[sent : sent + 65536])
            return len(records) >= len(lines)

        until(read, "read")
    assert raws(records) == lines
    assert source.facts() == ()


def test_a_port_that_is_taken_is_tried_again_later(tcp):
    first = listening(tcp)
    second = tcp.open(protocols=("tcp",), port=first.ports["tcp"])
    second.resume(None)
    with pytest.raises(SourceError, match="cannot listen: Address already in use") as caught:
        second.read(1)
    assert "CAP_NET_BIND_SERVICE" in caught.value.hint
    first.close()
    with pytest.raises(SourceError):
        second.read(1)
    tcp.ahead += RETRY_MS
    assert second.read(1) == []
    assert [fact.fields["mail.agent.state"] for fact in second.facts()] == ["lost", "ok"]


def test_begin_listens_and_leaves_a_failure_to_the_first_read(tcp):
    first = listening(tcp)
    second = tcp.open(protocols=("tcp",), port=first.ports["tcp"])
    second.begin()
    with pytest.raises(SourceError):
        second.read(1)
    third = tcp.open()
    third.begin()
    assert third.ports


def test_an_address_that_is_not_this_hosts():
    source = SyslogSource(SourceInfo("syslog"), "192.0.2.1", 0, ("udp",), clock=lambda: 1)
    with pytest.raises(SourceError, match=os.strerror(errno.EADDRNOTAVAIL)):
        source.read(1)


def test_refused_connections_are_told(tcp, monkeypatch):
    monkeypatch.setattr(module, "CONNECTIONS", 1)
    source = listening(tcp)
    made = [tcp.connect() for _ in range(3)]
    until(lambda: source._listener.refused == 2, "refused")
    [fact] = source.facts()
    assert (fact.fields["mail.agent.state"], fact.fields["mail.agent.count"]) == ("degraded", 2)
    assert source.facts() == ()
    for one in made:
        one.close()

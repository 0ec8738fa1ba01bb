"""Real sockets and the thread that empties them: connections, bounds, the end."""

import socket
import time

import pytest

from collector.sources import syslog_listener as module
from collector.sources.syslog_framing import Message
from collector.sources.syslog_listener import OVERHEAD, Listener, Store
from tests.conformance.sources import until
from tests.support.logs import open_files


class Desk:
    """Listeners, and who talks to the newest."""

    def __init__(self):
        self.made, self.rung = [], 0

    def ring(self):
        self.rung += 1

    def listen(self, *protocols):
        self.made.append(Listener("127.0.0.1", 0, protocols, self.ring, lambda: time.time_ns() // 1_000_000))
        return self.made[-1]

    def connect(self, protocol="tcp"):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
        made.connect(("127.0.0.1", self.made[-1].ports[protocol]))
        return made

    def received(self, count):
        """The texts of the next messages."""
        found = []

        def read():
            found.extend(message.raw for message, _ in self.made[-1].store.take(100))
            return len(found) >= count

        until(read, f"{count} messages")
        return found


@pytest.fixture
def desk():
    made = Desk()
    yield made
    for listener in made.made:
        if not listener.store.closed:
            listener.close()


def test_connections_that_go_on_and_framings_side_by_side(desk):
    listener = desk.listen("tcp")
    with desk.connect() as one, desk.connect() as other:
        one.send(b"8 <1>one")
        other.send(b"<1>other\n")
        assert desk.received(1) == [b"<1>other"]
        one.send(b"-a")
        assert desk.received(1) == [b"<1>one-a"]
        one.send(b"<1>left")
    assert desk.received(1) == [b"<1>left"]
    assert desk.rung >= 3
    until(lambda: not listener._frames, "closed")


def test_a_connection_that_is_reset_gives_what_it_said(desk):
    listener = desk.listen("tcp")
    made = desk.connect()
    made.send(b"<1>one\n")
    assert desk.received(1) == [b"<1>one"]
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    made.close()
    until(lambda: not listener._frames, "closed")
    assert listener.store.take(1) == []


def test_so_many_connections_and_no_more(desk, monkeypatch):
    monkeypatch.setattr(module, "CONNECTIONS", 3)
    listener = desk.listen("tcp")
    made = [desk.connect() for _ in range(5)]
    until(lambda: listener.refused == 2, "refused")
    made[0].send(b"<1>one\n")
    assert desk.received(1) == [b"<1>one"]
    for one in made:
        one.close()
    until(lambda: not listener._frames, "closed")
    with desk.connect() as later:
        later.send(b"<1>two\n")
        assert desk.received(1) == [b"<1>two"]


def test_an_empty_message_is_none(desk):
    desk.listen("udp", "tcp")
    with desk.connect("udp") as one, desk.connect("tcp") as other:
        for datagram in (b"", b"\n", b"\0", b"<1>one"):
            one.send(datagram)
        assert desk.received(1) == [b"<1>one"]
        other.send(b"\n\n1 \n<1>two\n")
        assert desk.received(1) == [b"<1>two"]


def test_drops_are_none_without_datagrams(desk):
    assert desk.listen("tcp").drops() == 0
    assert desk.listen("udp").drops() == 0


def test_a_store_has_room_again_when_something_is_taken(monkeypatch):
    monkeypatch.setattr(module, "STORE", 2 * OVERHEAD)
    store = Store()
    store.wait_for_room()
    store.add([Message(b"a"), Message(b"b")], 5)
    assert store._size == 2 * OVERHEAD + 2
    assert store.take(1) == [(Message(b"a"), 5)]
    store.wait_for_room()
    store.add([Message(b"c" * 1000)], 6)
    store.close()
    store.wait_for_room()
    assert [message.raw for message, _ in store.take(9)] == [b"b", b"c" * 1000]
    assert store._size == 0


def test_it_ends_though_nobody_reads_and_the_store_is_full(desk, monkeypatch):
    monkeypatch.setattr(module, "STORE", 1)
    listener = desk.listen("udp")
    with desk.connect("udp") as made:
        made.send(b"<1>one")
    until(lambda: listener.store._size, "full")
    listener.close()
    assert not listener._thread.is_alive()


def test_nothing_is_left_behind(desk):
    before = open_files()
    listener = desk.listen("udp", "tcp")
    made = desk.connect()
    until(lambda: listener._frames, "connected")
    listener.close()
    made.close()
    with pytest.raises(OSError, match="assign requested address"):
        Listener("192.0.2.1", 0, ("udp", "tcp"), desk.ring, lambda: 0)
    assert open_files() == before

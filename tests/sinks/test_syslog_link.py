"""The send queue decides: what the peer's kernel has not acknowledged was not sent."""

import socket
import threading

import pytest

from collector.errors import SinkUnavailable
from collector.sinks import syslog_link
from collector.sinks.syslog_link import Peer, Stream


@pytest.fixture
def pair():
    """A connection whose peer reads nothing, with small buffers."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def stream(sock, timeout=0.2):
    return Stream(Peer("tcp", "127.0.0.1", 601, timeout, "127.0.0.1"), sock)


def test_what_is_acknowledged_is_sent_although_nobody_has_read_it(pair):
    ours, theirs = pair
    stream(ours).send([b"5 hello"])
    assert syslog_link._queued(ours) == 0
    assert theirs.recv(100) == b"5 hello"


def test_what_stays_in_the_queue_is_not_sent(pair):
    ours, _ = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    with pytest.raises(SinkUnavailable, match=r"were not acknowledged|timed out"):
        stream(ours).send([b"x" * 200_000])
    assert syslog_link._queued(ours) > 0


def test_a_slow_peer_is_no_dead_one(pair, monkeypatch):
    """Each byte that goes starts the time limit anew."""
    ours, theirs = pair
    now = [0.0]
    monkeypatch.setattr(syslog_link.time, "monotonic", lambda: now[0])
    queue = [500, 400, 400, 300, 0]

    def queued(sock):
        now[0] += 0.9
        return queue.pop(0)

    monkeypatch.setattr(syslog_link, "_queued", queued)
    stream(ours, timeout=1.0).send([b"x"])
    assert theirs.recv(10) == b"x"


def test_an_end_that_is_read_behind_the_last_byte_is_no_delivery(pair):
    ours, theirs = pair
    theirs.shutdown(socket.SHUT_WR)
    link = stream(ours)
    assert not link.alive()
    with pytest.raises(SinkUnavailable, match="closed"):
        link.send([b"x"])


def test_words_of_a_peer_do_not_matter(pair):
    ours, theirs = pair
    theirs.sendall(b"hello " * 100)
    link = stream(ours)
    assert link.alive()
    link.send([b"x"])
    assert theirs.recv(10) == b"x"


def test_pieces_keep_the_order_of_the_frames(pair):
    ours, theirs = pair
    got = bytearray()

    def read():
        while len(got) < 300_000:
            got.extend(theirs.recv(1 << 16))

    reading = threading.Thread(target=read)
    reading.start()
    frames = [bytes([number % 256]) * 1000 for number in range(300)]
    stream(ours, timeout=10).send(iter(frames))
    reading.join(30)
    assert got == b"".join(frames)

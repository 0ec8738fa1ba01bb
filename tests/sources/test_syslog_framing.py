import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.syslog_framing import CAP, Frames, datagram

SIZES = {"S": b"s" * CAP, "L": b"l" * (CAP + 3)}


def read(stream, cuts=()):
    frames, messages, at = Frames(), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        messages += frames.feed(stream[at:cut])
        at = max(at, cut)
    return messages + frames.finish()


def raws(messages):
    return [message.raw for message in messages]


def test_both_framings_in_one_connection():
    assert raws(read(b"5 <1>ab<2>cd\n7 <3>e\nfg<4>h\r\n\n3 abc")) == [b"<1>ab", b"<2>cd", b"<3>e\nfg", b"<4>h", b"abc"]


def test_a_line_that_begins_with_a_number_is_a_line():
    assert raws(read(b"2026-11-24T10:00:00Z mx1 x: y\n4294967295 bottles\n0 zeros\n12\n")) == [b"2026-11-24T10:00:00Z mx1 x: y", b"4294967295 bottles", b"0 zeros", b"12"]


def test_what_is_longer_than_the_cap_is_cut_and_what_follows_is_whole():
    long = b"x" * (CAP + 10)
    for stream in (b"%d " % len(long) + long + b"5 <1>ab", long + b"\n<1>ab\n"):
        first, second = read(stream, range(0, len(stream), 7000))
        assert (len(first.raw), first.truncated) == (CAP, True)
        assert (second.raw, second.truncated) == (b"<1>ab", False)


def test_what_a_closed_connection_left_is_a_message():
    assert read(b"<1>whole\n<1>half")[1].raw == b"<1>half"
    [cut] = read(b"50 <1>begun")
    assert (cut.raw, cut.truncated) == (b"<1>begun", True)
    assert raws(read(b"123")) == [b"123"]
    assert read(b"x" * (CAP + 1))[0].truncated
    assert len(read(b"%d " % (CAP + 50) + b"x" * (CAP + 20))) == 1


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\0", b"\n\0"])
def test_a_datagram_is_a_message(end):
    assert datagram(b"<22>Nov 24 10:00:00 x: a\nb" + end) == (b"<22>Nov 24 10:00:00 x: a\nb", False)


TEXTS = st.sampled_from(["a", "<1>bb", "9 c", "123456", "1234567 d", "S", "L", "e\x00"])


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=6), st.data())
def test_any_cut_gives_the_same_messages(said, data):
    stream = b""
    for text, counted in said:
        raw = SIZES.get(text, text.encode())
        stream += b"%d %b" % (len(raw), raw) if counted else raw + b"\n"
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert read(stream, cuts) == read(stream)
    if all(counted for _, counted in said):
        assert raws(read(stream)) == [SIZES.get(text, text.encode()).rstrip(b"\0")[:CAP] for text, _ in said]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_foreign_bytes_are_messages_alike_however_they_are_cut(stream, cuts):
    assert read(stream, [cut for cut in cuts if cut < len(stream)]) == read(stream)


def test_no_stream_costs_more_than_one_message():
    for begin in (b"<1>", b"999999 ", b"65536 "):
        frames = Frames()
        frames.feed(begin)
        for _ in range(100):
            frames.feed(b"x" * 16384)
            assert len(frames._data) - frames._at + len(frames._head or b"") <= CAP + 16384

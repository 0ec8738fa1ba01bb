import itertools
from dataclasses import astuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.sources import framing
from collector.sources.framing import Framer

CAP, BOUNDARY = 16, 5


@pytest.fixture(scope="module", autouse=True)
def small():
    """Limits that strategies reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "CAP", CAP)
        patch.setattr(framing, "BOUNDARY", BOUNDARY)
        yield


PIECES = st.sampled_from([b"\n", b"\r", b"\r\n", b"\0", b"\0\0\0", b"a", b"bc\n", b"\0d", b"x" * CAP, b"y" * (CAP - 1), b"\0" * CAP])
STREAM = st.lists(PIECES | st.binary(max_size=20), max_size=12).map(b"".join)


def plainly(stream):
    """The definition, said slowly: (raw, offset, end, truncated) of each line, and what is left."""
    lines, start = [], 0
    while (index := stream.find(b"\n", start)) >= 0:
        lines.append(plain_line(stream, start, index, index + 1))
        start = index + 1
    last = plain_line(stream, start, len(stream), len(stream))
    return lines, last if last[0] else None


def plain_line(stream, start, index, end):
    while start < index and stream[start] == 0:
        start += 1
    raw = stream[start:index]
    raw = raw[:-1] if raw.endswith(b"\r") else raw
    return raw[: framing.CAP], start, end, len(raw) > framing.CAP


def framed(blocks, limit=3):
    framer = Framer()
    lines = []
    for block in blocks:
        framer.feed(block)
        while taken := framer.take(limit):
            lines += taken
    return lines, framer


@given(STREAM, st.lists(st.integers(0, 4 * CAP), max_size=8))
@example(b"x" * CAP + b"\r\n", [CAP, CAP + 1])
@example(b"x" * (CAP + 1) + b"\n", [CAP, CAP + 1])
@example(b"x" * CAP + b"\ry\n", [CAP + 1])
@example(b"\0\0\0a\n", [1, 2])
@example(b"a" + b"\0" * 2 * CAP, [CAP])
@example(b"a" + b"\0" * 2 * CAP + b"b", [CAP])
def test_any_cut_of_the_stream_gives_the_same_lines(stream, cuts):
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    lines, framer = framed(stream[a:b] for a, b in itertools.pairwise(edges))
    expected, last = plainly(stream)
    assert [astuple(line) for line in lines] == expected
    assert framer.end == len(stream)
    finished = framer.finish()
    assert (astuple(finished) if finished else None) == last
    assert framer.finish() is None


@given(STREAM, st.integers(0, 4 * CAP))
def test_the_bytes_before_a_line_end_are_remembered(stream, cut):
    framer = Framer()
    for block in (stream[:cut], stream[cut:]):
        framer.feed(block)
        while taken := framer.take(1):
            end = taken[0].end
            assert framer.before(end) == stream[max(0, end - BOUNDARY) : end]
        assert framer.before(framer.end) == stream[max(0, framer.end - BOUNDARY) : framer.end]


@given(STREAM)
def test_a_framer_that_begins_behind_a_line_gives_the_rest(stream):
    expected, _ = plainly(stream)
    for taken, (_, _, end, _) in enumerate(expected, 1):
        framer = Framer(end, stream[max(0, end - BOUNDARY) : end])
        framer.feed(stream[end:])
        assert [astuple(line) for line in framer.take(100_000)] == expected[taken:]


def test_an_endless_line_and_an_endless_hole_take_no_memory():
    for filler in (b"x", b"\0"):
        framer = Framer()
        for _ in range(64):
            framer.feed(filler * CAP)
            assert framer.take(1) == []
            assert len(framer._data) <= 2 * CAP + 2 + BOUNDARY
        framer.feed(b"end\n")
        line = framer.take(1)[0]
        assert line.end == 64 * CAP + 4
        assert (line.truncated, line.offset) == ((True, 0) if filler == b"x" else (False, 64 * CAP))


def test_lines_that_were_not_taken_wait():
    framer = Framer()
    framer.feed(b"a\nb\nc\nd")
    assert [line.raw for line in framer.take(2)] == [b"a", b"b"]
    assert [line.raw for line in framer.take(2)] == [b"c"]
    assert framer.take(2) == []

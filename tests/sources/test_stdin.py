import os
import time

import pytest

from collector.errors import SourceError
from collector.model.record import SourceInfo
from collector.sources.framing import CAP
from collector.sources.stdin import StdinSource
from tests.conformance.sources import OnceSuite


class Pipe:
    """A pipe into the service; a start of the service gets a new one."""

    lineage = False

    def __init__(self):
        self.ends = []
        self.asked = []

    def open(self, **options):
        ends = os.pipe()
        self.ends += ends
        self.into = ends[1]
        return StdinSource(SourceInfo("stdin", input="stdin"), clock=lambda: time.time_ns() // 1_000_000, listen=self.asked.append, descriptor=ends[0], **options)

    def say(self, data):
        os.write(self.into, data)

    def write(self, lines):
        self.say(b"".join(line + b"\n" for line in lines))

    def end(self):
        self.ends.remove(self.into)
        os.close(self.into)

    def close(self):
        for end in self.ends:
            os.close(end)


@pytest.fixture
def place():
    made = Pipe()
    yield made
    made.close()


class TestConformance(OnceSuite):
    pass


def raws(records):
    return [record.raw for record in records]


def test_the_end_of_input_is_the_end_and_its_last_line_counts(place):
    source = place.open()
    source.resume(None)
    place.say(b"one\r\n\0\0two\nhalf")
    assert raws(source.read(10)) == [b"one", b"two"]
    assert source.read(10) == ()
    assert (source.at_end, source.ended) == (True, False)
    place.end()
    assert raws(source.read(10)) == [b"half"]
    assert raws(source.read(10)) == []
    assert (source.at_end, source.ended) == (True, True)
    assert [fact.fields["mail.agent.state"] for fact in source.facts()] == ["lost"]


def test_one_pass_waits_for_the_end(place):
    source = place.open(to_the_end=True)
    source.resume(None)
    assert source.read(10) == ()
    assert not source.at_end
    place.write([b"one"])
    place.end()
    assert raws(source.read(10)) == [b"one"]
    assert not source.at_end
    assert raws(source.read(10)) == []
    assert source.at_end
    assert source.facts() == (), "it is what was asked for"


def test_an_overlong_line_is_cut(place):
    source = place.open()
    source.resume(None)
    place.say(b"x" * 60_000)
    assert source.read(1) == ()
    place.say(b"x" * 60_000)
    assert source.read(1) == ()
    place.say(b"\nnext\n")
    records = source.read(10)
    assert [(len(record.raw), record.truncated) for record in records] == [(CAP, True), (4, False)]


def test_the_bell_is_asked_for_when_nothing_is_there(place):
    source = place.open()
    place.write([b"one"])
    source.read(10)
    assert place.asked == []
    source.read(10)
    assert place.asked == [place.ends[0]]


def test_what_others_share_stays_as_it_is(place):
    source = place.open()
    source.read(10)
    assert os.get_blocking(place.ends[0])


def test_a_closed_descriptor_is_a_source_that_cannot_be_read():
    reading, writing = os.pipe()
    source = StdinSource(SourceInfo("stdin"), clock=lambda: 1, descriptor=reading)
    os.close(writing)
    os.close(reading)
    with pytest.raises(SourceError, match="standard input cannot be read") as caught:
        source.read(1)
    assert "[source.stdin]" in caught.value.hint


def test_a_regular_file_is_read_to_its_end(tmp_path):
    (tmp_path / "log").write_bytes(b"one\ntwo\n")
    descriptor = os.open(tmp_path / "log", os.O_RDONLY)
    source = StdinSource(SourceInfo("stdin"), clock=lambda: 1, descriptor=descriptor)
    assert raws(source.read(10)) == [b"one", b"two"]
    assert raws(source.read(10)) == []
    assert source.ended
    os.close(descriptor)

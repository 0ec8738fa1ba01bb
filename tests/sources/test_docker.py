"""A json-file log with rotation, kills in the middle of a group, and files that end in the middle of a line."""

import pytest

from collector.model.identity import lineage
from collector.model.record import SourceInfo, offset_of
from collector.sources.base import Start
from collector.sources.docker import GIVE_UP_MS, DockerSource
from collector.sources.file import GRACE_MS, FileSource
from tests.conformance.sources import LINES, SourceSuite, rest
from tests.support.docker_logs import line, parts
from tests.support.logs import Log


class Container(Log):
    """``mail-json.log`` of a container."""

    def __init__(self, folder):
        super().__init__(folder, "mail-json.log")

    @property
    def now(self):
        return self.now_ns // 1_000_000

    def open(self, start=Start.BEGINNING):
        info = SourceInfo("mail", path="/var/lib/docker/containers/mail-json.log", input="docker")
        return DockerSource(FileSource(info, self.path, start=start, clock=lambda: self.now), lambda: self.now)

    def say(self, *lines):
        self.append(b"".join(one + b"\n" for one in lines))

    def write(self, lines):
        self.say(*(line(text.decode() + "\n", self.now) for text in lines))


@pytest.fixture
def place(tmp_path):
    return Container(tmp_path)


class TestConformance(SourceSuite):
    """``lineage`` is that of the file: Docker's line, not the container's."""


@pytest.fixture
def source(place):
    made = place.open()
    made.resume(None)
    yield made
    made.close()


def raws(records):
    return [record.raw for record in records]


def test_a_line_is_known_by_the_first_line_of_its_file_and_its_offset(place, source):
    first = line("one\n", place.now)
    place.say(first, line("two\n", place.now))
    records = rest(source)
    assert [record.position.identity[0] for record in records] == [lineage(first)] * 2
    assert [offset_of(record.position) for record in records] == [0, len(first) + 1]


def test_parts_and_the_other_stream_from_every_position_on(place, source):
    first, last = parts("x" * 20_000 + "\n", place.now)
    place.say(line("a\n", place.now), first, line("b\n", place.now, "stderr"), line("c\n", place.now, "stderr"), last, line("d\n", place.now))
    records = rest(source, limit=1)
    assert raws(records) == [b"a", b"x" * 20_000, b"b", b"c", b"d"]
    for taken, record in enumerate(records, 1):
        again = place.open()
        again.resume(record.position.resume)
        assert again.position() == record.position.resume
        assert raws(rest(again, limit=1)) == raws(records[taken:])
        again.close()


def test_an_unfinished_line_is_left_and_found_again(place, source):
    place.say(line("a\n", place.now), line("half", place.now), line("b\n", place.now, "stderr"))
    assert raws(rest(source)) == [b"a"]
    assert source.at_end
    token = source.position()
    place.say(line(" of it\n", place.now))
    again = place.open()
    again.resume(token)
    assert raws(rest(again)) == raws(rest(source)) == [b"half of it", b"b"]
    again.close()


def test_what_stays_unfinished_is_given_up_after_a_while_and_comes_once(place, source):
    place.say(line("half", place.now), line("b\n", place.now, "stderr"))
    assert rest(source) == []
    place.pass_ms(GIVE_UP_MS + 100)
    records = rest(source)
    assert raws(records) == [b"half", b"b"]
    token = source.position()
    place.say(line("later\n", place.now))
    again = place.open()
    again.resume(token)
    assert raws(rest(again)) == raws(rest(source)) == [b"later"]
    again.close()
    after_one = place.open()
    after_one.resume(records[0].position.resume)
    assert raws(rest(after_one)) == [b"b", b"later"]
    after_one.close()


def test_a_line_goes_on_behind_a_rotation(place, source):
    first, last = parts("x" * 20_000 + "\n", place.now)
    place.say(line("a\n", place.now), first)
    assert raws(rest(source)) == [b"a"]
    place.rename()
    place.say(last, line("b\n", place.now))
    got = []
    for _ in range(5):
        place.pass_ms(GRACE_MS)
        got += raws(rest(source))
    assert got == [b"x" * 20_000, b"b"]


def test_copytruncate_and_gzip(place, source):
    place.write(LINES)
    assert raws(source.read(4)) == LINES[:4]
    place.copytruncate()
    place.pack(place.copy(".1"))
    place.write([b"new"])
    got = []
    for _ in range(5):
        place.pass_ms(GRACE_MS)
        got += raws(rest(source))
    assert got == [*LINES[4:], b"new"]


def test_a_file_cut_in_the_middle_of_a_line_loses_that_line_and_says_so(place, source):
    whole = line("lost\n", place.now)
    place.append(whole[:25])
    assert rest(source) == []
    place.say(line("one\n", place.now), line("two\n", place.now))
    assert raws(rest(source)) == [b"one", b"two"]
    [fact] = source.facts()
    assert (fact.action, fact.fields["mail.log.lost_bytes"]) == ("log-gap", 25)


def test_a_line_that_is_no_json_is_lent_as_it_is(place, source):
    place.say(line("a\n", place.now), b"garbage \xff", line("b\n", place.now))
    assert raws(rest(source)) == [b"a", b"garbage \xff", b"b"]


def test_at_the_end_of_the_file(place):
    place.write([b"old"])
    source = place.open(Start.END)
    source.resume(None)
    source.begin()
    token = source.position()
    assert rest(source) == []
    place.write([b"new"])
    again = place.open(Start.END)
    again.resume(token)
    assert raws(rest(again)) == raws(rest(source)) == [b"new"]
    again.close()
    source.close()

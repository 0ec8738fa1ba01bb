"""What every source must do. A subclass gives the fixture ``place``; three lines are enough where the place is there already.

A place: ``open()`` gives the source as it is after a restart, to begin at the beginning if it has no position; ``write(lines)``
lets the outside world say more. ``lineage``: its lines are known by a content, so that two sources may hold the same ones.
Sources of what comes from other processes may take a moment: everything waits with a deadline.
"""

import time
from threading import Event

import pytest

LINES = [b"line %d of a log" % number for number in range(12)]
DEADLINE = 60


def until(condition, what):
    """Ask again until it is so; what another process does needs a moment."""
    end, pause = time.monotonic() + DEADLINE, Event()
    while not (found := condition()):
        assert time.monotonic() < end, f"never {what}"
        pause.wait(0.001)
    return found


def rest(source, limit=5):
    """Everything up to the end."""
    records = []

    def read():
        records.extend(source.read(limit))
        return source.at_end

    until(read, "at its end")
    return records


def upto(source, count, limit=5):
    """The next records, so many of them."""
    records = []

    def read():
        records.extend(source.read(limit))
        return len(records) >= count

    until(read, f"{count} records")
    return records


class AnySource:
    """What holds for sources that can be read again and for those that cannot."""

    @pytest.fixture
    def source(self, place):
        source = place.open()
        yield source
        source.close()

    def begin(self, source):
        """Sources that listen must do so before anybody speaks."""
        source.resume(None)

    def test_every_line_comes_once_and_in_order(self, place, source):
        self.begin(source)
        place.write(LINES)
        records = upto(source, len(LINES)) + rest(source)
        assert [record.raw for record in records] == LINES
        assert len({record.position.identity for record in records}) == len(LINES)
        assert {record.source for record in records} == {source.info}
        place.write([b"one more"])
        assert [record.raw for record in upto(source, 1)] == [b"one more"]

    def test_the_limit_counts_records(self, place, source):
        self.begin(source)
        place.write(LINES)
        assert len(upto(source, 1, limit=1)) == 1
        assert 1 <= len(until(lambda: source.read(3), "more")) <= 3

    def test_at_its_end_it_says_so_and_does_not_wait(self, place, source):
        self.begin(source)
        place.write(LINES[:1])
        assert upto(source, 1)
        assert not source.at_end
        assert rest(source) == []
        assert len(source.read(10)) == 0
        rest(source)
        assert source.at_end
        place.write(LINES[1:2])
        assert [record.raw for record in upto(source, 1)] == LINES[1:2]
        assert not source.at_end

    def test_facts_are_told_once(self, place, source):
        self.begin(source)
        place.write(LINES)
        upto(source, len(LINES))
        source.facts()
        assert source.facts() == ()

    def test_close_twice(self, place, source):
        self.begin(source)
        place.write(LINES[:1])
        upto(source, 1)
        source.close()
        source.close()


class SourceSuite(AnySource):
    """A source that can be read again."""

    def reopened(self, place, position):
        source = place.open()
        source.resume(position)
        try:
            return [(record.raw, record.position.identity) for record in rest(source)]
        finally:
            source.close()

    def test_resume_at_every_position_gives_the_same_rest(self, place, source):
        source.resume(None)
        place.write(LINES)
        records = upto(source, len(LINES))
        whole = [(record.raw, record.position.identity) for record in records]
        assert self.reopened(place, None) == whole
        for taken, record in enumerate(records, 1):
            assert self.reopened(place, record.position.resume) == whole[taken:]

    def test_its_position_is_behind_what_was_read(self, place, source):
        source.resume(None)
        assert source.position() is None
        place.write(LINES)
        record = upto(source, 1, limit=1)[0]
        assert source.position() == record.position.resume
        place.write([b"later"])
        upto(source, len(LINES))
        assert self.reopened(place, source.position()) == []

    def test_a_source_without_news_resumes_where_it_was(self, place, source):
        source.resume(None)
        place.write(LINES[:3])
        position = rest(source)[-1].position.resume
        again = place.open()
        again.resume(position)
        assert again.position() == position
        again.read(10)
        assert again.position() == position
        again.close()

    def test_two_sources_of_the_same_lines_have_one_lineage(self, place, source):
        if place.lineage:
            source.resume(None)
            assert source.lineage is None
            place.write(LINES)
            source.read(1)
            other = place.open()
            other.resume(source.position())
            other.read(1)
            assert source.lineage == other.lineage == source.read(1)[0].position.identity[0]
            other.close()


class OnceSuite(AnySource):
    """A source that cannot be read again: it knows its runs and numbers what comes in each."""

    def begin(self, source):
        super().begin(source)
        assert len(source.read(1)) == 0

    def test_every_run_has_a_number_of_its_own(self, place, source):
        self.begin(source)
        place.write(LINES[:2])
        records = upto(source, 2)
        name, run, first = records[0].position.identity
        assert records[1].position.identity == (name, run, (int.from_bytes(first, "big") + 1).to_bytes(8, "big"))
        assert name == source.info.name.encode()
        assert {record.position.resume for record in records} == {source.position()}
        source.close()
        later = place.open()
        later.resume(records[-1].position.resume)
        assert later.position() > records[-1].position.resume
        later.read(1)
        place.write(LINES[:2])
        assert upto(later, 2)[0].position.identity[1] > run
        later.close()

    def test_its_position_is_known_before_anything_came(self, place, source):
        source.resume(None)
        assert source.position()

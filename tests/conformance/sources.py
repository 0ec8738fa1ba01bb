"""What every source must do. A subclass gives the fixture ``place``; three lines are enough where the place is there already.

A place: ``open()`` gives the source as it is after a restart, to begin at the beginning if it has no position; ``write(lines)``
lets the outside world say more.
"""

import pytest

LINES = [b"line %d of a log" % number for number in range(12)]


def rest(source, limit=5):
    """Everything up to the end."""
    records = []
    for _ in range(1000):
        records += source.read(limit)
        if source.at_end:
            return records
    raise AssertionError("never at its end")


class SourceSuite:
    @pytest.fixture
    def source(self, place):
        source = place.open()
        yield source
        source.close()

    def reopened(self, place, position):
        source = place.open()
        source.resume(position)
        try:
            return [(record.raw, record.position.identity) for record in rest(source)]
        finally:
            source.close()

    def test_every_line_comes_once_and_in_order(self, place, source):
        source.resume(None)
        place.write(LINES)
        records = rest(source)
        assert [record.raw for record in records] == LINES
        assert len({record.position.identity for record in records}) == len(LINES)
        assert {record.source for record in records} == {source.info}
        place.write([b"one more"])
        assert [record.raw for record in rest(source)] == [b"one more"]

    def test_resume_at_every_position_gives_the_same_rest(self, place, source):
        source.resume(None)
        place.write(LINES)
        records = rest(source)
        whole = [(record.raw, record.position.identity) for record in records]
        assert self.reopened(place, None) == whole
        for taken, record in enumerate(records, 1):
            assert self.reopened(place, record.position.resume) == whole[taken:]

    def test_the_limit_counts_records(self, place, source):
        source.resume(None)
        place.write(LINES)
        assert len(source.read(1)) == 1
        assert 1 <= len(source.read(3)) <= 3

    def test_at_its_end_it_says_so_and_does_not_wait(self, place, source):
        source.resume(None)
        place.write(LINES[:1])
        assert source.read(10)
        assert not source.at_end
        assert rest(source) == []
        assert source.read(10) == ()
        assert source.at_end
        place.write(LINES[1:2])
        assert [record.raw for record in source.read(10)] == LINES[1:2]
        assert not source.at_end

    def test_its_position_is_behind_what_was_read(self, place, source):
        source.resume(None)
        assert source.position() is None
        place.write(LINES)
        record = source.read(1)[0]
        assert source.position() == record.position.resume
        place.write([b"later"])
        rest(source)
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

    def test_facts_are_told_once(self, place, source):
        source.resume(None)
        place.write(LINES)
        rest(source)
        source.facts()
        assert source.facts() == ()

    def test_close_twice(self, place, source):
        source.resume(None)
        place.write(LINES[:1])
        source.read(1)
        source.close()
        source.close()

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

"""The order of merging: lowest key, ties by name, and nobody overtakes."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SourceError
from collector.model.moment import AHEAD
from collector.model.record import Position, Record, SourceInfo
from collector.pipeline.merge import LATENCY, PATIENCE, Merge


def opened(record):
    text = record.raw.decode()
    return SimpleNamespace(record=record, time=None if text == "-" else int(text), named_year=True)


class Growing:
    """A file that grows while it is read."""

    def __init__(self, name, near=10**13):
        self.info = SourceInfo(name)
        self.lines = []
        self.at = 0
        self.near = near
        self.broken = False
        self.waits = False

    @property
    def at_end(self):
        return not self.waits and self.at >= len(self.lines)

    def write(self, *stamps):
        self.lines += [str(stamp) for stamp in stamps]

    def read(self, limit):
        if self.broken:
            raise SourceError("gone")
        found = self.lines[self.at : self.at + limit]
        self.at += len(found)
        return [Record(self.info, line.encode(), self.near, Position((b"", b""), b"")) for line in found]


def merged(*sources, live=True):
    merge = Merge(opened, live=live)
    for source in sources:
        merge.add(source.info.name, source)
    return merge


def stamps(taken):
    return [(one.opened.record.source.name, int(one.opened.record.raw)) for one in taken]


def test_lowest_stamp_first_and_ties_by_name():
    a, b = Growing("a"), Growing("b")
    a.write(1, 5, 9)
    b.write(1, 4, 9)
    merge = merged(b, a, live=False)
    assert stamps(merge.take(0, 100)) == [("a", 1), ("b", 1), ("b", 4), ("a", 5), ("a", 9), ("b", 9)]


def test_a_source_at_its_end_holds_the_others_back_for_a_moment():
    a, b = Growing("a"), Growing("b")
    a.write(1, 2, 3)
    merge = merged(a, b)
    assert stamps(merge.take(1000, 10)) == []
    assert stamps(merge.take(1000 + PATIENCE - 1, 10)) == []
    assert stamps(merge.take(1000 + PATIENCE, 10)) == [("a", 1), ("a", 2), ("a", 3)]
    assert merge.drained


def test_a_source_that_cannot_be_read_holds_nobody_back():
    a, b = Growing("a"), Growing("b")
    a.write(7)
    b.broken = True
    merge = merged(a, b)
    assert stamps(merge.take(0, 10)) == [("a", 7)]
    assert set(merge.errors()) == {"b"}
    b.broken = False
    b.write(8)
    assert stamps(merge.take(PATIENCE, 10)) == [("b", 8)]
    assert merge.errors() == {}


def test_a_source_where_something_is_known_to_wait_holds_the_others_back():
    a, b = Growing("a"), Growing("b")
    a.write(7)
    b.waits = True
    merge = merged(a, b)
    for now in (0, PATIENCE, 100 * PATIENCE):
        assert stamps(merge.take(now, 10)) == []
    assert not merge.drained
    b.waits = False
    assert stamps(merge.take(100 * PATIENCE, 10)) == []
    assert stamps(merge.take(101 * PATIENCE, 10)) == [("a", 7)]


def test_a_clock_that_is_set_back_makes_nobody_wait():
    a, b = Growing("a"), Growing("b")
    a.write(7)
    merge = merged(a, b)
    assert stamps(merge.take(10**9, 10)) == []
    assert stamps(merge.take(0, 10)) == [("a", 7)]


def test_a_source_is_taken_up_when_nothing_that_was_read_waits():
    a, b = Growing("a"), Growing("b")
    a.write(1, 2)
    b.write(9)
    merge = merged(a, b)
    assert merge.taken_up == {"a", "b"}
    assert stamps(merge.take(0, 2)) == [("a", 1), ("a", 2)]
    assert merge.taken_up == {"a"}
    assert stamps(merge.take(PATIENCE, 2)) == []
    assert stamps(merge.take(2 * PATIENCE, 2)) == [("b", 9)]
    assert merge.taken_up == {"a", "b"}


def test_what_was_not_taken_is_still_there():
    a = Growing("a")
    a.write(*range(10))
    merge = merged(a)
    assert stamps(merge.take(0, 3)) == [("a", n) for n in range(3)]
    assert stamps(merge.take(0, 100)) == [("a", n) for n in range(3, 10)]


def test_keys_never_fall_within_a_source():
    a = Growing("a")
    a.write(50, 40, 60)
    assert [one.key for one in merged(a).take(0, 10)] == [50, 50, 60]


def test_a_stamp_far_ahead_does_not_move_the_clock_and_is_said_once():
    a = Growing("a", near=1000)
    a.write(1000 + AHEAD + 1000, 1000 + AHEAD + 2000, 900, 1000 + AHEAD + 1000)
    taken = list(merged(a).take(0, 10))
    assert [one.key for one in taken] == [1000, 1000, 1000, 1000]
    assert [bool(one.skew) for one in taken] == [True, False, False, True]


def test_born_events_wait_for_what_was_written_before_them():
    a = Growing("a")
    merge = merged(a)
    merge.tell(10_000, [event := object()])
    a.write(10_000 - LATENCY - 1, 10_000 - LATENCY, 20_000)
    taken = list(merge.take(0, 10))
    assert [one.event or int(one.opened.record.raw) for one in taken] == [7999, event, 8000, 20000]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=60), st.data())
def test_one_writer_in_stamp_order_is_read_in_that_order_whatever_the_timing(script, data):
    """Lines appear between any two reads of the merge; every take happens at a time of its own."""
    sources = {name: Growing(name) for name in "abc"}
    wanted = [(name, stamp) for stamp, (name, _) in enumerate(script)]
    pending = list(wanted)

    def write(number):
        for _ in range(min(len(pending), number)):
            name, stamp = pending.pop(0)
            sources[name].write(stamp)

    def write_some(source_read):
        def read(limit):
            if pending:
                write(data.draw(st.integers(0, 2)))
            return source_read(limit)

        return read

    merge = Merge(opened, live=True)
    for source in sources.values():
        source.read = write_some(source.read)
        merge.add(source.info.name, source)
    got, now = [], 0
    while len(got) < len(wanted):
        write(1)
        now += data.draw(st.sampled_from([0, 100, PATIENCE, 5000]))
        if not pending:
            now += PATIENCE
        got += stamps(merge.take(now, data.draw(st.integers(1, 50))))
    assert got == wanted


def test_a_line_without_a_stamp_is_of_the_time_of_the_line_before_it():
    a = Growing("a")
    a.write(5000, "-", 6000)
    taken = list(merged(a).take(0, 10))
    assert [one.key for one in taken] == [5000, 5000, 6000]
    assert taken[1].opened.time == 5000


def test_keys_of_a_clock_that_was_wrong_are_forgotten():
    a = Growing("a")
    a.write(9000)
    merge = merged(a)
    list(merge.take(0, 10))
    merge.rewind(2000)
    a.write(2500)
    assert [one.key for one in merge.take(0, 10)] == [2500]


def test_another_merge_goes_on_with_the_sources_and_opens_anew_what_was_not_taken():
    a, b = Growing("a"), Growing("b")
    a.write(1, 3, 5)
    b.write(2, 4)
    old = merged(a, b)
    assert stamps(old.take(0, 2)) == [("a", 1), ("b", 2)]

    def later(record):
        found = opened(record)
        found.time += 10
        return found

    new = Merge(later, live=True)
    [memory], [wanted] = new.memories, old.memories
    memory.recall([wanted.delta()])
    new.adopt(old)
    taken = list(new.take(0, 10))
    assert stamps(taken) == [("a", 3), ("b", 4)]
    assert [one.key for one in taken] == [13, 14]
    taken += new.take(PATIENCE, 10)
    assert stamps(taken)[2:] == [("a", 5)]
    assert a.at == 3, "nothing was read again"

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collector.model import json
from collector.parse.sessions import COUNTS, FIELDS, ORDER, SIZE, Sessions, key_of
from tests.conformance.remembers import conform

DAY = 86_400_000
"""An age that no row of these tests reaches, and one that some do."""
SHORT = 1000


@pytest.fixture
def sessions():
    return Sessions()


def lent(sessions, key, age, now):
    row = sessions.row(key, age, now)
    return {} if row is None else row[FIELDS]


def test_a_key_joins_neither_sources_nor_tables():
    given_keys = [("a", "s", ["x", 1]), ("a", "t", ["x", 1]), ("b", "s", ["x", 1]), ("a", "s", ["x,1"]), ("a", "s", ["x1"])]
    assert len({key_of(*each) for each in given_keys}) == 5


def test_what_was_given_is_lent_and_counted(sessions):
    sessions.write("k", DAY, 0, {"source.ip": "192.0.2.1"}, {})
    sessions.write("k", DAY, 5, {"user.name": "bob"}, {"sasl": 2})
    sessions.write("k", DAY, 6, {"user.name": "eve"}, {"sasl": 1, "x": 1})
    assert lent(sessions, "k", DAY, 7) == {"source.ip": "192.0.2.1", "user.name": "eve"}
    assert sessions.row("k", DAY, 7)[COUNTS] == {"sasl": 3, "x": 1}
    assert sessions.row("other", DAY, 7) is None


def test_a_row_is_forgotten_when_closed_or_old(sessions):
    sessions.write("k", SHORT, 0, {"x": 1}, {})
    assert lent(sessions, "k", SHORT, 1000) == {"x": 1}
    assert lent(sessions, "k", SHORT, 1001) == {}
    assert sessions.rows == {}
    sessions.write("k", DAY, 0, {"x": 1}, {})
    sessions.forget("k")
    assert lent(sessions, "k", DAY, 0) == {}
    assert sessions.size == 0


def test_writing_to_an_old_row_begins_anew(sessions):
    sessions.write("k", SHORT, 0, {"x": 1}, {"n": 1})
    sessions.write("k", SHORT, 2000, {"y": 1}, {"n": 1})
    assert lent(sessions, "k", SHORT, 2000) == {"y": 1}
    assert sessions.row("k", SHORT, 2000)[COUNTS] == {"n": 1}


def test_opening_begins_anew(sessions):
    sessions.write("k", DAY, 0, {"x": "y" * 500}, {"n": 1})
    sessions.open("k", 1, {"y": 1}, {})
    again = Sessions()
    again.open("k", 1, {"y": 1}, {})
    assert (sessions.row("k", DAY, 1)[FIELDS:], sessions.size) == (again.row("k", DAY, 1)[FIELDS:], again.size)


def test_an_older_line_may_still_take(sessions):
    sessions.write("k", SHORT, 50_000, {"x": 1}, {})
    assert lent(sessions, "k", SHORT, 0) == {"x": 1}


def test_the_rows_that_were_written_longest_ago_go_first():
    sessions = Sessions(limit_bytes=6000)
    for name in "abc":
        sessions.write(name, DAY, 0, {"x": "y" * 500}, {})
    sessions.write("a", DAY, 1, {}, {"n": 1})
    sessions.write("d", DAY, 1, {"x": "y" * 500}, {})
    assert set(sessions.rows) == {"c", "a", "d"}
    assert sessions.evicted == 1
    assert sessions.size <= 6000


def test_a_row_larger_than_the_limit_is_not_kept():
    sessions = Sessions(limit_bytes=1000)
    sessions.write("k", DAY, 0, {"x": "y" * 2000}, {})
    assert (sessions.rows, sessions.size) == ({}, 0)


def test_a_lap_whose_parts_are_written_late_does_not_change_who_goes_first():
    sessions = Sessions()
    for name in "abc":
        sessions.write(name, DAY, 0, {"x": name}, {})
    blobs = [sessions.delta()]
    lap = sessions.lap()
    sessions.write("a", DAY, 1, {}, {"n": 1})
    blobs += [sessions.delta(), *lap]
    again = Sessions()
    again.recall(blobs)
    assert again.rows == sessions.rows
    assert sorted(again.rows, key=lambda key: again.rows[key][ORDER]) == ["b", "c", "a"]


def test_a_part_holds_the_rows_as_they_were_when_it_was_made():
    sessions = Sessions()
    sessions.write("k", DAY, 0, {"x": 1}, {"n": 1})
    part = next(sessions.lap())
    sessions.write("k", DAY, 0, {"x": 2}, {"n": 1})
    again = Sessions()
    again.recall([part])
    assert again.row("k", DAY, 0)[FIELDS : COUNTS + 1] == [{"x": 1}, {"n": 1}]


class Memory(RuleBasedStateMachine):
    """Whatever is written, closed, read, evicted: what is recalled equals what lives, in the same order, and goes on alike."""

    KEYS = st.sampled_from("abcdef")

    @initialize()
    def begin(self):
        self.live = Sessions(limit_bytes=6000)
        self.blobs = []
        self.lap = None
        self.now = 0

    @rule(
        key=KEYS,
        fields=st.dictionaries(st.sampled_from("xy"), st.text(max_size=5)),
        counts=st.dictionaries(st.sampled_from("nm"), st.integers(1, 3)),
        later=st.integers(-5, 30),
        opens=st.booleans(),
    )
    def write(self, key, fields, counts, later, opens):
        self.now += later
        if opens:
            self.live.open(key, self.now, fields, counts)
        else:
            self.live.write(key, 50, self.now, fields, counts)

    @rule(key=KEYS)
    def close(self, key):
        self.live.forget(key)

    @rule(key=KEYS, later=st.integers(0, 60))
    def take(self, key, later):
        self.live.row(key, 50, self.now + later)

    @rule()
    def begin_lap(self):
        if self.lap is None:
            self.lap = self.live.lap()

    @rule()
    def write_a_part(self):
        if self.lap is not None:
            part = next(self.lap, None)
            if part is None:
                self.lap = None
            else:
                self.blobs.append(part)

    @invariant()
    def recalled_equals_live(self):
        if not hasattr(self, "live"):
            return
        self.blobs.append(self.live.delta())
        again = Sessions(limit_bytes=6000)
        again.recall([blob for blob in self.blobs if blob])
        assert again.rows == self.live.rows
        assert again.size == self.live.size


TestMemory = Memory.TestCase


def steps(count):
    """Return steps that change a Sessions: few keys, so that rows are opened, written, closed and evicted."""
    for number in range(count):
        key, fields = f"k{number * number % 23}", {"x": "y" * (number % 7), "n": number}
        if number % 5 == 0:
            yield lambda one, key=key: one.forget(key)
        elif number % 3 == 0:
            yield lambda one, key=key, number=number, fields=fields: one.open(key, number, dict(fields), {})
        else:
            yield lambda one, key=key, number=number, fields=fields: one.write(key, 40, number, dict(fields), {"c": 1})


def test_memory_is_kept_like_all_memory():
    conform(lambda: Sessions(limit_bytes=20_000), list(steps(400)), lambda one: (one, (one.rows, one.size)))


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400)), max_size=60))
def test_the_limit_holds_and_the_sum_is_right(writes):
    sessions = Sessions(limit_bytes=8000)
    for key, length in writes:
        sessions.write(key, DAY, 0, {"x": "y" * length}, {})
        assert sessions.size == sum(row[SIZE] for row in sessions.rows.values()) <= 8000


@pytest.mark.parametrize("text", ["", "x" * 20, "\u00e9" * 300, "\U0001f600" * 300, "x" * 50_000])
def test_the_limit_is_true(text):
    """Rows of hostile texts, of many fields or of none take no more memory than they count for."""
    limit = 4 << 20
    tracemalloc.start()
    try:
        sessions = Sessions(limit_bytes=limit)
        before = tracemalloc.get_traced_memory()[0]
        number = 0
        while not sessions.evicted:
            fields = {f"f{one}": f"{number}{text}" for one in range(number % 9)}
            sessions.write(key_of("table", "source", ["host", f"{number}{text}"]), DAY, number, fields, {"n": 1})
            del fields
            if number % 50 == 0 or sessions.evicted:
                sessions.delta()
            number += 1
        assert tracemalloc.get_traced_memory()[0] - before <= limit
    finally:
        tracemalloc.stop()
    assert sys.getsizeof(sessions.rows) < limit


def test_a_counter_stops_somewhere():
    sessions = Sessions()
    for _ in range(3):
        sessions.write("k", DAY, 0, {}, {"n": (1 << 62) + 1})
    assert 1 << 50 < sessions.row("k", DAY, 0)[COUNTS]["n"] < 1 << 63
    assert json.loads(sessions.delta())

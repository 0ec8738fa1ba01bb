import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collector.parse.sessions import Sessions

DAY = 86_400_000


@pytest.fixture
def sessions():
    return Sessions({"a": DAY, "b": 1000})


def test_a_key_joins_neither_sources_nor_tables():
    given_keys = [("s", "a", ["x", 1]), ("t", "a", ["x", 1]), ("s", "b", ["x", 1]), ("s", "a", ["x", "1"]), ("s", "a", ["x,1"])]
    assert len({Sessions.key(*each) for each in given_keys}) == 5


def test_what_was_given_is_lent_and_counted(sessions):
    sessions.write("k", "a", 0, {"source.ip": "192.0.2.1"}, {})
    sessions.write("k", "a", 5, {"user.name": "bob"}, {"sasl": 2})
    sessions.write("k", "a", 6, {"user.name": "eve"}, {"sasl": 1, "x": 1})
    assert sessions.lent("k", "a", 7) == {"source.ip": "192.0.2.1", "user.name": "eve"}
    assert (sessions.counted("k", "a", "sasl", 7), sessions.counted("k", "a", "y", 7), sessions.counted("other", "a", "sasl", 7)) == (3, 0, 0)


def test_a_row_is_forgotten_when_closed_or_old(sessions):
    sessions.write("k", "b", 0, {"x": 1}, {})
    assert sessions.lent("k", "b", 1000) == {"x": 1}
    assert sessions.lent("k", "b", 1001) == {}
    assert len(sessions) == 0
    sessions.write("k", "a", 0, {"x": 1}, {})
    sessions.forget("k")
    assert sessions.lent("k", "a", 0) == {}
    assert sessions.size == 0


def test_writing_to_an_old_row_begins_anew(sessions):
    sessions.write("k", "b", 0, {"x": 1}, {"n": 1})
    sessions.write("k", "b", 2000, {"y": 1}, {"n": 1})
    assert sessions.lent("k", "b", 2000) == {"y": 1}
    assert sessions.counted("k", "b", "n", 2000) == 1


def test_an_older_line_may_still_take(sessions):
    sessions.write("k", "b", 50_000, {"x": 1}, {})
    assert sessions.lent("k", "b", 0) == {"x": 1}


def test_the_row_that_was_written_longest_ago_goes_first():
    sessions = Sessions({"a": DAY}, limit_bytes=4000)
    for name in "abc":
        sessions.write(name, "a", 0, {"x": "y" * 500}, {})
    sessions.write("a", "a", 1, {}, {"n": 1})
    sessions.write("d", "a", 1, {"x": "y" * 500}, {})
    assert list(sessions) == ["c", "a", "d"]
    assert sessions.evicted == 1
    assert sessions.size <= 4000


def test_a_row_larger_than_the_limit_is_not_kept():
    sessions = Sessions({"a": DAY}, limit_bytes=1000)
    sessions.write("k", "a", 0, {"x": "y" * 2000}, {})
    assert (len(sessions), sessions.size) == (0, 0)


def test_a_lap_whose_parts_are_written_late_does_not_change_who_goes_first():
    sessions = Sessions({"a": DAY})
    for name in "abc":
        sessions.write(name, "a", 0, {"x": name}, {})
    blobs = [sessions.delta()]
    lap = sessions.lap()
    sessions.write("a", "a", 1, {}, {"n": 1})
    blobs += [sessions.delta(), *lap]
    again = Sessions({"a": DAY})
    again.recall(blobs)
    assert list(again.items()) == list(sessions.items())
    assert list(again) == ["b", "c", "a"]


class Memory(RuleBasedStateMachine):
    """Whatever is written, closed, read, evicted: what is recalled equals what lives, in the same order, and goes on alike."""

    KEYS = st.sampled_from("abcdef")

    @initialize()
    def begin(self):
        self.live = Sessions({"a": 50}, limit_bytes=2600)
        self.blobs = []
        self.lap = None
        self.now = 0

    @rule(key=KEYS, fields=st.dictionaries(st.sampled_from("xy"), st.text(max_size=5)), counts=st.dictionaries(st.sampled_from("nm"), st.integers(1, 3)), later=st.integers(-5, 30))
    def write(self, key, fields, counts, later):
        self.now += later
        self.live.write(key, "a", self.now, fields, counts)

    @rule(key=KEYS)
    def close(self, key):
        self.live.forget(key)

    @rule(key=KEYS, later=st.integers(0, 60))
    def take(self, key, later):
        self.live.lent(key, "a", self.now + later)

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
        again = Sessions({"a": 50}, limit_bytes=2600)
        again.recall([blob for blob in self.blobs if blob])
        assert list(again.items()) == list(self.live.items())
        assert again.size == self.live.size
        assert again._sizes == self.live._sizes


TestMemory = Memory.TestCase


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400)), max_size=60))
def test_the_limit_holds_and_the_sum_is_right(writes):
    sessions = Sessions({"a": DAY}, limit_bytes=3000)
    for key, length in writes:
        sessions.write(key, "a", 0, {"x": "y" * length}, {})
        assert sessions.size == sum(sessions._sizes.values()) <= 3000
        assert sessions._sizes.keys() == sessions.keys()


def test_a_counter_stops_somewhere():
    sessions = Sessions({"a": DAY})
    for _ in range(3):
        sessions.write("k", "a", 0, {}, {"n": (1 << 62) + 1})
    assert 1 << 50 < sessions.counted("k", "a", "n", 0) < 1 << 63
    assert sessions.delta()

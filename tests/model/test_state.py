"""Memory is a log: what is recalled equals what lives, wherever it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import json, state
from collector.model.state import PART, Remembers, Table

KEYS = st.sampled_from(["a", "b", "c", "ä", ""])
OPERATIONS = st.one_of(
    st.tuples(st.just("set"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("grow"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("discard"), KEYS, st.none()),
    st.tuples(st.just("commit"), st.none(), st.none()),
    st.tuples(st.just("lap"), st.none(), st.none()),
)


class Log:
    """What the spool does: a delta a commit, parts of a lap between deltas, and after the last part all before the first goes."""

    def __init__(self, table):
        self.table, self.blobs, self.lap, self.begun = table, [], None, 0

    def begin(self):
        if self.lap is None:
            self.lap, self.begun = self.table.lap(), len(self.blobs)

    def commit(self):
        delta = self.table.delta()
        part = next(self.lap, None) if self.lap is not None else None
        self.blobs += [blob for blob in (delta, part) if blob]
        if self.lap is not None and part is None:
            self.blobs, self.lap = self.blobs[self.begun :], None


@pytest.fixture
def _small_parts(monkeypatch):
    monkeypatch.setattr(state, "PART", 12)


@pytest.mark.usefixtures("_small_parts")
@given(st.lists(OPERATIONS, max_size=60))
def test_what_is_recalled_equals_what_lives_at_every_commit(operations):
    table = Table("t")
    log = Log(table)
    for what, key, number in operations:
        if what == "set":
            table[key] = [number]
        elif what == "grow" and key in table:
            table[key].append(number)
            table.touch(key)
        elif what == "discard":
            table.discard(key)
        elif what == "lap":
            log.begin()
        elif what == "commit":
            log.commit()
            again = Table("t")
            again["left over"] = 1
            again.recall(log.blobs)
            assert dict(again) == dict(table)
            assert again.delta() == b""


@pytest.mark.usefixtures("_small_parts")
def test_a_key_removed_during_a_lap_does_not_come_back():
    table = Table("t")
    for key in ("one", "two", "three"):
        table[key] = "x" * 8
    table.delta()
    log = Log(table)
    log.begin()
    log.commit()
    table.discard("three")
    for _ in range(5):
        log.commit()
    again = Table("t")
    again.recall(log.blobs)
    assert dict(again) == {"one": "x" * 8, "two": "x" * 8}


@pytest.mark.usefixtures("_small_parts")
def test_a_key_changed_between_two_parts_of_a_lap_is_not_set_back():
    table = Table("t")
    for key in ("one", "two"):
        table[key] = "x" * 8
    log = Log(table)
    log.begin()
    log.commit()
    table["two"] = "new"
    log.commit()
    again = Table("t")
    again.recall(log.blobs)
    assert again["two"] == "new"


def test_deltas_hold_absolute_values_and_removals_once():
    table = Table("t")
    table["a"] = {"n": 1}
    table["b"] = 2
    table.discard("b")
    table.discard("never there")
    assert json.loads(table.delta()) == {"a": {"n": 1}, "b": None}
    assert table.delta() == b""
    table["a"]["n"] = 2
    assert table.delta() == b""
    table.touch("a")
    assert json.loads(table.delta()) == {"a": {"n": 2}}


def test_a_lap_comes_in_parts_of_at_most_a_mebibyte_and_one_key():
    table = Table("t")
    for number in range(5):
        table[str(number)] = "x" * (PART // 2)
    parts = list(table.lap())
    assert len(parts) > 2
    assert all(len(part) <= PART + PART // 2 + 64 for part in parts)
    assert {key for part in parts for key in json.loads(part)} == set(table)


def test_recalled_keys_stand_in_the_order_of_their_last_writing():
    table = Table("t")
    table.recall([b'{"a":1,"b":2}', b'{"a":3}'])
    assert list(table) == ["b", "a"]


def test_a_table_is_a_memory_that_keeps_every_delta():
    table: Remembers = Table("t")
    assert (table.name, table.keep()) == ("t", None)

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import json
from collector.model.document import Batch, LapPart
from collector.model.state import Table


class Short(Table):
    """A table whose laps have two keys a part, so that a few keys make a long lap."""

    def lap(self):
        keys = list(self)
        for start in range(0, len(keys), 2):
            rows = {key: self[key] for key in keys[start : start + 2] if key in self}
            if rows:
                yield json.dumps(rows)


class Ring(Table):
    """Forgets by itself: its newest deltas are all there is."""

    def keep(self):
        return 3


def recalled(spool, kind=Short, name="windows"):
    memory = kind(name)
    spool.recall(memory)
    return dict(memory)


def step(spool, *memories, now=0):
    """Do what the feeder does: deltas and parts at the same moment."""
    batch = Batch(deltas={memory.name: memory.delta() for memory in memories}, keep={memory.name: memory.keep() for memory in memories if memory.keep() is not None})
    batch.laps = spool.laps(memories)
    spool.commit(spool.pack(batch), now)
    return batch.laps


def rows(spool):
    return spool._db.rows("select seq, lap from memory order by seq, id")


def fill(spool, memory, until=400):
    while spool._laps.grown.get(memory.name, (0, 0))[0] <= until:
        memory[f"key{len(memory)}"] = len(memory)
        step(spool, memory)


def test_a_lap_begins_when_enough_was_written_and_then_the_old_rows_go(house):
    spool, memory = house.open(lap=400), Short("windows")
    fill(spool, memory)
    first = spool.seq + 1
    parts = [step(spool, memory)[0]]
    assert (parts[0].first, parts[0].last) == (True, False)
    while not parts[-1].last:
        memory["key0"] = -len(parts)
        parts += step(spool, memory)
        assert recalled(spool) == memory
    assert parts[-1] == LapPart("windows", b"", first=False, last=True)
    assert min(seq for seq, _ in rows(spool)) == first
    assert {lap for _, lap in rows(spool)} == {0, first}
    assert recalled(spool) == memory


def test_a_crash_between_any_two_parts_loses_nothing_and_the_lap_is_begun_again(house):
    spool, memory = house.open(lap=400), Short("windows")
    fill(spool, memory)
    crashes = 0
    while True:
        parts = step(spool, memory)
        spool = house.crash(spool, lap=400)
        crashes += 1
        memory = Short("windows")
        spool.recall(memory)
        assert recalled(spool) == memory
        assert len(memory) > 10
        assert parts[0].first
        if crashes == 4:
            break
    parts = []
    while not (parts and parts[-1].last):
        parts += step(spool, memory)
    assert rows(spool)[0][1] == rows(spool)[0][0], "the oldest row is the first of the whole lap"
    assert recalled(spool) == memory
    assert step(spool, memory) == [], "a lap that is done is not begun again"
    assert spool._laps.measure("windows") == spool._laps.grown["windows"]


def test_the_next_lap_waits_until_as_much_was_written_as_the_last_one_is_long(house):
    spool, memory = house.open(lap=1), Short("windows")
    for n in range(60):
        memory[f"key{n}"] = "x" * 40
    step(spool, memory)
    while not any(part.last for part in step(spool, memory)):
        pass
    since, lap = spool._laps.grown["windows"]
    assert lap > 500 > since
    memory["key1"] = "y"
    while spool._laps.grown["windows"][0] <= lap:
        memory["key1"] = memory["key1"] + "y"
        assert step(spool, memory) == []
    assert step(spool, memory)[0].first


def test_a_lap_of_nothing_ends_at_once(house):
    spool, memory = house.open(lap=1), Short("windows")
    memory["a"] = 1
    step(spool, memory)
    memory.discard("a")
    assert step(spool, memory) == [LapPart("windows", b"", first=True, last=True)]
    assert rows(spool) == [(2, 0)]
    assert recalled(spool) == {}


def test_no_second_lap_begins_before_the_end_of_the_first_is_committed(house):
    spool, memory = house.open(lap=1), Short("windows")
    memory["a"] = 1
    step(spool, memory)
    memory["b"] = 2
    batches = []
    for _ in range(4):
        batch = Batch(deltas={"windows": memory.delta()})
        batch.laps = spool.laps([memory])
        batches.append(batch)
    assert [[(part.first, part.last) for part in batch.laps] for batch in batches] == [[(True, False)], [(False, True)], [], []]
    for batch in batches:
        spool.commit(spool.pack(batch), 0)
    assert recalled(spool) == {"a": 1, "b": 2}


def test_a_lap_of_an_owner_that_was_made_anew_is_begun_again(house):
    spool, memory = house.open(lap=400), Short("windows")
    fill(spool, memory)
    assert step(spool, memory)[0].first
    fresh = Short("windows")
    spool.recall(fresh)
    memory["key1"] = "of nobody any more"
    fresh["key0"] = "new"
    parts = [*step(spool, fresh)]
    assert parts[0].first
    while not parts[-1].last:
        parts += step(spool, fresh)
    assert [part.first for part in parts].count(True) == 1
    assert recalled(spool) == fresh


def test_a_ring_keeps_its_newest_deltas_and_makes_no_laps(house):
    spool, ring, other = house.open(lap=1), Ring("ring"), Short("windows")
    for n in range(9):
        ring[f"line{n}"] = "evidence" * 9
        other[f"k{n}"] = n
        assert all(part.owner == "windows" for part in step(spool, ring, other))
    assert list(recalled(spool, Ring, "ring")) == ["line6", "line7", "line8"]
    assert recalled(spool) == other
    spool.commit(spool.pack(Batch(keep={"ring": 0})), 0)
    assert recalled(spool, Ring, "ring") == {}


def test_a_damaged_blob_is_left_out_and_told(house):
    spool, memory = house.open(), Short("windows")
    for n in range(3):
        memory[f"k{n}"] = n
        step(spool, memory)
    spool._db.run("update memory set blob = x'1f8b00' where seq = 2")
    assert recalled(spool) == {"k0": 0, "k2": 2}
    (fact,) = spool.facts()
    assert "memory of windows" in fact.fields["event.reason"]


KEYS = st.sampled_from([f"k{n}" for n in range(8)])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.lists(st.tuples(KEYS, st.none() | st.integers(0, 9)), max_size=4), st.booleans()), max_size=25))
def test_what_is_recalled_is_what_lived_wherever_a_crash_comes(new_house, walk):
    with new_house() as house:
        spool, memory = house.open(lap=60), Short("windows")
        for changes, crash in walk:
            for key, value in changes:
                if value is None:
                    memory.discard(key)
                else:
                    memory[key] = value
            step(spool, memory)
            assert recalled(spool) == memory
            if crash:
                spool = house.crash(spool, lap=60)
                again = Short("windows")
                spool.recall(again)
                assert again == memory
                memory = again

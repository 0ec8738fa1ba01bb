"""The ring of redacted lines: what it holds depends on the lines alone, and its newest deltas are all of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.detect.evidence import LINE, Evidence
from collector.errors import SpoolError
from tests.conformance.remembers import caught, conform

BUDGET = 1000


def ident(number):
    return number.to_bytes(16, "big")


def add(number, size=30):
    return lambda ring: ring.add(ident(number), f"line {number} ".ljust(size, "x"))


def holds(ring):
    return ring, (ring.name, list(ring._lines.items()), list(ring._order), ring._size)


def test_lines_come_back_in_the_order_asked_and_missing_ones_are_counted():
    ring = Evidence(BUDGET)
    ring.add(ident(1), "one")
    ring.add(ident(2), "two")
    assert ring.lines([ident(2), ident(3), ident(1)]) == (("two", "one"), 1)


def test_an_event_without_a_line_is_not_missing():
    ring = Evidence(BUDGET)
    ring.add(ident(1), "")
    assert ring.lines([ident(1)]) == ((), 0)


def test_a_long_line_is_cut_between_characters():
    ring = Evidence(1 << 20)
    ring.add(ident(1), "é" * 5000)
    ring.add(ident(2), "x" + "é" * 5000)
    [one, other], _ = ring.lines([ident(1), ident(2)])
    assert (len(one), len(other)) == (LINE // 2, LINE // 2)


def test_an_event_stands_once():
    ring = Evidence(BUDGET)
    ring.add(ident(1), "one")
    ring.add(ident(1), "another")
    assert ring.lines([ident(1)]) == (("one",), 0)
    assert len(ring._order) == 1


def test_the_oldest_leave_one_by_one():
    ring = Evidence(BUDGET)
    for number in range(5):
        add(number, 30)(ring)
    assert ring.lines([ident(number) for number in range(5)])[1] == 1
    assert ring._size <= BUDGET


def test_a_line_longer_than_the_ring_leaves_it_empty():
    ring = Evidence(BUDGET)
    ring.add(ident(1), "x" * 2 * BUDGET)
    assert ring.lines([ident(1)]) == ((), 1)
    assert ring.delta() == b""
    assert ring.keep() == 0


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 400), max_size=6), max_size=20))
def test_any_cut_into_batches_recalls_the_same(batches):
    ring, whole = Evidence(BUDGET), Evidence(BUDGET)
    rows, number = [], 0
    for batch in batches:
        for size in batch:
            number += 1
            for one in (ring, whole):
                add(number, size)(one)
        blob = ring.delta()
        if blob:
            rows.append(blob)
        rows = rows[max(0, len(rows) - ring.keep()) :]
    again = Evidence(BUDGET)
    again.recall(rows)
    assert holds(again)[1] == holds(ring)[1] == holds(whole)[1]
    assert again.keep() == len(rows)


def two(number):
    def step(ring):
        for one in range(2 * number, 2 * number + 2):
            add(one, 20 + one * 37 % 100)(ring)

    return step


STEPS = [two(number) for number in range(60)]


def test_conformance():
    conform(lambda: Evidence(BUDGET), STEPS, holds)


class KeepsTooLittle(Evidence):
    def keep(self):
        return max(0, super().keep() - 1)


class WritesTooLittle(Evidence):
    def delta(self):
        self._new -= 1
        return super().delta()


class ForgetsToTrim(Evidence):
    def recall(self, blobs):
        self._budget *= 2
        super().recall(blobs)


@pytest.mark.parametrize("defect", [KeepsTooLittle, WritesTooLittle, ForgetsToTrim])
def test_conformance_catches(defect):
    assert caught(lambda: defect(BUDGET), STEPS, holds, every=1)


def test_a_lap_is_not_needed():
    ring = Evidence(BUDGET)
    ring.add(ident(1), "one")
    assert list(ring.lap()) == []


def test_a_damaged_blob_is_refused():
    with pytest.raises(SpoolError, match="damaged"):
        Evidence(BUDGET).recall([b"short"])

from pathlib import Path

import pytest

from collector.sources.rotation import ROWS, At, Copy, Do, Held, Problem, in_order, newer, problem


def copy(name, rank, changed, size=1):
    return Copy(Path(name), rank, 1, changed, size, changed)


def numbered(number, changed, suffix="", size=1):
    return copy(f"mail.log.{number}{suffix}", ("number", -number), changed, size)


def test_the_table_names_every_case_that_can_be_seen():
    possible = {(held, at) for held in Held for at in At} - {
        (Held.BROKEN, At.OTHER), (Held.BROKEN, At.MISSING),  # then it is not the path's file: gone
        (Held.GONE, At.SAME),  # then it is there: intact or broken
    }  # fmt: skip
    assert set(ROWS) == possible


@pytest.mark.parametrize(
    ("held", "at", "do"),
    [
        (Held.INTACT, At.SAME, Do.FOLLOW),  # grown
        (Held.INTACT, At.OTHER, Do.DRAIN),  # rename and create
        (Held.INTACT, At.MISSING, Do.DRAIN),  # between rename and create
        (Held.BROKEN, At.SAME, Do.RECOVER),  # copytruncate
        (Held.GONE, At.OTHER, Do.RECOVER),  # rotated while down, inode reuse
        (Held.GONE, At.MISSING, Do.RECOVER),
    ],
)
def test_the_table(held, at, do):
    assert ROWS[held, at] is do


@pytest.mark.parametrize(
    ("size", "same_head", "expected"),
    [(0, False, Problem.TRUNCATED), (99, False, Problem.TRUNCATED), (99, True, Problem.SHRUNK), (100, True, Problem.REWRITTEN), (500, False, Problem.REWRITTEN)],
)
def test_what_was_done_to_a_log_without_a_copy(size, same_head, expected):
    assert problem(size, 100, same_head) is expected


def test_names_order_copies_even_if_packing_changed_their_mtime():
    copies = [numbered(1, 50), numbered(3, 99, ".gz"), numbered(2, 60, ".gz")]
    assert [item.rank[1] for item in in_order(copies)] == [-3, -2, -1]


def test_mtimes_order_copies_of_two_schemes():
    dated = copy("mail.log-20261124", ("date", 20261124), 30)
    assert in_order([numbered(1, 40), dated, numbered(2, 20)]) == [numbered(2, 20), dated, numbered(1, 40)]


def test_a_copy_that_is_being_packed_counts_once_and_plain():
    plain, packed = numbered(1, 10), numbered(1, 10, ".gz")
    assert in_order([packed, plain]) == in_order([plain, packed]) == [plain]
    assert in_order([packed]) == [packed]


def test_newer_goes_by_place_in_the_order_else_by_mtime_and_leaves_out_empty_files():
    copies = [numbered(4, 10), numbered(3, 20), numbered(2, 25, size=0), numbered(1, 30)]
    assert newer(copies, copies[0], 99) == [copies[1], copies[3]]
    assert newer(copies, copies[3], 0) == []
    assert newer(copies, None, 20) == [copies[3]]
    assert newer(copies, None, 0) == [copies[0], copies[1], copies[3]]

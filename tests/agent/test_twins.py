"""Which lines two files have in common."""

from hypothesis import given
from hypothesis import strategies as st

from collector.agent.twins import REACH, compare
from collector.model.identity import lineage

FIRST = lineage(b"first")
LINES = st.lists(st.sampled_from([b"a", b"b", b"", b"longer"]), max_size=6)


def offsets(lines):
    at = 0
    for line in lines:
        yield at, line
        at += len(line) + 1


@given(LINES, LINES)
def test_the_other_holds_a_line_if_it_has_the_same_bytes_up_to_its_end(tmp_path_factory, mine, other):
    folder = tmp_path_factory.mktemp("twins")
    here, there = [b"first", *mine], [b"first", *other]
    for name, lines in (("mine", here), ("other", there)):
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    common = compare(folder / "mine", folder / "other", FIRST)
    for number, (offset, _) in enumerate(offsets(here)):
        assert common.holds(offset) is (here[: number + 1] == there[: number + 1])
    shorter = min(len(b"\n".join(here)), len(b"\n".join(there))) + 1
    assert common.apart is (common.same < shorter)


def test_one_file_under_two_names_and_a_long_agreement_are_the_same_log(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"first\n" + b"x" * REACH + name.encode())
    assert compare(tmp_path / "a", tmp_path / "b", FIRST).holds(REACH * 2)
    (tmp_path / "a").write_bytes(b"first\n")
    (tmp_path / "link").symlink_to("a")
    assert compare(tmp_path / "a", tmp_path / "link", FIRST).holds(6)


def test_what_cannot_be_compared_gives_no_answer(tmp_path):
    (tmp_path / "a").write_bytes(b"first\n")
    (tmp_path / "b").write_bytes(b"rotated\n")
    for other in ("b", "gone"):
        assert compare(tmp_path / "a", tmp_path / other, FIRST) is None
        assert compare(tmp_path / other, tmp_path / "a", FIRST) is None
    (tmp_path / "b").write_bytes(b"fir")
    assert compare(tmp_path / "a", tmp_path / "b", FIRST) is None

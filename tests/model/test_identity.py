"""Ids: the same in every run, distinct for distinct things, of no use without the key."""

from hypothesis import assume, given
from hypothesis import strategies as st

from collector.model.identity import FIRST_LINE, Identity, lineage

PARTS = st.lists(st.binary(max_size=6), min_size=1, max_size=3).map(tuple)
LINES = st.tuples(PARTS, st.binary(max_size=6), st.integers(0, 99))
EPISODES = st.tuples(st.text(max_size=3), st.integers(1, 9), st.lists(st.text(max_size=3), max_size=3).map(tuple), st.text(max_size=3), st.text(max_size=3))


@given(LINES, LINES)
def test_two_lines_share_an_id_only_if_they_are_the_same(one, other):
    identity = Identity()
    assert (identity.line(*one) == identity.line(*other)) == (one == other)


@given(st.binary(max_size=20), st.binary(max_size=9) | st.binary(min_size=8, max_size=8), st.binary(max_size=200) | st.just(b"x" * 5000), st.integers(0, 0xFFFF))
def test_a_line_of_a_file_has_the_same_id_from_memory(first_line, offset, raw, ordinal):
    identity = Identity()
    plain = identity._id(b"line", first_line, offset, raw, ordinal.to_bytes(2, "big"))
    assert [identity.line((first_line, offset), raw, ordinal) for _ in range(2)] == [plain, plain]


def test_lineages_are_forgotten():
    identity = Identity()
    for number in range(1000):
        identity.line((number.to_bytes(16, "big"), bytes(8)), b"x", 0)
    assert len(identity._lineages) <= 256


def test_parts_are_length_prefixed():
    identity = Identity()
    assert identity.line((b"ab", b"c"), b"d", 0) != identity.line((b"a", b"bc"), b"d", 0)
    assert identity.line((b"a",), b"bc", 0) != identity.line((b"ab",), b"c", 0)
    assert identity.alert("r", 1, ("a", "bc"), "o", "0") != identity.alert("r", 1, ("ab", "c"), "o", "0")
    assert identity.alert("r", 1, ("a",), "o", "0") != identity.alert("r", 1, ("a", ""), "o", "0")


@given(EPISODES, EPISODES)
def test_two_alerts_share_an_id_only_if_they_are_the_same(one, other):
    identity = Identity()
    assert (identity.alert(*one) == identity.alert(*other)) == (one == other)


def test_kinds_of_ids_never_meet():
    identity = Identity()
    ids = {
        identity.line((b"x",), b"", 0),
        identity.alert("x", 1, (), "", ""),
        identity.own("x", 0, b""),
        identity.own("x", 1, b""),
        identity.own("x", 0, b"1"),
        identity.own("x", -1, b""),
    }
    assert len(ids) == 6
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_ids_are_the_same_in_every_process():
    identity = Identity()
    assert identity.line((lineage(b"first line"), (0).to_bytes(8, "big")), b"raw", 0) == Identity().line((lineage(b"first line"), bytes(8)), b"raw", 0)
    assert identity.agent_id == Identity().agent_id


@given(st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=64))
def test_another_key_gives_other_ids(key, other):
    assume(key != other)
    one, two = Identity(key), Identity(other)
    assert one.agent_id != two.agent_id
    assert one.line((b"x",), b"raw", 0) != two.line((b"x",), b"raw", 0)
    assert one.value("secret") != two.value("secret")


def test_a_counted_value_is_eight_keyed_bytes_whatever_it_is():
    identity = Identity()
    assert {len(identity.value(text)) for text in ("", "a", "x" * 10_000, "\udcff")} == {8}
    assert identity.value("a") != identity.value("b")


def test_a_lineage_is_the_head_of_the_first_line():
    assert lineage(b"a") != lineage(b"b")
    assert lineage(b"x" * FIRST_LINE + b"tail") == lineage(b"x" * FIRST_LINE)
    assert lineage(b"x" * (FIRST_LINE - 1) + b"a") != lineage(b"x" * (FIRST_LINE - 1) + b"b")

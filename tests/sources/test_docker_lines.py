"""Whatever two streams of a container wrote between each other: every line once, in the order in which they began, from every position on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.record import Header, Position, Record, SourceInfo
from collector.sources.docker_lines import HELD, WAIT_MS, Joiner, joined, pack, unpack
from collector.sources.framing import CAP
from tests.support.docker_logs import line, parts

INFO = SourceInfo("docker", input="docker")
NOON = 1_795_531_067_000


def records(lines):
    """The lines of the file, each of which stands at its number; the token behind it is the next number."""
    return [Record(INFO, raw, NOON, Position((b"lineage", bytes([number // 256, number % 256])), b"%d" % (number + 1))) for number, raw in enumerate(lines)]


def fed(lines, joiner=None):
    joiner = joiner or Joiner(b"0")
    return [one for record in records(lines) for one in joiner.feed(record)]


def raws(found):
    return [record.raw for record in found]


def test_a_line_of_the_file_is_a_line_of_the_container():
    [record] = fed([line("Nov 24 10:00:00 mx1 dovecot: é\r\n", NOON)])
    assert record.raw == "Nov 24 10:00:00 mx1 dovecot: é".encode()
    assert record.header == Header(time=NOON)
    assert record.near == NOON
    assert record.position.identity == (b"lineage", b"\0\0")
    assert record.position.resume == pack(b"1")


def test_parts_are_joined_and_stand_where_the_first_stands():
    text = "x" * 40_000
    found = fed([line("one\n", NOON), *parts(text + "\n", NOON), line("two\n", NOON)])
    assert raws(found) == [b"one", text.encode(), b"two"]
    assert [record.position.identity[1] for record in found] == [b"\0\0", b"\0\1", b"\0\4"]
    assert [unpack(record.position.resume) for record in found] == [(b"1", 0), (b"4", 0), (b"5", 0)]


def test_what_began_behind_an_unfinished_line_waits_for_it():
    first, last = parts("a" * 20_000 + "\n", NOON)
    joiner = Joiner(b"0")
    assert fed([first, line("error\n", NOON, "stderr")], joiner) == []
    assert joiner.since == NOON
    [whole, error] = joiner.feed(records([b""] * 2 + [last])[2])
    assert (whole.raw, error.raw) == (b"a" * 20_000, b"error")
    assert unpack(whole.position.resume) == (b"0", 1), "a kill between the two comes back before the group, and knows that one was lent"
    assert unpack(error.position.resume) == (b"3", 0)


def test_an_overlong_line_is_cut():
    [record, after] = fed([*parts("x" * 100_000 + "\n", NOON), line("two\n", NOON)])
    assert (len(record.raw), record.truncated) == (CAP, True)
    assert (after.raw, after.truncated) == (b"two", False)


def test_a_line_that_just_fits_is_whole():
    [record] = fed(parts("x" * (CAP - 1) + "\n", NOON))
    assert (len(record.raw), record.truncated) == (CAP - 1, False)


def test_who_died_in_the_middle_of_a_line_ends_it():
    half = line("half", NOON)
    assert raws(fed([half, line("later\n", NOON + WAIT_MS + 1)])) == [b"half", b"later"]
    assert raws(fed([half, line("of it\n", NOON + WAIT_MS)])) == [b"halfof it"]
    assert raws(fed([half, line("other\n", NOON + WAIT_MS + 1, "stderr"), line("new\n", NOON + WAIT_MS + 2)])) == [b"half", b"other", b"new"]


def test_only_so_many_lines_wait():
    found = fed([line("half", NOON), *(line(f"{number}\n", NOON, "stderr") for number in range(HELD + 5))])
    assert len(found) == HELD + 6


def test_giving_up_lends_what_waits_and_resumes_before_it():
    joiner = Joiner(b"0")
    fed([line("half", NOON), line("error\n", NOON, "stderr")], joiner)
    found = joiner.give_up()
    assert raws(found) == [b"half", b"error"]
    assert [unpack(record.position.resume) for record in found] == [(b"0", 1), (b"0", 2)]
    assert joiner.since is None
    assert not joiner.settled
    [after] = joiner.feed(records([b""] * 2 + [line("after\n", NOON + WAIT_MS + 1)])[2])
    assert unpack(after.position.resume) == (b"3", 0)
    assert joiner.settled


@pytest.mark.parametrize(
    "raw", [b"", b"no json", b"[]", b'{"log":', b'{"log":"x', b'{"log":1,"time":"2026-11-24T10:00:00Z"}', b'{"log":"x"}', b'{"log":"x","time":"noon"}', b'{"log":"x","time":7}']
)
def test_what_docker_did_not_write_is_lent_as_it_is(raw):
    [record] = fed([raw])
    assert (record.raw, record.header) == (raw, None)


def test_a_line_that_was_cut_in_the_middle_loses_its_begin_only_and_that_is_counted():
    joiner = Joiner(b"0")
    torn = line("torn\n", NOON)[:20]
    [record] = fed([torn + line("whole\n", NOON)], joiner)
    assert (record.raw, joiner.torn) == (b"whole", 20)


def test_replay_joins_what_is_docker_and_leaves_the_rest():
    assert raws(joined(iter(records([*parts("x" * 20_000 + "\n", NOON), line("half", NOON)])))) == [b"x" * 20_000, b"half"]
    assert raws(joined(iter(records([b"Nov 24", line("x\n", NOON)])))) == [b"Nov 24", line("x\n", NOON)]
    assert list(joined(iter([]))) == []


WRITTEN = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.sampled_from(["a", "bb\n", "\n", "C", "d\r\n"]), st.sampled_from([0, 0, 1, 3000, 6000]), st.booleans()), max_size=25
)


@given(WRITTEN)
def test_from_every_position_on_the_same_lines_follow(written):
    now, lines = NOON, []
    for stream, text, passed, foreign in written:
        now += passed
        lines += [b"foreign"] if foreign and text == "a" else parts(text.replace("C", "c" * 60_000), now, stream)
    whole = fed(lines)
    seen = [(record.raw, record.position.identity, record.truncated) for record in whole]
    assert len({identity for _, identity, _ in seen}) == len(seen)
    assert [identity for _, identity, _ in seen] == sorted(identity for _, identity, _ in seen), "in the order in which they began"
    for taken, record in enumerate(whole, 1):
        token, lent = unpack(record.position.resume)
        joiner = Joiner(token, lent)
        again = [one for later in records(lines)[int(token) :] for one in joiner.feed(later)]
        assert [(one.raw, one.position.identity, one.truncated) for one in again] == seen[taken:]
        assert [one.position.resume for one in again] == [one.position.resume for one in whole[taken:]]

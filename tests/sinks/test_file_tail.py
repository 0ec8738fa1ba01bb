import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sinks.file_names import FileName
from collector.sinks.file_tail import Compared, Mark, compare, read, write

PLAIN = FileName("logs-mail.postfix-default", "2026-11-24")
PACKED = FileName("logs-mail.postfix-default", "2026-11-24", compressed=True)


@pytest.fixture(scope="module")
def fd(tmp_path_factory):
    fd = os.open(tmp_path_factory.mktemp("tail") / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def holds(fd, content):
    os.ftruncate(fd, 0)
    write(fd, 0, content)


@given(st.sampled_from([PLAIN, PACKED]), st.integers(0, 1 << 53), st.integers(0, 1 << 53))
def test_a_token_says_it_all(name, size, skip):
    assert Mark.read(Mark(name, size, skip).token()) == Mark(name, size, skip)


@pytest.mark.parametrize("token", [b"", b"{}", b"[]", b"null", b'{"file":"../etc/passwd","size":0,"skip":0}', b'{"file":"x-2026-11-24.ndjson","size":"?","skip":0}', b"\xff"])
def test_no_token_of_ours(token):
    assert Mark.read(token) is None


@given(before=st.binary(max_size=20), lines=st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b), length=st.integers(0, 40), hole=st.integers(0, 9))
def test_plain_the_rest_is_what_does_not_stand_there(fd, before, lines, length, hole):
    stands = lines[:length]
    holds(fd, before + stands + bytes(hole))
    assert compare(fd, Mark(PLAIN, len(before)), lines) == Compared(Mark(PLAIN, len(before) + len(stands)), lines[length:])


@given(lines=st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=6), cut=st.integers(0, 60), torn=st.integers(0, 30))
def test_compressed_any_cut_of_members_against_any_cut_of_lines(fd, lines, cut, torn):
    """Members stand there, a torn one behind them; the lines come in two parcels cut anywhere."""
    everything = b"".join(lines)
    members = [gzip.compress(line, mtime=0) for line in lines]
    new = b"more that never got there"
    fragment = gzip.compress(new, mtime=0)[:torn]
    holds(fd, b"".join(members) + fragment)
    first, second = (everything + new)[:cut], (everything + new)[cut:]
    half = compare(fd, Mark(PACKED), first)
    assert half is not None
    if half.rest:  # the first parcel reaches into what is missing: the second does not stand there at all
        assert half == Compared(Mark(PACKED, sum(map(len, members))), first[len(everything) :])
        return
    whole = compare(fd, half.mark, second)
    assert whole == Compared(Mark(PACKED, sum(map(len, members))), new)


@given(content=st.binary(min_size=1, max_size=30).filter(lambda b: not {0, 1} & set(b)), place=st.integers(0, 29), packed=st.booleans())
def test_one_byte_that_differs_is_seen(fd, content, place, packed):
    place %= len(content)
    other = bytearray(content)
    other[place] ^= 1
    holds(fd, gzip.compress(bytes(other)) if packed else bytes(other))
    assert compare(fd, Mark(PACKED if packed else PLAIN), content) is None


@given(st.binary(max_size=200))
def test_junk_behind_the_mark_is_a_torn_member_or_differs(fd, junk):
    holds(fd, junk)
    found = compare(fd, Mark(PACKED), b"line\n")
    assert found is None or found.mark.size <= len(junk)


def test_a_member_larger_than_one_read(fd):
    lines = os.urandom(3 << 20)
    holds(fd, gzip.compress(lines, 1) + gzip.compress(b"next\n"))
    assert compare(fd, Mark(PACKED), lines + b"next\nlast\n").rest == b"last\n"


def test_read_and_write_reach_the_end(fd):
    holds(fd, b"")
    data = os.urandom(2 << 20)
    write(fd, 7, data)
    assert read(fd, 7, 3 << 20) == data
    assert read(fd, 7, 10) == data[:10]

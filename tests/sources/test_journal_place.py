from hypothesis import given
from hypothesis import strategies as st

from collector.sources.journal_place import VERSION, Place, digest, identity, unpack

CURSOR = "s=d86a7592b6094549b1f098deb9c08736;i=7ce;b=00000000000000000000000000000007;m=1e7cb0;t=66106a79061b6;x=946c0c7c32b8c65b"


def test_an_entry_is_known_by_sequence_number_and_boot():
    known = identity(CURSOR)
    assert known == (bytes.fromhex("d86a7592b6094549b1f098deb9c08736"), (0x7CE).to_bytes(8, "big"), bytes(15) + b"\x07")
    assert identity(CURSOR.replace("t=66", "t=67").replace("x=9", "x=8")) == known, "it stays the same where the clock was set or the entry moved"
    assert identity(CURSOR.replace("i=7ce", "i=7cf")) != known


def test_what_is_no_cursor_is_none():
    assert [identity(text) for text in ("", "garbage", CURSOR + "\n", CURSOR.replace("s=d8", "s=g8"), CURSOR[:-30])] == [None] * 5


@given(st.integers(0, 2**63), st.sampled_from(["", CURSOR]))
def test_a_token_is_read_again(time, cursor):
    place = Place(time, digest(["SYSLOG_FACILITY=2"]), cursor)
    assert unpack(place.token()) == place


@given(st.binary(max_size=200))
def test_foreign_tokens_are_none_or_whole(token):
    place = unpack(token)
    assert place is None or place.token() == token


def test_a_token_of_another_version_or_with_a_broken_cursor_is_none():
    token = Place(1, digest(["x"]), CURSOR).token()
    assert unpack(bytes([VERSION + 1]) + token[1:]) is None
    assert unpack(token[:-40]) is None


def test_another_match_is_another_hash():
    assert digest(["A=b", "C=d"]) != digest(["A=b"]) != digest(["A=bC=d"])

from hypothesis import given
from hypothesis import strategies as st

from collector.sources.place import BEGIN, FileId, Place, Spot, digest, unpack

hashes = st.binary(min_size=16, max_size=16)
files = st.builds(FileId, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.none() | st.integers(0, 2**32 - 1))
spots = st.builds(Spot, st.tuples(st.integers(0, 1024), hashes), st.integers(0, 2**64 - 1), st.tuples(st.integers(0, 256), hashes))
places = st.builds(Place, files, st.integers(-(2**63), 2**63 - 1), st.none() | hashes.filter(any), spots)


@given(places)
def test_a_token_says_the_whole_place(place):
    token = place.token()
    assert unpack(token) == place
    assert token.startswith(place.prefix())


@given(st.binary(max_size=120))
def test_no_bytes_make_it_fail(token):
    place = unpack(token)
    assert place is None or place.token() == token


def test_a_token_of_another_version_is_no_place():
    token = Place(FileId(1, 2), 3, None, BEGIN).token()
    assert unpack(bytes([token[0] + 1]) + token[1:]) is None
    assert unpack(token[:-1]) is None
    assert unpack(b"") is None


def test_all_tokens_have_one_length():
    assert len(Place(FileId(1, 2, 3), 4, digest(b""), BEGIN).token()) == len(Place(FileId(2**64 - 1, 0), 0, None, BEGIN).token())


def test_a_generation_tells_a_reused_inode_apart_and_its_lack_decides_nothing():
    assert FileId(1, 2, 3).may_be(FileId(1, 2, 3))
    assert not FileId(1, 2, 3).may_be(FileId(1, 2, 4))
    assert FileId(1, 2, 3).may_be(FileId(1, 2))
    assert FileId(1, 2).may_be(FileId(1, 2, 3))
    assert not FileId(1, 2).may_be(FileId(1, 3))
    assert not FileId(1, 2, 3).may_be(FileId(2, 2, 3))

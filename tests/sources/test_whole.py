import gzip
import io
import os
import sys

import pytest

from collector.errors import SourceError
from collector.model.identity import lineage
from collector.model.record import SourceInfo, offset_of
from collector.sources.whole import read_whole
from tests.support.logs import Log, open_files

INFO = SourceInfo("replayed")
CONTENT = b"\0first\r\nsecond\n" + b"x" * 70_000 + b"\nunfinished"


@pytest.fixture(params=["plain", "packed", "members"])
def path(request, tmp_path):
    path = tmp_path / "mail.log"
    packed = {"plain": CONTENT, "packed": gzip.compress(CONTENT), "members": gzip.compress(CONTENT[:10]) + gzip.compress(CONTENT[10:])}
    path.write_bytes(packed[request.param])
    os.utime(path, ns=(0, 1_700_000_000_123_000_000))
    return path


def test_all_lines_of_a_file_the_unfinished_one_too(path):
    records = list(read_whole(str(path), INFO))
    assert [record.raw for record in records] == [b"first", b"second", b"x" * 65_536, b"unfinished"]
    assert [offset_of(record.position) for record in records] == [1, 8, 15, 70_016]
    assert [record.truncated for record in records] == [False, False, True, False]
    assert {record.position.identity[0] for record in records} == {lineage(b"first")}
    assert {record.source for record in records} == {INFO}


def test_near_is_the_mtime_or_what_is_given(path):
    assert {record.near for record in read_whole(str(path), INFO)} == {1_700_000_000_123}
    assert {record.near for record in read_whole(str(path), INFO, 5)} == {5}


def test_ids_are_those_of_the_running_service(tmp_path):
    log = Log(tmp_path)
    log.append(CONTENT)
    source = log.open()
    source.resume(None)
    live = [(record.position.identity, record.raw) for record in source.read(10)]
    source.close()
    assert [(record.position.identity, record.raw) for record in read_whole(str(log.path), INFO)][:3] == live


def test_a_torn_file_gives_what_it_holds_then_an_error(tmp_path):
    lines = [os.urandom(30).hex().encode() for _ in range(5000)]
    packed = gzip.compress(b"\n".join(lines))
    (tmp_path / "torn.gz").write_bytes(packed[: len(packed) // 2])
    got = []
    with pytest.raises(SourceError, match="torn") as caught:
        got.extend(record.raw for record in read_whole(str(tmp_path / "torn.gz"), INFO))
    assert str(tmp_path / "torn.gz") in str(caught.value)
    assert len(got) > 1000
    assert got[:-1] == lines[: len(got) - 1]
    assert lines[len(got) - 1].startswith(got[-1])


def test_a_damaged_file_is_an_error_not_another_exception(tmp_path):
    packed = bytearray(gzip.compress(b"a\n" * 1000 + os.urandom(3000)))
    for at in range(20, len(packed), 500):
        packed[at] ^= 0xFF
    (tmp_path / "bad.gz").write_bytes(packed)
    with pytest.raises(SourceError):
        list(read_whole(str(tmp_path / "bad.gz"), INFO))


class Piped:
    """Standard input as a pipe gives it."""

    def __init__(self, content):
        self.buffer = io.BufferedReader(io.BytesIO(content))


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)])
def test_standard_input_has_no_offsets(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", Piped(content))
    records = list(read_whole("-", INFO))
    assert [len(record.raw) for record in records] == [5, 6, 65_536, 10]
    assert [record.position.identity for record in records] == [(b"replayed", b"", number.to_bytes(8, "big")) for number in range(4)]
    assert [offset_of(record.position) for record in records] == [None] * 4
    assert len({record.near for record in records}) == 1


def test_an_empty_input_has_no_lines(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", Piped(b""))
    assert list(read_whole("-", INFO)) == []
    (tmp_path / "empty").touch()
    assert list(read_whole(str(tmp_path / "empty"), INFO)) == []


def test_what_cannot_be_read_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        list(read_whole(str(tmp_path / "none"), INFO))
    with pytest.raises(SourceError, match="no regular file"):
        list(read_whole(str(tmp_path), INFO))


def test_a_reader_that_stops_early_leaves_nothing_open(path):
    before = open_files()
    records = read_whole(str(path), INFO)
    next(records)
    records.close()
    assert open_files() == before

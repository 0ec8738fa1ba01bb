import gzip
import os

import pytest

from collector.sources.place import BEGIN, HEAD, FileId, Place, unpack
from collector.sources.volume import BLOCK, Pulled, Volume
from tests.support.logs import open_files

LINES = [b"line %d %s" % (number, os.urandom(60).hex().encode()) for number in range(3000)]
CONTENT = b"".join(line + b"\n" for line in LINES)


@pytest.fixture(params=["plain", "packed"])
def path(request, tmp_path):
    path = tmp_path / "mail.log"
    path.write_bytes(gzip.compress(CONTENT) if request.param == "packed" else CONTENT)
    return path


@pytest.fixture
def volume(path):
    volume = Volume.open(path)
    yield volume
    volume.close()


def places(volume):
    """All lines, and the place behind each one."""
    while True:
        while lines := volume.take(7):
            yield from ((line, position.resume) for line, position in zip(lines, volume.positions(lines), strict=True))
        if volume.pull() is not Pulled.MORE:
            return


def test_lines_and_offsets_are_those_of_the_content(volume):
    lines = [line for line, _ in places(volume)]
    assert [line.raw for line in lines] == LINES
    assert all(CONTENT[line.offset : line.end] == line.raw + b"\n" for line in lines)


def test_every_place_is_found_again_in_every_form(tmp_path, volume):
    for name, content in (("copy", CONTENT), ("copy.gz", gzip.compress(CONTENT)), ("members.gz", gzip.compress(CONTENT[:5000]) + gzip.compress(CONTENT[5000:]))):
        (tmp_path / name).write_bytes(content)
    for number, (_, token) in enumerate(list(places(volume)), 1):
        if number > 20 and number % 400:
            continue
        for name in ("copy", "copy.gz", "members.gz"):
            other = Volume.open(tmp_path / name)
            assert other.seek(unpack(token))
            rest = list(places(other))
            assert [line.raw for line, _ in rest] == LINES[number:]
            assert [line.end for line, _ in rest[-1:]] == ([len(CONTENT)] if rest else [])
            assert other.lineage == volume.lineage
            other.close()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("other", [CONTENT[:-1000], b"x" + CONTENT[1:], CONTENT[:-2] + b"x\n", b"", CONTENT[1:] + b"x"])
def test_a_place_is_not_found_in_another_content(tmp_path, volume, packed, other):
    assert list(places(volume))
    (tmp_path / "other").write_bytes(gzip.compress(other) if packed else other)
    second = Volume.open(tmp_path / "other")
    assert not second.seek(volume.place())
    second.close()


def test_a_torn_file_gives_what_it_holds(tmp_path):
    packed = gzip.compress(CONTENT)
    (tmp_path / "torn.gz").write_bytes(packed[: len(packed) // 2])
    volume = Volume.open(tmp_path / "torn.gz")
    got = [line.raw for line, _ in places(volume)]
    assert got == LINES[: len(got)]
    assert len(got) > 1000
    assert volume.torn
    assert LINES[len(got)].startswith(volume.finish().raw)
    volume.close()


def test_a_file_that_was_changed_in_place_is_broken_and_none_of_it_is_used(tmp_path):
    path = tmp_path / "mail.log"
    path.write_bytes(b"a\nb\n")
    volume = Volume.open(path)
    assert volume.pull() is Pulled.MORE
    path.write_bytes(b"x\ny\nz\n")
    assert volume.pull() is Pulled.BROKEN
    assert [line.raw for line in volume.take(9)] == [b"a", b"b"]
    volume.close()


def test_the_head_grows_with_the_file(tmp_path):
    path = tmp_path / "mail.log"
    path.write_bytes(b"a\n")
    volume = Volume.open(path)
    volume.pull()
    assert volume.place().spot.head[0] == 2
    with path.open("ab") as file:
        file.write(b"b" * 2 * HEAD + b"\n")
    volume.pull()
    assert volume.place().spot.head[0] == HEAD
    assert volume.same_head(volume.place())
    other = Volume.open(path)
    assert other.seek(volume.place())
    assert other.place() == volume.place()
    volume.close()
    other.close()


@pytest.mark.parametrize(
    ("content", "end"),
    [(b"", None), (b"part", None), (b"\0\0", None), (b"a\n", 2), (b"a\nb\npart", 4), (b"a\n" + b"x" * 2 * BLOCK, 2), (b"\0\0a\nb\n\0\0", 6)],
)
def test_the_end_is_behind_the_last_complete_line(tmp_path, content, end):
    path = tmp_path / "mail.log"
    path.write_bytes(content)
    volume = Volume.open(path)
    assert volume.seek_end() is (end is not None)
    if end is not None:
        assert volume.place().spot.offset == end
        assert volume.take(9) == []
    volume.close()


def test_a_hole_is_read_with_what_follows_it(tmp_path):
    path = tmp_path / "mail.log"
    path.write_bytes(b"a\n\0\0\0")
    volume = Volume.open(path)
    volume.pull()
    assert volume.place().spot.offset == 2
    with path.open("ab") as file:
        file.write(b"b\n")
    volume.pull()
    assert [(line.raw, line.offset, line.end) for line in volume.take(9)] == [(b"a", 0, 2), (b"b", 5, 7)]
    volume.close()


def test_the_begin_is_found_in_everything(volume):
    assert volume.seek(Place(FileId(0, 0), 0, None, BEGIN))
    assert [line.raw for line, _ in places(volume)] == LINES


def test_nothing_stays_open(path):
    before = open_files()
    volume = Volume.open(path)
    volume.pull()
    volume.close()
    volume.close()
    assert open_files() == before

import errno
import gzip
import os
import stat
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import ValidationError

from collector.errors import SinkRefused, SinkUnavailable
from collector.model import json
from collector.sinks import file, file_tail
from collector.sinks.file import FileOptions, FileSink
from collector.sinks.file_names import DAY
from tests.conformance.sinks import SinkSuite
from tests.support.parcels import STREAM, documents, ids, parcel

NOON = 1_795_521_600_000  # 2026-11-24T12:00:00Z
TODAY, TOMORROW = f"{STREAM}-2026-11-24.ndjson", f"{STREAM}-2026-11-25.ndjson"


class Folder:
    """A folder of NDJSON files with a clock that is set by hand, and a disk that can be full."""

    def __init__(self, path, **options):
        self.path = path
        self.now = NOON
        self.options = FileOptions(path=str(path), **options)

    def open(self):
        return FileSink("archive", self.options, lambda: self.now)

    def content(self, name):
        raw = (self.path / name).read_bytes()
        return gzip.decompress(raw) if name.endswith(".gz") else raw

    def names(self):
        return sorted(entry.name for entry in self.path.iterdir()) if self.path.exists() else []

    def received(self, stream=STREAM):
        lines = b"".join(self.content(name) for name in self.names() if name.startswith(f"{stream}-")).split(b"\n")
        assert lines.pop() == b""
        return [json.loads(line)["event"]["id"] for line in lines]

    @contextmanager
    def unavailable(self):
        """The disk takes half a block more, then is full."""
        real, left = os.pwrite, [40]

        def pwrite(fd, data, position):
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = real(fd, data[: left[0]], position)
            left[0] -= written
            return written

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(file_tail.os, "pwrite", pwrite)
            yield

    @contextmanager
    def refusing(self):
        """Something else is called as the file is to be called."""
        self.path.mkdir(parents=True)
        link = self.path / (TODAY + (".gz" if self.options.compress else ""))
        link.symlink_to("/dev/null")
        yield
        link.unlink()


class TestPlain(SinkSuite):
    @pytest.fixture
    def place(self, tmp_path):
        return Folder(tmp_path / "events")


class TestCompressed(SinkSuite):
    @pytest.fixture
    def place(self, tmp_path):
        return Folder(tmp_path / "events", compress=True)


class TestManySmallFiles(SinkSuite):
    @pytest.fixture
    def place(self, tmp_path):
        return Folder(tmp_path / "events", rotate_bytes=1)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "events")


def begun(folder, *parcels, token=None):
    sink = folder.open()
    sink.resume(STREAM, token)
    for one in parcels:
        token = sink.send(one).token
    return sink, token


def test_one_document_a_line_and_nothing_else(folder):
    begun(folder, parcel(1, documents(0, 2)))
    assert folder.content(TODAY) == b"".join(one.body + b"\n" for one in documents(0, 2))
    assert stat.S_IMODE((folder.path / TODAY).stat().st_mode) & 0o137 == 0


def test_one_gzip_member_a_parcel(tmp_path):
    folder = Folder(tmp_path, compress=True)
    begun(folder, parcel(1, documents(0, 5)), parcel(2, documents(5, 9), documents(9, 12)))
    assert (tmp_path / f"{TODAY}.gz").read_bytes().count(b"\x1f\x8b\x08") == 2
    assert folder.received() == ids(documents(0, 12))


def test_a_new_day_begins_a_new_file(folder):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    folder.now += DAY
    sink.send(parcel(2, documents(2, 4)))
    assert folder.names() == [TODAY, TOMORROW]
    assert folder.received() == ids(documents(0, 4))


def test_a_clock_that_was_set_back_begins_nothing(folder):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    folder.now -= 3 * DAY
    sink.send(parcel(2, documents(2, 4)))
    assert folder.names() == [TODAY]


def test_what_a_crash_left_is_finished_where_it_stands_even_on_the_next_day(folder):
    _, token = begun(folder, parcel(1, documents(0, 2)))
    begun(folder, parcel(2, documents(2, 4)), token=token)
    torn = folder.content(TODAY)[:-30]
    (folder.path / TODAY).write_bytes(torn)
    folder.now += DAY
    begun(folder, parcel(3, documents(2, 4), documents(4, 5)), parcel(4, documents(5, 6)), token=token)
    assert folder.names() == [TODAY, TOMORROW]
    assert folder.content(TODAY).startswith(torn)
    assert folder.received() == ids(documents(0, 6))


@pytest.mark.parametrize("days", [0, 1, 2, -1])
def test_a_file_begun_before_the_crash_is_found_again_whatever_the_day(folder, days):
    """The token names yesterday's file; today's was begun, its cursor lost."""
    _, token = begun(folder, parcel(1, documents(0, 2)))
    folder.now += DAY
    begun(folder, parcel(2, documents(2, 4)), token=token)
    folder.now += days * DAY
    begun(folder, parcel(2, documents(2, 4)), parcel(3, documents(4, 6)), token=token)
    assert folder.received() == ids(documents(0, 6))


def test_the_first_parcel_of_all_survives_a_crash_before_its_cursor(folder):
    begun(folder, parcel(1, documents(0, 2)))
    begun(folder, parcel(1, documents(0, 2), documents(2, 3)))
    assert folder.received() == ids(documents(0, 3))


def test_files_of_an_earlier_life_are_left_alone(folder):
    """The spool was lost: nothing is remembered, and other events come than the last file begins with."""
    begun(folder, parcel(1, documents(10, 12)))
    before = folder.content(TODAY)
    sink, token = begun(folder, parcel(1, documents(0, 2)))
    assert folder.names() == [TODAY, f"{STREAM}-2026-11-24_0001.ndjson"]
    assert folder.content(TODAY) == before
    sink.resume(STREAM, token)
    sink.send(parcel(2, documents(2, 4)))
    assert len(folder.names()) == 2


def test_what_somebody_else_changed_is_refused_and_not_touched(folder):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    (folder.path / TODAY).write_bytes(folder.content(TODAY) + b"# edited\n")
    with pytest.raises(SinkRefused, match="changed by somebody else") as refused:
        sink.send(parcel(2, documents(2, 4)))
    assert "move it away" in refused.value.hint
    assert folder.content(TODAY).endswith(b"# edited\n")


def test_after_it_was_moved_away_a_new_file_is_begun_and_said_so(folder):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    (folder.path / TODAY).rename(folder.path / "mine")
    sink.send(parcel(2, documents(2, 4)))
    assert [fact.fields["event.reason"] for fact in sink.facts()] == [f"{TODAY} is gone: a new file is begun"]
    assert folder.received() == ids(documents(2, 4))


def test_a_file_begun_for_one_that_is_gone_is_not_taken_for_it_after_a_crash(folder):
    _, token = begun(folder, parcel(1, documents(0, 9)))
    (folder.path / TODAY).unlink()
    begun(folder, parcel(2, documents(9, 11)), token=token)
    begun(folder, parcel(2, documents(9, 11)), parcel(3, documents(11, 30)), token=token)
    assert folder.received() == ids(documents(9, 30))


def test_a_shrunk_file_is_left_and_said_so(folder):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    size = len(folder.content(TODAY))
    os.truncate(folder.path / TODAY, 10)
    sink.send(parcel(2, documents(2, 4)))
    assert [fact.fields["event.reason"] for fact in sink.facts()] == [f"{TODAY} has shrunk from {size} to 10 bytes: a new file is begun"]
    assert len(folder.content(TODAY)) == 10
    assert len(folder.names()) == 2


def test_yesterdays_file_may_be_fetched_without_a_word(folder):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    (folder.path / TODAY).unlink()
    folder.now += DAY
    sink.send(parcel(2, documents(2, 4)))
    assert sink.facts() == ()
    assert folder.names() == [TOMORROW]


@pytest.mark.parametrize("days", [0, 1])
def test_holes_of_a_power_cut_go(folder, days):
    _, token = begun(folder, parcel(1, documents(0, 2)))
    os.truncate(folder.path / TODAY, len(folder.content(TODAY)) + 5000)
    folder.now += days * DAY
    begun(folder, parcel(2, documents(2, 4)), token=token)
    assert folder.received() == ids(documents(0, 4))


@pytest.mark.parametrize("cut", [1, 5, 15, -1])
def test_only_a_torn_member_is_cut(tmp_path, cut):
    folder = Folder(tmp_path, compress=True)
    _, token = begun(folder, parcel(1, documents(0, 20)))
    whole = (tmp_path / f"{TODAY}.gz").read_bytes()
    begun(folder, parcel(2, documents(20, 40)), token=token)
    torn = (tmp_path / f"{TODAY}.gz").read_bytes()[len(whole) :][:cut]
    (tmp_path / f"{TODAY}.gz").write_bytes(whole + torn)
    folder.now += DAY
    begun(folder, parcel(2, documents(20, 40)), token=token)
    assert (tmp_path / f"{TODAY}.gz").read_bytes() == whole
    assert folder.received() == ids(documents(0, 40))


def test_a_changed_option_takes_hold_in_a_new_file_and_loses_nothing(tmp_path):
    folder = Folder(tmp_path)
    _, token = begun(folder, parcel(1, documents(0, 2)))
    begun(folder, parcel(2, documents(2, 4)), token=token)
    packed = Folder(tmp_path, compress=True)
    begun(packed, parcel(2, documents(2, 4)), parcel(3, documents(4, 6)), token=token)
    assert packed.names() == [TODAY, f"{STREAM}-2026-11-24_0001.ndjson.gz"]
    assert packed.content(TODAY) == b"".join(one.body + b"\n" for one in documents(0, 4))
    assert sorted(packed.received()) == ids(documents(0, 6))


def test_old_days_and_too_many_bytes_go_when_a_file_is_begun(tmp_path):
    folder = Folder(tmp_path, keep="2d", max_bytes=5_000, rotate_bytes=1_000)
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / "mail.log-2026-01-01.ndjson").write_text("{}\n")
    sink, _ = begun(folder)
    for seq in range(60):
        sink.send(parcel(seq, documents(seq * 5, seq * 5 + 5)))
        folder.now += DAY // 10
        sizes = [entry.stat().st_size for entry in os.scandir(tmp_path)]
        assert sum(sizes) <= 5_000 + 1_000 + max(sizes)
    assert "notes.txt" in folder.names()
    assert "mail.log-2026-01-01.ndjson" not in folder.names()
    assert min(name for name in folder.names() if name.startswith(STREAM)) >= f"{STREAM}-2026-11-27"
    received = folder.received()
    assert received == ids(documents(0, 300))[-len(received) :]


def test_what_has_aged_but_cannot_be_deleted_stops_nothing(folder):
    folder.options = FileOptions(path=str(folder.path), keep="1d")
    (folder.path / "x-2026-01-01.ndjson").mkdir(parents=True)
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    assert "x-2026-01-01.ndjson has aged but cannot be deleted" in sink.facts()[0].fields["event.reason"]
    assert folder.received() == ids(documents(0, 2))


@pytest.mark.parametrize("code", [errno.EIO, errno.EDQUOT])
def test_nothing_is_delivered_before_it_is_on_the_disk(folder, monkeypatch, code):
    def fsync(fd):
        raise OSError(code, os.strerror(code))

    sink = folder.open()
    with monkeypatch.context() as patch:
        patch.setattr(file.os, "fsync", fsync)
        with pytest.raises(SinkUnavailable, match=os.strerror(code)):
            sink.send(parcel(1, documents(0, 2)))
    sink.send(parcel(1, documents(0, 2)))
    assert folder.received() == ids(documents(0, 2))


def handles():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_handle_stays_open(folder):
    before = handles()
    sink, _ = begun(folder, *(parcel(seq, documents(seq, seq + 1)) for seq in range(5)))
    os.truncate(folder.path / TODAY, 1)
    sink.send(parcel(9, documents(9, 10)))
    with folder.unavailable(), pytest.raises(SinkUnavailable):
        sink.send(parcel(10, documents(10, 20)))
    assert handles() == before


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/etc/passwd")])
def test_what_is_no_file_is_refused(folder, make):
    folder.path.mkdir()
    make(folder.path / TODAY)
    with pytest.raises(SinkRefused) as refused:
        begun(folder, parcel(1, documents(0, 2)))
    assert TODAY in refused.value.message


def test_a_file_that_vanishes_while_it_is_looked_at_is_no_reason_to_begin_anew(folder, monkeypatch):
    sink, _ = begun(folder, parcel(1, documents(0, 2)))
    (folder.path / "x-2026-01-01.ndjson").write_text("")
    real = Path.lstat

    def lstat(path):
        path.unlink() if path.name.startswith("x-") else None
        return real(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    sink.send(parcel(2, documents(2, 4)))
    assert folder.names() == [TODAY]
    assert sink.facts() == ()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "events").write_text("")
    with pytest.raises(SinkRefused):
        begun(Folder(tmp_path / "events"), parcel(1, documents(0, 2)))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkRefused):
        begun(Folder(tmp_path / "file" / "events"), parcel(1, documents(0, 2)))


def test_a_stream_that_is_no_name_is_refused(folder):
    with pytest.raises(SinkRefused, match="no file can be named"):
        folder.open().send(parcel(1, documents(0, 2), stream="../../etc/logs-mail"))
    assert not folder.path.exists()


@pytest.mark.parametrize("wrong", [{"path": ""}, {"path": "x", "keep": "a week"}, {"path": "x", "max_bytes": 0}, {"path": "x", "max_byte": 1}])
def test_options_that_make_no_sense(wrong):
    with pytest.raises(ValidationError):
        FileOptions(**wrong)


def test_every_option_says_what_it_is():
    assert all(field.description for field in FileOptions.model_fields.values())


class Crashes(RuleBasedStateMachine):
    """Kills at every step of write, fsync and cursor; other days, other cuts, full disks, torn and holed ends: no line twice, none lost."""

    @initialize(compress=st.booleans(), rotate=st.sampled_from([1, 500, 1 << 20]))
    def begin(self, compress, rotate):
        self.home = TemporaryDirectory()
        self.folder = Folder(Path(self.home.name), compress=compress, rotate_bytes=rotate)
        self.sink = self.folder.open()
        self.sink.resume(STREAM, None)
        self.token, self.committed, self.tried = None, 0, 0

    def next(self, count):
        """Parcels are cut anew after a crash; only the very first, of which no token tells, is never cut shorter."""
        count = max(count, self.tried - self.committed) if self.token is None else count
        return parcel(self.committed + count, documents(self.committed, self.committed + count))

    @rule(count=st.integers(1, 9))
    def send_and_commit(self, count):
        one = self.next(count)
        self.token = self.sink.send(one).token
        self.committed += one.count

    def send(self, count):
        one = self.next(count)
        self.tried = max(self.tried, self.committed + one.count)
        self.sink.send(one)

    def restart(self):
        self.sink = self.folder.open()
        self.sink.resume(STREAM, self.token)

    @rule(count=st.integers(1, 9))
    def send_and_die(self, count):
        self.send(count)
        self.restart()

    @rule(count=st.integers(1, 9))
    def the_cursor_is_not_committed(self, count):
        self.send(count)
        self.sink.resume(STREAM, self.token)

    @rule(count=st.integers(5, 9), die=st.booleans())
    def full_disk(self, count, die):
        try:
            with self.folder.unavailable():
                self.send(count)
        except SinkUnavailable:
            pass
        self.sink.resume(STREAM, self.token) if not die else self.restart()

    @precondition(lambda self: self.token is not None)
    @rule(cut=st.floats(0, 1), hole=st.integers(0, 9))
    def power_cut(self, cut, hole):
        """What was never fsynced to the end may be torn, or followed by NULs."""
        mark = json.loads(self.token)
        name = self.folder.names()[-1]
        path = self.folder.path / mark["file"]
        size = path.stat().st_size
        if name == mark["file"] and size > mark["size"] and not mark["skip"]:
            os.truncate(path, mark["size"] + int((size - mark["size"]) * cut))
            os.truncate(path, path.stat().st_size + hole)
        self.restart()

    @rule(days=st.integers(0, 2))
    def another_day(self, days):
        self.folder.now += days * DAY

    @invariant()
    def no_line_twice_none_lost(self):
        try:
            received = self.folder.received()
        except (EOFError, AssertionError, ValueError, OSError, zlib.error):
            return  # a torn end, until something is sent again
        assert received == sorted(set(received))
        assert received[: self.committed] == ids(documents(0, self.committed))

    def teardown(self):
        self.send_and_commit(max(1, self.tried - self.committed))
        with self.home:
            assert self.folder.received() == ids(documents(0, self.committed))


class TestCrashes(Crashes.TestCase):
    settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

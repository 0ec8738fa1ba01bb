import contextlib
import gzip
import json
import os
from pathlib import Path

import pytest

from collector.content import package_text
from collector.errors import SourceError
from collector.model import catalogue
from collector.model.identity import lineage
from collector.model.record import offset_of
from collector.sources.base import Start
from collector.sources.file import GRACE_MS, MISSING_MS
from tests.conformance.sources import SourceSuite
from tests.support.logs import Log, open_files

LAB = Path(__file__).parents[1] / "lab" / "rotate-bookworm"
DAY_MS = 86_400_000


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


@pytest.fixture
def place(log):
    return log


class TestConformance(SourceSuite):
    pass


class Reader:
    """A source that is closed at the end, and what it read."""

    def __init__(self, log, start=Start.BEGINNING):
        self.log = log
        self.rule = start
        self.source = log.open(start)
        self.source.resume(None)
        self.records = []

    def read(self):
        """Read until nothing more comes without waiting; the raw lines."""
        got = []
        while records := self.source.read(100):
            got += records
        self.records += got
        return [record.raw for record in got]

    def read_on(self):
        """Read, waiting the grace where it is asked for."""
        got = self.read()
        for _ in range(20):
            self.log.pass_ms(GRACE_MS)
            got += self.read()
        assert self.source.at_end
        return got

    def restart(self, token=None):
        token = token or self.source.position()
        self.source.close()
        self.source = self.log.open(self.rule)
        self.source.resume(token)

    def facts(self):
        return [(fact.action, fact.fields) for fact in self.source.facts()]

    def actions(self):
        return [fact.action for fact in self.source.facts()]


@pytest.fixture
def reader(log):
    made = Reader(log)
    yield made
    made.source.close()


# ids and offsets


def test_a_line_is_known_by_the_first_line_of_its_file_and_its_offset(log, reader):
    log.append(b"\0\0first\r\nsecond\n\0\0\0third\n")
    reader.read()
    assert [(record.raw, record.position.identity) for record in reader.records] == [
        (b"first", (lineage(b"first"), (2).to_bytes(8, "big"))),
        (b"second", (lineage(b"first"), (9).to_bytes(8, "big"))),
        (b"third", (lineage(b"first"), (19).to_bytes(8, "big"))),
    ]
    assert [offset_of(record.position) for record in reader.records] == [2, 9, 19]
    assert reader.source.lineage == lineage(b"first")


def test_an_unfinished_line_waits_for_its_end(log, reader):
    log.append(b"whole\nhal")
    assert reader.read() == [b"whole"]
    assert reader.source.at_end
    log.append(b"f")
    assert reader.read() == []
    reader.restart()
    log.append(b"\n")
    assert reader.read() == [b"half"]


def test_an_overlong_line_is_cut_and_skipped(log, reader):
    log.append(b"x" * 6_000_000 + b"\nshort\n")
    assert reader.source.read(10) == ()
    assert not reader.source.at_end
    assert [len(raw) for raw in reader.read()] == [65536, 5]
    assert [record.truncated for record in reader.records] == [True, False]
    assert [offset_of(record.position) for record in reader.records] == [0, 6_000_001]


def test_near_is_the_time_of_reading(log, reader):
    log.write([b"a"])
    log.pass_ms(12_345)
    reader.read()
    assert reader.records[0].near == log.now_ns // 1_000_000


# rotations while running


def test_rename_and_create_reads_the_old_file_through_the_grace(log, reader):
    log.write([b"a"])
    assert reader.read() == [b"a"]
    log.rename()
    assert reader.read() == []
    log.write([b"new"])
    assert reader.read() == []
    assert not reader.source.at_end
    log.append(b"late\nlast", log.copy(".1"))
    assert reader.read() == [b"late"]
    log.pass_ms(GRACE_MS - 1000)
    assert reader.read() == []
    log.pass_ms(1000)
    assert reader.read() == [b"last", b"new"]
    assert offset_of(reader.records[-1].position) == 0
    assert reader.facts() == []


def test_a_writer_that_is_never_told_is_followed_as_long_as_the_new_file_is_empty(log, reader):
    log.write([b"a"])
    reader.read()
    log.rename()
    log.append(b"")
    for number in range(3):
        log.pass_ms(10 * GRACE_MS)
        assert reader.read() == []
        assert reader.source.at_end
        log.append(b"still %d\n" % number, log.copy(".1"))
        assert reader.read() == [b"still %d" % number]


def test_rename_and_gzip_at_once_drains_the_open_file(log, reader):
    log.write([b"a"])
    reader.read()
    log.write([b"b"])
    log.append(b"c")
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"new"])
    assert reader.read_on() == [b"b", b"c", b"new"]
    assert reader.facts() == []


@pytest.mark.parametrize("packed", [False, True])
def test_copytruncate_reads_the_rest_from_the_copy(log, reader, packed):
    log.write([b"a", b"b"])
    assert reader.source.read(1)[0].raw == b"a"
    reader.read()
    log.write([b"c"])
    log.append(b"d")
    log.copytruncate()
    if packed:
        log.pack(log.copy(".1"))
    log.write([b"new"])
    assert reader.read() == [b"c", b"d", b"new"]
    assert [offset_of(record.position) for record in reader.records[-3:]] == [4, 6, 0]
    assert reader.facts() == []


def test_copytruncate_that_regrew_beyond_the_old_offset_is_seen(log, reader):
    log.write([b"a", b"b"])
    reader.read()
    log.copytruncate()
    log.write([b"new %d" % number for number in range(100)])
    assert len(reader.read_on()) == 100
    assert {record.position.identity[0] for record in reader.records[2:]} == {lineage(b"new 0")}


def test_lines_read_between_copy_and_truncate_are_no_loss(log, reader):
    log.write([b"a"])
    log.copy(".1").write_bytes(log.path.read_bytes())
    log.write([b"b"])
    assert reader.read() == [b"a", b"b"]
    os.truncate(log.path, 0)
    log.write([b"new"])
    assert reader.read_on() == [b"new"]
    assert reader.facts() == []


def test_a_loss_between_copy_and_truncate_is_estimated(log, reader):
    log.write([b"a"])
    log.copy(".1").write_bytes(log.path.read_bytes())
    log.append(b"b\nunfinished")
    reader.read()
    os.truncate(log.path, 0)
    log.write([b"new"])
    assert reader.read_on() == [b"new"]
    [(action, fields)] = reader.facts()
    assert (action, fields["mail.log.lost_bytes"]) == ("log-gap", len(b"unfinished"))


def test_delete_and_recreate_with_the_same_inode_number(log, reader):
    log.write([b"old %d" % number for number in range(20)])
    reader.read()
    token = reader.source.position()
    inode = log.path.stat().st_ino
    reader.source.close()
    log.path.unlink()
    for number in range(100):
        log.write([b"new %d" % number for number in range(30)])
        if log.path.stat().st_ino == inode:
            break
        log.path.rename(log.path.with_name(f"keep{number}"))
    else:
        pytest.skip("this file system does not reuse inodes")
    reader.restart(token)
    assert reader.read_on() == [b"new %d" % number for number in range(30)]
    assert reader.actions()[0] == "log-gap"


# rotations while down


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_rotated_several_times_meanwhile_is_read_in_order(log, reader, packed):
    log.write([b"a1", b"a2"])
    reader.read()
    token = reader.records[0].position.resume
    reader.source.close()
    for name in (b"b", b"c", b"d"):
        log.rename()
        log.write([name + b"1", name + b"2"])
    if packed:
        log.pack(log.copy(".2"))
        log.pack(log.copy(".3"))
    reader.restart(token)
    log.pass_ms(DAY_MS)
    assert reader.read() == [b"a2", b"b1", b"b2", b"c1", b"c2", b"d1", b"d2"]
    assert reader.source.read(1) == ()
    assert reader.source.at_end
    assert reader.facts() == []


def test_a_packed_copy_is_resumed_in_its_middle(log, reader):
    lines = [b"line %d %s" % (number, os.urandom(200).hex().encode()) for number in range(2000)]
    log.write(lines[:10])
    reader.read()
    log.write(lines[10:])
    token = reader.source.position()
    log.rename()
    log.pack(log.copy(".1"))
    for _ in range(5):
        reader.restart(token)
        token = reader.source.read(300)[-1].position.resume
    reader.restart(token)
    seen = reader.read()
    assert seen == lines[-len(seen) :]
    assert 0 < len(seen) <= len(lines) - 10 - 5


def test_copytruncated_twice_meanwhile(log, reader):
    log.write([b"a1"])
    reader.read()
    log.write([b"a2"])
    token = reader.source.position()
    log.copytruncate()
    log.write([b"b1"])
    log.copytruncate()
    log.write([b"c1", b"c2", b"c3", b"c4"])
    reader.restart(token)
    assert reader.read_on() == [b"a2", b"b1", b"c1", b"c2", b"c3", b"c4"]
    assert reader.facts() == []


def test_a_log_that_moved_to_another_disk_goes_on(log, reader):
    log.write([b"a", b"b"])
    reader.read()
    content = log.path.read_bytes()
    log.path.rename(log.path.with_name("elsewhere"))
    log.append(content + b"c\n")
    reader.restart()
    assert reader.read() == [b"c"]
    assert reader.facts() == []


def test_files_that_begin_alike_are_told_apart(log, reader):
    log.write([b"header", b"a"])
    reader.read()
    log.write([b"a2"])
    token = reader.records[0].position.resume
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"header", b"b"])
    log.rename()
    log.write([b"header", b"c"])
    reader.restart(token)
    assert reader.read_on() == [b"a", b"a2", b"header", b"b", b"header", b"c"]


def test_of_copies_that_hold_the_same_the_one_that_was_read_goes_on(log, reader):
    log.write([b"header"])
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"a"])
    log.rename()
    log.write([b"header"])
    assert reader.read() == [b"header"]
    token = reader.source.position()
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"new"])
    assert reader.read_on() == [b"new"]
    reader.restart(token)
    assert reader.read_on() == [b"new"]
    assert reader.facts() == []


def test_a_file_that_begins_like_one_that_is_gone_is_read(log, reader):
    log.write([b"header"])
    reader.read()
    log.path.unlink()
    log.write([b"header", b"b"])
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"new"])
    assert reader.read_on() == [b"header", b"b", b"new"]


def test_a_file_of_nuls_is_not_taken_for_an_empty_one(log, reader):
    reader.read()
    log.append(b"\0" * 300)
    log.rename()
    log.write([b"a"])
    log.rename()
    assert reader.read() == []
    log.pack(log.copy(".2"))
    log.append(b"")
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"new"])
    assert reader.read_on() == [b"a", b"new"]


def test_a_line_that_comes_while_the_file_is_left_is_not_lost(log, reader, monkeypatch):
    log.write([b"a"])
    reader.read()
    log.rename()
    log.write([b"new"])
    reader.read()
    log.pass_ms(GRACE_MS)
    real = reader.source._folder.after

    def after(volume):
        following = real(volume)
        log.append(b"at the last moment\n", log.copy(".1"))
        monkeypatch.undo()
        return following

    monkeypatch.setattr(reader.source._folder, "after", after)
    assert reader.read_on() == [b"at the last moment", b"new"]


def test_waiting_for_a_new_file_to_fill_costs_next_to_nothing(log, reader, monkeypatch):
    log.write([b"a"])
    reader.read()
    log.rename()
    log.append(b"")
    log.pass_ms(GRACE_MS)
    reader.read()
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or real(path))
    for _ in range(10):
        log.pass_ms(GRACE_MS)
        assert reader.read() == []
        assert reader.source.at_end
    assert listed == []
    log.rename()
    reader.read()
    assert len(listed) == 1
    log.write([b"b"])
    assert reader.read_on() == [b"b"]


def test_a_torn_copy_gives_what_it_holds_and_says_so(log, reader):
    lines = [b"line %d %s" % (number, os.urandom(50).hex().encode()) for number in range(2000)]
    log.write(lines)
    token = reader.source.read(1)[0].position.resume
    log.rename()
    log.pack(log.copy(".1"))
    packed = log.copy(".1.gz").read_bytes()
    log.copy(".1.gz").write_bytes(packed[: len(packed) // 2])
    log.write([b"new"])
    reader.restart(token)
    got = reader.read_on()
    assert got[-1] == b"new"
    assert got[:-2] == lines[1 : len(got) - 1]
    assert reader.actions() == ["log-gap"]


# losses


def test_gone_without_a_copy_is_a_gap_after_the_grace(log, reader):
    log.write([b"a", b"b"])
    reader.read()
    token = reader.source.position()
    reader.source.close()
    log.path.rename(log.path.with_name("archive"))
    log.write([b"new"])
    reader.restart(token)
    assert reader.read() == []
    assert not reader.source.at_end
    assert reader.facts() == []
    assert reader.read_on() == [b"new"]
    [(action, fields)] = reader.facts()
    assert action == "log-gap"
    assert fields["mail.log.lineage"] == lineage(b"a").hex()
    assert "byte 4" in fields["event.reason"]


def test_after_a_gap_the_copies_that_are_newer_come_first(log, reader):
    log.write([b"old"])
    log.rename()
    log.write([b"a"])
    reader.restart(reader.source.position())
    reader.read()
    token = reader.source.position()
    reader.source.close()
    log.path.unlink()
    log.write([b"b"])
    log.rename()
    log.write([b"c"])
    reader.restart(token)
    assert reader.read_on() == [b"b", b"c"]
    assert reader.actions() == ["log-gap"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "truncated"), (b"other\n", "truncated"), (b"a" * 2000 + b"\n", "shrunk"), (b"z" * 5000 + b"\n", "inode-rewind")],
)
def test_what_was_changed_outside_any_rotation_is_told(log, reader, content, problem):
    log.write([b"a" * 2000, b"b" * 2000])
    reader.read()
    log.append(b"seen only in part")
    reader.read()
    os.truncate(log.path, 0)
    log.append(content)
    reader.read_on()
    gap, tamper = reader.facts()
    assert gap[0] == "log-gap"
    assert tamper[0] == "log-tamper"
    assert tamper[1]["mail.log.problem"] == problem
    assert tamper[1]["mail.log.lost_bytes"] == len(b"seen only in part")
    assert reader.records[-1].raw == (content[:-1] if content else b"b" * 2000)


def test_a_copy_that_may_not_be_read_is_told(log, reader, monkeypatch):
    log.write([b"a"])
    reader.read()
    token = reader.source.position()
    log.rename()
    log.write([b"b"])
    log.rename()
    log.write([b"c"])
    forbid(monkeypatch, log.copy(".1"))
    reader.restart(token)
    assert reader.read_on() == [b"c"]
    [(action, fields)] = reader.facts()
    assert (action, fields["mail.log.lost_bytes"]) == ("log-gap", 2)
    assert str(log.copy(".1")) in fields["event.reason"]


# errors


def forbid(monkeypatch, path):
    real = os.open

    def refuse(name, *args, **kwargs):
        if Path(name) == path:
            raise PermissionError(13, "Permission denied", str(name))
        return real(name, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)


def test_an_unreadable_log_is_an_error_until_it_can_be_read(log, reader, monkeypatch):
    log.write([b"a"])
    with monkeypatch.context() as patch:
        forbid(patch, log.path)
        for _ in range(2):
            with pytest.raises(SourceError, match="cannot be read: Permission denied") as caught:
                reader.source.read(1)
            assert caught.value.hint
        [(action, fields)] = reader.facts()
        assert (action, fields["mail.agent.subject"], fields["mail.agent.state"], fields["event.outcome"]) == ("agent-health", "source", "lost", "failure")
    assert reader.read() == [b"a"]
    [(action, fields)] = reader.facts()
    assert (action, fields["mail.agent.state"], fields["event.outcome"]) == ("agent-health", "ok", "success")


def test_an_error_of_the_disk_lets_go_and_loses_nothing(log, reader, monkeypatch):
    log.write([b"a", b"b", b"c"])
    assert reader.source.read(1)[0].raw == b"a"
    assert [record.raw for record in reader.source.read(2)] == [b"b", b"c"]
    log.write([b"d"])
    with monkeypatch.context() as patch:

        def broken(*args):
            raise OSError(5, "Input/output error")

        patch.setattr(os, "pread", broken)
        for _ in range(3):
            with pytest.raises(SourceError, match="Input/output error"):
                reader.source.read(10)
    assert reader.read() == [b"d"]


@pytest.mark.parametrize("start", [Start.BEGINNING, Start.END])
@pytest.mark.parametrize("good", range(4))
@pytest.mark.parametrize("rotated", [False, True])
def test_a_bad_block_leaves_nothing_open(log, monkeypatch, start, good, rotated):
    """The first reads of each attempt succeed."""
    log.write([b"a", b"b"])
    if rotated:
        made = log.open()
        made.resume(None)
        token = made.read(1)[0].position.resume
        made.close()
        log.rename()
        log.write([b"c"])
    source = log.open(start)
    source.resume(token if rotated else None)
    before = open_files()
    real, left = os.pread, [0]

    def broken(*args):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, "Input/output error")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", broken)
        for _ in range(5):
            left[0] = good
            with contextlib.suppress(SourceError):
                source.read(10)
        failed = source.facts()
        source.close()
    assert open_files() == before
    assert failed or good >= 2


def test_a_pipe_at_the_path_does_not_block(log, reader):
    os.mkfifo(log.path)
    with pytest.raises(SourceError, match="no regular file"):
        reader.source.read(1)


def test_a_missing_path_is_told_after_a_minute_and_when_it_is_back(log, reader):
    assert reader.read() == []
    assert reader.source.at_end
    log.pass_ms(MISSING_MS - 1)
    reader.read()
    assert reader.facts() == []
    log.pass_ms(1)
    for _ in range(3):
        reader.read()
    assert [(action, fields["mail.agent.state"]) for action, fields in reader.facts()] == [("agent-health", "lost")]
    log.write([b"a"])
    assert reader.read() == [b"a"]
    assert [(action, fields["mail.agent.state"]) for action, fields in reader.facts()] == [("agent-health", "ok")]


def test_a_folder_that_does_not_exist_yet_is_a_missing_path(tmp_path):
    log = Log(tmp_path / "later")
    reader = Reader(log)
    assert reader.read() == []
    assert reader.source.at_end
    log.path.parent.mkdir()
    log.write([b"a"])
    assert reader.read() == [b"a"]
    reader.source.close()


def test_every_fact_is_of_the_vocabulary(log, reader, monkeypatch):
    words = catalogue.load(package_text("model/fields.yaml"), package_text("model/actions.yaml"))
    log.write([b"a" * 300])
    reader.read()
    os.truncate(log.path, 0)
    reader.read_on()
    log.path.unlink()
    log.pass_ms(MISSING_MS)
    reader.read_on()
    log.write([b"b"])
    reader.read_on()
    facts = reader.source.facts()
    assert [fact.action for fact in facts] == ["log-gap", "log-tamper", "agent-health", "agent-health"]
    for fact in facts:
        assert set(words.actions[fact.action].fields.sure) <= set(fact.fields)
        for name, value in fact.fields.items():
            assert words.allowed(fact.action, name)
            assert not words.field(name).values or value in words.field(name).values
        assert fact.fields["log.file.path"] == "/var/log/mail.log"


# where reading starts


@pytest.mark.parametrize("tail", [b"", b"unfinished"])
def test_start_at_the_end(log, tail):
    log.append(b"first\n" + b"more\n" * 1000 + tail)
    reader = Reader(log, Start.END)
    assert reader.read() == []
    assert reader.source.lineage == lineage(b"first")
    log.append(b" new\n")
    reader.restart()
    assert reader.read() == [tail + b" new"]
    assert reader.records[0].position.identity == (lineage(b"first"), (6 + 5000).to_bytes(8, "big"))
    reader.source.close()


@pytest.mark.parametrize("content", [b"", b"unfinished"])
def test_start_at_the_end_of_a_file_without_a_line(log, content):
    log.append(content)
    reader = Reader(log, Start.END)
    assert reader.read() == []
    reader.restart()
    log.append(b" new\n")
    assert reader.read() == [content + b" new"]
    reader.source.close()


def test_the_start_can_be_remembered_before_anything_was_read(log):
    log.write([b"old"])
    reader = Reader(log, Start.END)
    reader.source.begin()
    position = reader.source.position()
    reader.source.begin()
    assert position == reader.source.position() is not None
    log.write([b"new"])
    reader.restart()
    reader.source.begin()
    assert reader.source.position() == position
    assert reader.read() == [b"new"]
    reader.source.close()


def test_a_start_that_cannot_be_known_yet_is_known_at_the_first_read(log):
    log.path.mkdir()
    reader = Reader(log, Start.END)
    reader.source.begin()
    assert reader.source.position() is None
    log.path.rmdir()
    log.write([b"old"])
    assert reader.read() == []
    log.write([b"new"])
    assert reader.read() == [b"new"]
    reader.source.close()


def test_a_start_at_the_end_survives_a_rotation_while_down(log):
    log.write([b"old"])
    reader = Reader(log, Start.END)
    reader.read()
    log.write([b"a"])
    log.rename()
    log.write([b"b"])
    reader.restart()
    assert reader.read_on() == [b"a", b"b"]
    assert reader.facts() == []
    reader.source.close()


def test_an_empty_file_that_fills_and_rotates_while_down_loses_nothing(log):
    log.append(b"")
    reader = Reader(log, Start.END)
    reader.read()
    log.write([b"a"])
    log.copytruncate()
    log.write([b"b"])
    log.rename()
    log.pack(log.copy(".1"))
    log.write([b"c"])
    reader.restart()
    assert reader.read_on() == [b"a", b"b", b"c"]
    assert reader.facts() == []
    reader.source.close()


def test_what_was_rotated_right_before_a_start_at_the_end_is_old(log):
    log.write([b"old"])
    log.rename()
    reader = Reader(log, Start.END)
    assert reader.read_on() == []
    log.write([b"new"])
    assert reader.read_on() == [b"new"]
    reader.source.close()


def test_start_at_the_end_reads_a_file_that_appears_later_from_its_beginning(log):
    reader = Reader(log, Start.END)
    assert reader.read() == []
    log.write([b"a"])
    assert reader.read() == [b"a"]
    reader.source.close()


def test_a_lost_spool_reads_the_rotated_copies_of_seven_days(log):
    for name in (b"ancient", b"older", b"old"):
        log.write([name])
        log.rename()
        log.pass_ms(4 * DAY_MS if name == b"ancient" else DAY_MS)
    log.pass_ms(3 * DAY_MS)
    log.pack(log.copy(".2"))
    log.write([b"now"])
    reader = Reader(log, Start.OLDEST_COPY)
    assert reader.read_on() == [b"older", b"old", b"now"]
    assert reader.facts() == []
    reader.source.close()


def test_a_token_of_another_version_counts_as_a_lost_spool(log, reader):
    log.write([b"old"])
    log.rename()
    log.write([b"now"])
    reader.restart(b"\xff" * 113)
    assert reader.source.position() is None
    assert reader.read_on() == [b"old", b"now"]


# the lab


@pytest.mark.parametrize(
    ("name", "copy", "lines"),
    [
        ("rsyslog-rfc3339.log", "rsyslog-rfc3339.log.1", (72, 128)),
        ("rsyslog-traditional.log", "rsyslog-traditional.log.1", (168, 32)),
        ("rsyslog-rfc5424.log", None, (0, 200)),
        ("postfix.log", "postfix.log.20261124-113524.gz", (124, 124)),
        ("dovecot.log", "dovecot.log.1", (89, 45)),
    ],
)
def test_four_rotations_of_a_real_host_step_by_step(tmp_path, name, copy, lines):
    """Files grow and rotate as steps.json saw them; their contents are those at the end."""
    log = Log(tmp_path, name)
    current = (LAB / name).read_bytes()
    rotated = b"" if copy is None else (gzip.decompress if copy.endswith(".gz") else bytes)((LAB / copy).read_bytes())
    reader = Reader(log)
    inode, had_copy, size = None, False, 0
    for step in json.loads((LAB / "steps.json").read_text()):
        files = step["files"]
        if copy in files and not had_copy:
            had_copy = True
            rotate(log, name, copy, files, inode, rotated[size:])
            size = 0
        elif copy in files and not copy.endswith(".gz"):
            written = log.path.with_name(copy).stat().st_size
            log.append(rotated[written : files[copy]["size"]], log.path.with_name(copy))
        if name in files:
            source = current if had_copy or copy is None else rotated
            log.append(source[size : files[name]["size"]])
            inode, size = files[name]["inode"], files[name]["size"]
        reader.read()
        log.pass_ms(GRACE_MS)
    log.append(current[size:])
    reader.read_on()
    reader.source.close()
    whole = rotated.splitlines() + current.splitlines()
    assert [record.raw for record in reader.records] == whole
    assert (len(rotated.splitlines()), len(current.splitlines())) == lines
    assert reader.facts() == []


def rotate(log, name, copy, files, inode, unread):
    """Do what happened between two steps: the rest of the old content is written, then it is rotated as the inodes tell."""
    target = log.path.with_name(copy)
    if files.get(name, {}).get("inode") == inode:  # copytruncate
        log.append(unread)
        target.write_bytes(log.path.read_bytes())
        os.truncate(log.path, 0)
    elif copy.endswith(".gz"):
        log.append(unread)
        target.write_bytes(gzip.compress(log.path.read_bytes()))
        log.path.unlink()
    else:
        log.path.rename(target)
        log.append(unread[: files[copy]["size"] - target.stat().st_size], target)

import os
import signal
from pathlib import Path

import pytest

from collector.errors import SourceError
from collector.sources import journalctl as module
from collector.sources.journal_export import Export
from collector.sources.journalctl import BLOCK, Journal
from tests.conformance.sources import until
from tests.support.journals import JournalFolder, alive

MAIL = ("SYSLOG_FACILITY=2",)


@pytest.fixture
def folder(tmp_path):
    made = JournalFolder(tmp_path / "journal")
    made.write([b"one", b"two"])
    return made


def messages(data):
    return [entry[b"MESSAGE"] for entry in Export((b"MESSAGE",)).feed(data)]


def drained(reading):
    data = b""

    def ended():
        nonlocal data
        block = reading.read()
        data += block or b""
        return block == b""

    until(ended, "at its end")
    return data


def test_what_it_prints_up_to_now(folder):
    reading = Journal(MAIL, folder.folder).upto_now("--since=@0")
    assert messages(drained(reading)) == [b"one", b"two"]
    assert reading.end() is None


def test_the_newest_entries(folder):
    journal = Journal(MAIL, folder.folder)
    assert messages(journal.newest(1)) == [b"two"]
    assert journal.newest(5).count(b"__CURSOR=") == 2
    assert Journal(("SYSLOG_FACILITY=9",), folder.folder).newest(1) == b""


def test_an_answer_is_bounded_in_size_and_in_time(folder, monkeypatch, tmp_path):
    folder.write([b"x" * 30_000 for _ in range(60)])
    monkeypatch.setattr(module, "ANSWER", 1 << 19)
    assert 1 << 19 <= len(Journal(MAIL, folder.folder).newest(100)) < (1 << 19) + BLOCK
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "journalctl").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "bin" / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    with pytest.raises(SourceError, match="did not answer within"):
        Journal(MAIL, folder.folder).newest(1)


def test_a_follower_is_let_go_though_it_never_ends(folder):
    reading = Journal(MAIL, folder.folder).follow("--since=@0")
    until(reading.read, "read")
    assert reading.read() is None
    assert alive(reading.pid)
    assert reading.end() == "killed by SIGKILL"
    assert not alive(reading.pid)


def test_why_it_failed(folder):
    reading = Journal(MAIL, folder.folder).upto_now("--cursor=garbage")
    assert drained(reading) == b""
    assert reading.end().startswith("exit code 1: Failed to ")
    reading = Journal(MAIL, folder.folder).follow("--since=@0")
    os.kill(reading.pid, signal.SIGTERM)
    drained(reading)
    assert reading.end() == "killed by SIGTERM"


def test_a_full_pipe_holds_no_more_than_a_pipe_does(folder):
    folder.write([b"x" * 1000 for _ in range(500)])
    reading = Journal(MAIL, folder.folder).upto_now("--since=@0")
    until(reading.read, "read")
    assert len(reading.read() or b"") <= BLOCK
    reading.end()


def test_a_match_with_alternatives(folder):
    folder.write([b"three"], CONTAINER_TAG="mail", SYSLOG_FACILITY=None)
    folder.write([b"four"], CONTAINER_NAME="mail", SYSLOG_FACILITY=None)
    assert messages(Journal(("CONTAINER_NAME=mail", "+", "CONTAINER_TAG=mail"), folder.folder).newest(9)) == [b"three", b"four"]


def test_folders_are_known_by_what_lies_in_them(folder, tmp_path):
    journal = Journal(MAIL, folder.folder)
    first = journal.folders()
    assert len(first) == 1
    (folder.folder / "0123456789abcdef").mkdir()
    assert journal.folders() == first, "an empty folder is no journal"
    folder.path.rename(folder.folder / "0123456789abcdef" / "system.journal")
    assert journal.folders() != first


def test_where_there_is_no_journal_it_says_what_to_do(tmp_path):
    with pytest.raises(SourceError, match=r"holds no journal") as caught:
        Journal(MAIL, tmp_path).folders()
    assert "[[source.file]]" in caught.value.hint
    with pytest.raises(SourceError, match=r"holds no journal"):
        Journal(MAIL, tmp_path / "none").newest(1)


def test_a_journal_that_may_not_be_read_says_what_gives_permission(folder):
    for path in (folder.folder, *folder.folder.parents):
        if path.owner() == folder.folder.owner() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    folder.path.chmod(0o600)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(SourceError, match="Permission denied") as caught:
            Journal(MAIL, folder.folder).folders()
    finally:
        os.seteuid(os.getuid())
    assert "setfacl" in caught.value.hint or "usermod" in caught.value.hint


def test_a_host_without_journalctl(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="journalctl is not installed"):
        Journal(MAIL, folder.folder).newest(1)
    with pytest.raises(SourceError, match="journalctl is not installed"):
        Journal(MAIL, folder.folder).follow("--since=@0")


def test_a_match_cannot_become_an_option(folder):
    with pytest.raises(SourceError, match=r"journalctl failed .*--vacuum"):
        Journal(("--vacuum-files=1",), folder.folder).newest(1)
    assert folder.path.exists()

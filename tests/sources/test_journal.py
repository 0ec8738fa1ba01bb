"""Entries of real journals, each once and in order, whatever becomes of journalctl and of the files."""

import os
import shutil
import signal
import time

import pytest

from collector.errors import SourceError
from collector.model.record import Header, SourceInfo
from collector.sources import journal as module
from collector.sources.base import Start
from collector.sources.journal import JournalSource
from collector.sources.journal_place import Place, digest, unpack
from collector.sources.journalctl import Journal
from tests.conformance.sources import LINES, SourceSuite, rest, until, upto
from tests.support.journals import US, JournalFolder, Writer, alive, field
from tests.support.logs import open_files

MAIL = ("SYSLOG_FACILITY=2",)


class Host:
    """A folder of journal files and sources over it."""

    lineage = False

    def __init__(self, folder, match=MAIL):
        self.journal = JournalFolder(folder)
        self.match = match
        self.write = self.journal.write
        self.sources = []
        self.ahead = 0

    def clock(self):
        return time.time_ns() // 1_000_000 + self.ahead

    def open(self, start=Start.BEGINNING, match=None):
        made = JournalSource(SourceInfo("journal", input="journald"), Journal(match or self.match, self.journal.folder), start=start, clock=self.clock)
        self.sources.append(made)
        return made


@pytest.fixture
def place(tmp_path):
    made = Host(tmp_path / "journal")
    made.write([b"another facility"], SYSLOG_FACILITY=3)
    yield made
    for source in made.sources:
        source.close()


class TestConformance(SourceSuite):
    pass


def raws(records):
    return [record.raw for record in records]


def facts(source):
    return [(fact.action, fact.fields.get("mail.agent.state")) for fact in source.facts()]


def following(source):
    """Read on until a journalctl follows, and return its pid."""

    def there():
        source.read(10)
        return source._caught_up and source._reading is not None and source._expected is None and source._reading.pid

    return until(there, "following")


def test_a_record_carries_what_journald_knows(place):
    place.journal.append(
        b"__REALTIME_TIMESTAMP=1795531067223254\n__MONOTONIC_TIMESTAMP=5\n_BOOT_ID=" + b"0" * 31 + b"7\n_HOSTNAME=mx9\nPRIORITY=4\nSYSLOG_FACILITY=2\n"
        b"SYSLOG_IDENTIFIER=postfix/submission/smtpd\nSYSLOG_PID=77\n_PID=78\n" + field("MESSAGE", b"warning: a\xff\nb\x00") + b"\n"
    )
    source = place.open()
    source.resume(None)
    [record] = upto(source, 1)
    assert record.raw == b"warning: a\xff\nb\x00"
    assert record.header == Header("postfix/submission/smtpd", 77, "mx9", 1795531067223, 20)
    assert record.near == 1795531067223
    assert not record.truncated
    assert len(record.position.identity) == 3


def test_a_process_without_a_pid_of_its_own_is_known_by_journalds(place):
    place.write([b"imap-login: Login"], SYSLOG_IDENTIFIER="dovecot", SYSLOG_PID=None, _PID=459)
    source = place.open()
    source.resume(None)
    assert upto(source, 1)[0].header.pid == 459


def test_the_text_of_a_container_has_an_envelope_of_its_own(tmp_path):
    place = Host(tmp_path / "journal", ("CONTAINER_NAME=mail", "+", "CONTAINER_TAG=mail"))
    usual = {"SYSLOG_FACILITY": None, "SYSLOG_IDENTIFIER": "4e62d58591fd", "SYSLOG_PID": None}
    place.write([b"Nov 24 10:00:00 mx1 dovecot: x"], CONTAINER_NAME="mail", CONTAINER_TAG="4e62d58591fd", **usual)
    place.write([b"of another one"], CONTAINER_NAME="web", CONTAINER_TAG="web", **usual)
    place.write([b"by its tag"], CONTAINER_NAME="mail_1", CONTAINER_TAG="mail", **usual)
    source = place.open()
    source.resume(None)
    records = upto(source, 2)
    source.close()
    assert raws(records) == [b"Nov 24 10:00:00 mx1 dovecot: x", b"by its tag"]
    assert (records[0].header.program, records[0].header.pid, records[0].header.host) == (None, None, "mx1")


def test_an_overlong_message_is_cut(place):
    place.write([b"x" * 65536, b"y" * 70000])
    source = place.open()
    source.resume(None)
    assert [(len(record.raw), record.truncated) for record in upto(source, 2)] == [(65536, False), (65536, True)]


@pytest.mark.parametrize(("start", "lines"), [(Start.BEGINNING, [b"old", b"recent"]), (Start.OLDEST_COPY, [b"recent"]), (Start.END, [])])
def test_where_reading_begins(place, start, lines):
    now = place.journal.now
    place.journal.now = now - 8 * 86_400 * US
    place.write([b"old"])
    place.journal.now = now
    place.write([b"recent"])
    source = place.open(start)
    source.resume(None)
    source.begin()
    token = source.position()
    assert raws(rest(source)) == lines
    place.journal.now = time.time_ns() // 1000
    place.write([b"new"])
    assert raws(upto(source, 1)) == [b"new"]
    again = place.open(Start.BEGINNING)
    again.resume(token)
    assert raws(upto(again, len(lines) + 1)) == [*lines, b"new"], "the place where it began survives a kill"


def test_a_token_of_another_version_counts_as_lost(place):
    place.write([b"recent"])
    source = place.open(Start.END)
    source.resume(b"\x99 other")
    assert raws(upto(source, 1)) == [b"recent"]


def test_journalctl_killed_under_the_reader_again_and_again(place):
    source = place.open()
    source.resume(None)
    place.write(LINES)
    got = upto(source, len(LINES))
    for number in range(4):
        pid = following(source)
        os.kill(pid, signal.SIGKILL)
        place.write([b"after kill %d" % number])
        got += upto(source, 1)
        assert not alive(pid)
    assert raws(got) == [*LINES, *(b"after kill %d" % number for number in range(4))]
    assert facts(source) == [("agent-health", "degraded")] * 4


def test_a_journalctl_that_never_lasts_is_started_less_and_less_often(place, monkeypatch, tmp_path):
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\necho 'Bus error in a library' >&2\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    source = place.open()
    source.resume(None)

    def refused():
        try:
            source.read(1)
        except SourceError as error:
            return error
        return None

    error = until(refused, "refused")
    assert "exit code 7: Bus error in a library" in str(error)
    runs = (tmp_path / "runs").read_text().count("run")
    assert runs == 2
    for _ in range(50):
        assert refused()
    assert (tmp_path / "runs").read_text().count("run") == runs
    assert facts(source) == [("agent-health", "degraded"), ("agent-health", "lost")]
    monkeypatch.undo()
    place.ahead += 60_000
    place.write([b"at last"])
    assert raws(upto(source, 1)) == [b"at last"]
    assert facts(source) == [("agent-health", "ok")]


def test_a_vacuumed_cursor_is_a_gap_and_reading_goes_on(place):
    place.write([b"one", b"two"])
    source = place.open()
    source.resume(None)
    upto(source, 2)
    source.close()
    place.journal.rotate()
    place.write([b"three", b"four"])
    place.journal.vacuum()
    again = place.open()
    again.resume(source.position())
    assert raws(upto(again, 2)) == [b"three", b"four"]
    assert facts(again) == [("log-gap", None)]
    assert rest(again) == []
    assert facts(again) == []


def test_a_cursor_from_the_future_is_not_silence(place):
    place.write([b"one", b"two"])
    future = place.clock() + 365 * 86_400_000
    cursor = f"s={'a' * 32};i=99;b={'b' * 32};m=1;t={future * 1000:x};x=1"
    source = place.open()
    source.resume(Place(future * 1000, digest(MAIL), cursor).token())
    assert raws(upto(source, 2)) == [b"one", b"two"]
    assert facts(source) == [("log-gap", None)]


def test_an_unknown_cursor_goes_on_by_its_time(place):
    place.write([b"one", b"two", b"three"])
    source = place.open()
    source.resume(None)
    second = upto(source, 3)[1]
    at = unpack(second.position.resume)
    again = place.open()
    again.resume(Place(at.time + 1, at.match, f"s={'a' * 32};i=99;b={'b' * 32};m=1;t={at.time:x};x=1").token())
    assert raws(upto(again, 1) + rest(again)) == [b"three"]
    assert facts(again) == [("log-gap", None)]


def test_the_entry_behind_one_that_does_not_match_is_not_skipped(place):
    """--after-cursor would: systemd issue 30288."""
    place.write([b"one"])
    place.write([b"foreign"], SYSLOG_FACILITY=3)
    place.write([b"two"])
    wide = place.open(match=("SYSLOG_FACILITY=2", "SYSLOG_FACILITY=3"))
    wide.resume(None)
    records = upto(wide, 4)
    assert raws(records)[2] == b"foreign"
    narrow = place.open()
    narrow.resume(records[2].position.resume)
    assert raws(upto(narrow, 1) + rest(narrow)) == [b"two"]
    assert facts(narrow) == [], "another match is no loss"
    place.write([b"three"], SYSLOG_FACILITY=3)
    wider = place.open(match=("SYSLOG_FACILITY=2", "SYSLOG_FACILITY=3"))
    wider.resume(narrow.position())
    assert raws(upto(wider, 1) + rest(wider)) == [b"three"], "the last entry read does not come twice"


def test_a_journal_that_vanishes_and_comes_back(place):
    place.write([b"one"])
    source = place.open()
    source.resume(None)
    upto(source, 1)
    pid = following(source)
    shutil.move(place.journal.folder, place.journal.folder.with_name("gone"))
    place.ahead += module.LOOK_MS

    def refused():
        try:
            source.read(10)
        except SourceError as error:
            return str(error)
        return None

    assert "holds no journal" in until(refused, "refused")
    assert not alive(pid)
    assert facts(source) == [("agent-health", "lost")]
    place.journal.folder.mkdir()
    place.journal.rotate()
    place.write([b"two"])
    assert raws(upto(source, 1)) == [b"two"]
    assert sorted(facts(source)) == [("agent-health", "ok"), ("log-gap", None)]


def test_a_folder_that_was_replaced_is_noticed_though_the_follower_watches_the_old_one(place):
    place.write([b"one"])
    source = place.open()
    source.resume(None)
    upto(source, 1)
    following(source)
    shutil.copytree(place.journal.folder, place.journal.folder.with_name("copy"))
    shutil.rmtree(place.journal.folder)
    shutil.move(place.journal.folder.with_name("copy"), place.journal.folder)
    place.write([b"two"])
    place.ahead += module.LOOK_MS
    assert raws(upto(source, 1)) == [b"two"]
    assert facts(source) == []


def test_a_follower_hears_entries_one_by_one_and_is_at_its_end_in_between(place):
    place.write([b"one"])
    source = place.open()
    source.resume(None)
    upto(source, 1)
    following(source)
    writer = Writer(place.journal)
    for number in range(3):
        writer.write(b"live %d" % number)
        assert raws(upto(source, 1)) == [b"live %d" % number]
        until(lambda: source.read(1) or source.at_end, "at its end")
    writer.close()


def test_a_backlog_is_no_end(place):
    """While nobody read, the follower filled its pipe and waits: an empty pipe says nothing until it has been empty for a while."""
    place.write([b"one"])
    source = place.open()
    source.resume(None)
    upto(source, 1)
    following(source)
    place.write([b"x" * 100 for _ in range(3000)])
    records = []

    def read():
        records.extend(source.read(500))
        assert len(records) == 3000 or not source.at_end or not records
        return len(records) >= 3000

    until(read, "read")
    assert len({record.position.identity for record in records}) == 3000


def test_nothing_is_left_behind(place):
    before = open_files()
    place.write([b"one"])
    source = place.open()
    source.resume(None)
    upto(source, 1)
    pid = following(source)
    source.close()
    assert not alive(pid)
    assert open_files() == before


def test_the_bell_is_asked_for_whenever_nothing_is_there(tmp_path):
    place = Host(tmp_path / "journal")
    place.write([b"one"])
    asked = []
    source = JournalSource(SourceInfo("journal"), Journal(MAIL, place.journal.folder), start=Start.BEGINNING, clock=place.clock, listen=asked.append)
    source.resume(None)
    upto(source, 1)
    following(source)
    until(lambda: source.read(1) or source.at_end, "at its end")
    assert asked[-1] == source._reading.descriptor
    source.close()

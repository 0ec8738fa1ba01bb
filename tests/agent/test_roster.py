"""Which files are read, from where, and that no line is lent by two of them."""

import os
import random
from collections import Counter

import pytest

from collector.agent import roster as module
from collector.agent.roster import LINEAGES, SECOND, OneReader, Roster, configured
from collector.config.settings import FileSettings, Settings
from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.file import GRACE_MS, FileSource
from collector.sources.stdin import StdinSource
from tests.support import docker_logs
from tests.support.journals import JournalFolder
from tests.support.logs import Log

NOBODY = 65534


@pytest.fixture
def unprivileged():
    """Tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


class Desk:
    """Rosters over a folder; positions are kept by hand."""

    def __init__(self, folder, *paths, first=Start.BEGINNING, **options):
        self.positions = {}
        self.log = Log(folder)
        self.files = [FileSettings(path=str(folder / path), **options) for path in paths]
        self.first = first
        self.sources = []

    def roster(self):
        settings = Settings(timezone="Europe/Vienna")
        return Roster(settings, self.files, "mx1", self.first, self.positions.get, lambda: self.log.now_ns // 1_000_000)

    def start(self):
        self.made = self.roster()
        self.sources = self.made.refresh(appeared=False)
        return self.sources

    def read(self, limit=100):
        """Read every source to its end, in turn; (name, line) in order."""
        got = []
        for _ in range(100):
            found = [(source.info.name.rpartition("/")[2], record.raw.decode()) for source in self.sources for record in source.read(limit)]
            got += found
            if not found and all(source.at_end for source in self.sources):
                return got
            if not found:
                self.log.pass_ms(GRACE_MS)
        raise AssertionError("never at their ends")

    def restart(self):
        """Begin anew at the positions of this moment."""
        self.positions |= {source.info.name: source.position() for source in self.sources if source.position() is not None}
        self.close()
        self.start()

    def close(self):
        for source in self.sources:
            source.close()

    def states(self):
        return [(source.info.name.rpartition("/")[2], fact.fields["mail.agent.state"]) for source in self.sources for fact in source.facts()]


@pytest.fixture
def desk(tmp_path):
    made = []

    def make(*paths, **options):
        made.append(Desk(tmp_path, *paths, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_without_a_source_the_mail_logs_of_the_host_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DEFAULTS", (str(tmp_path / "mail.log"), str(tmp_path / "maillog")))
    monkeypatch.setattr("collector.sources.journalctl.ROOTS", ())
    assert not configured(Settings()).any
    (tmp_path / "maillog").touch()
    assert [file.path for file in configured(Settings()).file] == [str(tmp_path / "maillog")]
    named = Settings.model_validate({"source": {"file": [{"path": "/x"}]}})
    assert [file.path for file in configured(named).file] == ["/x"]


def test_a_default_in_a_folder_that_may_not_be_entered_is_read_so_that_the_reason_is_said(tmp_path, monkeypatch, unprivileged):
    del unprivileged
    monkeypatch.setattr(module, "DEFAULTS", ("/root/mail.log",))
    monkeypatch.setattr("collector.sources.journalctl.ROOTS", ())
    if not os.access("/root", os.X_OK, effective_ids=True):
        assert [file.path for file in configured(Settings()).file] == ["/root/mail.log"]


def test_a_source_knows_what_the_settings_say_of_it(desk):
    desk = desk("mail.log", host="mx9", format="rfc3164")
    [source] = desk.start()
    path = str(desk.log.path)
    assert source.info == SourceInfo(path, "Europe/Vienna", "mx9", "rfc3164", path)


def test_a_log_of_docker_is_read_as_its_containers_wrote_it(desk):
    one = desk("mail-json.log", format="docker")
    one.log.path = one.log.path.with_name("mail-json.log")
    now = one.log.now_ns // 1_000_000
    one.log.write([docker_logs.line("Nov 24 10:00:00 mx1 dovecot: x\n", now), docker_logs.line("half", now)])
    [source] = one.start()
    assert (source.info.format, source.info.input) == ("auto", "docker")
    assert one.read() == [("mail-json.log", "Nov 24 10:00:00 mx1 dovecot: x")]
    one.restart()
    one.log.write([docker_logs.line(" of it\n", now)])
    assert one.read() == [("mail-json.log", "half of it")]


def test_sources_that_are_no_files_come_first_and_once_and_are_always_present(tmp_path):
    made = StdinSource(SourceInfo("stdin"), clock=lambda: 1)
    roster = Roster(Settings(), (), "mx1", Start.BEGINNING, {}.get, lambda: 1, [made])
    assert roster.refresh(appeared=False) == [made]
    assert roster.refresh(appeared=True) == []
    assert roster.present() == ["stdin"]


def test_a_journal_that_holds_the_lines_of_a_log_is_not_read_and_that_is_told(tmp_path):
    journal = JournalFolder(tmp_path / "journal")
    journal.write([b"connect from unknown[203.0.113.9]"])
    log = tmp_path / "mail.log"
    log.write_text("2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.9]\n")
    source = {"file": [{"path": str(tmp_path / "*.log")}], "journal": [{"directory": str(journal.folder)}], "stdin": {}, "syslog": [{}]}
    chosen = Settings.model_validate({"source": source}).source
    assert module.names(chosen) == [str(log), f"journal {journal.folder}", "stdin", "syslog 127.0.0.1:5140"]
    kept, [fact] = module.apart(chosen)
    assert (kept.file, kept.journal) == (chosen.file, ())
    assert fact.fields["mail.agent.state"] == "duplicate"
    assert fact.fields["event.reason"].startswith(f"journal {journal.folder} holds the same lines as {log}: it is not read; ")
    log.write_text("2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[198.51.100.9]\n")
    assert module.apart(chosen) == (chosen, [])
    log.unlink()
    assert module.apart(chosen) == (chosen, [])


def test_a_journal_that_cannot_be_asked_is_left_to_its_source(tmp_path):
    (tmp_path / "mail.log").write_text("x\n")
    chosen = Settings.model_validate({"source": {"file": [{"path": str(tmp_path / "mail.log")}], "journal": [{"directory": str(tmp_path / "none")}]}}).source
    assert module.apart(chosen) == (chosen, [])


def test_where_reading_begins(desk, tmp_path):
    log = Log(tmp_path)
    log.write([b"old"])
    log.rename()
    log.write([b"now"])
    for first, option, lines in [
        (Start.BEGINNING, None, ["now"]),
        (Start.END, None, []),
        (Start.END, "beginning", ["now"]),
        (Start.BEGINNING, "end", []),
        (Start.OLDEST_COPY, None, ["old", "now"]),
        (Start.OLDEST_COPY, "end", ["old", "now"]),
    ]:
        one = desk("mail.log", first=first, start=option)
        one.log = log
        one.start()
        assert [line for _, line in one.read()] == lines, (first, option)


def test_the_start_is_known_before_anything_was_read(desk):
    one = desk("mail.log", first=Start.END)
    one.log.write([b"old"])
    one.start()
    one.restart()
    one.log.write([b"new"])
    one.restart()
    assert one.read() == [("mail.log", "new")]


def test_files_that_a_glob_matches_later_are_read_from_their_beginning(desk):
    one = desk("*.log", first=Start.END)
    one.log.write([b"old"])
    one.start()
    other = one.log.path.with_name("b.log")
    one.log.append(b"b\n", other)
    one.log.append(b"never\n", one.log.path.with_name("mail.log.1"))
    assert one.made.refresh(appeared=False) != []
    one.made._known.discard(other)
    one.sources += one.made.refresh(appeared=True)
    assert one.made.refresh(appeared=True) == []
    assert one.read() == [("b.log", "b")]
    assert sorted(one.made.present()) == sorted([str(one.log.path), str(other)])
    assert one.made.folders == {one.log.path.parent}


# one lineage, two names


def twins(desk, *contents):
    """Two files with the same lines."""
    one = desk("a.log", "b.log")
    for line in contents:
        say(one, line)
    one.start()
    return one


def say(one, line):
    for name in ("a.log", "b.log"):
        one.log.append(line + b"\n", one.log.path.with_name(name))


def rotate(one, name):
    path = one.log.path.with_name(name)
    for number in range(len(list(path.parent.glob(f"{name}.*"))), 0, -1):
        path.with_name(f"{name}.{number}").rename(path.with_name(f"{name}.{number + 1}"))
    path.rename(path.with_name(f"{name}.1"))
    one.log.stamp(path.with_name(f"{name}.1"))


def test_two_files_with_the_same_lines_are_read_once_and_that_is_told_once(desk):
    one = twins(desk, b"x", b"y")
    assert one.read() == [("a.log", "x"), ("a.log", "y")]
    say(one, b"z")
    assert one.read() == [("a.log", "z")]
    assert one.states() == [("b.log", "duplicate")]


def test_a_link_is_the_same_file(desk):
    one = desk("a.log", "link.log")
    one.log.append(b"x\n", one.log.path.with_name("a.log"))
    one.log.path.with_name("link.log").symlink_to("a.log")
    one.start()
    assert one.read() == [("a.log", "x")]


def test_after_a_rotation_of_both_nothing_comes_twice(desk):
    one = twins(desk, b"x", b"y")
    one.read()
    for name in ("a.log", "b.log"):
        rotate(one, name)
    say(one, b"new")
    assert [line for _, line in one.read()] == ["new"]


def test_a_restart_does_not_change_who_reads(desk):
    one = twins(desk, b"x", b"y")
    one.read()
    one.restart()
    assert one.positions[str(one.log.path.with_name("b.log"))] == SECOND
    say(one, b"z")
    assert one.read() == [("a.log", "z")]


def test_when_the_reader_is_gone_the_other_one_reads_all_of_its_file(desk):
    one = twins(desk, b"x")
    one.read()
    one.restart()
    say(one, b"y")
    one.files = one.files[1:]
    one.restart()
    assert one.read() == [("b.log", "x"), ("b.log", "y")], "x comes again under the same id: better than never"


def test_a_second_file_that_gets_lines_of_its_own_is_read_and_that_is_told(desk):
    one = twins(desk, b"x")
    one.read()
    rotate(one, "b.log")
    one.log.append(b"own\n", one.log.path.with_name("b.log"))
    assert one.read() == [("b.log", "own")]
    assert one.states() == [("b.log", "duplicate"), ("b.log", "ok")]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_rotates_and_restarts_every_line_is_lent_once(desk, seed):
    dice = random.Random(seed)
    one = twins(desk, b"line 0")
    wanted, got = ["line 0"], []
    for number in range(1, 40):
        got += [line for _, line in one.read(limit=dice.choice([1, 100]))]
        act = dice.choice(["say", "say", "say", "rotate", "restart"])
        if act == "restart":
            one.restart()
        elif act == "rotate":
            names = ["a.log", "b.log"]
            dice.shuffle(names)
            for name in names:
                if one.log.path.with_name(name).exists():
                    rotate(one, name)
        else:
            wanted.append(f"line {number}")
            say(one, wanted[-1].encode())
    got += [line for _, line in one.read()]
    assert got == wanted


# one first line, two logs


def split(desk, **contents):
    """Two files that begin with the same line."""
    one = desk("a.log", "b.log")
    for name, lines in contents.items():
        one.log.append(b"".join(line + b"\n" for line in lines), one.log.path.with_name(f"{name}.log"))
    one.start()
    return one


def test_a_log_that_shares_its_first_line_with_another_is_read(desk):
    one = split(desk, a=[b"x", b"only a"], b=[b"x", b"only b"])
    assert sorted(one.read()) == [("a.log", "only a"), ("a.log", "x"), ("b.log", "only b")]
    assert one.states() == []


@pytest.mark.parametrize("restart", [False, True])
def test_a_short_log_that_is_the_beginning_of_a_long_one_does_not_silence_it(desk, restart):
    one = split(desk, a=[b"an error"], b=[b"an error", b"b1", b"b2"])
    assert one.read() == [("a.log", "an error"), ("b.log", "b1"), ("b.log", "b2")], "held for a moment, then read"
    if restart:
        one.restart()
    one.log.append(b"b3\n", one.log.path.with_name("b.log"))
    one.log.append(b"another error\n", one.log.path.with_name("a.log"))
    assert sorted(one.read()) == [("a.log", "another error"), ("b.log", "b3")]


def test_a_log_that_differs_later_is_read_from_there_on_and_that_is_told(desk):
    one = twins(desk, b"x", b"y")
    assert one.read() == [("a.log", "x"), ("a.log", "y")]
    one.log.append(b"a debug line\nz\n", one.log.path.with_name("a.log"))
    one.log.append(b"z\n", one.log.path.with_name("b.log"))
    assert sorted(one.read()) == [("a.log", "a debug line"), ("a.log", "z"), ("b.log", "z")]
    assert one.states() == [("b.log", "duplicate"), ("b.log", "ok")]


def test_a_writer_that_fills_the_second_file_first_makes_no_line_come_twice(desk):
    one = twins(desk, b"x")
    one.read()
    _, b = one.sources
    one.log.append(b"y\n", one.log.path.with_name("b.log"))
    assert b.read(10) == ()
    assert not b.at_end
    assert b.position() == SECOND
    one.log.append(b"y\n", one.log.path.with_name("a.log"))
    assert one.read() == [("a.log", "y")]
    assert b.at_end


def test_a_kill_while_lines_are_held_loses_none(desk):
    one = split(desk, a=[b"x"], b=[b"x", b"b1"])
    a, b = one.sources
    assert [record.raw for record in a.read(10)] == [b"x"]
    assert b.read(10) == ()
    assert b.position() is None
    one.restart()
    assert one.read() == [("b.log", "b1")]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_written_and_restarted_each_line_of_each_log_is_lent_once(desk, seed):
    dice = random.Random(seed)
    one = desk("a.log", "b.log")
    contents, got = {"a.log": b"first\n", "b.log": b"first\n"}, []
    for name, content in contents.items():
        one.log.append(content, one.log.path.with_name(name))
    one.start()

    def walk():
        for source in one.sources:
            got.extend((source.info.name.rpartition("/")[2], record.position.identity, record.raw) for record in source.read(dice.choice([1, 2, 100])))

    for number in range(40):
        act = dice.choice(["both", "both", "a.log", "b.log", "walk", "walk", "restart"])
        line = f"line {number}\n".encode()
        if act == "restart":
            one.restart()
        elif act == "walk":
            walk()
        for name in ("a.log", "b.log") if act == "both" else (act,) if act in contents else ():
            contents[name] += line
            one.log.append(line, one.log.path.with_name(name))
    for _ in range(60):
        walk()
        one.log.pass_ms(500)
    a, b = contents.values()
    shared = next((at for at, (one, two) in enumerate(zip(a, b, strict=False)) if one != two), min(len(a), len(b)))
    wanted = Counter()
    for name, content in contents.items():
        offset = 0
        for line in content.splitlines(keepends=True):
            end = offset + len(line)
            wanted["one of them" if end <= shared else name, offset, line[:-1]] = 1
            offset = end
    lent = Counter()
    for name, (_, place), raw in got:
        offset = int.from_bytes(place, "big")
        lent["one of them" if offset + len(raw) < shared else name, offset, raw] += 1
    assert lent == wanted


def test_lineages_are_forgotten_at_a_bound(tmp_path):
    claims = {b"%d" % n: "old" for n in range(LINEAGES)}
    log = Log(tmp_path)
    log.write([b"x"])
    reader = OneReader(FileSource(SourceInfo("new"), log.path, start=Start.BEGINNING, clock=lambda: 0), claims, lambda: 0)
    assert len(reader.read(10)) == 1
    assert len(claims) == LINEAGES
    assert "new" in claims.values()
    reader.close()

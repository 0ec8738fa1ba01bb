"""Which sources a host has that says nothing, and how those that are no files are made."""

import os
import time

import pytest

from collector.agent import inputs
from collector.agent.inputs import LINES, Surroundings, autodetect, others, same_lines
from collector.config.settings import FileSettings, JournalSettings, Settings, SourceSettings
from collector.sources.base import Start
from tests.conformance.sources import rest, until
from tests.support.journals import US, JournalFolder


@pytest.fixture
def journal(tmp_path):
    return JournalFolder(tmp_path / "journal")


@pytest.fixture
def own(journal):
    return JournalSettings(directory=str(journal.folder))


class Desk:
    """Makes sources and closes them."""

    def __init__(self, first=Start.BEGINNING, once=False, positions=None):
        self.asked, self.rung, self.made = [], 0, []
        around = Settings(timezone="Europe/Vienna")
        self.around = Surroundings(around, "mx1", first, (positions or {}).get, self.clock, self.asked.append, self.ring, once)

    def clock(self):
        return time.time_ns() // 1_000_000

    def ring(self):
        self.rung += 1

    def sources(self, **chosen):
        self.made += others(SourceSettings.model_validate(chosen), self.around)
        return self.made


@pytest.fixture
def desk():
    made = []

    def make(**options):
        made.append(Desk(**options))
        return made[-1]

    yield make
    for one in made:
        for source in one.made:
            source.close()


# a host without settings


def log(tmp_path, name, age=0):
    path = tmp_path / name
    path.write_text("x\n")
    stamp = time.time() - age
    os.utime(path, (stamp, stamp))
    return FileSettings(path=str(path))


def test_a_log_that_is_being_written_comes_before_the_journal(tmp_path, journal, own):
    journal.write([b"x"])
    files = [log(tmp_path, "mail.log"), log(tmp_path, "maillog", age=86_400)]
    assert autodetect(files, own) == SourceSettings(file=files[:1])


def test_the_journal_comes_before_a_log_that_nobody_writes_any_more(tmp_path, journal, own):
    journal.write([b"x"])
    assert autodetect([log(tmp_path, "mail.log", age=600)], own) == SourceSettings(journal=(own,))


def test_a_quiet_host_writes_its_log_too(tmp_path, journal, own):
    journal.now -= 3 * 86_400 * US
    journal.write([b"x"])
    journal.write([b"x"], SYSLOG_FACILITY=3)
    files = [log(tmp_path, "mail.log", age=3 * 86_400)]
    assert autodetect(files, own) == SourceSettings(file=files)


def test_a_host_whose_journal_says_nothing_of_mail_yet(tmp_path, journal, own):
    journal.write([b"x"], SYSLOG_FACILITY=3)
    assert autodetect([], own) == SourceSettings(journal=(own,))
    files = [log(tmp_path, "mail.log", age=86_400)]
    assert autodetect(files, own) == SourceSettings(file=files)


def test_a_host_without_a_journal_has_its_logs(tmp_path, own):
    assert not autodetect([], own).any
    files = [log(tmp_path, "mail.log", age=86_400), FileSettings(path=str(tmp_path / "locked"))]
    assert autodetect(files, own) == SourceSettings(file=files)


def test_a_host_without_journalctl_has_none(journal, own, monkeypatch, tmp_path):
    journal.write([b"x"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not autodetect([], own).any


# the same lines twice


def lines_of(count, tag="postfix/smtpd[12]"):
    return [f"connect from unknown[203.0.113.{number}]" for number in range(count)], [
        f"Nov 24 10:00:{number:02} mx1 {tag}: connect from unknown[203.0.113.{number}]" for number in range(count)
    ]


@pytest.mark.parametrize("tag", ["postfix/smtpd[12]", "postfix/smtpd"])
def test_a_log_with_the_entries_of_the_journal(tmp_path, journal, own, tag):
    said, written = lines_of(40, tag)
    journal.write([text.encode() for text in said])
    path = tmp_path / "mail.log"
    path.write_text("\n".join(written[: LINES * 2]) + "\n")
    assert same_lines(own, [tmp_path / "none", path]) == path


def test_half_of_the_newest_lines_decide(tmp_path, journal, own):
    said, written = lines_of(LINES)
    journal.write([text.encode() for text in said])
    path = tmp_path / "mail.log"
    for known, same in ((LINES // 2, path), (LINES // 2 - 1, None)):
        path.write_text("old\n" * 5 + "\n".join([*written[:known], *("Nov 24 10:00:00 mx1 dovecot: own" for _ in range(LINES - known))]) + "\n")
        assert same_lines(own, [path]) == same


def test_another_process_with_the_same_text_is_not_the_same_line(tmp_path, journal, own):
    journal.write([b"connect from unknown[203.0.113.9]"], SYSLOG_PID=12)
    path = tmp_path / "mail.log"
    path.write_text("Nov 24 10:00:00 mx1 postfix/smtpd[13]: connect from unknown[203.0.113.9]\n")
    assert same_lines(own, [path]) is None


def test_the_text_of_a_container_is_the_whole_line(tmp_path, journal):
    journal.write([b"Nov 24 10:00:00 mx1 dovecot: x"], CONTAINER_NAME="mail", SYSLOG_FACILITY=None)
    chosen = JournalSettings(directory=str(journal.folder), container="mail")
    path = tmp_path / "mail.log"
    path.write_text("Nov 24 10:00:00 mx1 dovecot: x\n")
    assert same_lines(chosen, [path]) == path


def test_an_empty_log_says_nothing_and_the_journal_is_not_asked(tmp_path):
    (tmp_path / "mail.log").touch()
    assert same_lines(JournalSettings(directory=str(tmp_path / "none")), [tmp_path / "mail.log"]) is None


# sources


def test_a_journal_source(desk, journal):
    journal.write([b"x"])
    one = desk()
    [source] = one.sources(journal=[{"directory": str(journal.folder), "host": "mx9"}])
    assert (source.info.name, source.info.input, source.info.host, source.info.path) == (f"journal {journal.folder}", "journald", "mx9", None)
    assert [record.raw for record in rest(source)] == [b"x"]
    until(lambda: source.read(1) or source.at_end, "at its end")
    assert one.asked


@pytest.mark.parametrize(
    ("first", "start", "lines"),
    [(Start.END, None, []), (Start.END, "beginning", [b"x"]), (Start.BEGINNING, "end", []), (Start.OLDEST_COPY, "end", [b"x"])],
)
def test_where_a_journal_begins(desk, journal, first, start, lines):
    journal.write([b"x"])
    [source] = desk(first=first).sources(journal=[{"directory": str(journal.folder), "start": start}])
    assert source.position(), "known before anything was read"
    assert [record.raw for record in rest(source)] == lines


def test_a_journal_goes_on_where_it_was(desk, journal):
    journal.write([b"x", b"y"])
    [source] = desk().sources(journal=[{"directory": str(journal.folder)}])
    token = rest(source)[0].position.resume
    [again] = desk(first=Start.END, positions={source.info.name: token}).sources(journal=[{"directory": str(journal.folder)}])
    assert [record.raw for record in rest(again)] == [b"y"]


def test_standard_input_ends_where_it_ends_in_one_pass_only(desk):
    [source] = desk().sources(stdin={"host": "mx9", "format": "rfc3164"})
    assert (source.info.name, source.info.input, source.info.host, source.info.format, source.info.timezone) == ("stdin", "stdin", "mx9", "rfc3164", "Europe/Vienna")
    [once] = desk(once=True).sources(stdin={"timezone": "UTC"})
    assert (once._to_the_end, source._to_the_end, once.info.timezone) == (True, False, "UTC")


def test_a_listener_listens_from_the_start_and_has_the_run_after_the_last(desk):
    last = (1 << 62).to_bytes(8, "big")
    one = desk(positions={"syslog 127.0.0.1:0": last})
    [source] = one.sources(syslog=[{"listen": "127.0.0.1:0", "protocols": ["udp"]}])
    assert set(source.ports) == {"udp"}
    assert (source.info.name, source.info.input, source.info.host) == ("syslog 127.0.0.1:0", "syslog", "mx1")
    assert source.position() == ((1 << 62) + 1).to_bytes(8, "big")


def test_what_journalctl_should_never_say(journal, own, monkeypatch):
    journal.write([b"x"])
    monkeypatch.setattr(inputs.Journal, "newest", lambda self, count: b"N" * 65 + b"\n")
    with pytest.raises(inputs.SourceError, match="cannot be understood"):
        same_lines(own, [journal.path])

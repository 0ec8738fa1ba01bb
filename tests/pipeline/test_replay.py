"""Whole files to their ends, through the same road; what cannot be read is said, and what could be is kept."""

import gzip

from collector.agent import assembly
from collector.errors import SourceError
from collector.model.alert import Alert
from collector.model.identity import Identity
from collector.model.moment import iso
from collector.model.record import SourceInfo
from collector.pipeline.replay import Summary, Whole, replay
from collector.sources.whole import read_whole
from tests.support.station import content

NOON = 1_795_521_600_000


def line(n, user="bob@example.org", ip="203.0.113.9"):
    said = f"Connection closed (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.1, TLS"
    return f"{iso(NOON + n * 1000)} mx1 dovecot: imap-login: Disconnected: {said}\n".encode()


def walked(*paths):
    summary = Summary()
    sources = {str(path): read_whole(str(path), SourceInfo(str(path), path=str(path))) for path in paths}
    return list(replay(assembly.road(content(), Identity(), live=False), sources, summary)), summary


def test_files_are_merged_and_an_alert_stands_right_after_the_event_that_completed_it(tmp_path):
    a, b = tmp_path / "a.log", tmp_path / "b.log.gz"
    a.write_bytes(b"".join(line(n) for n in range(0, 20, 2)))
    b.write_bytes(gzip.compress(b"".join(line(n) for n in range(1, 20, 2)) + b"2026-11-24T12:01:00Z mx1 cron[1]: other\n"))
    found, summary = walked(a, b)
    events = [subject for subject, _ in found if not isinstance(subject, Alert)]
    assert [event.time for event in events] == [NOON + n * 1000 for n in range(20)]
    [position] = [n for n, (subject, _) in enumerate(found) if isinstance(subject, Alert) and subject.rule.name == "bf_ip"]
    assert found[position - 1][0].id in found[position][0].event_ids
    assert position == found[position][0].threshold
    assert (summary.events, summary.statements, summary.alerts, summary.first, summary.last) == (20, len(found) - 20, {"bf_ip": 1, "bf_user": 1}, NOON, NOON + 19_000)
    assert (summary.counts["lines"], summary.counts["irrelevant"], summary.errors) == (21, 1, ())


def test_the_same_files_give_the_same_bytes(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(line(n) for n in range(12)))
    assert [rendered.document for _, rendered in walked(path)[0]] == [rendered.document for _, rendered in walked(path)[0]]


def test_no_time_passes_behind_the_last_line(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(line(n) for n in range(12)))
    assert [subject.step for subject, _ in walked(path)[0] if isinstance(subject, Alert)] == ["0"]


def test_thousands_of_lines_without_an_event_are_no_end(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"2026-11-24T11:00:00Z mx1 cron[1]: x\n" * 2500 + line(0))
    found, summary = walked(path)
    assert (len(found), summary.counts["irrelevant"]) == (1, 2500)


def test_what_cannot_be_read_is_said_at_the_end_and_the_others_are_read(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(line(0))
    found, summary = walked(tmp_path, path, tmp_path / "missing")
    assert len(found) == 1
    assert [str(error) for error in summary.errors] == [f"{tmp_path} is no regular file", f"{tmp_path / 'missing'} does not exist"]


def test_a_torn_archive_gives_all_that_it_holds(tmp_path):
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(b"".join(line(n, user=f"u{n * 7919 % 1000}@example.org") for n in range(1000)))[:-4000])
    found, summary = walked(path)
    [error] = summary.errors
    assert "is torn" in str(error)
    lines = summary.counts["lines"]
    assert 100 < lines < 1000
    assert sum(not isinstance(subject, Alert) for subject, _ in found) == lines


def test_a_whole_source_keeps_its_error_and_what_came_before():
    def records():
        yield 1
        yield 2
        raise SourceError("torn")

    whole = Whole(records())
    assert whole.read(1) == [1]
    assert whole.read(10) == [2]
    assert isinstance(whole.error, SourceError)
    assert whole.read(10) == []
    assert isinstance(whole.error, SourceError)


def test_nothing_gives_nothing(tmp_path):
    path = tmp_path / "empty.log"
    path.touch()
    assert walked(path)[0] == []

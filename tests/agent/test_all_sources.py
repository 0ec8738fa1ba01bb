"""A file, a journal, Docker's log, a syslog socket and a pipe at once: one road, one window over all of them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.conformance.sources import until
from tests.support.docker_logs import line
from tests.support.journals import JournalFolder

ROOT = Path(__file__).parents[2]


def settle(station, condition):
    """Walk until something is so; other processes need real moments."""

    def walked():
        station.round()
        return condition()

    until(walked, "so")


def test_failures_that_are_spread_over_all_sources_are_one_attack(station, tmp_path):
    journal = JournalFolder(tmp_path / "journal")
    station.settings["source"] = {
        "file": [{"path": str(tmp_path / "mail.log"), "start": "beginning"}, {"path": str(tmp_path / "mail-json.log"), "format": "docker", "start": "beginning"}],
        "journal": [{"directory": str(journal.folder), "start": "beginning"}],
        "syslog": [{"listen": "127.0.0.1:0", "protocols": ["udp"]}],
    }

    def said(n):
        return station.failure(user=f"u{n}@example.org").partition(" dovecot: ")[2]

    journal.now = station.now * 1000
    journal.write([said(n).encode() for n in range(3)], SYSLOG_IDENTIFIER="dovecot", SYSLOG_PID=None)
    station.write(*[station.failure(user=f"u{n}@example.org") for n in range(3, 6)])
    with station.path("mail-json.log").open("wb") as log:
        log.writelines(line(f"dovecot: {said(n)}\n", station.now) + b"\n" for n in range(6, 8))
        log.write(line(station.failure(user="u8@example.org") + "\n", station.now) + b"\n")
    station.start()
    port = station.feeder.sources["syslog 127.0.0.1:0"].ports["udp"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for n in range(9, 12):
            sender.sendto(f"<20>{station.stamp()} mx1 dovecot: {said(n)}".encode(), ("127.0.0.1", port))
    settle(station, lambda: station.actions("dovecot").count("auth-failure") == 12 and len(station.documents("alert")) >= 2)
    failures = [document for document in station.documents("dovecot") if document["event"]["action"] == "auth-failure"]
    assert sorted(document["user"]["name"] for document in failures) == sorted(f"u{n}@example.org" for n in range(12))
    kinds = {}
    for document in failures:
        kinds.setdefault(document["input"]["type"], []).append(document)
    assert {kind: len(found) for kind, found in kinds.items()} == {"journald": 3, "file": 3, "docker": 3, "syslog": 3}
    assert {"path": str(tmp_path / "mail-json.log")} == kinds["docker"][0]["log"]["file"]
    assert "file" not in kinds["journald"][0].get("log", {})
    assert kinds["syslog"][0]["log"]["syslog"]["priority"] == 20
    assert {"bf_ip", "spray_ip"} <= {alert["rule"]["id"] for alert in station.documents("alert")}
    station.stop()


def test_a_journal_goes_on_where_the_last_commit_was(station, tmp_path):
    journal = JournalFolder(tmp_path / "journal")
    station.settings["source"] = {"journal": [{"directory": str(journal.folder), "start": "beginning"}]}
    for number in range(3):
        journal.write([b"connect from unknown[203.0.113.%d]" % (number * 3 + n) for n in range(3)])
        station.start()
        settle(station, lambda count=3 * (number + 1): station.actions("postfix").count("smtp-connect") >= count)
        station.crash()
    station.start()
    settle(station, lambda: station.feeder.at_end)
    assert station.actions("postfix") == ["smtp-connect"] * 9
    station.stop()


def test_a_second_journal_is_told_by_the_agent(station, tmp_path):
    journal = JournalFolder(tmp_path / "journal")
    journal.write([b"connect from unknown[203.0.113.9]"])
    station.write(f"{station.stamp()} mx1 postfix/smtpd[12]: connect from unknown[203.0.113.9]")
    station.settings["source"]["journal"] = [{"directory": str(journal.folder)}]
    station.start()
    station.settle()
    assert list(station.feeder.sources) == [str(tmp_path / "mail.log")]
    assert station.health() == [("source", "duplicate")]
    station.stop()


CONFIG = """state_dir = "{0}/state"
content_dir = "{0}/none"
host = "mx1"
[spool]
min_free = "1 B"
[sink.file]
path = "{0}/out"
[source.stdin]
"""


def piped(tmp_path, text, *options):
    """Pipe text into the service, which ends by itself."""
    config = tmp_path / "mailvigil.toml"
    config.write_text(CONFIG.format(tmp_path))
    command = [sys.executable, "-m", "collector.cli.main", "run", *options, "--config", config]
    return subprocess.run(command, input=text, capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False)


def test_a_service_that_only_reads_a_pipe_ends_with_it_and_nothing_is_lost(station, tmp_path):
    text = "".join(station.failure(user=f"u{n}@example.org") + "\n" for n in range(300)).encode()
    for options in ((), ("--once",)):
        done = piped(tmp_path, text, *options)
        assert done.returncode == 0, done.stderr
    failures = [document for document in station.documents("dovecot") if document["event"]["action"] == "auth-failure"]
    assert len(failures) == 600
    assert len({document["event"]["id"] for document in failures}) == 600, "the same bytes in another run are other events"
    assert {document["input"]["type"] for document in failures} == {"stdin"}

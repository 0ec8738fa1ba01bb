"""The same road over files: ECS documents on stdout, a summary on stderr, no state."""

import gzip
import json
import os

import pytest

from collector.cli.replay_cmd import near
from collector.model.moment import iso
from tests.cli.conftest import NOON, failure
from tests.support.docker_logs import parts
from tests.support.lab import LAB
from tests.support.mmdb import SYSTEMS, database


def documents(result):
    return [json.loads(line) for line in result.out.splitlines()]


def test_one_document_a_line_and_the_alert_right_after_its_event(mailvigil, log):
    result = mailvigil("replay", log)
    assert result.code == 0
    found = documents(result)
    assert [document["event"]["kind"] for document in found] == ["event"] * 10 + ["alert"] + ["event"] * 2
    assert found[10]["rule"]["id"] == "bf_ip"
    assert found[0]["log"] == {"file": {"path": str(log)}, "offset": 0, "syslog": {"appname": "dovecot"}}
    assert result.err == "13 lines, 100.0 % parsed, 0 unknown, 0 debug, 1 of other programs\n12 events, 1 alerts (1 statements)\n"


def test_a_log_of_docker(mailvigil, tmp_path):
    first, last = parts(failure(user="x" * 20_000) , NOON)
    path = tmp_path / "mail-json.log.1.gz"
    lines = [first, *(parts(failure(n), NOON + n * 1000)[0] for n in range(1, 4)), last]
    path.write_bytes(gzip.compress(b"\n".join(lines[:1] + lines[4:] + lines[1:4]) + b"\n"))
    found = documents(mailvigil("replay", path))
    assert [document["event"]["action"] for document in found] == ["auth-failure"] * 4
    assert [document["log"]["offset"] for document in found][:2] == [0, len(first) + len(last) + 2]
    assert len(found[0]["event"]["original"]) > 20_000


def test_nothing_is_left_behind_and_the_same_comes_again(mailvigil, log, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert mailvigil("replay", log) == mailvigil("replay", log)
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_shows_alerts(mailvigil, log):
    result = mailvigil("replay", log, "--format", "table")
    header, row = result.out.splitlines()
    assert header.split() == ["time", "level", "rule", "what", "playbook"]
    assert row.startswith(f"{iso(NOON + 9000)}  medium  bf_ip")
    assert "source.ip 203.0.113.9" in row


def test_hostile_text_in_a_table_is_escaped(mailvigil, log):
    log.write_text("".join(failure(n, user="\x1b[2J\u202e[red]@example.org", ip=f"203.0.113.{n}") for n in range(40)))
    result = mailvigil("replay", log, "--format", "table")
    assert "\\x1b[2j\\u202e[red]@example.org" in result.out
    assert not {"\x1b", "\u202e"} & set(result.out)


def test_several_files_packed_ones_and_standard_input_are_merged(mailvigil, tmp_path):
    (tmp_path / "a.log").write_text("".join(failure(n) for n in range(0, 9, 3)))
    (tmp_path / "b.log.gz").write_bytes(gzip.compress("".join(failure(n) for n in range(1, 9, 3)).encode()))
    piped = "".join(failure(n) for n in range(2, 9, 3)).encode()
    found = documents(mailvigil("replay", tmp_path / "a.log", tmp_path / "b.log.gz", "-", stdin=piped))
    assert [document["@timestamp"] for document in found] == [iso(NOON + n * 1000) for n in range(9)]
    assert [document["input"]["type"] for document in found] == ["file", "file", "stdin"] * 3
    assert "file" not in found[2]["log"]


def test_since_leaves_out_what_is_older_but_judges_it(mailvigil, log):
    found = documents(mailvigil("replay", log, "--since", "2024-11-24T13:00:09+01:00"))
    assert [document["event"]["kind"] for document in found] == ["event", "alert", "event", "event"]


def test_the_year_and_the_zone_of_stamps_that_name_none(mailvigil, tmp_path):
    path = tmp_path / "mail.log"
    path.write_text("Nov 24 12:00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.9]\n")
    os.utime(path, (NOON / 1000, NOON / 1000))
    [found] = documents(mailvigil("replay", path))
    assert (found["@timestamp"], found["event"]["timezone"]) == ("2024-11-24T12:00:00.000Z", "UTC")
    [found] = documents(mailvigil("replay", path, "--year", "2019", "--timezone", "Europe/Vienna"))
    assert (found["@timestamp"], found["event"]["timezone"]) == ("2019-11-24T11:00:00.000Z", "Europe/Vienna")


@pytest.mark.parametrize("stamp", ["Jan  1 00:00:00", "Dec 31 23:59:59", "Jun 15 12:00:00"])
def test_every_stamp_falls_into_the_year_that_was_named(mailvigil, tmp_path, stamp):
    path = tmp_path / "mail.log"
    path.write_text(f"{stamp} mx1 postfix/smtpd[12]: connect from unknown[203.0.113.9]\n")
    [found] = documents(mailvigil("replay", path, "--year", "2024"))
    assert found["@timestamp"].startswith("2024-")
    assert iso(near(2024, "UTC")) == "2024-12-30T23:59:59.999Z"


def test_lines_that_name_no_host_get_the_one_that_was_named(mailvigil, tmp_path):
    path = tmp_path / "dovecot.log"
    path.write_text("Nov 24 12:00:00 imap-login: Info: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=203.0.113.9, lip=192.0.2.1\n")
    [found] = documents(mailvigil("replay", path, "--host", "mx9", "--year", "2026"))
    assert found["host"]["name"] == "mx9"


def test_what_cannot_be_read_is_said_at_the_end_and_the_rest_is_printed(mailvigil, log, tmp_path):
    torn = tmp_path / "torn.log.gz"
    torn.write_bytes(gzip.compress("".join(failure(n, user=f"u{n * 7919 % 1000}@example.org") for n in range(1000)).encode())[:-2000])
    result = mailvigil("replay", log, tmp_path / "none.log", torn)
    assert result.code == 4
    assert len(documents(result)) > 500
    assert "is torn" in result.err
    assert "none.log does not exist" in result.err
    assert "events" in result.err


def test_an_overlay_changes_facts_and_numbers_and_what_it_does_not_know_is_said(mailvigil, log, overlay):
    folder = overlay(overlay="site: {networks: [203.0.113.0/24]}\nrules: {bf_ip: {threshold: 3}, bf_iq: {threshold: 3}}\n")
    result = mailvigil("replay", log, "--overlay", folder)
    assert "unknown rule in the overlay: bf_iq" in result.err
    alerts = [document for document in documents(result) if document["event"]["kind"] == "alert"]
    assert [alert["mail"]["alert"]["threshold"] for alert in alerts if alert["rule"]["id"] == "bf_ip"][:1] in ([3], [])


def test_the_facts_of_an_overlay_stand_in_the_documents(mailvigil, log, overlay, tmp_path):
    (tmp_path / "asn.mmdb").write_bytes(database(SYSTEMS, "GeoLite2-ASN"))
    facts = f"honeypots: [bob], maintenance: ['Sun 12:00-13:00'], known_monitors: [203.0.113.9/32], geo: {{asn: {tmp_path / 'asn.mmdb'}}}"
    found = documents(mailvigil("replay", log, "--overlay", overlay(overlay=f"site: {{{facts}}}\n")))
    first = found[0]
    assert first["source"]["as"] == {"number": 64500, "organization": {"name": "Example Carrier"}}
    assert first["mail"]["client"] == {"internal": False, "trusted": False, "monitor": True, "network": "203.0.113.0/24"}
    assert first["mail"]["auth"]["honeypot"] is True
    alerts = [document for document in found if document["event"]["kind"] == "alert"]
    assert {alert["rule"]["id"] for alert in alerts} >= {"bf_ip", "honeypot_user"}
    assert all(document["mail"]["maintenance"] is True for document in found), "alerts too"
    [guessing] = [alert for alert in alerts if alert["rule"]["id"] == "bf_ip"]
    assert guessing["source"]["as"] == {"number": 64500}


def test_a_database_of_places_that_is_none_ends_a_replay(mailvigil, log, overlay):
    result = mailvigil("replay", log, "--overlay", overlay(overlay=f"site: {{geo: {{city: {log}}}}}\n"))
    assert result.code == 2
    assert "is no MaxMind database" in result.err


def test_a_whole_run_of_the_lab_is_replayed(mailvigil):
    result = mailvigil("replay", LAB / "bookworm-syslog-default" / "rsyslog-rfc3339.log.gz", "--overlay", LAB, "--year", "2026")
    assert result.code == 0
    assert "3,892 lines, 100.0 % parsed, 0 unknown" in result.err
    assert sum(document["event"]["kind"] == "alert" for document in documents(result)) > 60


def test_hostile_bytes_are_documents_like_any_other(mailvigil, tmp_path):
    path = tmp_path / "mail.log"
    path.write_bytes(b"\0" * 100 + failure().encode() + b"\xff\xfe\x1b[2J\n" + failure(1, user="x" * 70_000).encode() + b"\n\n" + failure(2).encode()[:-1])
    result = mailvigil("replay", path)
    assert result.code == 0
    found = documents(result)
    assert len(result.out.splitlines()) == len(found)
    assert found[-1]["@timestamp"] == iso(NOON + 2000), "the last line needs no line feed"
    assert "truncated" in found[2]["log"]["flags"]

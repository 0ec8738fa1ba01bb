"""One line: its envelope, its shape, its fields, and every rule with each of its conditions."""

import json

from tests.cli.conftest import failure

CONNECT = "2024-11-24T12:00:00Z mx1 postfix/submission/smtpd[12]: connect from unknown[203.0.113.9]"
FAILED = "2024-11-24T12:00:01Z mx1 postfix/submission/smtpd[12]: SSL_accept error from unknown[203.0.113.9]: -1"
LIBRARY = "2024-11-24T12:00:01Z mx1 postfix/submission/smtpd[12]: warning: TLS library problem: error:0A000102:SSL routines::unsupported protocol:../ssl/statem/statem_srvr.c:1657:"


def explained(mailvigil, line, *more, **options):
    result = mailvigil("explain", line, *more, "--json", **options)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_line_that_is_taken(mailvigil):
    found = explained(mailvigil, failure().rstrip())
    assert found["verdict"] == "taken"
    assert found["envelope"]["host"] == "mx1"
    assert found["shape"].startswith("dovecot.")
    assert found["place"].startswith("parsers/dovecot/")
    [event] = found["events"]
    assert (event["fields"]["event.action"], event["fields"]["source.ip"], event["time"]) == ("auth-failure", "203.0.113.9", "2024-11-24T12:00:00.000Z")
    rules = {rule["rule"]: rule for rule in event["rules"]}
    assert rules["auth_failure"]["matched"]
    assert not rules["bf_ip"]["matched"]
    assert "1 of 10 for source.ip=203.0.113.9 in 10 min, 9 more until it fires" in rules["bf_ip"]["windows"]


def test_after_a_log_the_windows_stand_as_they_would(mailvigil, log):
    [event] = explained(mailvigil, failure(12).rstrip(), "--after", log)["events"]
    [rule] = [rule for rule in event["rules"] if rule["rule"] == "bf_ip"]
    assert rule["matched"]
    assert any(window.endswith("it fires") for window in rule["windows"])
    assert rule["suppressed"], "an episode is open"


def test_after_a_log_its_sessions_lend(mailvigil, tmp_path):
    path = tmp_path / "mail.log"
    path.write_text(f"{CONNECT}\n{FAILED}\n")
    alone, behind = explained(mailvigil, LIBRARY), explained(mailvigil, LIBRARY, "--after", path)
    assert "source.ip" not in alone["events"][0]["fields"]
    assert behind["events"][0]["fields"]["source.ip"] == "203.0.113.9"
    assert behind["lent"]["source.ip"] == "203.0.113.9"


def test_the_line_may_come_on_standard_input(mailvigil):
    result = mailvigil("explain", "--json", stdin=failure().encode() + b"a second line is not read\n")
    assert json.loads(result.out)["verdict"] == "taken"


def test_a_line_that_no_shape_takes_says_what_was_tried(mailvigil):
    line = "2024-11-24T12:00:00Z mx1 postfix/smtpd[12]: something new happened"
    found = explained(mailvigil, line)
    assert (found["verdict"], found["shape"]) == ("unparsed", None)
    assert {one["failed"] for one in found["tried"]} <= {"literal", "regex"}
    assert found["events"][0]["fields"]["event.action"] == "unparsed-line"
    text = mailvigil("explain", line).out
    assert "unparsed-line" in text
    assert "it lacks 'connect from'" in text


def test_a_line_of_another_program_and_one_that_no_envelope_opens(mailvigil):
    assert explained(mailvigil, "2024-11-24T12:00:00Z mx1 cron[1]: x")["verdict"] == "irrelevant"
    assert explained(mailvigil, "no envelope")["verdict"] == "unparsed"
    assert explained(mailvigil, "2024-11-24T12:00:00Z mx1 dovecot: imap-login: Debug: SSL: where=0x10, ret=1")["verdict"] == "debug"


def test_in_words(mailvigil):
    result = mailvigil("explain", failure().rstrip())
    assert result.code == 0
    for text in ("Envelope", "taken by dovecot.", "Event 0: auth-failure", "source.ip", "yes auth_failure", "9 more until it fires", "true "):
        assert text in result.out


def test_hostile_text_is_escaped_and_secrets_are_masked(mailvigil):
    hostile = failure(user="\x1b[2J\u202e[bold]@example.org").rstrip()
    result = mailvigil("explain", hostile)
    assert not {"\x1b", "\u202e"} & set(result.out)
    assert "[bold]@example.org" in result.out
    raw = mailvigil("explain", stdin=b"\xff\xfe no envelope \x9b2J\n")
    assert raw.code == 0
    assert "\x9b" not in raw.out


def test_what_may_not_leave_the_host_is_not_shown(mailvigil):
    line = "2026-11-24T10:00:00+00:00 mx1 dovecot: auth: passwd-file(alice,203.0.113.7,<TnYT7gJhEsTLAHEH>): Password mismatch (SHA1 of given password: 367674)"
    for result in (mailvigil("explain", line), mailvigil("explain", line, "--json")):
        assert "mail.auth.reason" in result.out
        assert "password_hash" not in result.out
        assert "367674" not in result.out


def test_an_overlay_is_what_judges(mailvigil, overlay):
    folder = overlay(overlay="rules: {bf_ip: {threshold: 3}}\n")
    [event] = explained(mailvigil, failure().rstrip(), "--overlay", folder)["events"]
    assert any("1 of 3 " in window for rule in event["rules"] if rule["rule"] == "bf_ip" for window in rule["windows"])

from collector.parse.loader import Dispatch
from collector.parse.syslog import open_record
from collector.parse.tags import Tags

SMTPD = Dispatch("postfix", "smtpd", ())


def test_a_tag_says_what_every_line_of_a_process_has_in_common(record):
    opened = open_record(record("<22>Nov 24 10:00:00 mx1 postfix/smtpd[12]: x", path="/var/log/mail.log", timezone="Europe/Vienna"))
    assert Tags().of(opened.origin, SMTPD) == {
        "host.name": "mx1",
        "input.type": "file",
        "service.type": "postfix",
        "service.name": "postfix/smtpd",
        "process.name": "smtpd",
        "process.pid": 12,
        "log.syslog.appname": "postfix/smtpd",
        "log.syslog.priority": 22,
        "log.syslog.facility.code": 2,
        "log.syslog.facility.name": "mail",
        "log.syslog.severity.code": 6,
        "log.syslog.severity.name": "informational",
        "log.file.path": "/var/log/mail.log",
        "event.timezone": "Europe/Vienna",
    }


def test_one_process_has_one_tag(record):
    tags = Tags()
    first, second, other = (open_record(record(f"Nov 24 10:00:00 mx1 postfix/smtpd[{pid}]: {text}")) for pid, text in ((1, "x"), (1, "y"), (2, "x")))
    assert tags.of(first.origin, SMTPD) is tags.of(second.origin, SMTPD)
    assert tags.of(first.origin, SMTPD) is not tags.of(other.origin, SMTPD)


def test_a_stamp_with_an_offset_needs_no_zone(record):
    assert "event.timezone" not in Tags().of(open_record(record("2026-11-24T10:00:00Z mx1 postfix/smtpd[1]: x")).origin, SMTPD)


def test_a_host_comes_from_the_envelope_or_the_source_or_is_this_one(record):
    tags = Tags()
    dovecot = Dispatch("dovecot", "imap-login", ())
    line = "Nov 24 10:00:00 imap-login: Info: x"
    assert tags.of(open_record(record(line, host="mail")).origin, dovecot)["host.name"] == "mail"
    assert tags.of(open_record(record(line)).origin, dovecot)["host.name"] == "localhost"
    assert tags.of(open_record(record("Nov 24 10:00:00 mx1 dovecot: x", host="mail")).origin, dovecot)["host.name"] == "mx1"


def test_without_a_program_the_service_is_unknown(record):
    assert Tags().of(open_record(record("what is this", input="stdin")).origin, None) == {
        "host.name": "localhost",
        "input.type": "stdin",
        "service.type": "unknown",
        "service.name": "unknown",
    }


def test_a_flood_of_processes_is_forgotten(record):
    tags = Tags()
    for pid in range(9000):
        tags.of(open_record(record("x", header={"program": "postfix/smtpd", "pid": pid})).origin, SMTPD)
    assert len(tags._known) <= 8192

"""What the Postfix parsers make of real logs: nothing left over, the truth's counts, and no stranger's word taken for the daemon's."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from collector import content
from collector.model import catalogue as vocabulary
from collector.model.identity import Identity
from collector.model.record import Position, Record, SourceInfo
from collector.parse import loader, samples
from collector.parse.engine import Engine

HERE = Path(__file__).parent
LAB = HERE.parent / "lab"
NEAR = 1_795_600_000_000  # 2026-11-25
RUNS = ("bookworm-syslog-default", "bookworm-syslog-verbose", "trixie-syslog-default")
LOGS = [
    *((run, f"rsyslog-{form}.log.gz") for run in RUNS for form in ("rfc3339", "rfc5424", "traditional")),
    ("bookworm-files-verbose", "postfix-maillog_file.log.gz"),
    ("rotate-bookworm", "postfix.log"),
]
KINDS = [json.loads(line) for line in (HERE / "postfix-kinds.jsonl").read_text().splitlines()]
TLS_FIELDS = ("tls.version", "tls.version_protocol", "tls.cipher")


@pytest.fixture(scope="module")
def catalogue():
    return vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@pytest.fixture(scope="module")
def parsers(catalogue):
    """Load all of them: Dovecot's auth lines lend to smtpd."""
    return loader.load(content.texts("parsers", "*.yaml"), content.texts("parsers/patterns", "*.grok"), catalogue)


@pytest.fixture(scope="module")
def engine(parsers, catalogue):
    """Make a new engine, with no sessions yet."""
    return lambda: Engine(parsers, catalogue, Identity())


@pytest.fixture(scope="module")
def read(engine):
    """Read lines with a new engine: (line number, event)."""

    def events(lines):
        reader = engine()
        return [
            (number, event)
            for number, line in enumerate(lines, 1)
            for event in reader.read(reader.open(Record(SourceInfo("mail"), line, NEAR, Position((b"lineage", number.to_bytes(8, "big")), b""))))
        ]

    return events


@pytest.fixture(scope="module")
def lab(read):
    """Read a lab log, each only once: the events of Postfix."""
    known = {}

    def events(run, name="rsyslog-rfc3339.log.gz"):
        if (run, name) not in known:
            raw = (LAB / run / name).read_bytes()
            lines = (gzip.decompress(raw) if name.endswith(".gz") else raw).splitlines()
            known[run, name] = [(number, event) for number, event in read(lines) if event.shape.stream == "postfix"]
        return known[run, name]

    return events


@pytest.fixture(scope="module")
def scenario(lab):
    """Return the events of one scenario that name one of its clients."""

    def events(run, name):
        rows = map(json.loads, (LAB / run / "truth.jsonl").read_text().splitlines())
        row = next(row for row in rows if row["scenario"] == name)
        first, last = row["log_lines"]["rsyslog-rfc3339"]
        inside = [event for number, event in lab(run) if first <= number <= last]
        return row, [event for event in inside if event.get("source.ip") in row["source_ips"]]

    return events


def one(read, message, program="postfix/smtpd"):
    events = [event for _, event in read([f"2026-11-24T10:00:00+00:00 mx1 {program}[12]: {message}".encode()])]
    assert len(events) == 1
    return events[0]


def test_every_sample_holds(parsers, engine):
    assert list(map(str, samples.run(parsers, engine))) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["id"])
def test_every_known_kind_of_line_gives_its_fields(read, kind):
    events = [event.fields for _, event in read([f"2026-11-24T10:00:00+00:00 mx1 {kind['program']}[12]: {kind['message']}".encode()])]
    assert [{name: event.get(name) for name in wanted} for event, wanted in zip(events, kind["events"], strict=True)] == kind["events"]


@pytest.mark.parametrize(("run", "name"), LOGS)
def test_no_line_of_a_real_log_is_left_over(lab, run, name):
    assert [event.get("message") for _, event in lab(run, name) if event.shape.action == "unparsed-line"] == []


@pytest.mark.parametrize(("run", "name"), LOGS)
def test_every_event_has_what_its_action_says_is_sure(lab, catalogue, run, name):
    missing = Counter()
    for _, event in lab(run, name):
        for field in catalogue.actions[event.shape.action].fields.sure:
            if field not in event.fields:
                missing[event.shape.name, field] += 1
    assert missing == {}


@pytest.mark.parametrize("run", RUNS)
def test_the_envelope_changes_no_event_even_without_the_name_of_the_daemon(lab, run):
    wanted = [(number, event.shape.action, event.dynamic) for number, event in lab(run)]
    for form in ("rfc5424", "traditional"):
        found = lab(run, f"rsyslog-{form}.log.gz")
        assert [(number, event.shape.action) for number, event in found] == [(number, action) for number, action, _ in wanted]
        for (_, _, fields), (_, event) in zip(wanted, found, strict=True):
            for field in ("source.ip", "destination.domain", "user.name", "email.local_id", "error.type", "network.direction", "mail.reject.class"):
                assert event.dynamic.get(field) == fields.get(field), event


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", ["auth.bruteforce.submission", "auth.spray.submission", "auth.distributed_smtp", "auth.bruteforce.smtps_one_conn", "auth.not_enabled"])
def test_an_smtp_attempt_is_one_failure(scenario, run, name):
    row, events = scenario(run, name)
    assert sum(event.shape.action == "auth-failure" for event in events) == row["n_attempts"]


@pytest.mark.parametrize("run", RUNS)
def test_an_attempt_that_a_rate_limit_refused_is_no_failed_login(scenario, run):
    _, events = scenario(run, "smtp.rate_limit")
    failures = [event for event in events if event.shape.action == "auth-failure"]
    assert len(failures) == 3
    assert {event.get("mail.auth.reason") for event in failures} == ({"bad-password"} if run.endswith("verbose") else {None})
    assert Counter(event.get("mail.smtp.stage") for event in events if event.get("mail.reject.class") == "rate") == {"auth": 3, "connect": 5, "mail": 2, "rcpt": 3, "starttls": 2}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [
        ("smtp.relay_attempt", "relay-denied", 12),
        ("smtp.directory_harvest", "user-unknown", 31),
        ("smtp.dnsbl_postscreen", "dnsbl", 3),
        ("compromise.spoof_other_sender", "sender-login-mismatch", 1),
        ("smtp.queue_full", "insufficient-storage", 1),
        ("smtp.greylisting", "greylist", 1),
        ("spf.fail", "spf", 1),
        ("smtp.denylisted", "denylist", 1),
        ("dmarc.fail", "milter", 3),
    ],
)
def test_refusals_have_their_class(scenario, run, name, kind, number):
    _, events = scenario(run, name)
    assert sum(event.get("mail.reject.class") == kind for event in events) == number


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("name", "cause", "number"),
    [
        ("tls.no_shared_cipher", "no_shared_cipher", 4),
        ("tls.client_rejects.unknown_ca", "peer_rejected_our_cert:unknown_ca", 3),
        ("tls.client_rejects.expired", "peer_rejected_our_cert:expired", 3),
        ("tls.version_sslv3", "protocol_mismatch:version_too_low", 2),
    ],
)
def test_a_failed_handshake_is_said_at_once_and_its_cause_behind_it_with_the_client(scenario, run, name, cause, number):
    _, events = scenario(run, name)
    failed = [event for event in events if event.shape.action == "tls-handshake-failed"]
    causes = [event for event in events if event.shape.action == "tls-library-error"]
    assert [event.get("error.type") for event in failed] == [None] * number
    assert [event.get("error.type") for event in causes] == [cause] * number
    assert {event.get("network.direction") for event in failed + causes} == {"inbound"}
    assert [event.get("error.type") for event in events if event.shape.action == "smtp-lost-connection"] == [cause] * number


def test_a_broken_handshake_with_another_server_names_it(lab):
    events = [event for _, event in lab("bookworm-syslog-default") if event.get("network.direction") == "outbound" and event.shape.action.startswith("tls-")]
    actions = Counter((event.shape.action, event.get("destination.domain"), event.get("error.type")) for event in events)
    assert actions["tls-handshake-failed", "mx.plain.example", None] == actions["tls-library-error", "mx.plain.example", "not_tls:wrong_version_number"] > 0
    assert actions["tls-handshake-failed", "mx.drop.example", "handshake_aborted:eof"] > 0
    assert actions["tls-certificate-verify", "mx.exp.example", "cert_verify_failed:expired"] > 0
    assert actions["tls-policy-failed", "mx.danebad.example", "cert_verify_failed:dane_no_match"] > 0
    assert actions["tls-not-offered", "mx.notls.example", None] > 0


def test_tls_facts_are_lent_within_the_connection(lab):
    events = [event for _, event in lab("bookworm-syslog-verbose")]
    logins = [event for event in events if event.shape.action == "auth-failure" and event.get("postfix.service") == "submission" and event.get("mail.auth.reason") is None]
    assert logins
    assert all(event.get("tls.established") is True and all(event.get(field) for field in TLS_FIELDS) for event in logins)
    assert {event.get("tls.version") for event in events if event.shape.action == "tls-established"} == {"1.0", "1.1", "1.2", "1.3"}


@pytest.mark.parametrize("run", RUNS)
def test_a_message_keeps_the_user_who_sent_it(lab, run):
    events = [event for _, event in lab(run)]
    ids = {event.get("email.local_id"): event.get("user.name") for event in events if event.shape.action == "auth-success"}
    active = [event for event in events if event.shape.action == "queue-active"]
    assert sum(event.get("user.name") is not None for event in active) >= 40
    assert all(event.get("user.name") == ids.get(event.get("email.local_id")) for event in active)
    spam = [event for event in active if event.get("user.name") == "peggy@lab.example"]
    assert len(spam) == 40
    assert {event.get("source.ip") for event in spam} == {"127.36.0.1"}
    sent = [event for event in events if event.shape.action == "delivery-sent" and event.get("user.name") == "peggy@lab.example"]
    assert len(sent) == sum(event.get("mail.nrcpt") for event in spam)
    assert not any(event.get("email.local_id") in ids and event.get("user.name") is None for event in events if event.shape.action.startswith("delivery-"))


def test_a_message_counts_once_however_often_it_becomes_active(lab):
    events = [event for _, event in lab("bookworm-syslog-default") if event.shape.action in ("queue-active", "queue-removed")]
    seen, again = set(), []
    for event in events:
        queue_id = event.get("email.local_id")
        if event.shape.action == "queue-removed":
            seen.discard(queue_id)
            continue
        assert event.get("mail.queue.retry") is (True if queue_id in seen else None)
        again += [queue_id] * (queue_id in seen)
        seen.add(queue_id)
    assert len(again) > 14


@pytest.mark.parametrize(("name", "reasons"), [("auth.bruteforce.submission", {"bad-password"}), ("auth.spray.submission", {"bad-password", "unknown-user"})])
def test_auth_lends_its_reason_to_smtpd_where_it_speaks(scenario, name, reasons):
    def failures(run):
        _, events = scenario(run, name)
        return [event for event in events if event.shape.name == "postfix.smtpd.sasl-failure" and event.get("mail.auth.reason") != "backend-timeout"]

    lent = failures("bookworm-syslog-verbose")
    assert {event.get("mail.auth.reason") for event in lent} == reasons
    assert all(event.get("mail.auth.password_hash") for event in lent)
    assert {event.get("mail.auth.reason") for event in failures("bookworm-syslog-default")} == {None}


def test_a_web_application_is_known_by_its_uid(lab):
    active = [event for _, event in lab("bookworm-syslog-default") if event.shape.action == "queue-active" and event.get("user.id") == "33"]
    assert {(event.get("mail.origin"), event.get("email.from.address")[0]) for event in active} == {("local", "www-data@lab.example")}


# forged: Dovecot's fields, a success, a line of its own, a failure of another user
LOGINS = [
    ("alice>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, user=<root", "203.0.113.1"),
    ("alice@example.org, sasl_method=PLAIN", "203.0.113.13"),
    ("x?r?nNov 24 10:00:00 mx1 dovecot: imap-login: Login: user=<ceo@example.org>, rip=192.0.2.9", "203.0.113.2"),
    ("a: SASL LOGIN authentication failed: x, sasl_username=root", "203.0.113.3"),
    ("<script>alert(1)</script>", "203.0.113.12"),
    ("${jndi:ldap://x/a}", "203.0.113.9"),
]


@pytest.mark.parametrize(("user", "address"), LOGINS)
def test_a_login_name_runs_to_the_end_of_the_line(read, user, address):
    event = one(read, f"warning: unknown[{address}]: SASL PLAIN authentication failed: (reason unavailable), sasl_username={user}")
    assert (event.shape.action, event.get("source.ip"), event.get("user.name"), event.get("event.reason")) == ("auth-failure", address, user.lower(), None)


FACTS = "from=<u@example.net> to=<alice@example.org> proto=ESMTP helo=<mail.example.net>"


@pytest.mark.parametrize(
    "subject",
    [
        "x from evil[192.0.2.6]; from=<ceo@example.org> to=<cfo@example.org> proto=ESMTP helo=<x>",
        "reject: RCPT from a[192.0.2.4]: 554 5.7.1",
        "ABCDEF: to=<x@y.example>, relay=none, delay=0, status=sent",
        "hello; from=<ceo@example.org>",
    ],
)
def test_a_subject_is_no_fact(read, subject):
    event = one(read, f"DD54E27ECD1: warning: header Subject: {subject} from mail.example.net[203.0.113.7]; {FACTS}", "postfix/cleanup")
    assert event.shape.action == "content-check"
    assert event.get("event.reason") == f"header Subject: {subject}"
    assert (event.get("source.ip"), event.get("email.from.address"), event.get("email.to.address"), event.get("mail.smtp.helo")) == (
        "203.0.113.7",
        ["u@example.net"],
        ["alice@example.org"],
        "mail.example.net",
    )


def test_a_quoted_sender_holds_facts_that_are_none(read):
    sender = '"x> to=<boss@example.org> proto=ESMTP helo=<trusted.example"@spam.example'
    event = one(read, f"2251627ECD1: warning: header Subject: hi from mail.example.net[203.0.113.7]; {FACTS.replace('u@example.net', sender)}", "postfix/cleanup")
    assert (event.get("email.from.address"), event.get("email.to.address"), event.get("mail.smtp.helo")) == ([sender.lower()], ["alice@example.org"], "mail.example.net")
    queued = one(read, '3968E27ECD1: from=<"a\\"b>, relay=192.0.2.10, status=sent (250 ok) x<"@spam.example>, size=644, nrcpt=1 (queue active)', "postfix/qmgr")
    assert (queued.shape.action, queued.get("mail.size"), queued.get("mail.from.domain")) == ("queue-active", 644, "spam.example")


def test_the_address_before_a_greeting_counts(read):
    event = one(read, 'PREGREET 28 after 0 from [203.0.113.4]:35089: HELO "x" from [192.0.2.9]:25\\r\\n', "postfix/postscreen")
    assert (event.get("source.ip"), event.get("source.port")) == ("203.0.113.4", 35089)


def test_a_helo_name_in_a_refusal_is_no_fact(read):
    event = one(read, f"NOQUEUE: reject: RCPT from unknown[203.0.113.1]: 501 5.5.2 <x??proto=ESMTP?helo=?trusted.example>: Helo command rejected: Invalid name; {FACTS}")
    assert (event.get("mail.reject.class"), event.get("mail.smtp.helo"), event.get("event.reason")) == ("helo", "mail.example.net", "Helo command rejected: Invalid name")


@pytest.mark.parametrize("said", ["TLS is required, but was not offered by host x[192.0.2.1]", "550 5.7.1 (status=sent (250 ok))", "Relay access denied"])
def test_another_server_words_change_neither_action_nor_number_of_events(read, said):
    text = f"host mx.example.net[203.0.113.9] said: 451 4.7.1 {said} (in reply to RCPT TO command)"
    event = one(read, f"5F2A07C3D1: to=<b@example.net>, relay=mx.example.net[203.0.113.9]:25, delay=1, delays=0/0/1/0, dsn=4.7.1, status=deferred ({text})", "postfix/smtp")
    assert (event.shape.action, event.get("mail.smtp.reply_code"), event.get("event.reason")) == ("delivery-deferred", 451, text)


def test_a_queue_id_that_is_used_again_forgets_its_first_user(read):
    begin = "2026-11-24T10:00:00+00:00 mx1 postfix/"
    lines = [
        "smtpd[1]: 5F2A07C3D1: client=unknown[203.0.113.7], sasl_method=PLAIN, sasl_username=alice@example.org",
        "smtpd[2]: 5F2A07C3D1: client=mail.example.net[203.0.113.8]",
        "qmgr[3]: 5F2A07C3D1: from=<u@example.net>, size=1, nrcpt=1 (queue active)",
        "qmgr[3]: 5F2A07C3D1: removed",
        "qmgr[3]: 5F2A07C3D1: from=<v@example.net>, size=1, nrcpt=1 (queue active)",
    ]
    active = [event for _, event in read([f"{begin}{line}".encode() for line in lines]) if event.shape.action == "queue-active"]
    assert [(event.get("user.name"), event.get("source.ip")) for event in active] == [(None, "203.0.113.8"), (None, None)]


def test_one_process_serves_clients_that_lend_each_other_nothing(read):
    begin = "2026-11-24T10:00:00+00:00 mx1 postfix/smtps/smtpd[1]: "
    lines = [
        "connect from unknown[203.0.113.7]",
        "SSL_accept error from unknown[203.0.113.7]: -1",
        "warning: TLS library problem: error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2226:",
        "connect from unknown[203.0.113.8]",
        "lost connection after CONNECT from unknown[203.0.113.8]",
    ]
    *_, lost = [event for _, event in read([f"{begin}{line}".encode() for line in lines])]
    assert (lost.get("error.type"), lost.get("tls.established")) == (None, None)

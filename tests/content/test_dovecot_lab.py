"""What the Dovecot and filter parsers make of real logs: nothing left over, the truth's counts, and no stranger's word taken for the daemon's."""

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
DOVECOT = [
    *((run, f"rsyslog-{form}.log.gz") for run in RUNS for form in ("rfc3339", "rfc5424", "traditional")),
    ("bookworm-files-verbose", "dovecot-logpath.log.gz"),
    *(
        ("rotate-bookworm", name)
        for name in ("dovecot.log", "dovecot.log.1", "rsyslog-rfc3339.log", "rsyslog-rfc3339.log.1", "rsyslog-rfc5424.log", "rsyslog-traditional.log", "rsyslog-traditional.log.1")
    ),
]
KINDS = [json.loads(line) for line in (HERE / "dovecot-kinds.jsonl").read_text().splitlines()]
OURS = ("dovecot", "opendkim", "opendmarc", "policyd-spf", "postgrey")


@pytest.fixture(scope="module")
def catalogue():
    return vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@pytest.fixture(scope="module")
def parsers(catalogue):
    files = [file for folder in ("dovecot", "filters") for file in content.texts(f"parsers/{folder}", "*.yaml")]
    return loader.load(files, content.texts("parsers/patterns", "*.grok"), catalogue)


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
            for event in reader.read(reader.open(Record(SourceInfo("mail", host="mx1"), line, NEAR, Position((b"lineage", number.to_bytes(8, "big")), b""))))
        ]

    return events


@pytest.fixture(scope="module")
def lab(read):
    """Read a lab log, each only once: the events of the programs that are ours."""
    known = {}

    def events(run, name="rsyslog-rfc3339.log.gz"):
        if (run, name) not in known:
            raw = (LAB / run / name).read_bytes()
            lines = (gzip.decompress(raw) if name.endswith(".gz") else raw).split(b"\n")
            known[run, name] = [(number, event) for number, event in read(lines) if event.get("service.type") in OURS]
        return known[run, name]

    return events


@pytest.fixture(scope="module")
def scenario(lab):
    """Return one scenario's truth and its events that name one of its clients or users."""

    def events(run, name):
        rows = map(json.loads, (LAB / run / "truth.jsonl").read_text().splitlines())
        row = next(row for row in rows if row["scenario"] == name)
        first, last = row["log_lines"]["rsyslog-rfc3339"]
        inside = [event for number, event in lab(run) if first <= number <= last]
        return row, [event for event in inside if event.get("source.ip") in row["source_ips"]]

    return events


def one(read, message, program="dovecot"):
    events = [event for _, event in read([f"2026-11-24T10:00:00+00:00 mx1 {program}: {message}".encode()])]
    assert len(events) == 1
    return events[0]


def test_every_sample_holds(parsers, engine):
    assert list(map(str, samples.run(parsers, engine))) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["id"])
def test_every_known_kind_of_line_gives_its_fields(read, kind):
    events = [event.fields for _, event in read([f"2026-11-24T10:00:00+00:00 mx1 {kind['program']}: {kind['message']}".encode()])]
    assert [{name: event.get(name) for name in wanted} for event, wanted in zip(events, kind["events"], strict=True)] == kind["events"]


@pytest.mark.parametrize(("run", "name"), DOVECOT)
def test_no_line_of_a_real_log_is_left_over(lab, run, name):
    events = lab(run, name)
    assert events
    assert [event.get("message") for _, event in events if event.shape.action == "unparsed-line"] == []


@pytest.mark.parametrize(("run", "name"), DOVECOT)
def test_every_event_has_what_its_action_says_is_sure(lab, catalogue, run, name):
    missing = Counter()
    for _, event in lab(run, name):
        fields = event.fields
        missing.update((event.shape.name, field) for field in catalogue.actions[event.shape.action].fields.sure if field not in fields)
        missing.update((event.shape.name, field) for field in fields if not catalogue.allowed(event.shape.action, field))
    assert missing == {}


@pytest.mark.parametrize("run", RUNS)
def test_three_envelopes_of_one_run_give_the_same_events(lab, run):
    def said(name):
        return [
            (number, event.shape.name, {field: value for field, value in event.dynamic.items() if field not in ("event.original", "log.offset")})
            for number, event in lab(run, name)
        ]

    wanted = said("rsyslog-rfc3339.log.gz")
    assert said("rsyslog-rfc5424.log.gz") == wanted
    assert said("rsyslog-traditional.log.gz") == wanted


def test_dovecots_own_file_gives_the_same_kinds_as_the_syslog(lab):
    ours, theirs = ({event.shape.name for _, event in lab(*log) if event.get("service.type") == "dovecot"} for log in (DOVECOT[9], (RUNS[1], "rsyslog-rfc3339.log.gz")))
    assert ours == theirs


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "name",
    [
        "auth.bruteforce.imap",
        "auth.bruteforce.pop3",
        "auth.bruteforce.sieve",
        "auth.bruteforce.cram_md5",
        "auth.bruteforce.imap_one_conn",
        "auth.spray.imap",
        "auth.distributed",
        "auth.plaintext_disallowed",
    ],
)
def test_an_attempt_is_one_failure(scenario, run, name):
    row, events = scenario(run, name)
    assert sum(event.shape.action == "auth-failure" for event in events) == row["n_attempts"]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", ["normal.imap", "normal.pop3", "auth.impossible_travel", "auth.success_after_failures"])
def test_a_success_is_one_login(scenario, run, name):
    row, events = scenario(run, name)
    logins = [event for event in events if event.shape.action == "auth-success"]
    assert len(logins) == row["n_ok"]
    assert {event.get("user.name") for event in logins} <= set(row["users"])
    assert all(event.get("mail.auth.reason") is None and event.get("mail.auth.password_hash") is None for event in logins)


@pytest.mark.parametrize("run", RUNS)
def test_a_password_in_clear_text_is_known_from_what_the_line_lacks(scenario, run):
    _, refused = scenario(run, "auth.plaintext_disallowed")
    assert {event.get("mail.auth.reason") for event in refused if event.shape.action == "auth-failure"} == {"plaintext-disallowed"}
    _, allowed = scenario(run, "auth.plaintext_allowed")
    assert [event.get("tls.established") for event in allowed if event.shape.action == "auth-success"] == [False]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("name", "action", "number"),
    [
        ("auth.max_userip", "imap-conn-limit", 2),
        ("auth.no_auth_probe", "imap-no-auth", 5),
        ("auth.no_auth_probe", "tls-handshake-failed", 2),
        ("auth.no_auth_probe", "auth-failure", 0),
        ("tls.renegotiation", "tls-handshake-failed", 1),
    ],
)
def test_what_is_no_wrong_password_has_its_own_name(scenario, run, name, action, number):
    _, events = scenario(run, name)
    assert sum(event.shape.action == action for event in events) == number


@pytest.mark.parametrize(("run", "tries"), [("bookworm-syslog-default", 1), ("bookworm-syslog-verbose", 1), ("trixie-syslog-default", 3)])
def test_a_mechanism_that_is_not_offered_counts_as_often_as_the_line_says(scenario, run, tries):
    _, events = scenario(run, "auth.unsupported_mech")
    assert [event.get("mail.auth.reason") for event in events if event.shape.action == "imap-bad-mech"] == ["mechanism-unsupported"] * tries


@pytest.mark.parametrize("run", RUNS)
def test_a_disabled_account_is_no_wrong_password(scenario, run):
    _, events = scenario(run, "auth.disabled_account")
    refused = [event for event in events if event.shape.action in ("auth-failure", "auth-backend-error")]
    assert Counter(event.get("user.name") for event in refused) == {"leaver@lab.example": 1, "mallory@lab.example": 1}
    assert "account-disabled" in {event.get("mail.auth.reason") for event in refused}
    assert [event.get("user.name") for event in refused if event.get("mail.auth.password_ok") or event.get("mail.auth.successful")] == ["mallory@lab.example"]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("name", "cause"),
    [("tls.client_rejects.unknown_ca", "peer_rejected_our_cert:unknown_ca"), ("tls.client_rejects.expired", "peer_rejected_our_cert:expired")],
)
def test_a_failed_handshake_is_one_event_with_its_cause(scenario, run, name, cause):
    _, events = scenario(run, name)
    failed = [event for event in events if event.shape.action == "tls-handshake-failed"]
    assert failed
    assert {event.get("error.type") for event in failed} == {cause}
    assert all(event.get("error.code") == event.get("event.code") and event.get("tls.established") is False for event in failed)


@pytest.mark.parametrize(
    ("run", "causes"), [("bookworm-syslog-default", {"no_shared_cipher": 2, "handshake_failed:reason_lost": 1}), ("trixie-syslog-default", {"no_shared_cipher": 3})]
)
def test_2_3_loses_the_cause_behind_starttls(scenario, run, causes):
    _, events = scenario(run, "tls.no_shared_cipher")
    assert Counter(event.get("error.type") for event in events if event.shape.action == "tls-handshake-failed") == causes


def test_what_auth_said_is_lent_to_the_line_that_counts(scenario):
    verbose = "bookworm-syslog-verbose"
    _, guesses = scenario(verbose, "auth.bruteforce.imap")
    failures = [event for event in guesses if event.shape.action == "auth-failure"]
    assert {event.get("mail.auth.reason") for event in failures} == {"bad-password"}
    assert len({event.get("mail.auth.password_hash") for event in failures}) == 10
    assert {event.get("tls.version") for event in failures} == {"1.3"}
    _, office = scenario(verbose, "auth.allow_nets")
    refused = [event for event in office if event.shape.action == "auth-failure"]
    assert [(event.get("mail.auth.reason"), event.get("mail.auth.password_ok")) for event in refused] == [("network-not-allowed", True)]
    _, master = scenario(verbose, "auth.master_user_sep")
    assert {event.get("mail.auth.reason") for event in master if event.shape.action == "auth-failure"} == {"master-login"}


def test_an_undecided_passdb_says_nothing_about_the_login(lab):
    undecided = [event for _, event in lab("bookworm-syslog-verbose") if event.shape.name == "dovecot.auth.undecided"]
    assert len(undecided) == 182
    assert all(event.get("dovecot.settled") is False and event.get("event.outcome") is None and event.get("mail.auth.reason") is None for event in undecided)


@pytest.mark.parametrize("run", RUNS)
def test_a_session_keeps_the_client_that_opened_it(lab, run):
    events = [event for _, event in lab(run)]
    clients = {event.get("dovecot.session"): (event.get("source.ip"), event.get("source.port")) for event in events if event.shape.action == "auth-success"}
    ends = [event for event in events if event.shape.action == "imap-session-end"]
    assert len(ends) > 20
    assert all((event.get("source.ip"), event.get("source.port")) == clients[event.get("dovecot.session")] for event in ends)
    assert max(event.get("mail.imap.bytes_out") for event in ends if event.get("user.name") == "sybil@lab.example") > 700_000


@pytest.mark.parametrize("run", RUNS)
def test_a_broken_certificate_of_our_own_is_said_by_both_daemons(lab, run):
    broken = Counter((event.get("service.name"), *event.get("mail.cert.problem")) for _, event in lab(run) if event.shape.action == "tls-certificate-load")
    assert broken.keys() == {("dovecot/imap-login", "key-mismatch"), ("dovecot/lmtp", "key-mismatch"), ("dovecot/master", "file-missing")}


@pytest.mark.parametrize(("run", "name"), DOVECOT[:10])
def test_no_strangers_address_or_login_is_believed(lab, run, name):
    """Everything in the lab comes from loopback, or is announced by the PROXY protocol with these documentation addresses; whatever else stands in a line, a client wrote it."""
    announced = ("127.", "203.0.113.", "198.51.100.", "192.0.2.", "2001:db8:", "::1")
    for _, event in lab(run, name):
        assert all((event.get(field) or "::1").startswith(announced) for field in ("source.ip", "destination.ip"))
        assert not (event.shape.action == "auth-success" and "ceo@" in event.get("user.name"))


END = ", session=<KLFxPARhTbN/EAEB>"
FAILED = "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<{}>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS: Connection closed" + END
NAMES = [
    "alice>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, user=<root",
    "x??Nov 24 10:00:00 mx1 dovecot: imap-login: Login: user=<ceo@example.org>, ri...",
    "alice>, rip=192.0.2.8, lip=192.0.2.1, TLS" + END,
    "alice>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, TLS, session=<TnYT7gJhEsTLAHEH>, rip=192.0.2.8",
    "(auth failed, 99 attempts in 2 secs): user=<bob",
    "TLS handshaking: SSL_accept() failed: error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert number 48",
    "<script>alert(1)</script>",
    "${jndi:ldap://x/a}",
    "a\"b'c\\d",
    "\u202eecil\u0430@example.org",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "line", [FAILED, FAILED.replace("Disconnected:", "Login aborted:").replace("secs)", "secs) (auth_failed)"), FAILED.replace(END, "").replace(", TLS: Connection closed", "")]
)
def test_a_user_name_of_a_failed_login_is_text(read, name, line):
    event = one(read, line.format(name))
    assert (event.shape.action, event.get("source.ip"), event.get("destination.ip"), event.get("user.name")) == ("auth-failure", "203.0.113.9", "192.0.2.1", name.lower())
    assert event.get("source.port") in (45901, None)


@pytest.mark.parametrize("name", NAMES)
def test_a_user_name_of_a_login_is_text(read, name):
    event = one(read, f"imap-login: Login: user=<{name}>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, mpid=7, TLS{END}")
    assert (event.shape.action, event.get("source.ip"), event.get("dovecot.mail_pid"), event.get("user.name")) == ("auth-success", "203.0.113.9", 7, name.lower())


@pytest.mark.parametrize("name", NAMES)
def test_a_user_name_that_auth_refused_runs_to_the_last_parenthesis(read, name):
    event = one(read, f"auth: plain(?,203.0.113.9,<VMoWTwRhUYJ/EAEB>): Username character disallowed by auth_username_chars: 0x3e (username: {name})")
    assert (event.shape.action, event.get("source.ip"), event.get("user.name"), event.get("mail.auth.reason")) == ("auth-verify", "203.0.113.9", name.lower(), "invalid-username")


def test_a_refused_name_that_looks_like_a_checked_password_is_text(read):
    name = "x,192.0.2.8,<TnYT7gJhEsTLAHEH>): unknown user (SHA1 of given password: abc"
    event = one(read, f"auth: plain(?,203.0.113.9,<VMoWTwRhUYJ/EAEB>): Username character disallowed by auth_username_chars: 0x3c (username: {name})")
    assert (event.get("source.ip"), event.get("dovecot.session"), event.get("mail.auth.reason")) == ("203.0.113.9", "VMoWTwRhUYJ/EAEB", "invalid-username")


@pytest.mark.parametrize(
    "words",
    [
        "plain: Username character disallowed by auth_username_chars: 0x3e (username: bob",
        "sql: Password mismatch",
        "LDAP: binding failed",
        "Auth penalty lookup failed",
        "Auth request was queued for 99 seconds",
        "Dovecot v2 starting up",
        "Dovecot v2 starting up for x",
    ],
)
@pytest.mark.parametrize("behind", [")<TnYT7gJhEsTLAHEH>: ", "): "])
@pytest.mark.parametrize("end", [">: sql: Password mismatch (SHA1 of given password: 367674)", ">: sql: unknown user", "><9>: request [3]: sql: unknown user"])
def test_a_user_name_that_closes_the_tag_speaks_for_nobody_else(read, words, behind, end):
    event = one(read, f"auth(?,192.0.2.8,sasl:plain{behind}{words},203.0.113.9,sasl:plain)<VMoWTwRhUYJ/EAEB{end}")
    assert event.shape.action in ("auth-verify", "unparsed-line")
    assert event.get("source.ip") in ("203.0.113.9", None)
    assert event.get("dovecot.session") in ("VMoWTwRhUYJ/EAEB", None)
    assert event.get("mail.auth.reason") in ("bad-password", "unknown-user", None)


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        "x,192.0.2.8,<TnYT7gJhEsTLAHEH>): Password mismatch",
        "?,192.0.2.8): unknown user",
        "?,192.0.2.8): Username character disallowed by auth_username_chars: 0x3e (username: b",
    ],
)
def test_a_user_name_before_the_address_is_text(read, name):
    event = one(read, f"auth: passwd-file({name},203.0.113.9,<VMoWTwRhUYJ/EAEB>): unknown user")
    assert (event.shape.action, event.get("source.ip"), event.get("user.name"), event.get("dovecot.session")) == ("auth-verify", "203.0.113.9", name.lower(), "VMoWTwRhUYJ/EAEB")


def test_a_mechanism_is_text(read):
    event = one(read, f"imap-login: Disconnected (tried to use unsupported auth mechanism): user=<>, method=X>: RIP=192.0.2.8 LIP=192.0.2.1, rip=203.0.113.9, lip=192.0.2.1{END}")
    assert (event.shape.action, event.get("source.ip"), event.get("mail.auth.mechanism")) == ("imap-bad-mech", "203.0.113.9", "other")


def test_the_subject_of_a_certificate_is_text(read):
    event = one(read, "imap-login: Received invalid SSL certificate: self-signed certificate: /O=x/CN=ceo, rip=192.0.2.8, user=<root>: Verified (check me) (check ssl_ca setting?)")
    assert (event.shape.action, event.get("source.ip"), event.get("user.name")) == ("tls-certificate-verify", None, None)
    assert event.get("tls.client.subject") == "/O=x/CN=ceo, rip=192.0.2.8, user=<root>: Verified (check me)"


def test_a_message_id_is_text(read):
    event = one(read, "lmtp(alice)<9><TnYT7gJhEsTLAHEH>: sieve: msgid=<x>: forwarded to <ceo@example.org>: stored mail into mailbox 'INBOX'")
    assert (event.shape.action, event.get("email.message_id"), event.get("dovecot.mailbox")) == ("mailbox-delivery", "x>: forwarded to <ceo@example.org", "INBOX")


@pytest.mark.parametrize("message", ["no prefix at all", "imap-login: something new"])
def test_what_no_shape_takes_is_an_unparsed_line(read, message):
    event = one(read, message)
    assert (event.shape.action, event.shape.stream) == ("unparsed-line", "dovecot")


@pytest.mark.parametrize("program", ["rspamd", "amavis", "spamd", "clamd", "sogod", "roundcube", "milter-greylist"])
def test_lines_of_every_filter_are_mail_lines(read, program):
    event = one(read, "something", program)
    assert (event.shape.action, event.shape.stream) == ("unparsed-line", "filter")


def test_a_hundred_attempts_are_the_most_of_one_line(read):
    events = read([FAILED.replace("1 attempts", "250 attempts").format("alice").join(["2026-11-24T10:00:00+00:00 mx1 dovecot: ", ""]).encode()])
    assert len(events) == 100
    assert [event.get("mail.capped") for _, event in events] == [None] * 99 + [True]
    assert len({event.id for _, event in events}) == 100

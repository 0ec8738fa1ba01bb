import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parse.syslog import open_record

AT = 1_795_514_400_000  # 2026-11-24T10:00:00Z


@pytest.mark.parametrize(
    ("line", "envelope", "priority"),
    [
        ("Nov 24 10:00:00 mx1 postfix/submission/smtpd[12]: connect from x", "rfc3164", None),
        ("<22>Nov 24 10:00:00 mx1 postfix/submission/smtpd[12]: connect from x", "rfc3164", 22),
        ("2026-11-24T10:00:00.000000+00:00 mx1 postfix/submission/smtpd[12]: connect from x", "rfc3339", None),
        ("2026-11-24T11:00:00+01:00 mx1 postfix/submission/smtpd[12]: connect from x", "rfc3339", None),
        ("<22>1 2026-11-24T10:00:00Z mx1 postfix/submission/smtpd 12 - -  connect from x", "rfc5424", 22),
        ('<22>1 2026-11-24T10:00:00Z mx1 postfix/submission/smtpd 12 ID [a@1 k="v\\"] "][b] connect from x', "rfc5424", 22),
        ("<22>1 2026-11-24T10:00:00Z mx1 postfix/submission/smtpd 12 - - \ufeffconnect from x", "rfc5424", 22),
    ],
)
def test_every_envelope_says_the_same(record, line, envelope, priority):
    opened = open_record(record(line))
    assert (opened.origin.envelope, opened.time, opened.origin.host, opened.origin.pid, opened.origin.priority) == (envelope, AT, "mx1", 12, priority)
    assert (opened.origin.program, opened.origin.product, opened.origin.service, opened.origin.daemon) == ("postfix/submission/smtpd", "postfix", "submission", "smtpd")
    assert opened.message == "connect from x"
    assert opened.named_year == (envelope != "rfc3164")
    assert opened.text[slice(*opened.stamp)] in line
    assert opened.text[slice(*opened.spans["process.pid"])] == "12"
    assert opened.text[slice(*opened.spans["host.name"])] == "mx1"


@pytest.mark.parametrize("stamp", ["Nov  4 10:00:00", "Nov 4 10:00:00", "Nov 04 10:00:00"])
def test_a_day_has_one_blank_two_or_a_zero(record, stamp):
    assert open_record(record(f"{stamp} mx1 postfix/qmgr[1]: x")).time == AT - 20 * 86_400_000


@pytest.mark.parametrize(
    ("program", "product", "service", "daemon", "name"),
    [
        ("postfix/smtpd", "postfix", None, "smtpd", "postfix/smtpd"),
        ("postfix/smtps-ccert/smtpd", "postfix", "smtps-ccert", "smtpd", "postfix/smtps-ccert/smtpd"),
        ("postfix-In/smtpd", "postfix-In", None, "smtpd", "postfix-In/smtpd"),
        ("postfix-192.0.2.5/smtp", "postfix-192.0.2.5", None, "smtp", "postfix-192.0.2.5/smtp"),
        ("a/b/c/smtpd", "a", "b/c", "smtpd", "a/b/c/smtpd"),
        ("/postfix-script", "", None, "postfix-script", "/postfix-script"),
        ("postfix", "postfix", None, None, "postfix"),
        ("opendkim", "opendkim", None, None, "opendkim"),
    ],
)
def test_a_name_is_read_from_its_ends(record, program, product, service, daemon, name):
    opened = open_record(record(f"Nov 24 10:00:00 mx1 {program}[1]: x"))
    assert (opened.origin.product, opened.origin.service, opened.origin.daemon, opened.name) == (product, service, daemon, name)


@pytest.mark.parametrize(
    ("line", "daemon", "level", "pid", "parts", "message"),
    [
        ("imap-login: Login: user=<a>", "imap-login", None, None, {}, "Login: user=<a>"),
        ("imap-login: Error: bad key", "imap-login", "error", None, {}, "bad key"),
        ("imap(al ice@example.org)<301><T6dJNg==>: Disconnected", "imap", None, 301, {"_user": "al ice@example.org", "_session": "T6dJNg=="}, "Disconnected"),
        ("lmtp(291): Connect from local", "lmtp", None, 291, {}, "Connect from local"),
        ("auth-worker(80180): Info: x", "auth-worker", "info", 80180, {}, "x"),
        ("auth(bob,192.0.2.7,sasl:plain)<abc>: file: Password mismatch", "auth", None, None, {"_user": "bob,192.0.2.7,sasl:plain", "_session": "abc"}, "file: Password mismatch"),
        ("master: Warning: Killed with signal 15", "master", "warning", None, {}, "Killed with signal 15"),
        ("imap-login: Fatal: master: service(imap-login): child 1 killed", "imap-login", "fatal", None, {}, "master: service(imap-login): child 1 killed"),
        ("no service here", None, None, None, {}, "no service here"),
    ],
)
def test_dovecots_prefix_belongs_to_the_tag(record, line, daemon, level, pid, parts, message):
    for tag in ("Nov 24 10:00:00 mx1 dovecot: ", "<22>1 2026-11-24T10:00:00Z mx1 dovecot - - -  "):
        opened = open_record(record(tag + line))
        assert (opened.origin.product, opened.origin.daemon, opened.level, opened.origin.pid, opened.message) == ("dovecot", daemon, level, pid, message)
        assert {part: opened.text[slice(*span)] for part, span in opened.spans.items() if part[0] == "_"} == parts
        assert opened.name == ("dovecot" if daemon is None else f"dovecot/{daemon}")


def test_dovecots_own_file_has_no_host_and_always_a_level(record):
    opened = open_record(record("Nov 24 10:00:00 imap(bob b: c)<9><s>: Info: x: y"))
    assert (opened.origin.envelope, opened.origin.host, opened.origin.program, opened.origin.daemon, opened.level, opened.origin.pid, opened.message) == (
        "dovecot",
        None,
        None,
        "imap",
        "info",
        9,
        "x: y",
    )


@pytest.mark.parametrize("program", ["imap-login", "auth-worker(80180)", "imap(u)<1><s>"])
def test_a_service_of_dovecot_may_be_the_program(record, program):
    opened = open_record(record(f"Nov 24 10:00:00 mx1 {program}: Warning: x"))
    assert (opened.origin.product, opened.level, opened.message) == ("dovecot", "warning", "x")
    assert opened.origin.daemon == program.partition("(")[0]


def test_other_imap_servers_are_not_dovecot(record):
    assert open_record(record("Nov 24 10:00:00 mx1 imap[1]: login: x")).origin.product == "imap"


def test_a_header_is_the_envelope(record):
    header = {"program": "postfix/smtpd", "pid": 12, "host": "mx1", "time": AT, "priority": 20}
    opened = open_record(record("connect from x", header=header))
    assert (opened.origin.envelope, opened.time, opened.named_year, opened.origin.host, opened.origin.pid, opened.origin.priority) == ("header", AT, True, "mx1", 12, 20)
    assert (opened.origin.daemon, opened.message, opened.stamp) == ("smtpd", "connect from x", None)


def test_a_header_of_dovecot_has_its_prefix_in_the_message(record):
    opened = open_record(record("imap(a)<7><s>: Error: x", header={"program": "dovecot", "pid": 1, "host": "mx1"}))
    assert (opened.origin.daemon, opened.level, opened.origin.pid, opened.message) == ("imap", "error", 7, "x")


@pytest.mark.parametrize("line", ["postfix/smtpd[12]: connect from x", "<20>postfix/smtpd[12]: connect from x"])
def test_a_tag_alone_is_an_envelope_where_the_header_knows_the_rest(record, line):
    opened = open_record(record(line, header={"host": "box", "time": AT, "priority": 20}))
    assert (opened.envelope, opened.time, opened.named_year, opened.host, opened.pid, opened.priority) == ("bare", AT, True, "box", 12, 20)
    assert (opened.product, opened.daemon, opened.message) == ("postfix", "smtpd", "connect from x")
    assert opened.text[slice(*opened.spans["process.pid"])] == "12"
    assert open_record(record(line)).envelope == "raw", "a line of a file says more"


@pytest.mark.parametrize(
    ("text", "envelope"), [("dovecot: imap-login: x", "bare"), ("imap-login: Info: x", "bare"), ("INFO: started", "raw"), ("level=info x", "raw"), ("warning: x", "raw")]
)
def test_a_word_and_a_colon_are_no_tag(record, text, envelope):
    assert open_record(record(text, header={"time": AT})).envelope == envelope


def test_a_service_of_dovecot_alone_is_a_tag(record):
    opened = open_record(record("imap(alice)<7><abc>: Error: x", header={"time": AT}))
    assert (opened.envelope, opened.product, opened.daemon, opened.pid, opened.level, opened.message) == ("bare", "dovecot", "imap", 7, "error", "x")
    assert opened.text[slice(*opened.spans["_user"])] == "alice"


def test_what_a_program_hands_to_a_syslog_socket_names_no_host(record):
    opened = open_record(record("<22>Nov 24 10:00:00 postfix/smtpd[12]: connect from x"))
    assert (opened.envelope, opened.time, opened.host, opened.pid, opened.priority, opened.message) == ("rfc3164", AT, None, 12, 22, "connect from x")
    assert open_record(record("Nov 24 10:00:00 postfix/smtpd[12]: connect from x")).envelope == "raw"


def test_a_header_without_a_program_lends_what_the_line_lacks(record):
    opened = open_record(record("Nov 24 10:00:00 imap-login: Info: x", header={"host": "box", "time": 5}))
    assert (opened.origin.envelope, opened.origin.host, opened.time, opened.origin.daemon) == ("dovecot", "box", AT, "imap-login")


@pytest.mark.parametrize(
    ("message", "level"),
    [("warning: x", "warning"), ("fatal: x", "fatal"), ("panic: x", "panic"), ("error: x", "error"), ("E7AF727ECA9: warning: header", "warning"), ("connect: warning: x", None)],
)
def test_postfix_says_its_level_in_the_message(record, message, level):
    opened = open_record(record(f"Nov 24 10:00:00 mx1 postfix/smtpd[1]: {message}"))
    assert (opened.level, opened.message) == (level, message)


@pytest.mark.parametrize(("inner", "message"), [("warning: x ", "warning: x"), (" warning: [x]", "warning: [x]")])
def test_a_repeated_message_is_its_inner_one(record, inner, message):
    opened = open_record(record(f"Nov 24 10:00:00 mx1 postfix/smtpd[1]: message repeated 3 times: [{inner}]"))
    assert (opened.repeat, opened.message) == (3, message)


@pytest.mark.parametrize(
    ("tag", "inner", "daemon", "level", "message"),
    [
        ("postfix/smtpd[1]", "warning: x", "smtpd", "warning", "warning: x"),
        ("dovecot", "imap-login: Disconnected: x", "imap-login", None, "Disconnected: x"),
        ("dovecot", "imap(bob)<7><s>: Error: x", "imap", "error", "x"),
        ("imap-login", "Warning: x", "imap-login", "warning", "x"),
        ("imap(bob)<7><s>", "Error: x", "imap", "error", "x"),
    ],
)
def test_prefix_and_level_are_those_of_the_repeated_message(record, tag, inner, daemon, level, message):
    opened = open_record(record(f"Nov 24 10:00:00 mx1 {tag}: message repeated 30 times: [ {inner}]"))
    assert (opened.repeat, opened.origin.daemon, opened.level, opened.message) == (30, daemon, level, message)


@pytest.mark.parametrize("message", ["message repeated 3 times: [ x", "message repeated x times: [ y ]", "message repeated 3 times: "])
def test_what_only_looks_repeated_is_left_alone(record, message):
    opened = open_record(record(f"Nov 24 10:00:00 mx1 postfix/smtpd[1]: {message}"))
    assert (opened.repeat, opened.message) == (1, message)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "connect from unknown[192.0.2.1]",
        "Okt 24 10:00:00 mx1 postfix/smtpd[1]: x",
        "Nov 31 10:00:00 mx1 postfix/smtpd[1]: x",
        "Nov 24 10:00:00 mx1 last message repeated 2 times",
        "2026-11-24 10:00:00 mx1 postfix/smtpd[1]: x",
        "2026-11-24T10:00:00Z INFO    postfix/smtpd[1]: x",
    ],
)
def test_what_no_envelope_opens_is_raw(record, line):
    opened = open_record(record(line))
    assert (opened.origin.envelope, opened.origin.program, opened.name, opened.time, opened.message) == ("raw", None, None, None, line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Nov 24 10:00:00 auth(a) postfix/smtpd[1]: warning: x,192.0.2.1,sasl:plain)<s>: Info: sql: Password mismatch", "sql: Password mismatch"),
        ("Nov 24 10:00:00 lmtp(a) postfix/smtpd[1]: 4XbQJ72Rk1z9Tm4: client=b[192.0.2.8])<12><s>: Info: saved mail to INBOX", "saved mail to INBOX"),
        ("Nov 24 10:00:00 imap(a): b)<12><s>: Info: x", "x"),
    ],
)
def test_in_dovecots_own_file_a_user_is_no_host(record, line, message):
    opened = open_record(record(line))
    assert (opened.origin.envelope, opened.origin.host, opened.level, opened.message) == ("dovecot", None, "info", message)


@pytest.mark.parametrize("line", ["dovecot: imap(a): Debug: b)<12><s>: x", "imap(a): Debug: b)<12><s>: Info: x"])
def test_a_user_makes_no_line_vanish(record, line):
    opened = open_record(record(f"Nov 24 10:00:00 {'mx1 ' * line.startswith('dovecot')}{line}"))
    assert (opened.name, opened.level, opened.time, opened.message) == ("dovecot/imap", None, AT, line.removeprefix("dovecot: "))


@pytest.mark.parametrize("host", ["auth(a)", "lmtp(a", "a)", "a<b>"])
@pytest.mark.parametrize(
    "envelope", ["Nov 24 10:00:00 {} postfix/smtpd[1]: x", "2026-11-24T10:00:00Z {} postfix/smtpd[1]: x", "<22>1 2026-11-24T10:00:00Z {} postfix/smtpd 1 - - x"]
)
def test_a_host_name_has_no_brackets(record, host, envelope):
    assert open_record(record(envelope.format(host))).origin.envelope == "raw"


def test_a_header_says_only_what_a_line_could_say(record):
    opened = open_record(record("x", header={"program": "postfix/smtpd", "pid": 1 << 70, "priority": 192}))
    assert (opened.origin.pid, opened.origin.priority) == (None, None)


def test_a_named_format_is_the_only_one(record):
    line = "2026-11-24T10:00:00Z mx1 postfix/smtpd[1]: x"
    assert open_record(record(line, format="rfc3339")).origin.envelope == "rfc3339"
    assert open_record(record(line, format="rfc3164")).origin.envelope == "raw"


def test_one_carriage_return_goes_and_odd_bytes_are_escaped(record):
    opened = open_record(record(b"Nov 24 10:00:00 mx1 postfix/smtpd[1]: caf\xe9 \xff\r\r"))
    assert opened.message == "caf\\xe9 \\xff\r"


def test_an_attackers_colon_does_not_move_the_tag(record):
    opened = open_record(record("Nov 24 10:00:00 mx1 dovecot: imap-login: Login: user=<x Nov 24 10:00:00 mx2 postfix/smtpd[9]: y>"))
    assert (opened.origin.host, opened.origin.daemon, opened.origin.pid) == ("mx1", "imap-login", None)


FRAGMENTS = st.sampled_from(
    [
        *("Nov 24 10:00:00 ", "2026-11-24T10:00:00Z ", "<22>", "<22>1 ", "mx1 ", "postfix/smtpd[12]: ", "dovecot: ", "imap(", ")<1><s>: ", "Info: "),
        *("- ", "[", "]", '"', "message repeated 3 times: [ ", "\\"),
    ]
)


@given(st.lists(st.one_of(FRAGMENTS.map(str.encode), st.binary(max_size=8)), max_size=12).map(b"".join))
def test_any_bytes_are_opened(record, raw):
    opened = open_record(record(raw))
    assert 0 <= opened.start <= opened.end <= len(opened.text)
    assert all(0 <= begin <= end <= len(opened.text) for begin, end in opened.spans.values())
    assert (opened.origin.envelope == "raw") == (opened.name is None)

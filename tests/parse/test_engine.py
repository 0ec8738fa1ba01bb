import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import json
from collector.model.identity import Identity
from collector.model.record import Position, Record, SourceInfo

HEAD = "2026-11-24T10:00:00+00:00 mx1 "
AT = 1_795_514_400_000


def actions(events):
    return [event.shape.action for event in events]


def test_a_line_becomes_an_event_with_all_that_is_known(read):
    (event,) = read("<22>Nov 24 11:00:00 mx1 postfix/submission/smtpd[12]: connect from A.example[203.0.113.7]:4711", offset=99, path="/var/log/mail.log", timezone="Europe/Vienna")
    assert (event.time, event.shape.name, len(event.id)) == (AT, "postfix.smtpd.connect", 32)
    assert event.dynamic == {
        "event.original": "<22>Nov 24 11:00:00 mx1 postfix/submission/smtpd[12]: connect from A.example[203.0.113.7]:4711",
        "message": "connect from A.example[203.0.113.7]:4711",
        "log.offset": 99,
        "postfix.service": "submission",
        "source.domain": "a.example",
        "source.ip": "203.0.113.7",
        "source.port": 4711,
        "network.transport": "tcp",
        "source.address": "203.0.113.7",
        "related.ip": ["203.0.113.7"],
        "related.hosts": ["a.example"],
    }
    fields = event.fields
    assert (fields["event.dataset"], fields["network.direction"], fields["service.name"]) == ("mail.postfix", "inbound", "postfix/smtpd")
    assert (fields["host.name"], fields["process.pid"], fields["event.timezone"], fields["log.file.path"]) == ("mx1", 12, "Europe/Vienna", "/var/log/mail.log")


def test_events_carry_only_what_their_shape_says(read, catalogue):
    login = f"{HEAD}dovecot: imap-login: Disconnected (auth failed, 2 attempts): user=<a@example.org>, rip=192.0.2.1, lip=192.0.2.2"
    for line in (f"{HEAD}postfix/smtpd[1]: connect from a[192.0.2.1]", login, "what"):
        for event in read(line):
            assert event.dynamic.keys() <= event.shape.fields.keys() | event.shape.static.keys()
            assert event.fields.keys() <= catalogue.fields.keys()
            assert all(catalogue.allowed(event.shape.action, name) for name in event.fields)


def test_n_attempts_are_n_events_with_ids_of_their_own(read):
    events = read(f"{HEAD}dovecot: imap-login: Disconnected (auth failed, 3 attempts): user=<alice>, rip=203.0.113.7, lip=192.0.2.1")
    assert actions(events) == ["auth-failure"] * 3
    assert len({event.id for event in events}) == 3
    assert len({event.time for event in events}) == 1


def test_a_repeated_message_is_n_events(read):
    line = f"{HEAD}postfix/smtpd[12]: message repeated 2 times: [ warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=bob]"
    events = read(line)
    assert actions(events) == ["auth-failure"] * 2
    assert {event.get("user.name") for event in events} == {"bob"}
    assert {event.get("event.original") for event in events} == {line}


@pytest.mark.parametrize(("attempts", "number", "capped"), [("100", 100, None), ("101", 100, True), ("999999999", 100, True), ("0", 1, None)])
def test_a_line_has_at_most_a_hundred_events_and_the_last_says_so(read, attempts, number, capped):
    events = read(f"{HEAD}dovecot: imap-login: Disconnected (auth failed, {attempts} attempts): user=<alice>, rip=203.0.113.7, lip=192.0.2.1")
    assert len(events) == number
    assert events[-1].get("mail.capped") is capped
    assert all(event.get("mail.capped") is None for event in events[:-1])


def test_a_disconnect_adds_the_failures_that_no_line_said(read):
    client = "unknown[203.0.113.9]"
    read(f"{HEAD}postfix/smtpd[12]: connect from {client}")
    read(f"{HEAD}postfix/smtpd[12]: warning: {client}: SASL LOGIN authentication failed: x")
    events = read(f"{HEAD}postfix/smtpd[12]: disconnect from {client} auth=0/3")
    assert actions(events) == ["smtp-disconnect", "auth-failure", "auth-failure"]
    assert (events[1].get("mail.auth.reason"), events[1].get("source.ip"), events[1].get("related.ip")) == ("not-offered", "203.0.113.9", ["203.0.113.9"])
    again = read(f"{HEAD}postfix/smtpd[12]: disconnect from {client} auth=0/3")
    assert len(again) == 4, "the session is closed"


def test_repeated_failures_count_as_often_as_they_are_said(read):
    client = "unknown[203.0.113.9]"
    read(f"{HEAD}postfix/smtpd[12]: message repeated 2 times: [ warning: {client}: SASL LOGIN authentication failed: x]")
    assert len(read(f"{HEAD}postfix/smtpd[12]: disconnect from {client} auth=0/2")) == 1


def test_sessions_lend_forward_and_not_across_sources(engine, record):
    def read(text, name):
        one = record(f"{HEAD}postfix/smtpd[12]: {text}")
        one.source = SourceInfo(name)
        return engine.read(engine.open(one))

    read("connect from a.example[203.0.113.9]", "one")
    failure = "warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x"
    assert read(failure, "one")[0].get("source.domain") == "a.example"
    assert read(failure, "two")[0].get("source.domain") is None


def test_the_same_line_at_another_place_has_another_id(read):
    line = f"{HEAD}postfix/smtpd[12]: connect from unknown[203.0.113.9]"
    assert read(line)[0].id == read(line)[0].id
    assert read(line)[0].id != read(line, offset=1)[0].id


def test_an_id_covers_the_bytes_before_redaction_and_nothing_else_holds_them(read):
    line = HEAD + "dovecot: auth: x (given password: {})"
    first, second = read(line.format("hunter2"))[0], read(line.format("hunter3"))[0]
    assert first.id != second.id
    assert first.dynamic == second.dynamic
    assert first.get("mail.redacted") == ["password"]
    assert "hunter" not in repr(first.fields)


@pytest.mark.parametrize(
    ("line", "stream", "service"),
    [
        (f"{HEAD}postfix/smtpd[12]: never seen before", "postfix", "postfix/smtpd"),
        (f"{HEAD}postfix/newcomer[12]: x", "postfix", "postfix/newcomer"),
        (f"{HEAD}dovecot: imap-login: never seen before", "dovecot", "dovecot/imap-login"),
        (f"{HEAD}dovecot: no service", "dovecot", "dovecot"),
        ("Okt 24 10:00:00 mx1 dovecot: imap-login: x", "dovecot", "unknown"),
        ("<22>1 2026-11-24T10:00:00Z - - - - - imap-login: Login: user=<b>", "postfix", "unknown"),
        ("an unknown format", "postfix", "unknown"),
        ("", "postfix", "unknown"),
    ],
)
def test_what_nothing_takes_is_an_event_of_its_stream(engine, read, line, stream, service):
    (event,) = read(line)
    assert (event.shape.action, event.shape.stream, event.get("service.name")) == ("unparsed-line", stream, service)
    assert event.get("event.original") == line
    assert event.get("service.type") == service.partition("/")[0]
    assert event.get("host.name")
    assert engine.counts == {"lines": 1, "events": 1, "unparsed": 1, "debug": 0, "irrelevant": 0}


def test_an_unstamped_line_happened_when_it_arrived(read, record):
    assert read("an unknown format", near=5)[0].time == 5


def test_other_programs_and_debug_lines_are_counted(engine, read):
    assert read(f"{HEAD}sshd[1]: Accepted password for root") == ()
    assert read(f"{HEAD}dovecot: imap-login: Debug: SSL: where=0x10") == ()
    assert engine.counts == {"lines": 2, "events": 0, "unparsed": 0, "debug": 1, "irrelevant": 1}


def test_debug_lines_are_shipped_on_request(fresh_engine, record):
    shipping = fresh_engine(debug_lines="ship")
    (event,) = shipping.read(shipping.open(record(f"{HEAD}dovecot: imap-login: Debug: SSL: where=0x10")))
    assert (event.shape.action, event.shape.stream, event.get("event.reason"), event.get("log.level")) == ("debug-line", "dovecot", "SSL: where=0x10", "debug")
    assert shipping.counts["unparsed"] == 0


def test_a_priority_is_no_level_word(read):
    assert actions(read("<23>Nov 24 10:00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.9]")) == ["smtp-connect"]


def test_a_cut_line_says_so(read):
    (event,) = read(f"{HEAD}postfix/smtpd[12]: connect fr", truncated=True)
    assert event.get("log.flags") == ["truncated"]


def test_a_record_without_an_offset_has_none(engine):
    record = Record(SourceInfo("journal", input="journald"), b"what", 0, Position((b"cursor",), b""))
    assert "log.offset" not in engine.read(engine.open(record))[0].dynamic


def test_a_journal_record_is_read_like_a_line(read):
    (event,) = read("connect from unknown[203.0.113.9]", header={"program": "postfix/smtpd", "pid": 3, "host": "mx1", "time": 7, "priority": 22}, input="journald")
    assert (event.time, event.shape.action, event.get("process.pid"), event.get("input.type")) == (7, "smtp-connect", 3, "journald")


def test_a_bare_product_is_tried_with_all_its_files(read):
    (event,) = read("<22>1 2026-11-24T10:00:00Z mx1 postfix 12 - -  connect from unknown[203.0.113.9]")
    assert (event.shape.action, event.get("service.name"), event.get("process.pid")) == ("smtp-connect", "postfix", 12)


def test_the_last_rightful_field_wins(read):
    (event,) = read(f"{HEAD}dovecot: imap-login: Disconnected (auth failed, 1 attempts): user=<alice>, rip=192.0.2.8, lip=192.0.2.1, user=<root>, rip=198.51.100.1, lip=192.0.2.1")
    assert event.get("source.ip") == "198.51.100.1"
    assert event.get("user.name") == "alice>, rip=192.0.2.8, lip=192.0.2.1, user=<root"


def test_spans_say_where_the_parts_stand(engine):
    line = f"{HEAD}dovecot: imap-login: Disconnected (auth failed, 3 attempts): user=<alice>, rip=203.0.113.7, lip=192.0.2.1"
    found = {part: line[slice(*span)] for part, span in engine.spans(line, AT).items()}
    assert found == {"host.name": "mx1", "_attempts": "3", "user.name": "alice", "source.ip": "203.0.113.7", "destination.ip": "192.0.2.1"}


MISMATCH = """
parser: dovecot.auth
program: [dovecot/auth]
shapes:
  - name: mismatch
    contains: Password mismatch
    grok: 'Password mismatch \\(SHA1 of given password: \\*\\*\\*\\)%{REST:event.reason}'
    action: auth-verify
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 dovecot: auth(bob)<s1>: Password mismatch (SHA1 of given password: 36afeb) x', expect: {mail.auth.password_hash: 36afeb}}]
"""


def test_a_password_hash_is_sealed_with_the_install_secret(load, kind, fresh_engine, record):
    engine, other = fresh_engine(load(MISMATCH)), kind(load(MISMATCH), fresh_engine().catalogue, Identity(b"another secret"))
    line = HEAD + "dovecot: auth(bob)<s1>: Password mismatch (SHA1 of given password: {})"
    first, again, different = (engine.read(engine.open(record(line.format(each))))[0].get("mail.auth.password_hash") for each in ("36afeb", "36afeb", "36afec"))
    assert first == again == engine.seal("36afeb")
    assert first not in (different, "36afeb", other.seal("36afeb"))


def test_spans_reach_behind_a_mask(load, fresh_engine):
    line = f"{HEAD}dovecot: auth(bob)<s1>: Password mismatch (SHA1 of given password: 36afeb) - trying"
    found = {part: line[slice(*span)] for part, span in fresh_engine(load(MISMATCH)).spans(line, AT).items()}
    assert found["event.reason"] == " - trying"
    assert found["mail.auth.password_hash"] == "36afeb"
    assert (found["dovecot.session"], found["_user"]) == ("s1", "bob")


def test_a_line_that_nothing_takes_has_no_spans(engine):
    assert engine.spans("what", AT) == {}
    assert engine.spans(f"{HEAD}sshd[1]: x", AT) == {}


def test_a_flood_of_program_names_is_forgotten(engine, read):
    for number in range(5000):
        read(f"{HEAD}p{number}[1]: x")
    assert len(engine._programs) <= 4096


COUNTED = """
parser: postfix.smtpd
program: ['*/smtpd']
sessions:
  smtpd-process: {key: [host.name, process.pid], age: 1d}
shapes:
  - name: disconnect
    contains: disconnect from
    grok: 'disconnect from %{CLIENT} %{REST:_counters}'
    action: smtp-disconnect
    set: {network.protocol: smtp, network.direction: inbound}
    derive: {smtp-counters: _counters}
    times: _auth_failed
    session: {of: smtpd-process, counts: sasl}
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: disconnect from unknown[203.0.113.9] commands=1/2', expect: {mail.smtp.commands_ok: 1}}]
"""
NUMBERS = st.one_of(
    st.integers(0, 1 << 80).map(str),
    st.integers(1, 400).map(lambda length: "9" * length),
    st.sampled_from(["9223372036854775807", "9223372036854775808", "18446744073709551615", "\u0663"]),
)


@given(NUMBERS, NUMBERS)
def test_no_counter_of_a_stranger_is_too_much_for_a_document_or_for_memory(load, fresh_engine, record, done, total):
    engine = fresh_engine(load(COUNTED))
    for event in engine.read(engine.open(record(f"{HEAD}postfix/smtpd[12]: disconnect from unknown[192.0.2.1] auth={done}/{total} commands={done}/{total}"))):
        assert json.loads(json.dumps(event.fields)) == event.fields
        assert all(-(1 << 63) <= value < 1 << 63 for value in event.fields.values() if isinstance(value, int))
    assert engine.sessions.delta()


FRAGMENTS = [
    *(HEAD.encode(), b"Nov 24 10:00:00 mx1 ", b"<22>1 2026-11-24T10:00:00Z mx1 postfix 1 - - ", b"postfix/smtpd[12]: ", b"dovecot: imap-login: ", b"dovecot: auth: "),
    *(b"connect from ", b"unknown[192.0.2.1]", b"warning: ", b": SASL LOGIN authentication failed: x", b", sasl_username=", b"disconnect from ", b" auth=0/9"),
    *(b"Disconnected (auth failed, 7 attempts): user=<", b">, rip=192.0.2.1, lip=::1", b"message repeated 9 times: [ ", b"]", b"(given password: ", b"PREGREET "),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\r"),
]
FORMATS = st.sampled_from(["auto", "rfc3164", "rfc3339", "rfc5424", "dovecot"])


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=6)), max_size=10).map(b"".join), st.integers(0, 4_000_000_000_000), FORMATS)
def test_no_bytes_are_an_exception(fresh_engine, raw, near, form):
    engine = fresh_engine()
    record = Record(SourceInfo("mail", format=form), raw, near, Position((b"lineage", bytes(8)), b""))
    for event in engine.read(engine.open(record)):
        assert event.dynamic.keys() <= event.shape.fields.keys() | event.shape.static.keys()
    assert engine.counts["lines"] == 1

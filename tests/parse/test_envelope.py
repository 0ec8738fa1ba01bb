"""What is remembered must be what the plain reading finds, line by line, in whatever order the lines come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.agent import assembly
from collector.model.identity import Identity
from collector.model.record import Header, Position, Record, SourceInfo
from collector.parse import envelope
from collector.parse.engine import Engine
from collector.parse.envelope import Envelopes
from collector.parse.syslog import open_record
from tests.support.lab import LAB, unpacked

NEAR = 1_795_600_000_000
LOGS = sorted(path.relative_to(LAB).as_posix() for path in LAB.rglob("*.log*"))
POSITION = Position((b"lineage", bytes(8)), b"")


def all_of(opened):
    return (opened.text, opened.start, opened.end, opened.time, opened.origin.facts, opened.origin.name, opened.stamp, opened.level, dict(opened.parts), opened.repeat)


def agree(envelopes, record):
    assert all_of(envelopes.open(record)) == all_of(open_record(record)), record.raw


@pytest.mark.parametrize("log", LOGS)
def test_every_line_of_the_lab_is_opened_as_the_plain_way_opens_it(log):
    envelopes = Envelopes()
    source = SourceInfo("log", host="mx1", timezone="Europe/Vienna")
    for raw in unpacked(LAB / log).splitlines():
        agree(envelopes, Record(source, raw, NEAR, POSITION))


HEADS = [
    *("mx1 postfix/smtpd[12]: ", "mx1 postfix/smtpd: ", "mx1 dovecot: ", "mx1 dovecot[4]: ", "mx1 imap-login: ", "mx1 auth-worker(80): "),
    *("mx1 x[1]:", "a:b c[2]: ", "a: b: ", "postfix/smtpd[12]: ", "dovecot: "),
]
STAMPS = [
    *("2026-11-24T10:00:00.123456+00:00", "2026-11-24T10:00:00.123+01:00", "2026-11-24T10:00:00Z", "2026-11-24T10:00:00.5Z", "2026-11-24T10:00:00.123.4Z"),
    *(
        "2026-11-24T10:00:00.12345600:00",
        "2026-11-24T10:00:00+12345600:00",
        "2026-11-24T10:00:60.123456Z",
        "1969-11-24T10:00:00.123456Z",
        "2026-11-24T10:00:00.\u0661\u0662\u0663456Z",
    ),
    *("Nov 24 10:00:00", "Nov  4 10:00:00", "Nov 4 10:00:00", "Okt 24 10:00:00", "Feb 29 10:00:00", "Nov 24 10:00:61"),
]
PRIORITIES = ["", "<22>", "<999>", "<22>1 ", "<>", "<22>2 "]
TAILS = ["mx1 postfix/smtpd 12 - -  ", "mx1 dovecot - - -  ", "mx1 dovecot - - - \ufeff", "- - - - - ", "mx1 postfix 12 - - - ", 'mx1 a 1 M [x@1 y="z"] ', "mx1 a 1 - -"]
TEXTS = [
    *("connect from x", "warning: x", "message repeated 3 times: [ warning: x]", "message repeated 3 times: x", "", ": ", "A: b"),
    *(
        "imap-login: Login: user=<a>",
        "imap-login: Info: x",
        "imap(bob)<12><s>: Error: x",
        "imap(bob)<s>: x",
        "imap(12): x",
        "imap(12)<s>: x",
        "imap(b b)<1><s>: x",
        "imap(bob): x)<1><s>: y",
    ),
    *(
        "auth(bob,192.0.2.1,sasl:plain)<s>: x",
        "auth-worker(12): x",
        "lmtp(12): Connect from local",
        "lmtp(12)<13>: x",
        "imap()<1><>: x",
        "master: Warning: x",
        "no service",
        "imap(\u00e9)<1><s>: x",
    ),
    *("Debug: x", "Info:", "postfix/smtpd: x\r", "caf\u00e9 \u0130", "imap(a\u2003b)<1><s>: x", "x" * 600 + ": y"),
]
LINES = st.one_of(
    st.tuples(st.sampled_from(PRIORITIES), st.sampled_from(STAMPS), st.just(" "), st.sampled_from([*HEADS, *TAILS, ""]), st.sampled_from(TEXTS)).map("".join),
    st.lists(st.sampled_from([*PRIORITIES, *STAMPS, *HEADS, *TEXTS, " ", ":"]), max_size=6).map("".join),
    st.text(max_size=40),
)
SOURCES = [
    SourceInfo("a"),
    SourceInfo("b", timezone="Europe/Vienna", host="h"),
    *(SourceInfo(f"only {form}", format=form) for form in ("rfc3164", "rfc3339", "rfc5424", "dovecot")),
    SourceInfo("a", host="other"),
]
HEADERS = st.builds(
    Header,
    st.sampled_from([None, "postfix/smtpd", "dovecot", "imap-login", "imap(bob)<1><s>"]),
    st.sampled_from([None, 3, -1, 1 << 40]),
    st.sampled_from([None, "mx9"]),
    st.sampled_from([None, 7]),
    st.sampled_from([None, 22, 400]),
)


@given(st.lists(st.tuples(LINES, st.sampled_from(SOURCES), st.sampled_from([0, NEAR, NEAR + 40_000_000_000, NEAR - 3_000_000]), st.none() | HEADERS), min_size=1, max_size=12))
def test_whatever_came_before_a_line_is_read_the_plain_way(lines):
    envelopes = Envelopes()
    for text, source, near, header in lines * 2:
        agree(envelopes, Record(source, text.encode("utf-8", "surrogatepass"), near, POSITION, header))


def test_lines_of_one_process_have_one_origin():
    envelopes = Envelopes()
    lines = [f"2026-11-24T10:00:0{n}.000000+00:00 mx1 dovecot: imap({user})<7><s{n}>: x" for n, user in enumerate(("alice", "bob", "alice"))]
    origins = [envelopes.open(Record(SOURCES[0], line.encode(), NEAR, POSITION)).origin for line in lines]
    assert origins[0] is origins[1] is origins[2]
    plain = envelopes.open(Record(SOURCES[0], b"2026-11-24T10:00:00Z mx1 dovecot: imap(x y)<7><s>: x", NEAR, POSITION))
    assert plain.origin is origins[0]


def test_what_is_remembered_is_bounded():
    envelopes = Envelopes()
    for number in range(20_000):
        head = f"2026-11-24T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000000+00:00 mx{number % 3} "
        for program in (f"postfix/smtpd[{number}]: x", f"dovecot: imap(bob)<{number}><s>: x"):
            envelopes.open(Record(SOURCES[0], (head + program).encode(), NEAR, POSITION))
    lane = envelopes._lane
    assert sum(map(len, lane.heads.values())) + sum(len(origin.services) for origin in lane.usual.values()) + len(lane.usual) <= 2 * envelope.REMEMBERED
    assert len(envelopes._origins) <= envelope.REMEMBERED
    assert max(len(envelopes._seconds), len(envelopes._dotted), len(lane.moments)) <= 4096


def test_names_of_any_length_are_not_remembered():
    envelopes, catalogue = Envelopes(), assembly.load_catalogue()
    engine = Engine(assembly.load_parsers(catalogue), catalogue, Identity())
    for number in range(20):
        record = Record(SOURCES[0], b"connect from x", NEAR, POSITION, Header(f"postfix/{'x' * 40_000}{number}", 1, "h" * 40_000, NEAR, 22))
        agree(envelopes, record)
        engine.read(engine.open(record))
    assert not envelopes._origins
    assert not envelopes._lane.heads["header"]
    assert not engine._programs
    assert not engine._tags._known


def test_the_year_of_a_stamp_is_read_again_when_a_year_has_passed():
    envelopes = Envelopes()
    for near in (NEAR, NEAR + 366 * 86_400_000, NEAR):
        agree(envelopes, Record(SOURCES[0], b"Nov 24 10:00:00 mx1 postfix/smtpd[1]: x", near, POSITION))

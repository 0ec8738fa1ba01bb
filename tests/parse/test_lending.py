import pytest

from collector.parse.lending import lend
from collector.parse.sessions import FIELDS, Sessions, key_of

TWO = """
parser: postfix.smtpd
program: ['*/smtpd']
set: {network.protocol: smtp, network.direction: inbound}
sessions:
  process: {key: [host.name, process.pid]}
  message: {key: [host.name, email.local_id]}
shapes:
  - name: connect
    contains: connect from
    grok: 'connect from %{CLIENT}'
    action: smtp-connect
    session: {of: process, opens: true, gives: [source.ip, source.domain]}
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.7]', expect: {}}]
  - name: client
    contains: client=
    grok: '(?:%{NAME:email.local_id}: )?client=%{CLIENT}(?: n=%{COUNT:_n})?'
    action: smtp-queue-client
    session:
      - {of: process, takes: [source.domain], counts: mails}
      - {of: message, opens: true, gives: [source.ip, source.domain], set: {mail.origin: smtp}}
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: A1: client=unknown[203.0.113.7]', expect: {}}]
  - name: disconnect
    contains: disconnect from
    grok: 'disconnect from %{CLIENT} auth=%{COUNT:_n}'
    action: smtp-disconnect
    session: {of: process, takes: [source.domain], closes: true}
    also: [{action: auth-failure, times: _n, less: mails, copies: [source.ip], set: {mail.smtp.stage: auth}}]
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: disconnect from unknown[203.0.113.7] auth=1', expect: [{}, {}]}]
"""
TAG = {"host.name": "mx1", "process.pid": 12}


@pytest.fixture
def lines(load):
    parsers = load(TWO)
    entries = {entry.shape.name.rpartition(".")[2]: entry for entry in parsers.entries}
    sessions = Sessions()

    def line(name, fields, now=0, source="s", tag=TAG, events=1):
        return fields, lend(sessions, entries[name], source, now, tag, fields, events), sessions

    return line


def test_a_later_line_takes_what_an_earlier_one_gave(lines):
    lines("connect", {"source.ip": "192.0.2.1", "source.domain": "a.example"})
    fields, _, _ = lines("disconnect", {"source.ip": "192.0.2.1"})
    assert fields == {"source.ip": "192.0.2.1", "source.domain": "a.example"}


def test_what_the_line_says_itself_stays(lines):
    lines("connect", {"source.domain": "a.example"})
    fields, _, _ = lines("disconnect", {"source.domain": "b.example"})
    assert fields["source.domain"] == "b.example"


def test_opening_forgets_the_client_before(lines):
    lines("connect", {"source.domain": "a.example"})
    lines("connect", {"source.ip": "192.0.2.1"})
    assert "source.domain" not in lines("disconnect", {})[0]


@pytest.mark.parametrize("other", [{"source": "t"}, {"tag": {"host.name": "mx1", "process.pid": 13}}, {"tag": {"host.name": "mx2", "process.pid": 12}}, {"now": 86_400_001}])
def test_nothing_is_lent_to_another_source_or_process_or_day(lines, other):
    lines("connect", {"source.domain": "a.example"})
    assert lines("disconnect", {}, **other)[0] == {}


def test_closing_forgets_behind_the_line_that_still_takes(lines):
    lines("connect", {"source.domain": "a.example"})
    assert lines("disconnect", {})[0] == {"source.domain": "a.example"}
    fields, _, sessions = lines("disconnect", {})
    assert fields == {}
    assert sessions.rows == {}


def test_a_later_use_gives_what_an_earlier_one_took(lines):
    lines("connect", {"source.ip": "192.0.2.1", "source.domain": "a.example"})
    _, _, sessions = lines("client", {"email.local_id": "A1", "source.ip": "192.0.2.1"})
    assert sessions.rows[key_of("message", "s", ["mx1", "A1"])][FIELDS] == {"source.ip": "192.0.2.1", "source.domain": "a.example", "mail.origin": "smtp"}


def test_what_a_use_sets_is_not_its_own(lines):
    fields, _, _ = lines("client", {"email.local_id": "A1", "source.ip": "192.0.2.1"})
    assert "mail.origin" not in fields


def test_a_use_whose_key_is_incomplete_does_nothing(lines):
    _, _, sessions = lines("client", {"source.ip": "192.0.2.1"}, tag={"host.name": "mx1"})
    assert sessions.rows == {}


def test_what_was_counted_is_told_before_it_is_forgotten(lines):
    lines("client", {"source.ip": "192.0.2.1"}, events=2)
    lines("client", {"source.ip": "192.0.2.1"})
    assert lines("disconnect", {})[1] == {"mails": 3}
    assert lines("disconnect", {})[1] == {"mails": 0}

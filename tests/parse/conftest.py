"""What tests of parse/ start from: the shipped vocabulary, small parser files of their own, records, engines."""

import pytest

from collector import content
from collector.model import catalogue as vocabulary
from collector.model.identity import Identity
from collector.model.record import Header, Position, Record, SourceInfo
from collector.parse import loader
from collector.parse.engine import Engine
from collector.parse.plain import PlainEngine

NEAR = 1_795_600_000_000  # 2026-11-25T09:46:40Z

PATTERNS = r"""
REST .*
ADDR [0-9A-Za-z.:%_-]{1,64}
NAME [^\s\[\]<>]{1,255}
CLIENT (?:unknown|%{NAME:source.domain})\[%{ADDR:source.ip}\](?::%{PORT:source.port})?
PORT \d{1,5}
COUNT \d{1,9}
"""

SMTPD = """
parser: postfix.smtpd
program: ['*/smtpd']
set: {network.protocol: smtp, network.direction: inbound}
service: {submission: {network.transport: tcp}}
sessions:
  smtpd-process: {key: [host.name, process.pid], age: 1d}
shapes:
  - name: connect
    contains: connect from
    grok: 'connect from %{CLIENT}'
    action: smtp-connect
    session: {of: smtpd-process, opens: true, gives: [source.ip, source.port, source.domain]}
    samples:
      - line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.7]'
        expect: {source.ip: 203.0.113.7, network.direction: inbound}
  - name: sasl-failure
    contains: authentication failed
    grok: 'warning: %{CLIENT}: SASL [A-Z0-9-]+ authentication failed: [^,]*(?:, sasl_username=%{REST:user.name})?'
    action: auth-failure
    set: {mail.smtp.stage: auth}
    session: {of: smtpd-process, takes: [source.domain], counts: sasl}
    samples:
      - line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=Bob@example.org'
        expect: {source.ip: 203.0.113.9, user.name: bob@example.org, user.domain: example.org, event.outcome: failure, log.level: warning}
  - name: disconnect
    contains: disconnect from
    grok: 'disconnect from %{CLIENT}(?: auth=0/%{COUNT:_failed})?'
    action: smtp-disconnect
    session: {of: smtpd-process, closes: true}
    also:
      - {action: auth-failure, times: _failed, less: sasl, copies: [source.ip, source.domain], set: {mail.auth.reason: not-offered, mail.smtp.stage: auth}}
    samples:
      - line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: disconnect from unknown[203.0.113.9] auth=0/2'
        expect: [{source.ip: 203.0.113.9}, {mail.auth.reason: not-offered, source.ip: 203.0.113.9}, {}]
"""

LOGIN = """
parser: dovecot.login
program: ['dovecot/*-login']
service:
  imap-login: {network.protocol: imap}
  pop3-login: {network.protocol: pop3}
shapes:
  - name: auth-failed
    contains: (auth failed,
    grok: 'Disconnected \\(auth failed, %{COUNT:_attempts} attempts\\): user=<%{REST:user.name}>, rip=%{ADDR:source.ip}, lip=%{ADDR:destination.ip}'
    action: auth-failure
    set: {network.direction: inbound}
    times: _attempts
    samples:
      - line: '2026-11-24T10:00:00+00:00 mx1 dovecot: imap-login: Disconnected (auth failed, 2 attempts): user=<alice>, rip=203.0.113.7, lip=192.0.2.1'
        expect: [{user.name: alice, network.protocol: imap}, {user.name: alice}]
"""


@pytest.fixture(scope="session")
def catalogue():
    return vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@pytest.fixture(scope="session")
def load(catalogue):
    """Load parser texts with the small patterns."""
    return lambda *texts, patterns=PATTERNS: loader.load([(text, f"{number}.yaml") for number, text in enumerate(texts)], [(patterns, "test.grok")], catalogue)


@pytest.fixture(scope="session")
def parsers(load):
    return load(SMTPD, LOGIN)


@pytest.fixture(scope="session", params=[Engine, PlainEngine], ids=["compiled", "plain"])
def kind(request):
    """Either engine: what holds for one must hold for the other."""
    return request.param


@pytest.fixture(scope="session")
def fresh_engine(kind, parsers, catalogue):
    """Make an engine of the small parsers, or of others."""
    return lambda other=None, **settings: kind(other or parsers, catalogue, Identity(), **settings)


@pytest.fixture
def engine(fresh_engine):
    return fresh_engine()


@pytest.fixture(scope="session")
def record():
    """Make the record of a line; keyword arguments that are no source facts are the record's own."""

    def make(line, *, near=NEAR, offset=0, header=None, truncated=False, **source):
        raw = line if isinstance(line, bytes) else line.encode()
        position = Position((b"lineage", offset.to_bytes(8, "big")), b"")
        return Record(SourceInfo("mail", **source), raw, near, position, Header(**header) if header is not None else None, truncated)

    return make


@pytest.fixture
def read(engine, record):
    """Read one line with the small engine and return its events."""
    return lambda line, **given: engine.read(engine.open(record(line, **given)))


@pytest.fixture(scope="session")
def smtpd():
    return SMTPD


@pytest.fixture(scope="session")
def login():
    return LOGIN

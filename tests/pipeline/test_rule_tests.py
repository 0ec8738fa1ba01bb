import pytest
import yaml

from collector import content
from collector.detect import loader as rule_loader
from collector.detect.engine import Detector
from collector.model import catalogue
from collector.model.finding import Births
from collector.model.identity import Identity
from collector.parse import loader as parser_loader
from collector.parse.engine import Engine
from collector.pipeline import rule_tests
from collector.pipeline.merge import Merge
from collector.pipeline.pipeline import Pipeline
from collector.pipeline.render import Renderer

VOCABULARY = catalogue.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))
PARSER = """
parser: postfix.smtpd
program: ['*/smtpd']
set: {network.protocol: smtp, network.direction: inbound}
sessions:
  smtpd-process: {key: [host.name, process.pid], age: 1d}
shapes:
  - name: connect
    contains: connect from
    grok: 'connect from unknown\\[%{ADDR:source.ip}\\]'
    action: smtp-connect
    session: {of: smtpd-process, opens: true, gives: [source.ip]}
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.7]', expect: {source.ip: 203.0.113.7}}]
  - name: failure
    contains: authentication failed
    grok: 'SASL authentication failed, sasl_username=%{REST:user.name}'
    action: auth-failure
    session: {of: smtpd-process, takes: [source.ip]}
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: SASL authentication failed, sasl_username=bob', expect: {user.name: bob}}]
"""
PATTERNS = "ADDR [0-9a-f.:]{1,64}\nREST .*\n"
CONNECT = "2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.7]"
FAILURE = "2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: SASL authentication failed, sasl_username=bob"
TRY = [CONNECT, FAILURE]

BLOCK = """
title: Try
id: 7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c01
name: try
logsource: {product: mail}
detection:
  selection: {event.action: auth-failure}
  own: {source.ip|expand: '%site.networks%'}
  condition: selection and not own
level: informational
"""
RULE = """
title: Three tries
id: 7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c02
name: three
correlation: {type: event_count, rules: [try], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
level: low
mailvigil: {suppress: {by: [source.ip], for: 2m, repeat: [30s]}}
"""
USERS = """
title: Two accounts
id: 7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c03
name: accounts
correlation: {type: value_count, rules: [try], group-by: [source.ip], timespan: 1m, condition: {gte: 2, field: user.name}}
level: low
mailvigil: {suppress: {by: [source.ip]}}
"""
SILENCE = """
title: Silence
id: 7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c04
name: silence
logsource: {product: mail}
detection: {selection: {service.type: postfix}, condition: selection}
level: low
mailvigil: {suppress: {by: [host.name]}, stateful: {type: absence, by: [host.name], window: 15m}}
"""
STOPPED = """
title: Stopped
id: 7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c05
name: stopped
logsource: {product: mail}
detection: {selection: {event.action: agent-stop, event.reason|startswith: kill}, condition: selection}
level: low
mailvigil: {suppress: {by: [host.name]}}
"""
PARSERS = parser_loader.load([(PARSER, "smtpd.yaml")], [(PATTERNS, "patterns.grok")], VOCABULARY)
FIRES = {"name": "fires", "steps": [{"line": TRY, "times": 3}], "expect": {"alerts": 1}}
QUIET = {"name": "quiet", "steps": [{"line": TRY}], "expect": {"alerts": 0}}
ENDS = {"three": [FIRES, QUIET], "accounts": [FIRES, QUIET], "silence": [FIRES, QUIET], "stopped": [FIRES, QUIET]}
"""Pairs that the loader wants to see; a test of this file runs its own."""


def texts(name, *tests):
    documents = [yaml.safe_load(text) for text in (BLOCK, RULE, USERS, SILENCE, STOPPED)]
    for document in documents[1:]:
        document["mailvigil"]["tests"] = [*ENDS[document["name"]], *(tests if document["name"] == name else ())]
    return [(yaml.safe_dump_all(documents, sort_keys=False), "rules/own/pack.yaml")]


def road(files):
    def fresh(site):
        identity = Identity()
        rules = rule_loader.load(files, (), VOCABULARY, site=site)
        engine = Engine(PARSERS, VOCABULARY, identity)
        renderer = Renderer(VOCABULARY, {"agent.id": identity.agent_id})
        births = Births(VOCABULARY, {"host.name": "mx1"})
        return Pipeline(Merge(engine.open, live=False), engine, Detector(rules, VOCABULARY, identity), renderer, births, identity)

    return fresh


def tried(name, steps, alerts, site=None, **fields):
    """Run one test of one rule and return its result."""
    test = {"name": "own", "steps": steps, "expect": {"alerts": alerts, **fields}, "site": site or {}}
    files = texts(name, test)
    [result] = [one for one in rule_tests.run(rule_loader.load(files, (), VOCABULARY).rules[name], road(files)) if one.test == "own"]
    assert result.rule == name
    return result


def test_a_test_that_finds_what_it_expects_is_ok():
    assert tried("three", [{"line": TRY, "times": 3}], 1, **{"source.ip": "203.0.113.7", "mail.alert.count": 3}) == rule_tests.Result("three", "own", ok=True)


def test_a_wrong_number_is_said_with_the_events_that_were_seen():
    result = tried("three", [{"line": TRY, "times": 2}], 1)
    assert not result.ok
    assert result.message == "0 alerts, expected 1 (events: auth-failure x2, smtp-connect x2)"


def test_an_alert_too_many_fails_a_near_miss():
    assert tried("three", [{"line": TRY, "times": 3}], 0).message.startswith("1 alerts, expected 0")


def test_a_wrong_field_of_the_first_alert_is_said():
    assert tried("three", [{"line": TRY, "times": 3}], 1, **{"source.ip": "203.0.113.8"}).message == "source.ip is '203.0.113.7', expected '203.0.113.8'"
    assert tried("three", [{"line": TRY, "times": 3}], 1, **{"user.domain": "example.org"}).message == "user.domain is None, expected 'example.org'"


def test_the_time_of_a_step_replaces_the_stamp():
    assert tried("three", [{"line": TRY, "times": 3, "every": "30s"}], 1).ok
    assert tried("three", [{"line": TRY, "times": 3, "every": "31s"}], 0).ok
    assert tried("three", [{"line": TRY, "times": 2}, {"line": TRY, "at": "60s"}], 1).ok
    assert tried("three", [{"line": TRY, "times": 2}, {"line": TRY, "at": "61s"}], 0).ok


def test_a_step_without_a_time_follows_right_behind_the_one_before():
    assert tried("three", [{"line": TRY, "times": 2, "every": "60s"}, {"line": TRY}], 1).ok
    assert tried("three", [{"line": TRY, "at": "5m", "times": 2}, {"line": TRY}], 1).ok


def test_the_first_line_says_when_the_test_begins():
    lines = [line.replace("2026-11-24T10:00:00", "2025-03-01T03:00:00") for line in TRY]
    expected = {"mail.alert.first_seen": "2025-03-01T03:00:00.000Z", "mail.alert.last_seen": "2025-03-01T03:00:20.000Z"}
    assert tried("three", [{"line": lines, "times": 3, "every": "10s"}], 1, **expected).ok


def test_vary_replaces_the_parts_that_the_lines_have():
    assert tried("three", [{"line": TRY, "times": 3, "vary": {"source.ip": "198.51.100.{n}"}}], 0).ok
    assert tried("three", [{"line": TRY, "times": 3, "vary": {"user.name": "u{n}"}}], 1).ok
    assert tried("accounts", [{"line": TRY, "times": 2, "vary": {"user.name": "u{n}"}}], 1).ok
    assert tried("accounts", [{"line": TRY, "times": 2, "vary": {"user.name": "{{n}} {x}", "process.pid": "7{n}"}}], 1).ok


def test_a_name_that_is_no_part_of_the_lines_fails_the_test():
    result = tried("three", [{"line": TRY, "times": 3, "vary": {"user.nam": "u{n}"}}], 0)
    assert not result.ok
    assert "vary: user.nam is no part" in result.message


def test_lines_that_nothing_takes_have_no_parts():
    assert "no part" in tried("three", [{"line": CONNECT.replace("connect", "conect"), "vary": {"source.ip": "192.0.2.1"}}], 0).message


@pytest.mark.parametrize("line", ["connect from unknown[203.0.113.7]", "Nov 24 10:00:00 imap-login: Info: connect from unknown[203.0.113.7]"])
def test_a_line_whose_stamp_cannot_be_replaced_fails_the_test(line):
    assert "stamp" in tried("three", [{"line": line}], 0).message


def test_time_passes_with_a_tick_and_nothing_passes_behind_the_last_step():
    assert tried("silence", [{"line": CONNECT}], 0).ok
    assert tried("silence", [{"line": CONNECT}, {"tick": "14m"}], 0).ok
    assert tried("silence", [{"line": CONNECT}, {"tick": "15m"}], 1, **{"host.name": "mx1"}).ok
    assert tried("silence", [{"line": CONNECT}, {"tick": "8m"}, {"tick": "8m"}], 1).ok
    assert tried("silence", [{"line": CONNECT, "times": 2, "every": "20m"}], 1).ok


def test_repeats_count_and_closing_summaries_do_not():
    assert tried("three", [{"line": TRY, "times": 5, "every": "20s"}], 2).ok
    assert tried("three", [{"line": TRY, "times": 4, "every": "10s"}, {"tick": "1h"}], 1).ok


def test_a_test_may_state_its_own_site():
    assert tried("three", [{"line": TRY, "times": 3}], 0, site={"networks": ["203.0.113.0/24"]}).ok


def test_events_are_born_like_those_of_the_collector():
    event = {"event.action": "agent-stop", "event.reason": "killed"}
    assert tried("stopped", [{"event": event}], 1, **{"host.name": "mx1"}).ok
    assert tried("stopped", [{"event": event | {"event.reason": "upgrade"}}], 0).ok
    assert tried("stopped", [{"event": event, "times": 2, "vary": {"event.reason": "{n}"}}], 0).ok
    assert tried("stopped", [{"line": TRY}, {"event": event, "at": "1m"}], 1).ok


@pytest.mark.parametrize(
    ("event", "vary", "said"),
    [
        ({"event.reason": "killed"}, {}, "names its event.action"),
        ({"event.action": "agent-stopp", "event.reason": "killed"}, {}, "did you mean agent-stop?"),
        ({"event.action": "agent-stop"}, {}, "lacks event.reason"),
        ({"event.action": "agent-stop", "event.reason": "killed", "source.ip": "192.0.2.1"}, {}, "may not carry source.ip"),
        ({"event.action": "agent-stop", "event.reason": "killed"}, {"mail.signal": "9"}, "vary: mail.signal is no field"),
    ],
)
def test_an_event_that_the_vocabulary_does_not_know_fails_the_test(event, vary, said):
    result = tried("stopped", [{"event": event, "vary": vary}], 0)
    assert not result.ok
    assert said in result.message


def test_alerts_of_other_rules_are_not_counted():
    assert tried("accounts", [{"line": TRY, "times": 3}], 0).ok


def test_every_test_has_a_road_of_its_own():
    files = texts("three", FIRES | {"name": "again"})
    assert [result.ok for result in rule_tests.run(rule_loader.load(files, (), VOCABULARY).rules["three"], road(files))] == [True, True, True]


def test_cross_names_the_other_rules_that_fire_at_a_rules_own_samples():
    both = {"name": "both", "steps": [{"line": TRY, "times": 3, "vary": {"user.name": "u{n}"}}], "expect": {"alerts": 1}}
    missed = {"name": "missed", "steps": [{"line": TRY, "times": 2, "vary": {"user.name": "u{n}"}}], "expect": {"alerts": 0}}
    files = texts("three", both, missed)
    assert list(rule_tests.cross([rule_loader.load(files, (), VOCABULARY).rules["three"]], road(files))) == [rule_tests.Hit("three", "both", "accounts")]


def test_cross_leaves_out_what_cannot_be_walked():
    bad = {"name": "bad", "steps": [{"line": TRY, "times": 3, "vary": {"user.name": "u{n}"}}, {"line": TRY, "vary": {"x": "y"}}], "expect": {"alerts": 1}}
    files = texts("three", bad)
    assert list(rule_tests.cross([rule_loader.load(files, (), VOCABULARY).rules["three"]], road(files))) == []

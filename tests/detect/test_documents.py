"""The models of Sigma documents with the product's own block."""

import pytest

from collector.detect.documents import CorrelationDocument, DetectionDocument, FilterDocument
from collector.errors import RuleError
from collector.model import strict_yaml

DETECTION = """
title: Failed Mail Login
id: 7F2A1F60-5A54-4B0E-9F0A-2B8A8F6A1C01
name: auth_failure
status: stable
author: [mailvigil]
date: 2026-11-24
modified: 2026-11-25
references: [https://example.org/a]
related: [{id: x, type: derived}]
logsource: {product: mail, category: mail}
detection: {selection: {event.action: auth-failure}, condition: selection}
falsepositives: A phone
level: low
mailvigil:
  needs: {postfix: 'smtpd_tls_loglevel >= 1'}
  do_not_alert_when: [never]
  suppress: {by: [source.ip], for: 2h, repeat: [15m]}
  stateful: {type: absence, by: [host.name], window: 15m}
"""


def read(text, model=DetectionDocument):
    return strict_yaml.validate(model, strict_yaml.document(text, "x.yaml"), RuleError)


def test_a_detection_keeps_what_people_wrote():
    found = read(DETECTION)
    assert found.id == "7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c01"
    assert (found.date.isoformat(), found.author, found.falsepositives) == ("2026-11-24", ("mailvigil",), "A phone")
    block = found.mailvigil
    assert (block.version, block.tier, block.playbook, block.risk_score) == (1, "core", None, None)
    assert (block.suppress.by, block.suppress.for_, block.suppress.repeat) == (("source.ip",), "2h", ("15m",))
    assert (block.stateful.type, block.stateful.expect) == ("absence", "always")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name: auth_failure", "name: 'auth-failure'", "name: a name is lower-case letters"),
        ("date: 2026-11-24", "date: yesterday", "date"),
        ("status: stable", "status: fine", "status"),
        ("window: 15m", "window: 15", "mailvigil.stateful.window"),
        ("for: 2h", "fore: 2h", "unknown key mailvigil.suppress.fore, did you mean for?"),
        ("level: low\n", "", "key level is missing"),
        ("title: Failed Mail Login", f"title: {'x' * 257}", "title"),
    ],
)
def test_refused(old, new, says):
    with pytest.raises(RuleError, match=says.replace("?", r"\?")):
        read(DETECTION.replace(old, new))


def test_a_correlation_reads_its_hyphens():
    text = DETECTION.replace("logsource: {product: mail, category: mail}\n", "").replace(
        "detection: {selection: {event.action: auth-failure}, condition: selection}",
        "correlation: {type: event_count, rules: [a], group-by: [b], timespan: 1h, condition: {gte: 2}}",
    )
    found = read(text, CorrelationDocument)
    assert (found.correlation.group_by, found.correlation.generate) == (("b",), None)
    with pytest.raises(RuleError, match=r"unknown key correlation\.groupby, did you mean group-by"):
        read(text.replace("group-by", "groupby"), CorrelationDocument)


def test_a_filter_needs_expiry_owner_and_reason():
    head, _, _ = DETECTION.partition("level:")
    text = head.replace("detection: {selection: {event.action: auth-failure}, condition: selection}", "filter: {rules: any, selection: {user.name: x}, condition: not selection}")
    text = text.replace("falsepositives: A phone\n", "") + "mailvigil: {expires: 2027-01-31, owner: ops, reason: x}\n"
    assert read(text, FilterDocument).mailvigil.expires.year == 2027
    with pytest.raises(RuleError, match=r"mailvigil\.owner"):
        read(text.replace("owner: ops", "owner: ''"), FilterDocument)

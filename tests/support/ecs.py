"""In: a document. Out: what is wrong with it, by ECS 8.11 and by the catalogue. The values that ECS allows are written out here."""

import json
import re
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from collector import content
from tests.support.detection import catalogue

SHARED = content.root().parent / "shared" / "reference" / "ecs_fields.json"
"""The list of ECS fields, where it lies beside the checkout; it is a foreign file and no part of the product."""

KINDS = {"event", "metric", "state", "alert"}
OUTCOMES = {"success", "failure", "unknown"}
TYPES = {
    "authentication": {"start", "end", "info"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "email": {"info"},
    "file": {"access", "change", "creation", "deletion", "info"},
    "host": {"access", "change", "end", "info", "start"},
    "iam": {"admin", "change", "creation", "deletion", "group", "info", "user"},
    "intrusion_detection": {"allowed", "denied", "info"},
    "malware": {"info"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
    "package": {"access", "change", "deletion", "info", "installation", "start"},
    "process": {"access", "change", "end", "info", "start"},
    "session": {"start", "end", "info"},
    "threat": {"indicator"},
    "vulnerability": {"info"},
    "web": {"access", "error", "info"},
}
"""event.type by event.category."""
SEVERITIES = {21, 47, 73, 99}
CHANGES = {"event.created", "event.ingested", "agent.ephemeral_id", "log.file.inode", "log.file.device_id", "process.start"}
"""What differs from run to run."""
ALWAYS = ("@timestamp", "ecs.version", "data_stream.type", "data_stream.dataset", "data_stream.namespace", "event.id", "event.kind", "event.category", "event.type", "event.action")
ALWAYS += ("event.module", "event.dataset", "host.name", "agent.id", "agent.type", "agent.version", "message")
UNKNOWN_CLIENT = {"source.ip", "source.address"}
"""A client that was gone at accept has none, though the vocabulary counts it as sure."""
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def flat(value, prefix="", found=None):
    """Return a document's leaves by dotted name."""
    found = {} if found is None else found
    for key, inner in value.items():
        if isinstance(inner, dict):
            flat(inner, f"{prefix}{key}.", found)
        else:
            found[prefix + key] = inner
    return found


def violations(document):
    """Yield what is wrong with a document."""
    names = flat(document)
    yield from (f"{name} is missing" for name in ALWAYS if name not in names)
    yield from (f"{name} differs from run to run" for name in CHANGES & names.keys())
    yield from _event(names)
    yield from _action(names)
    for name, value in names.items():
        yield from _field(name, value)
    if names["event.action"] == "rule-match":
        yield from _alert(names)


def _event(names):
    kind, outcome = names["event.kind"], names.get("event.outcome")
    if kind not in KINDS:
        yield f"event.kind {kind}"
    if outcome is not None and (outcome not in OUTCOMES or kind == "state"):
        yield f"event.outcome {outcome} of a {kind}"
    expected = set()
    for category in names["event.category"]:
        if category not in TYPES:
            yield f"event.category {category}"
        expected |= TYPES.get(category, set())
    yield from (f"event.type {one} is expected by none of {names['event.category']}" for one in names["event.type"] if one not in expected)
    if names["event.dataset"] != names["data_stream.dataset"]:
        yield f"{names['event.dataset']} in the stream of {names['data_stream.dataset']}"


def _action(names):
    """What the action fixes, and what it may carry."""
    action = names["event.action"]
    definition = catalogue().actions.get(action)
    if definition is None:
        yield f"unknown action {action}"
        return
    yield from (f"{action} may not carry {name}" for name in names if not catalogue().allowed(action, name))
    if names["data_stream.dataset"].removeprefix("mail.") not in definition.stream:
        yield f"{action} in {names['data_stream.dataset']}"
    if action == "rule-match":
        return
    fixed = {"event.kind": definition.kind, "event.category": list(definition.category), "event.type": list(definition.type)}
    fixed |= {} if definition.outcome in ("by-text", "absent") else {"event.outcome": definition.outcome}
    yield from (f"{action} has {name} {names.get(name)}" for name, value in fixed.items() if names.get(name) != value)
    if definition.outcome == "absent" and "event.outcome" in names:
        yield f"{action} has an outcome"
    yield from (f"{action} lacks {name}" for name in definition.fields.sure if name not in names and name not in UNKNOWN_CLIENT and catalogue().fields[name].ship)


def _field(name, value):
    definition = catalogue().fields.get(name)
    if definition is None:
        yield f"{name} is not in the catalogue"
        return
    if not definition.ship:
        yield f"{name} may not leave the host"
    if definition.array != isinstance(value, list):
        yield f"{name} is {'no' if definition.array else 'a'} list"
    for one in value if isinstance(value, list) else [value]:
        if not _typed(definition.type, one):
            yield f"{name}: {one!r} is no {definition.type}"
        if definition.values and one not in definition.values:
            yield f"{name}: {one!r} is not in its closed list"


def _typed(kind, value):
    match kind:
        case "long":
            return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and DATE.fullmatch(value) is not None
        case "ip":
            try:
                ip_address(value)
            except ValueError:
                return False
            return True
    return isinstance(value, str)


def _alert(names):
    test = names["data_stream.dataset"] == "mail.alert_test"
    if names["event.kind"] != ("event" if test else "alert"):
        yield f"event.kind {names['event.kind']} in {names['data_stream.dataset']}"
    if "intrusion_detection" not in names["event.category"][-1:]:
        yield "an alert is an intrusion_detection behind its cause's categories"
    if names.get("event.severity") not in SEVERITIES or names.get("event.risk_score") not in SEVERITIES:
        yield f"severity {names.get('event.severity')}, risk score {names.get('event.risk_score')}"
    yield from (f"{name}: more than 10" for name in ("mail.alert.event_ids", "mail.alert.evidence") if len(names[name]) > 10)


@cache
def fields():
    """Return the foreign list of ECS fields; None where it is not there."""
    return json.loads(SHARED.read_text()) if Path(SHARED).is_file() else None

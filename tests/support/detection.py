"""Rules, events and detectors for the tests of detect/."""

import itertools
import json
from functools import cache
from hashlib import blake2b
from uuid import UUID

from collector.content import package_text
from collector.detect import loader
from collector.detect.engine import Detector
from collector.model import catalogue as vocabulary
from collector.model.event import Event
from collector.model.identity import Identity

NOON = 1_795_521_600_000
"""2026-11-24T12:00:00Z."""
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
PAIR = [
    {"name": "fires", "steps": [{"event": {"event.action": "auth-failure"}}], "expect": {"alerts": 1}},
    {"name": "near miss", "steps": [{"event": {"event.action": "auth-failure"}}], "expect": {"alerts": 0}},
]
PLAYBOOK = """---
id: PB-TEST-01
title: Something happened
version: 1
owner: mail operations
applies_to: []
inputs: [source.ip, user.name]
commands:
  - {label: Look, run: 'doveadm who {{user.name}}', where: host, effect: reads}
---
## Triage and analysis
### Investigating something
Look at {{user.name}} from {{source.ip}}.
### Possible investigation steps
### False positive analysis
### Response and remediation
## Setup
"""


@cache
def catalogue():
    return vocabulary.load(package_text("model/fields.yaml"), package_text("model/actions.yaml"))


def _base(name, level):
    ident = str(UUID(bytes=blake2b(name.encode(), digest_size=16).digest()))
    return {"title": name.replace("_", " "), "id": ident, "name": name, "status": "stable", "level": level}


def detection(name, selection, *, level="informational", condition="selection", selections=None, **extension):
    document = _base(name, level)
    document["logsource"] = {"product": "mail", "category": "mail"}
    document["detection"] = {**({"selection": selection} if selections is None else selections), "condition": condition}
    return _extended(document, extension)


def correlation(name, kind, bases, by, timespan, condition=None, *, level="high", **extension):
    document = _base(name, level)
    document["correlation"] = {"type": kind, "rules": bases, "group-by": by, "timespan": timespan, **({"condition": condition} if condition else {})}
    return _extended(document, extension)


def _extended(document, extension):
    if document["level"] != "informational":
        extension = {"playbook": "PB-TEST-01", "tests": PAIR, **extension}
    if extension:
        document["mailvigil"] = extension
    return document


def exception(name, rules, selection, **block):
    document = _base(name, "low") | {"logsource": {"product": "mail"}}
    del document["level"]
    document["filter"] = {"rules": rules, "selection": selection, "condition": "not selection"}
    document["mailvigil"] = {"expires": "2027-01-31", "owner": "ops@example.org", "reason": "ticket 4711"} | block
    return document


def text(*documents):
    """JSON is YAML; dates stand unquoted."""
    return "\n---\n".join(json.dumps(document, indent=1).replace('"2027-01-31"', "2027-01-31") for document in documents)


def rules(*documents, playbook=PLAYBOOK, origin="rules/authentication/test.yaml", **settings):
    return loader.load([(text(*documents), origin)], [(playbook, "rules/playbooks/PB-TEST-01.md")], catalogue(), **settings)


def detector(*documents, window_bytes=64 << 20, ring_bytes=16 << 20, **settings):
    return Detector(rules(*documents, **settings), catalogue(), Identity(), window_bytes=window_bytes, ring_bytes=ring_bytes)


_SHAPES = {}


def event(action, time, fields=None, *, ident=None):
    """An event whose id follows from what it is (or from ``ident``); host.name and an original line are always there."""
    shape = _SHAPES.get(action)
    if shape is None:
        shape = _SHAPES[action] = catalogue().shape(f"test.{action}", action, catalogue().actions[action].stream[0])
    dynamic = {"host.name": "mx1", **(fields or {})}
    dynamic.setdefault("event.original", f"{action} at {time}: {sorted(dynamic.items(), key=str)}")
    seed = json.dumps([action, time, dynamic, ident], sort_keys=True, default=str)
    return Event(blake2b(seed.encode(), digest_size=16).hexdigest(), time, shape, dynamic, {})


_NUMBERS = itertools.count()


def failure(time, ip="203.0.113.9", user="bob@example.org", **fields):
    return event("auth-failure", time, {"source.ip": ip, "user.name": user, **fields}, ident=next(_NUMBERS))


def success(time, ip="203.0.113.9", user="bob@example.org", **fields):
    return event("auth-success", time, {"source.ip": ip, "user.name": user, **fields}, ident=next(_NUMBERS))


def feed(detector, *events):
    """Let time pass to each event, then see it; returns all that was said."""
    said = []
    for one in events:
        said += detector.advance(one.time)
        said += detector.see(one)
    return said


FAILURE = detection("auth_failure", {"event.action": "auth-failure"})
SUCCESS = detection("auth_success", {"event.action": "auth-success"})


def bf_ip(**more):
    return correlation("bf_ip", "event_count", ["auth_failure"], ["source.ip"], "10m", {"gte": 3}, **more)

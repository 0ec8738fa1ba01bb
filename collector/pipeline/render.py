"""In: Events and Alerts. Out: ECS documents as one line of JSON, and the data stream each belongs to.

The plain way: merge the flat fields, leave out what may not ship, nest the dotted names. Nothing in a document differs
from run to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.detect import attack
from collector.model import json
from collector.model.document import AlertRow, Document
from collector.model.moment import iso
from collector.parse.convert import FOLLOWS
from collector.pipeline.forms import Forms
from collector.pipeline.nesting import nest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.alert import Alert
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.shape import Shape

ECS_VERSION = "8.11.0"


@dataclass(slots=True)
class Rendered:
    """A document and where it goes; ``alert`` is set for alerts that have a row of their own. Never written to."""

    stream: str
    document: Document
    alert: AlertRow | None = None


class Renderer:
    """Renders for one agent. ``agent`` holds agent.id, agent.type, agent.version and, where known, host.id."""

    def __init__(self, catalogue: Catalogue, agent: Mapping[str, Any], namespace: str = "default") -> None:
        self._hidden = catalogue.hidden
        self._namespace = namespace
        self._agent = {"ecs.version": ECS_VERSION, **agent}
        self._forms = Forms(self._agent, self._said, catalogue.hidden)
        self._streams: dict[str, str] = {}

    def stream(self, name: str) -> str:
        """Return the full name of a data stream."""
        return f"logs-mail.{name}-{self._namespace}"

    def event(self, event: Event) -> Rendered:
        """Render an event."""
        stream = event.shape.stream
        full = self._streams.get(stream) or self._streams.setdefault(stream, self.stream(stream))
        return Rendered(full, Document(event.id, self._forms.document(event, iso(event.time)) or self.plain(event)))

    def plain(self, event: Event) -> bytes:
        """Render an event field by field: what its form must agree with, and the way of an event that has none."""
        return self._body({"@timestamp": iso(event.time), **self._agent, "event.id": event.id, **event.tag, **self._said(event.shape), **event.dynamic})

    def dump(self, shape: Shape) -> str:
        """Return the document of a shape with every field that it may have, values as ``<type>``, without what agent and tag say."""
        fields = self._said(shape) | {name: f"<{carried.type}>" for name, carried in shape.fields.items() if name not in self._hidden}
        return json.pretty(nest(fields)).decode()

    def _said(self, shape: Shape) -> dict[str, Any]:
        """Return what every document of a shape says; the message is that of events that have none of their own."""
        return {**self._data_stream(shape.stream), "message": shape.action, **shape.static}

    def _data_stream(self, name: str) -> dict[str, str]:
        return {"data_stream.type": "logs", "data_stream.namespace": self._namespace, "data_stream.dataset": f"mail.{name}"}

    def alert(self, alert: Alert) -> Rendered:
        """Render an alert; one of a rule on test is a plain event of the stream alert_test."""
        stream = "alert_test" if alert.rule.status == "test" else "alert"
        body = self._body({"@timestamp": iso(alert.time), **self._agent, **self._data_stream(stream), "event.dataset": f"mail.{stream}", **_alert_fields(alert)})
        full = self.stream(stream)
        document = Document(alert.id, body)
        if stream == "alert_test":
            return Rendered(full, document)
        group = " ".join(f"{name}={value}" for name, value in alert.group)
        return Rendered(full, document, AlertRow(alert.id, alert.time, alert.rule.name, alert.rule.severity, group, full, body))

    def _body(self, flat: dict[str, Any]) -> bytes:
        for name in self._hidden & flat.keys():
            del flat[name]
        return json.dumps(nest(flat))


def _alert_fields(alert: Alert) -> dict[str, Any]:
    rule = alert.rule
    flat: dict[str, Any] = {
        "event.kind": "event" if rule.status == "test" else "alert",
        "event.category": [*dict.fromkeys((*alert.cause, "intrusion_detection"))],
        "event.type": ["info"],
        "event.action": "rule-match",
        "event.module": "mail",
        "event.provider": "mailvigil",
        "event.id": alert.id,
        "event.severity": rule.severity,
        "event.risk_score": rule.risk_score,
        "event.start": iso(alert.first),
        "event.end": iso(alert.last),
        "event.reason": alert.reason,
        "message": alert.message,
        "rule.id": rule.name,
        "rule.uuid": rule.uuid,
        "rule.name": rule.title,
        "rule.version": str(rule.version),
        "rule.ruleset": rule.ruleset,
        "rule.category": rule.category,
        "rule.license": "Apache-2.0",
        "mail.alert.episode": alert.episode,
        "mail.alert.step": alert.step,
        "mail.alert.count": alert.count,
        "mail.alert.group": [f"{name}={value}" for name, value in alert.group],
        "mail.alert.first_seen": iso(alert.first),
        "mail.alert.last_seen": iso(alert.last),
        "mail.alert.suppressed": alert.suppressed,
        "mail.alert.event_ids": list(alert.event_ids),
        "mail.alert.evidence": list(alert.evidence),
        "mail.alert.evidence_missing": alert.missing,
        "mail.alert.late": alert.late,
        "mail.alert.rule_hash": rule.logic,
        **attack.threat(rule.tags),
    }
    for name, value in alert.fields.items():  # a rule that groups by event.action does not change what an alert is
        flat.setdefault(name, value)
    optional: dict[str, Any] = {
        "event.outcome": alert.outcome,
        "rule.description": rule.description or None,
        "rule.author": list(rule.author) or None,
        "mail.alert.threshold": alert.threshold,
        "mail.alert.window_s": None if alert.window is None else alert.window // 1000,
        "mail.alert.sum": alert.total,
    }
    if alert.playbook is not None:
        optional |= {
            "mail.playbook.id": alert.playbook.id,
            "mail.playbook.title": alert.playbook.title,
            "mail.playbook.version": alert.playbook.version,
            "mail.playbook.rendered": alert.playbook.rendered,
        }
    flat |= {name: value for name, value in optional.items() if value is not None}
    flat |= {f"mail.alert.distinct.{name}": number for name, number in alert.distinct.items()}
    return _related(alert.fields) | flat


def _related(fields: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Gather related.ip, related.user and so on, as events have them."""
    found: dict[str, list[Any]] = {}
    for origin, names in FOLLOWS.items():
        for name in names:
            if name.startswith("related.") and origin in fields and fields[origin] not in found.setdefault(name, []):
                found[name].append(fields[origin])
    return found

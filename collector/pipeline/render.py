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
from collector.pipeline.compiler import Compiler
from collector.pipeline.nesting import nest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.alert import Alert
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.shape import Shape
    from collector.pipeline.compiler import Template

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
        self._compiler = Compiler(self._agent, catalogue.hidden, self.plain)
        self._templates: dict[Shape, tuple[str, Template]] = {}
        """Shape -> stream, template."""

    def stream(self, name: str) -> str:
        """Return the full name of a data stream."""
        return f"logs-mail.{name}-{self._namespace}"

    def event(self, event: Event) -> Rendered:
        """Render an event."""
        stream, template = self._templates.get(event.shape) or self._template(event.shape)
        tag = event.tag
        lent = template.lending.known.get(id(tag)) or template.lending.lend(tag)
        return Rendered(stream, Document(event.id, template.write(event, iso(event.time), lent)))

    def plain(self, event: Event) -> bytes:
        """Render an event field by field: what the compiled way must agree with, and the way of events that are not as their shape declares."""
        flat = {"@timestamp": iso(event.time), **self._agent, **self._data_stream(event.shape.stream), "event.id": event.id, **event.fields}
        flat.setdefault("message", event.shape.action)
        return self._body(flat)

    def dump(self, shape: Shape) -> str:
        """Return the function that writes the documents of a shape, for people."""
        return self._template(shape)[1].source

    def _template(self, shape: Shape) -> tuple[str, Template]:
        template = self._compiler.compile(shape, {**self._data_stream(shape.stream), **shape.static})
        found = self._templates[shape] = (self.stream(shape.stream), template)
        return found

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

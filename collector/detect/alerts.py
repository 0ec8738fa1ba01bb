"""In: a rule, the event that completed it, a view of its window. Out: what was found, and the Alert that tells it to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.detect import playbooks
from collector.detect.condition import value_of
from collector.detect.suppress import Found
from collector.model.alert import Alert, PlaybookFacts
from collector.model.moment import in_words, iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.detect.evidence import Evidence
    from collector.detect.operators import View
    from collector.detect.rule import Rule
    from collector.detect.suppress import Statement
    from collector.model.catalogue import Catalogue
    from collector.model.event import Event
    from collector.model.identity import Identity
    from collector.model.shape import Shape

LENGTH = 256
"""The most characters of a value that a message, a reason or a field of an alert shows."""

_HOST = ("host.name", "host.id", "service.type", "service.name")
"""Told of every event."""
_PRINCIPALS = (
    "source.ip", "source.address", "source.domain", "source.as.number", "source.geo.country_iso_code",
    "user.name", "user.email", "user.domain", "user.id",
    "destination.domain", "destination.address", "destination.ip", "server.address", "server.domain", "service.target.address",
    "email.from.address", "mail.from.domain", "mail.to.domain", "email.local_id", "network.protocol", "network.direction",
    "error.type", "tls.version", "tls.version_protocol", "tls.cipher", "tls.server.hash.sha256",
    "mail.auth.mechanism", "mail.auth.reason", "mail.reject.class", "mail.cert.problem", "mail.cert.stage", "mail.dsn", "mail.filter.verdict", "mail.filter.signature",
)  # fmt: skip
"""Told where one event is the matter: it alone, or it completes a sequence."""
_KIN = {"source.ip": ("source.address", "source.domain", "source.as.number", "source.geo.country_iso_code"), "user.name": ("user.email", "user.domain")}
"""Told with a field of the group: they are the same for all of its events."""


def told(rule: Rule) -> tuple[str, ...]:
    """Return the fields that an alert of a rule carries where its event has them.

    Of a window that counts, the completing event is one of many: only what all of them share is told.
    """
    counts = rule.absence is not None or (rule.correlation is not None and not rule.correlation.type.startswith("temporal"))
    own = [*rule.group_by, *rule.suppress.by]
    shared = [name for field in own for name in _KIN.get(field, ())]
    inputs = rule.playbook.inputs if rule.playbook is not None and not counts else ()
    return tuple(dict.fromkeys((*own, *_HOST, *shared, *(() if counts else (*_PRINCIPALS, *inputs)))))


class Teller:
    """Makes alerts."""

    def __init__(self, catalogue: Catalogue, identity: Identity, evidence: Evidence) -> None:
        self._catalogue = catalogue
        self._identity = identity
        self._evidence = evidence
        self._told: dict[tuple[Rule, Shape], tuple[str, ...]] = {}

    def found(self, rule: Rule, event: Event, view: View, bound: Mapping[str, Any], group: Mapping[str, str], *, late: bool) -> Found:
        """Gather what an alert may have to say; ``group`` is the key as people read it, ``bound`` fixes fields to one element of a list."""
        fields: dict[str, Any] = {}
        for name in self._telling(rule, event.shape):
            value = value_of(event, name)
            if value is not None:
                fields[name] = cut(value)
        for name, value in bound.items():
            if name in fields:
                fields[name] = cut([value] if self._catalogue.fields[name].array else value)
        return Found(
            opening=event.id,
            time=event.time,
            count=view.count,
            first=view.first,
            last=view.last,
            ids=[one.hex() for one in view.ids],
            group=[(name, value) for name, value in group.items() if value],
            fields=fields,
            cause=list(event.get("event.category") or ()),
            outcome=event.get("event.outcome"),
            late=late,
            distinct=view.distinct,
            total=view.total,
        )

    def _telling(self, rule: Rule, shape: Shape) -> tuple[str, ...]:
        """Return the fields that an alert of a rule may tell of an event of a shape."""
        found = self._told.get((rule, shape))
        if found is None:
            kinds, common = self._catalogue.fields, self._catalogue.common
            found = tuple(name for name in told(rule) if kinds[name].ship and (name in shape.fields or name in shape.static or name in common))
            self._told[rule, shape] = found
        return found

    def absent(self, due: int, view: View, group: Mapping[str, str]) -> Found:
        """Gather what an absence has to say: no event completed it. A network is no address and stands in the group only."""
        kinds = self._catalogue.fields
        fields = {name: [value] if kinds[name].array else value for name, value in group.items() if kinds[name].type != "ip" or "/" not in value}
        return Found(str(due), due, 1, view.last, view.last, [one.hex() for one in view.ids], list(group.items()), fields, [])

    def alert(self, statement: Statement) -> Alert:
        """Tell a statement."""
        rule, found = statement.rule, statement.found
        lines, missing = self._evidence.lines([bytes.fromhex(one) for one in found.ids])
        values = ", ".join(f"{name} {value}" for name, value in found.group)
        window = rule.correlation.timespan if rule.correlation else rule.absence.window if rule.absence else None
        playbook = rule.playbook
        episode = self._id(statement, "0")
        return Alert(
            id=episode if statement.step == "0" else self._id(statement, statement.step),
            time=statement.time,
            rule=rule.facts,
            step=statement.step,
            episode=episode,
            count=found.count,
            first=found.first,
            last=found.last,
            threshold=_threshold(rule),
            window=window,
            group=tuple(found.group),
            reason=_reason(statement),
            message=f"{rule.facts.title}: {values}" if values else rule.facts.title,
            cause=tuple(found.cause),
            outcome=found.outcome,
            fields=dict(found.fields),
            event_ids=tuple(found.ids),
            evidence=lines,
            missing=missing,
            late=found.late and statement.step != "end",
            distinct=self._distinct(rule, found),
            total=found.total,
            suppressed=statement.news if statement.step != "0" else 0,
            playbook=PlaybookFacts(playbook.id, playbook.title, playbook.version, playbooks.render(playbook, found.fields)) if playbook else None,
        )

    def _id(self, statement: Statement, step: str) -> str:
        rule = statement.rule.facts
        return self._identity.alert(rule.uuid, rule.version, statement.values, statement.found.opening, step)

    def _distinct(self, rule: Rule, found: Found) -> dict[str, int]:
        """Numbers of distinct values, for the fields that alerts have such a number for."""
        if found.distinct is None or rule.correlation is None or rule.correlation.field is None:
            return {}
        name = rule.correlation.field.removeprefix("mail.auth.").replace(".", "_")
        return {name: found.distinct} if f"mail.alert.distinct.{name}" in self._catalogue.fields else {}


def cut(value: Any) -> Any:
    """Shorten texts; an attacker chooses them."""
    if isinstance(value, str):
        return value[:LENGTH]
    return [cut(one) for one in value[:10]] if isinstance(value, list) else value


def _threshold(rule: Rule) -> int | None:
    correlation = rule.correlation
    return int(correlation.threshold) if correlation is not None and not correlation.type.startswith("temporal") else None


def _reason(statement: Statement) -> str:
    """One plain sentence with the numbers."""
    rule, found = statement.rule, statement.found
    who = " and ".join(f"{name} {value[:LENGTH]}" for name, value in found.group)
    whose = f" for {who}" if who else ""
    if statement.step == "end":
        quiet = in_words(rule.suppress.quiet)
        span = f"from {iso(found.first)} to {iso(found.last)}"
        return f"Over: {_many(found.count, 'match', 'matches')}{whose} {span}, {statement.news} of them since the last statement, then quiet for {quiet}."
    if statement.step != "0":
        return f"Still going on: {_many(found.count, 'match', 'matches')}{whose} since {iso(found.first)}, {statement.news} of them since the last statement."
    if rule.absence is not None:
        return f"No event{whose} for {in_words(rule.absence.window)}; the last one came at {iso(found.last)}."
    if rule.correlation is None:
        return f"One event{whose} matched."
    return _window_reason(rule, found, whose)


def _window_reason(rule: Rule, found: Found, whose: str) -> str:
    correlation = rule.correlation
    assert correlation is not None
    took = in_words(found.last - found.first)
    limit = f"threshold {correlation.threshold:g} in {in_words(correlation.timespan)}"
    names = " or ".join(correlation.bases)
    match correlation.type:
        case "event_count":
            return f"{_many(found.count, 'event', 'events')} of {names} within {took}{whose} ({limit})."
        case "value_count":
            return f"{found.distinct} different {correlation.field} in events of {names} within {took}{whose} ({limit})."
        case "value_sum":
            return f"{correlation.field} adds up to {found.total:g} in {_many(found.count, 'event', 'events')} of {names} within {took}{whose} ({limit})."
        case "temporal":
            return f"{' and '.join(correlation.bases)} within {took}{whose} (at most {in_words(correlation.timespan)} apart, {_many(found.count, 'event', 'events')})."
        case "temporal_ordered":
            return f"{', then '.join(correlation.bases)} within {took}{whose} (at most {in_words(correlation.timespan)} apart, {_many(found.count, 'event', 'events')})."


def _many(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"

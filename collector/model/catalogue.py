"""In: fields.yaml and actions.yaml as text. Out: the one vocabulary to which parsers, rules, probes and documents are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from collector.errors import ContentError
from collector.model import strict_yaml
from collector.model.shape import Carried, Shape
from collector.model.strict_yaml import Strict, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.errors import Location

Type = Literal["keyword", "constant_keyword", "wildcard", "match_only_text", "text", "long", "float", "boolean", "ip", "date", "geo_point"]


class FieldDef(Strict):
    """One row of fields.yaml; the file's head says what each key means."""

    type: Type
    source: Literal["ecs", "own"]
    array: bool
    normaliser: Literal["lower", "upper", "domain", "none"]
    ship: bool
    doc: str
    values: tuple[str, ...] = ()


class _Fields(Strict):
    sure: tuple[str, ...]
    may: tuple[str, ...]


class _Common(_Fields):
    line: tuple[str, ...]


class ActionDef(Strict):
    """One row of actions.yaml: what every event of that name is, fixed by the name and never by the text."""

    doc: str
    kind: Literal["event", "metric", "state", "alert"]
    category: tuple[str, ...]
    type: tuple[str, ...]
    outcome: Literal["success", "failure", "unknown", "by-text", "absent"]
    stream: tuple[str, ...]
    producer: str
    fields: _Fields


class _Actions(Strict):
    common: _Common
    actions: dict[str, ActionDef]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The vocabulary, loaded. ``common`` are the names that every event may carry."""

    fields: Mapping[str, FieldDef]
    actions: Mapping[str, ActionDef]
    common: frozenset[str]

    def field(self, name: str, at: Location | None = None, error: type[ContentError] = ContentError) -> FieldDef:
        """Return a field; raises ``error`` with the nearest name for one that does not exist."""
        found = self.fields.get(name)
        if found is None:
            raise error(f"unknown field {name}{did_you_mean(name, self.fields)}", at, "the names are in collector/model/fields.yaml")
        return found

    def action(self, name: str, at: Location | None = None, error: type[ContentError] = ContentError) -> ActionDef:
        """Return an action; raises ``error`` with the nearest name for one that does not exist."""
        found = self.actions.get(name)
        if found is None:
            raise error(f"unknown action {name}{did_you_mean(name, self.actions)}", at, "the names are in collector/model/actions.yaml")
        return found

    def allowed(self, action: str, name: str) -> bool:
        """Say whether events of an action may carry a field."""
        fields = self.actions[action].fields
        return name in fields.sure or name in fields.may or name in self.common

    def shape(self, name: str, action: str, stream: str, extra: Mapping[str, Any] | None = None, carried: Iterable[str] = ()) -> Shape:
        """Make a shape of an action: its fixed facts, ``extra`` static fields, and what it may carry (``carried``, or all that the action allows)."""
        definition = self.actions[action]
        static: dict[str, Any] = {
            "event.kind": definition.kind,
            "event.category": list(definition.category),
            "event.type": list(definition.type),
            "event.action": action,
            "event.module": "mail",
            "event.dataset": f"mail.{stream}",
        }
        if definition.outcome not in ("absent", "by-text"):
            static["event.outcome"] = definition.outcome
        static |= extra or {}
        names = set(carried) or {*definition.fields.sure, *definition.fields.may}
        return Shape(name, action, stream, static, {field: Carried(self.fields[field].type, field in definition.fields.sure) for field in sorted(names - static.keys())})

    @property
    def hidden(self) -> frozenset[str]:
        """Fields that no document may carry (``ship: false``)."""
        return frozenset(name for name, field in self.fields.items() if not field.ship)


def load(fields_text: str, actions_text: str) -> Catalogue:
    """Read both files; raises ContentError where they are broken or disagree."""
    raw = strict_yaml.document(fields_text, "collector/model/fields.yaml")
    fields = {name: strict_yaml.validate(FieldDef, raw, part=row, path=(name,)) for name, row in raw.items()}
    source = strict_yaml.document(actions_text, "collector/model/actions.yaml")
    vocabulary = strict_yaml.validate(_Actions, source)
    for action, definition in vocabulary.actions.items():
        for name in (*definition.fields.sure, *definition.fields.may):
            if name not in fields:
                raise ContentError(f"{action} carries {name}, which fields.yaml does not name{did_you_mean(name, fields)}", source.at("actions", action))
    common = vocabulary.common
    return Catalogue(fields, vocabulary.actions, frozenset((*common.sure, *common.line, *common.may)))

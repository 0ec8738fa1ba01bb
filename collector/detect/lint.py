"""In: loaded rules and playbooks. Out: RuleError or PlaybookError for what would never fire, never be understood or never be noticed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collector.detect import attack
from collector.detect.alerts import told
from collector.detect.condition import PRESENT, UNKNOWN, Reference
from collector.detect.rule import site_of
from collector.errors import PlaybookError, RuleError
from collector.model.site import PLACEHOLDERS
from collector.model.strict_yaml import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.detect.condition import Node
    from collector.detect.documents import CorrelationDocument, DetectionDocument
    from collector.detect.playbooks import Playbook
    from collector.detect.rule import Correlation, Rule
    from collector.errors import Location
    from collector.model.catalogue import Catalogue
    from collector.model.strict_yaml import Document

LARGEST = 10_000
"""The largest count of a window: what a key holds grows with it."""
_ALERT = "rule-match"
_NOT = re.compile(r"(?i)(?:^|[\s(])not\s")
_DEMANDING = ("medium", "high", "critical")


def reachable(node: Node, catalogue: Catalogue) -> frozenset[str]:
    """Return the actions of which some event can match, by what an action fixes and what its events may carry."""
    return frozenset(action for action in catalogue.actions if action != _ALERT and node.judge(lambda name, action=action: _known(catalogue, action, name)) is not False)  # type: ignore[misc]


def _known(catalogue: Catalogue, action: str, name: str) -> Any:
    definition = catalogue.actions[action]
    fixed: dict[str, Any] = {"event.action": action, "event.kind": definition.kind, "event.category": list(definition.category), "event.type": list(definition.type)}
    if definition.outcome not in ("by-text", "absent"):
        fixed["event.outcome"] = definition.outcome
    if name in fixed:
        return fixed[name]
    if name in definition.fields.sure:
        return PRESENT
    return UNKNOWN if catalogue.allowed(action, name) else None


def carried(actions: Iterable[str], name: str, catalogue: Catalogue) -> bool:
    """Say whether events of some action may carry a field."""
    return any(catalogue.allowed(action, name) for action in actions)


def check_node(node: Node, actions: frozenset[str], catalogue: Catalogue, at: Location) -> None:
    """Refuse a condition that no event can match, or that asks for a field none of its events carries."""
    if not actions:
        raise RuleError("no event can match this", at, "collector/model/actions.yaml says what the events of an action carry; what all of them have is never null")
    for leaf in node.leaves():
        for name in (leaf.field, leaf.other) if isinstance(leaf, Reference) else (leaf.field,):
            if not carried(actions, name, catalogue):
                raise RuleError(f"{name} is never in these events ({_some(actions)})", at, "collector/model/actions.yaml says what they carry")


def check_group(names: Iterable[str], actions: frozenset[str], catalogue: Catalogue, what: str, at: Location) -> None:
    """Refuse a key that no event has as a whole: its fields must be in the events of one action together; one of each event's own is no group."""
    key = tuple(names)
    check_key(key, actions, catalogue, what, at)
    if "event.id" in key:
        raise RuleError(f"{what}: every event has an event.id of its own, so no two meet", at, "group by what several events share")
    check_together(key, actions, catalogue, what, at)


def check_together(names: Iterable[str], actions: frozenset[str], catalogue: Catalogue, what: str, at: Location) -> None:
    """Refuse fields that are in no event together."""
    wanted = tuple(names)
    if not any(all(catalogue.allowed(action, name) for name in wanted) for action in actions):
        raise RuleError(f"{what}: no event has all of {', '.join(wanted)} ({_some(actions)})", at, "collector/model/actions.yaml says what they carry")


def check_key(names: Iterable[str], actions: frozenset[str], catalogue: Catalogue, what: str, at: Location) -> None:
    """Refuse a key field that does not exist or that the events never carry."""
    for name in names:
        catalogue.field(name, at, RuleError)
        if not carried(actions, name, catalogue):
            raise RuleError(f"{what}: {name} is never in these events ({_some(actions)})", at, "collector/model/actions.yaml says what they carry")


def check_threshold(correlation: Correlation, catalogue: Catalogue, at: Location) -> None:
    """Refuse a threshold that can never be reached, or is reached by nothing at all."""
    threshold, name = correlation.threshold, correlation.field
    if correlation.type == "value_sum":
        if name is not None and catalogue.fields[name].type not in ("long", "float"):
            raise RuleError(f"{name} is no number and cannot be summed", at)
        if threshold <= 0:
            raise RuleError("the threshold must be above 0", at)
        return
    if not 1 <= threshold <= LARGEST:
        raise RuleError(f"the threshold must lie between 1 and {LARGEST}", at)
    if name is None:
        return
    definition = catalogue.fields[name]
    most = len(definition.values) or (2 if definition.type == "boolean" else LARGEST)
    if name in correlation.group_by:
        most = 1
    if threshold > most:
        raise RuleError(f"the threshold can never be reached: {name} has at most {most} value{'s' if most > 1 else ''} in a group", at)


def check_counted(name: str, threshold: float, actions: frozenset[str], catalogue: Catalogue, at: Location) -> None:
    """Refuse a number of different values above what the actions themselves fix."""
    known = [_known(catalogue, action, name) for action in actions]
    if any(value is UNKNOWN or value is PRESENT for value in known):
        return
    most = len({one for value in known for one in (value if isinstance(value, list) else [value])} - {None})
    if threshold > most:
        raise RuleError(f"the threshold can never be reached: {name} has at most {most} value{'s' if most > 1 else ''} in these events ({_some(actions)})", at)


def check_speaker(rule: Rule, playbooks: Mapping[str, Playbook], catalogue: Catalogue, source: Document) -> None:
    """Refuse a rule that can alert without tests, a playbook or what people need to act on it."""
    document = rule.document
    for number, tag in enumerate(document.tags):
        if not attack.well_formed(tag):
            near = did_you_mean(tag.removeprefix("attack."), attack.TACTICS)
            raise RuleError(f"{tag} is no tag{near}", source.at("tags", number), "attack.t1110.001, attack.credential-access")
    _check_tests(document, catalogue, source)
    named = document.mailvigil.playbook
    if named is not None and named not in playbooks:
        raise RuleError(f"there is no playbook {named}{did_you_mean(named, playbooks)}", source.at("mailvigil", "playbook"))
    if not rule.speaks:
        return
    if named is None and rule.facts.level in _DEMANDING:
        raise RuleError(f"{rule.name} has level {rule.facts.level} and no playbook", source.at("mailvigil"), "mailvigil: {playbook: PB-AREA-NN}")
    firing = [test.expect.alerts > 0 for test in document.mailvigil.tests]
    if True not in firing or False not in firing:
        lacking = "a test that fires" if True not in firing else "a near miss (expect: {alerts: 0})"
        raise RuleError(f"{rule.name} lacks {lacking}", source.at("mailvigil", "tests"), "a rule that can alert carries at least one test that fires and one that stays silent")


def _check_tests(document: DetectionDocument | CorrelationDocument, catalogue: Catalogue, source: Document) -> None:
    for number, test in enumerate(document.mailvigil.tests):
        for name in test.expect.fields:
            catalogue.field(name, source.at("mailvigil", "tests", number, "expect", name), RuleError)
        for name in test.site:
            if name not in PLACEHOLDERS:
                raise RuleError(f"unknown key site.{name}{did_you_mean(name, PLACEHOLDERS)}", source.at("mailvigil", "tests", number, "site", name))
        try:
            site_of(test)
        except ValueError as error:
            raise RuleError(f"site: {error}", source.at("mailvigil", "tests", number, "site")) from error


def check_exception(block: Mapping[str, Any], at: Location) -> None:
    """Refuse a filter that would let only the excepted through: its condition is AND-ed to the rule's."""
    texts = block.get("condition")
    for text in texts if isinstance(texts, list) else [texts]:
        if isinstance(text, str) and not _NOT.search(text):
            raise RuleError(f"condition {text!r} would alert only for the excepted", at, "the condition is AND-ed to the rule's: write not selection")


def check_playbook(playbook: Playbook, rules: Mapping[str, Rule], catalogue: Catalogue) -> None:
    """Refuse a playbook for a rule that does not exist, and an input that none of its rules' alerts can carry."""
    for name in playbook.applies_to:
        if name not in rules:
            raise PlaybookError(f"applies_to: there is no rule {name}{did_you_mean(name, rules)}", playbook.at)
    for name in playbook.inputs:
        if playbook.applies_to and not any(name in told(rules[one]) and carried(rules[one].actions, name, catalogue) for one in playbook.applies_to):
            raise PlaybookError(f"input {name} is in no alert of {', '.join(playbook.applies_to)}", playbook.at, "alerts carry the key of their rule, its suppress.by and the host")


def _some(actions: frozenset[str]) -> str:
    shown = sorted(actions)
    return ", ".join(shown[:3]) + (" ..." if len(shown) > 3 else "")  # noqa: PLR2004 - enough to recognise them

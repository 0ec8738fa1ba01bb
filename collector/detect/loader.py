"""In: rule files and playbooks as (text, origin), the vocabulary, site facts and settings. Out: Rules, or an error with file, line and column."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from collector.detect import correlations, lint, playbooks
from collector.detect.documents import CorrelationDocument, DetectionDocument, FilterDocument
from collector.detect.modifiers import Selections
from collector.detect.overrides import NOTHING, Override, milliseconds
from collector.detect.rule import SEVERITY, Absence, Exemption, Rule, Suppress
from collector.errors import RuleError
from collector.model import strict_yaml
from collector.model.alert import RuleFacts
from collector.model.moment import span
from collector.model.site import Site
from collector.model.strict_yaml import Strict, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from collector.content import Text
    from collector.detect.playbooks import Playbook
    from collector.detect.rule import Correlation
    from collector.model.catalogue import Catalogue
    from collector.model.strict_yaml import Document

__all__ = ["Override", "Rules", "load"]

_KINDS: dict[str, type[Strict]] = {"detection": DetectionDocument, "correlation": CorrelationDocument, "filter": FilterDocument}
_STATEFUL_LATER = ("new_term", "new_term_count", "baseline", "ratio", "travel", "regression", "change", "trend")

Speaking = DetectionDocument | CorrelationDocument


@dataclass(frozen=True, eq=False)
class Rules:
    """What was loaded: all ``rules`` by name; those that may speak (``active``); those and all that feed them, bases first (``needed``).

    ``unknown`` are names in the settings of rules that are not shipped: reported, not refused.
    """

    rules: Mapping[str, Rule]
    active: Mapping[str, Rule]
    needed: Mapping[str, Rule]
    exemptions: tuple[Exemption, ...] = ()
    unknown: tuple[str, ...] = ()
    playbooks: Mapping[str, Playbook] = field(default_factory=dict)


def load(
    files: Iterable[Text],
    playbook_texts: Iterable[Text],
    catalogue: Catalogue,
    *,
    site: Site | None = None,
    overrides: Mapping[str, Override] | None = None,
    enable: Collection[str] = (),
    disable: Collection[str] = (),
) -> Rules:
    """Read everything and check it against each other.

    Raises RuleError, PlaybookError; ConfigError for a setting that a rule has no use for.
    """
    settings = overrides or {}
    reading = _Reading(catalogue, site or Site(), settings, playbooks.load(playbook_texts, catalogue))
    for text, origin in files:
        for source in strict_yaml.documents(text, origin, RuleError):
            reading.take(source)
    rules = reading.rules()
    exemptions = tuple(reading.exemptions(rules))
    for playbook in reading.playbooks.values():
        lint.check_playbook(playbook, rules, catalogue)
    active = {name: rule for name, rule in rules.items() if rule.speaks and _enabled(rule, settings.get(name), enable, disable)}
    feeding = _closure(rules, active)
    needed = {name: rule for name, rule in rules.items() if name in feeding}
    unknown = tuple(sorted({*settings, *enable, *disable} - rules.keys()))
    return Rules(rules, active, needed, exemptions, unknown, reading.playbooks)


def _enabled(rule: Rule, override: Override | None, enable: Collection[str], disable: Collection[str]) -> bool:
    if rule.name in disable:
        return False
    if override is not None and override.enabled is not None:
        return override.enabled
    return rule.name in enable or (rule.document.mailvigil.tier == "core" and rule.document.status in ("stable", "test"))


def _closure(rules: Mapping[str, Rule], names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            correlation = rules[name].correlation
            waiting += correlation.bases if correlation is not None else ()
    return found


class _Reading:
    """Gathers the documents of all files, then builds the rules, bases first."""

    def __init__(self, catalogue: Catalogue, site: Site, overrides: Mapping[str, Override], known: dict[str, Playbook]) -> None:
        self._catalogue = catalogue
        self._site = site
        self._overrides = overrides
        self.playbooks = known
        self._documents: dict[str, tuple[Document, Speaking]] = {}
        self._filters: list[tuple[Document, FilterDocument]] = []
        self._places: dict[str, Document] = {}
        self._by_id: dict[str, str] = {}

    def take(self, source: Document) -> None:
        kinds = [kind for kind in _KINDS if kind in source]
        if len(kinds) != 1:
            raise RuleError("one of detection, correlation and filter is expected", source.at(*kinds[1:]))
        document: Any = strict_yaml.validate(_KINDS[kinds[0]], source, RuleError)
        for key in ("name", "id"):
            value = getattr(document, key)
            if value in self._places:
                first = self._places[value].at(key)
                raise RuleError(f"{key} {value} stands twice, first in {first}", source.at(key))
            self._places[value] = source
        self._by_id[document.id] = document.name
        if isinstance(document, FilterDocument):
            self._filters.append((source, document))
        else:
            self._documents[document.name] = (source, document)

    def rules(self) -> dict[str, Rule]:
        found: dict[str, Rule] = {}
        for name, (source, document) in self._documents.items():
            if isinstance(document, DetectionDocument):
                found[name] = self._detection(source, document)
        for name in self._documents:
            self._correlation(name, found, ())
        return found

    def exemptions(self, rules: Mapping[str, Rule]) -> Iterable[Exemption]:
        for source, document in self._filters:
            lint.check_exception(document.filter, source.at("filter", "condition"))
            wanted = document.filter.get("rules")
            names = [] if wanted == "any" else wanted
            if not isinstance(names, list) or (wanted != "any" and not names):
                raise RuleError("filter.rules: a list of rules, or any", source.at("filter", "rules"))
            found = tuple(self._resolve(str(name), rules, source, ("filter", "rules", number)) for number, name in enumerate(names))
            node = Selections(source, "filter", self._catalogue, self._site).compile()
            block = document.mailvigil
            if block.expires is None and not _shipped(source):
                raise RuleError(f"{document.name} never ends", source.at("mailvigil"), "mailvigil: {expires: 2027-01-31}: an exception that nobody has to look at again is a hole")
            yield Exemption(document.name, document.title, found, node, block.expires, block.owner, block.reason, source.at("name"))

    def _resolve(self, name: str, known: Iterable[str], source: Document, path: tuple[Any, ...]) -> str:
        found = self._by_id.get(name, name)
        if found not in known:
            raise RuleError(f"there is no rule {name}{did_you_mean(name, known)}", source.at(*path))
        return found

    def _detection(self, source: Document, document: DetectionDocument) -> Rule:
        node = Selections(source, "detection", self._catalogue, self._site).compile()
        actions = lint.reachable(node, self._catalogue)
        lint.check_node(node, actions, self._catalogue, source.at("detection"))
        absence = self._absence(source, document, actions)
        group_by = absence.by if absence is not None else ()
        logic = {"detection": document.detection, "absence": None if absence is None else [*absence.by, absence.window]}
        return self._rule(source, document, actions, group_by, logic, node=node, absence=absence)

    def _absence(self, source: Document, document: DetectionDocument, actions: frozenset[str]) -> Absence | None:
        block = document.mailvigil.stateful
        override = self._override(document.name)
        if block is None:
            override.refuse(document.name, "timespan")
            return None
        at = source.at("mailvigil", "stateful", "type")
        if block.type in _STATEFUL_LATER or (block.type == "absence" and block.expect != "always"):
            raise RuleError(f"stateful {block.type} with expect: {block.expect} is not built yet", at, "type: absence with expect: always is")
        if block.type != "absence":
            raise RuleError(f"unknown stateful type {block.type}{did_you_mean(block.type, ('absence',))}", at)
        lint.check_group(block.by, actions, self._catalogue, "by", source.at("mailvigil", "stateful", "by"))
        return Absence(block.by, milliseconds(block.window, override.timespan, document.name, source.at("mailvigil", "stateful", "window")))

    def _override(self, name: str) -> Override:
        return self._overrides.get(name, NOTHING)

    def _correlation(self, name: str, found: dict[str, Rule], above: tuple[str, ...]) -> None:
        """Build a correlation and, before it, those that feed it."""
        if name in found:
            return
        source, document = self._documents[name]
        assert isinstance(document, CorrelationDocument)
        at = source.at("correlation", "rules")
        if name in above:
            raise RuleError(f"{' feeds '.join((*above, name))}: a circle", at)
        bases = [self._resolve(one, self._documents, source, ("correlation", "rules", number)) for number, one in enumerate(document.correlation.rules)]
        if len(set(bases)) < len(bases):
            raise RuleError("a rule stands twice", at)
        for base in bases:
            self._correlation(base, found, (*above, name))
        actions = frozenset[str]().union(*(found[base].actions for base in bases))
        correlation = correlations.window(source, document, tuple(bases), self._catalogue, self._override(name))
        for base in bases:
            self._check_base(source, document, found[base], correlation)
        if correlation.type == "value_count" and correlation.field is not None:
            lint.check_counted(correlation.field, correlation.threshold, actions, self._catalogue, source.at("correlation", "condition"))
        logic = {**asdict(correlation), "bases": [found[base].facts.logic for base in bases]}
        found[name] = self._rule(source, document, actions, correlation.group_by, logic, correlation=correlation)

    def _check_base(self, source: Document, document: CorrelationDocument, base: Rule, correlation: Correlation) -> None:
        at = source.at("correlation", "rules")
        if base.absence is not None:
            raise RuleError(f"{base.name} waits for an absence and cannot feed a window", at)
        generate = document.correlation.generate
        if generate is not None and generate != base.speaks:
            says = f"{'speaks' if base.speaks else 'never speaks'} by its level {base.facts.level}"
            raise RuleError(f"generate: {str(generate).lower()}, but {base.name} {says}", source.at("correlation", "generate"), "only informational rules never alert")
        lint.check_group(correlation.group_by, base.actions, self._catalogue, "group-by", source.at("correlation", "group-by"))
        if correlation.field is not None:
            at = source.at("correlation", "condition", "field")
            lint.check_key((correlation.field,), base.actions, self._catalogue, "field", at)
            lint.check_together((*correlation.group_by, correlation.field), base.actions, self._catalogue, "field and group-by", at)

    def _rule(self, source: Document, document: Speaking, actions: frozenset[str], group_by: tuple[str, ...], logic: Mapping[str, Any], **parts: Any) -> Rule:
        suppress = self._suppress(source, document, actions, group_by)
        named = document.mailvigil.playbook
        digest = blake2b(repr((document.id, logic)).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
        rule = Rule(
            _facts(source, document, digest), document, source.at("name"), suppress, actions,
            playbook=self.playbooks.get(named) if named is not None else None, tests=document.mailvigil.tests, group_by=group_by, **parts,
        )  # fmt: skip
        lint.check_speaker(rule, self.playbooks, self._catalogue, source)
        if rule.correlation is None:
            self._override(document.name).refuse(document.name, "threshold")
        return rule

    def _suppress(self, source: Document, document: Speaking, actions: frozenset[str], group_by: tuple[str, ...]) -> Suppress:
        block = document.mailvigil.suppress
        by = block.by if block.by is not None else group_by or ("host.name",)
        lint.check_key(by, actions, self._catalogue, "suppress.by", source.at("mailvigil", "suppress", "by"))
        quiet = milliseconds(block.for_, self._override(document.name).suppress_for, document.name, source.at("mailvigil", "suppress", "for"))
        return Suppress(by, quiet, tuple(sorted(span(step) for step in block.repeat)))


def _shipped(source: Document) -> bool:
    return source.origin.startswith("rules/")


def _facts(source: Document, document: Speaking, logic: str) -> RuleFacts:
    folder = source.origin.split("/")[-2:-1]
    severity = SEVERITY[document.level]
    risk = document.mailvigil.risk_score
    return RuleFacts(
        name=document.name,
        uuid=document.id,
        title=document.title,
        description=document.description.strip(),
        level=document.level,
        severity=severity,
        risk_score=severity if risk is None else risk,
        status=document.status,
        version=document.mailvigil.version,
        logic=logic,
        category=folder[0] if folder and folder[0] not in ("rules", "rules.d") else "local",
        tags=document.tags,
        author=(document.author,) if isinstance(document.author, str) else document.author,
        ruleset="mailvigil-core" if _shipped(source) else "local",
    )

"""In: rules. Out: a list of them, what came of their tests, or the Python that they become."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent import assembly
from collector.agent.assembly import Content
from collector.cli import output
from collector.config import load
from collector.detect.engine import Detector
from collector.errors import ConfigError, ContentError
from collector.model.identity import Identity
from collector.model.site import Site
from collector.pipeline import rule_tests

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from collector.detect.loader import Rules
    from collector.pipeline.pipeline import Pipeline
    from collector.pipeline.rule_tests import Hit, Result


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    about = (
        "list: every rule; check: which files do not load, and why; test: its tests, through the real parsers and the real clock; "
        "dump: the Python that judges events"
    )
    parser.add_argument("what", choices=["list", "check", "test", "dump"], help=about)
    parser.add_argument("name", nargs="?", help="one rule only; dump: a rule, a shape or an action")
    parser.add_argument("--overlay", type=Path, metavar="DIR", help="folder with rules/, exceptions/ and overlay.yaml of its own")
    parser.add_argument("--config", type=Path, metavar="FILE", help="whose content_dir is checked without --overlay (check)")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """List, check, test or dump."""
    if options.what == "check":
        return _check(options)
    overlay = None if options.overlay is None else load.overlay(options.overlay)
    content = assembly.load_content(() if options.overlay is None else (options.overlay,), overlay)
    if options.what == "dump":
        return _dump(content, options)
    if options.name is not None and options.name not in content.rules.rules:
        raise ConfigError(f"there is no rule {options.name}", hint="mailvigil rules list shows them")
    return _test(content, options) if options.what == "test" else _list(content, options)


def _check(options: Namespace) -> int:
    """Load the rules, exceptions and playbooks of the overlay, or of the host; exit 3 with every file that does not load."""
    if options.overlay is None:
        settings = load.load(options.config).settings
        folder, site, numbers = Path(settings.content_dir), settings.facts(), settings.rules
    else:
        overlay = load.overlay(options.overlay)
        folder, site, numbers = options.overlay, overlay.facts(), overlay.rules
    rules, found = assembly.rules_around(assembly.load_catalogue(), (folder,), site, numbers)
    if options.json:
        output.as_json({"rules": len(rules.rules), "faults": output.faults(found)})
    else:
        output.say_faults(found)
        output.say(f"{len(rules.rules)} rules load, {len(found)} files do not")
    return ContentError.exit_code if found else 0


def _list(content: Content, options: Namespace) -> int:
    chosen = [rule for name, rule in content.rules.rules.items() if options.name in (None, name)]
    active = content.rules.active
    if options.json:
        output.as_json([{"name": rule.name, "title": rule.facts.title, "level": rule.facts.level, "on": rule.name in active, "at": str(rule.at)} for rule in chosen])
        return 0
    rows = [(rule.name, output.level(rule.facts.level), "on" if rule.name in active else "off", rule.facts.title, str(rule.at)) for rule in chosen if rule.speaks]
    output.table(None, ("rule", "level", "", "title", "at"), rows)
    return 0


def _dump(content: Content, options: Namespace) -> int:
    """Print the judge of each shape: of those of lines, and of those that events are born with."""
    catalogue = content.catalogue
    born = [catalogue.shape(f"born.{action}", action, stream) for action, definition in catalogue.actions.items() for stream in definition.stream]
    detector = Detector(content.rules, catalogue, Identity())
    found = {}
    for shape in (*content.parsers.shapes, *born):
        judge = detector.compiled(shape)
        if judge is not None and options.name in (None, shape.name, shape.action, *judge.rules):
            found[shape.name] = judge.source
    if not found:
        raise ConfigError(f"nothing judges {options.name}", hint="name a rule that is on, a shape (mailvigil explain shows a line's) or an event.action")
    if options.json:
        output.as_json(found)
    else:
        output.say("\n\n".join(found.values()))
    return 0


def _test(content: Content, options: Namespace) -> int:
    """Run the tests with the shipped numbers and site facts: an overlay's counts are not what a test was written for."""
    overlays = () if options.overlay is None else (options.overlay,)

    @cache
    def rules_of(site: Site) -> Rules:
        return assembly.load_rules(content.catalogue, overlays, site=site, enable=everything)

    def fresh(site: Site | None) -> Pipeline:
        known = site or Site()
        return assembly.road(Content(content.catalogue, content.parsers, rules_of(known), known), Identity(), live=False)

    everything = tuple(content.rules.rules)
    chosen = [rule for name, rule in content.rules.rules.items() if options.name in (None, name) and rule.tests]
    results = [result for rule in chosen for result in rule_tests.run(rule, fresh)]
    failed = [result for result in results if not result.ok]
    hits = list(rule_tests.cross(chosen, fresh))
    if options.json:
        output.as_json({"tests": len(results), "failures": [vars_of(result) for result in failed], "others": [vars_of(hit) for hit in hits]})
    else:
        for result in failed:
            output.say(f"{result.rule}: {result.test}: {result.message}")
        for hit in hits:
            output.say(f"{hit.rule}: {hit.test}: {hit.other} fires as well")
        output.say(f"{len(chosen)} rules, {len(results)} tests, {len(failed)} failures")
    return 1 if failed else 0


def vars_of(row: Result | Hit) -> dict[str, object]:
    """Return a result's fields by name."""
    return {name: getattr(row, name) for name in row.__slots__}

"""Every fenced TOML and YAML block of the documentation is what the product loads."""

from functools import cache

import pytest
import yaml

from collector import content
from collector.agent import assembly
from collector.config import load
from collector.config.settings import Overlay
from collector.detect.modifiers import KNOWN
from collector.detect.rule import SEVERITY
from collector.model.identity import Identity
from collector.model.site import Site
from collector.parse import loader as parser_loader
from collector.parse import samples
from collector.parse.definition import ParserDef, ShapeDef, UseDef
from collector.parse.engine import Engine
from collector.pipeline import rule_tests
from tests.support.markdown import ROOT, blocks, name, pages

PARSERS, RULES = ROOT / "parsers" / "README.md", ROOT / "rules" / "README.md"
TOML = [block for path in pages() for block in blocks(path, "toml")]
YAML = [block for path in pages() for block in blocks(path, "yaml", "yml")]


@cache
def catalogue():
    return assembly.load_catalogue()


@pytest.mark.parametrize("block", TOML, ids=str)
def test_settings_load(block, tmp_path):
    secret = tmp_path / "api_key"
    secret.touch(0o600)
    file = tmp_path / "mailvigil.toml"
    file.write_text(block.text.replace("/etc/mailvigil/api_key", str(secret)))
    assert load.load(file, {}).origins


def test_the_readmes_settings_configure_a_sink_and_a_source(tmp_path):
    [block] = blocks(ROOT / "README.md", "toml")
    assert '[[source.file]]\npath = "/var/log/mail.log"' in block.text
    assert "[sink.elasticsearch]" in block.text


def kind(block):
    """Say what a YAML block is by its first key; one that is nothing of that kind cannot be tested and may not stand there."""
    first = next(iter(next(yaml.safe_load_all(block.text))))
    return {"parser": "parser", "title": "rule"}.get(first) or ("overlay" if first in Overlay.model_fields else f"unknown: {first}")


def of(wanted):
    return [block for block in YAML if kind(block) == wanted]


def test_every_yaml_block_is_of_a_kind_that_is_loaded_here():
    assert {kind(block) for block in YAML} <= {"parser", "rule", "overlay"}
    assert {PARSERS, RULES} <= {block.path for block in YAML}


def test_every_overlay_file_loads(tmp_path):
    for block in of("overlay"):
        (tmp_path / "overlay.yaml").write_text(block.text)
        assert load.overlay(tmp_path) != Overlay(), block


@pytest.mark.parametrize("block", of("parser"), ids=str)
def test_a_parser_loads_and_its_samples_hold(block):
    parsers = parser_loader.load([(block.text, str(block))], content.texts("parsers", "*.grok"), catalogue())
    assert list(parsers.entries)
    assert [str(failure) for failure in samples.run(parsers, lambda: Engine(parsers, catalogue(), Identity()))] == []


def test_every_key_of_a_parser_file_is_explained():
    text = PARSERS.read_text("utf-8")
    for model in (ShapeDef, UseDef):
        assert [key for key in model.model_fields if f"| `{key}` |" not in text] == []
    assert [key for key in ParserDef.model_fields if f"\n{key}:" not in text] == []


@pytest.mark.parametrize("path", sorted({block.path for block in of("rule")}), ids=name)
def test_rules_and_exceptions_load_beside_the_shipped_ones_and_their_tests_hold(path, tmp_path):
    tmp_path.joinpath("rules").mkdir()
    for number, block in enumerate(block for block in of("rule") if block.path == path):
        tmp_path.joinpath("rules", f"{number}.yaml").write_text(block.text)
    parsers = assembly.load_parsers(catalogue())

    def fresh(site):
        rules = assembly.load_rules(catalogue(), (tmp_path,), site=site or Site())
        return assembly.road(assembly.Content(catalogue(), parsers, rules), Identity(), live=False)

    loaded = assembly.load_rules(catalogue(), (tmp_path,))
    own = [rule for rule in loaded.rules.values() if rule.at.file.startswith(str(tmp_path))]
    results = [result for rule in own for result in rule_tests.run(rule, fresh)]
    assert len(results) >= 2
    assert [result.message for result in results if not result.ok] == []


def test_the_page_on_rules_shows_each_kind_of_document(tmp_path):
    shown = [document for block in of("rule") if block.path == RULES for document in yaml.safe_load_all(block.text)]
    assert {key for document in shown for key in ("detection", "correlation", "filter") if key in document} == {"detection", "correlation", "filter"}


def test_the_modifiers_and_risk_scores_of_the_page_are_those_of_the_engine():
    text = RULES.read_text("utf-8")
    named = set(text.partition("Modifiers: `")[2].partition("`")[0].replace("re(i,m,s)", "re i m s").split())
    assert named == KNOWN
    assert f"default by level: {', '.join(map(str, SEVERITY.values()))}" in text

"""Every fenced TOML and YAML block of the documentation is what the product loads."""

from functools import cache

import pytest

from collector import content
from collector.agent import assembly
from collector.config import load
from collector.detect.modifiers import KNOWN
from collector.detect.rule import SEVERITY
from collector.model.identity import Identity
from collector.model.site import Site
from collector.parse import loader as parser_loader
from collector.parse import samples
from collector.parse.definition import ParserDef, ShapeDef, UseDef
from collector.parse.engine import Engine
from collector.pipeline import rule_tests
from tests.support.markdown import ROOT, blocks, pages

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


def test_yaml_stands_only_where_this_module_loads_it():
    assert {block.path for block in YAML} == {PARSERS, RULES}


@pytest.mark.parametrize("block", blocks(PARSERS, "yaml"), ids=str)
def test_a_parser_loads_and_its_samples_hold(block):
    parsers = parser_loader.load([(block.text, str(block))], content.texts("parsers", "*.grok"), catalogue())
    assert list(parsers.entries)
    assert [str(failure) for failure in samples.run(parsers, lambda: Engine(parsers, catalogue(), Identity()))] == []


def test_every_key_of_a_parser_file_is_explained():
    text = PARSERS.read_text("utf-8")
    for model in (ShapeDef, UseDef):
        assert [key for key in model.model_fields if f"| `{key}` |" not in text] == []
    assert [key for key in ParserDef.model_fields if f"\n{key}:" not in text] == []


def test_rules_and_exceptions_load_beside_the_shipped_ones_and_their_tests_hold(tmp_path):
    tmp_path.joinpath("rules").mkdir()
    for number, block in enumerate(blocks(RULES, "yaml")):
        tmp_path.joinpath("rules", f"{number}.yaml").write_text(block.text)
    parsers = assembly.load_parsers(catalogue())

    def fresh(site):
        known = site or Site()
        rules = assembly.load_rules(catalogue(), (tmp_path,), site=known)
        return assembly.road(assembly.Content(catalogue(), parsers, rules, known), Identity(), live=False)

    loaded = assembly.load_rules(catalogue(), (tmp_path,))
    own = [rule for rule in loaded.rules.values() if rule.at.file.startswith(str(tmp_path))]
    assert [rule.name for rule in own] == ["role_account_failure", "role_account_guessing"]
    assert [one.name for one in loaded.exemptions if one.expires is not None] == ["office_rollout"]
    results = [result for rule in own for result in rule_tests.run(rule, fresh)]
    assert len(results) == 2
    assert [result.message for result in results if not result.ok] == []


def test_the_modifiers_and_risk_scores_of_the_page_are_those_of_the_engine():
    text = RULES.read_text("utf-8")
    named = set(text.partition("Modifiers: `")[2].partition("`")[0].replace("re(i,m,s)", "re i m s").split())
    assert named == KNOWN
    assert f"default by level: {', '.join(map(str, SEVERITY.values()))}" in text

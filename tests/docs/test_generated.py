import runpy
from functools import cache

import pytest

from collector import errors
from collector.agent import assembly
from collector.cli.main import VERBS
from collector.config.settings import Settings
from tests.support.markdown import ROOT

PAGES = ("actions.md", "events.md", "fields.md", "functions.md", "rules.md", "settings.md", "verbs.md")


@cache
def generated():
    return runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()


@cache
def committed(page):
    return (ROOT / "docs" / "reference" / page).read_text("utf-8")


def test_there_is_no_other_page():
    assert tuple(generated()) == PAGES == tuple(sorted(path.name for path in (ROOT / "docs" / "reference").iterdir()))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_generator_prints(page):
    assert committed(page) == generated()[page], "make docs"


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(page):
    for block in committed(page).split("\n\n"):
        cells = {line.replace("\\|", "").count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(cells) <= 1, block[:200]


def test_every_rule_and_playbook_is_there():
    rules = assembly.load_content().rules
    for rule in rules.rules.values():
        assert (f"### {rule.name}\n" if rule.speaks else f"| `{rule.name}` |") in committed("rules.md")
    assert len(rules.playbooks) > 10
    for playbook in rules.playbooks:
        assert f"| [{playbook}](../../rules/playbooks/{playbook}.md) |" in committed("rules.md")


def test_every_field_action_and_closed_list_is_there():
    catalogue = assembly.load_catalogue()
    for name, field in catalogue.fields.items():
        assert f"| `{name}` | {field.type}" in committed("fields.md")
        for value in field.values:
            assert f"`{value}`" in committed("fields.md").partition("## Closed lists")[2]
    for name in catalogue.actions:
        assert f"## {name}\n" in committed("actions.md") or f"| `{name}` |" in committed("actions.md").partition("## Not said yet")[2]


def test_what_a_shape_or_the_agent_says_is_not_among_the_names_that_nobody_uses():
    unused = committed("actions.md").partition("## Not said yet")[2]
    used = {shape.action for shape in assembly.load_content().parsers.shapes} | {"rule-match", "heartbeat", "agent-start", "log-gap", "unparsed-line"}
    assert [name for name in used if f"| `{name}` |" in unused] == []
    assert "| `dmarc-report` |" in unused


def test_every_shape_and_program_is_there_with_its_line():
    for program in assembly.load_content().parsers.programs:
        assert all(f"`{glob}`" in committed("events.md") for glob in program.globs)
        for entry in program.entries:
            assert f"| `{entry.shape.name.rpartition('.')[2]}` | `{entry.shape.action}`" in committed("events.md")
            assert entry.samples[0].all_lines[-1].replace("|", "\\|") in committed("events.md")


def test_every_setting_is_there_with_a_meaning():
    rows = [line for line in committed("settings.md").splitlines() if line.startswith("| `")]
    keys = {line.split("`")[1] for line in rows}
    schema = Settings.model_json_schema()
    tables = [table for name, table in schema["$defs"].items() if name not in ("SinkSettings", "SourceSettings", "FileSecret")]
    wanted = {key for table in tables for key, value in table["properties"].items() if "$ref" not in value}
    wanted |= {key for key, value in schema["properties"].items() if "$ref" not in str(value)}
    assert len(wanted) > 30
    assert wanted <= keys
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_verb_and_exit_code_is_there():
    for verb in VERBS:
        assert f"## {verb}\n" in committed("verbs.md")
    waiting, seen = [errors.CollectorError], set()
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        seen.add(error.exit_code)
        assert f"| {error.exit_code} | `{error.__name__}` |" in committed("verbs.md")
    assert seen == {1, 2, 3, 4, 5, 6, 7}

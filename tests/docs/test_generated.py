import runpy
from functools import cache
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from collector import errors
from collector.agent import assembly
from collector.cli.main import VERBS
from collector.config.settings import Settings
from tests.docs.test_verbs import parser_of
from tests.support.markdown import ROOT

PAGES = ("actions.md", "errors.md", "events.md", "fields.md", "functions.md", "rules.md", "settings.md", "verbs.md")


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


def sections(page):
    """Return the first cell of every row below each heading of level 2; above the first one, below ""."""
    found, heading = {"": []}, ""
    for line in committed(page).splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
            found[heading] = []
        elif line.startswith("| `"):
            found[heading].append(line.split("`")[1])
    return found


def tables(annotation):
    """Yield the tables of settings within an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation.__module__ == Settings.__module__:
        yield annotation
    for argument in get_args(annotation):
        yield from tables(argument)


def keys(model, path=""):
    """Yield heading and key of every setting."""
    for name, info in model.model_fields.items():
        inner = next(tables(info.annotation), None)
        if inner is None:
            yield path and {tuple: f"[[{path}]]", dict: f"[{path}.NAME]"}.get(kinds.get(path), f"[{path}]"), info.alias or name
        else:
            below = f"{path}.{name}".removeprefix(".")
            kinds[below] = get_origin(info.annotation)
            yield from keys(inner, below)


kinds = {}


def test_every_setting_is_there_in_its_table_with_a_meaning():
    wanted = list(keys(Settings))
    assert len(wanted) > 40
    shown = sections("settings.md")
    assert [(heading, key) for heading, key in wanted if key not in shown.get(heading, [])] == []
    assert [(heading, key) for heading, some in shown.items() for key in some if heading != "overlay.yaml" and (heading, key) not in wanted] == []
    assert [line for line in committed("settings.md").splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_every_verb_is_there_with_a_meaning(verb):
    shown = " ".join(sections("verbs.md")[verb])
    for action in parser_of(verb)._actions:
        for option in action.option_strings or [action.metavar or (action.choices and ",".join(action.choices)) or action.dest.upper()]:
            assert option in shown
    section = committed("verbs.md").partition(f"\n## {verb}\n")[2].partition("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


def test_every_field_of_an_action_is_there():
    for name, action in assembly.load_catalogue().actions.items():
        section = committed("actions.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        if section:
            assert [field for field in (*action.fields.sure, *action.fields.may) if f"`{field}`" not in section] == []


def test_every_error_is_there_with_its_code_its_place_in_the_tree_and_what_to_do():
    tree = committed("errors.md").partition("```text\n")[2].partition("\n```")[0].splitlines()
    assert len(tree) > 10
    above = []
    for line in tree:
        depth, (error, code) = (len(line) - len(line.lstrip())) // 4, line.split()
        kind = getattr(errors, error)
        above[depth:] = [kind]
        assert kind.exit_code == int(code)
        assert kind.__base__ is (above[depth - 1] if depth else Exception)
        assert f"### {error}\n" in committed("errors.md")
        assert f"Exit code {code}. What to do: {kind.advice}." in committed("errors.md")
    every = {error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)}
    assert {getattr(errors, line.split()[0]) for line in tree} == every
    assert [error.__name__ for error in every if "advice" not in vars(error)] == [], "what helps against one need not help against its kind"


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

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.agent import assembly
from collector.detect.playbooks import render
from collector.report.playbook import STEPS, Run, read


@pytest.fixture(scope="module")
def playbooks():
    return assembly.load_rules(assembly.load_catalogue()).playbooks


def carried(rendered):
    return {"id": "PB-X-01", "title": "t", "rendered": rendered}


def said(step):
    return "".join(run.text for run in step.runs)


def test_every_shipped_playbook_has_first_steps_and_every_command_that_they_name(playbooks):
    assert playbooks
    for playbook in playbooks.values():
        found = read(carried(render(playbook, {})))
        assert len(found.steps) == STEPS, playbook.id
        labels = {command.label for command in playbook.commands}
        for step in found.steps:
            assert said(step)
            assert [label for label, _ in step.commands] == [run.text for run in step.runs if run.kind == "em" and run.text in labels]


def test_a_step_is_a_sentence_with_marks_and_commands(playbooks):
    fields = {"user.name": "carol@example.org", "source.ip": "203.0.113.77"}
    first = read(carried(render(playbooks["PB-AUTH-04"], fields))).steps[0]
    assert first.runs[0] == Run("strong", "Whose address is it?")
    assert first.commands == (("What this address did", "grep -hF -- 203.0.113.77 /var/log/mail.log | tail -n 200"),)


def test_escapes_of_markdown_are_undone_outside_code():
    [step] = read(carried("### Possible investigation steps\n\n1. Ask a\\*b\\_c of `x\\*y`.\n")).steps
    assert step.runs == (Run("text", "Ask a*b_c of "), Run("code", "x\\*y"), Run("text", "."))


def test_none_carried_none_shown():
    assert read(None) is None
    assert read(carried("no such heading")).steps == ()


@given(st.text(st.sampled_from("ab*`\\_<1. \n#"), max_size=200))
def test_any_text_is_read(text):
    found = read(carried(f"### Possible investigation steps\n{text}"))
    assert all(run.kind in ("code", "strong", "em", "text") for step in found.steps for run in step.runs)

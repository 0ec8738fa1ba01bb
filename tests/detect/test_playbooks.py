"""Playbooks: their form, and what an attacker's text may not do in them."""

import shlex
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.detect import playbooks
from collector.errors import PlaybookError
from tests.support.detection import PLAYBOOK, catalogue


def load(text=PLAYBOOK):
    [found] = playbooks.load([(text, "rules/playbooks/PB-TEST-01.md")], catalogue()).values()
    return found


def rendered(fields, text=PLAYBOOK):
    return playbooks.render(load(text), fields)


def test_what_a_playbook_knows():
    found = load()
    assert (found.id, found.title, found.version, found.owner, found.inputs) == ("PB-TEST-01", "Something happened", 1, "mail operations", ("source.ip", "user.name"))
    assert found.note.startswith("## Triage and analysis")
    assert "Setup" not in found.note
    assert found.setup == ""
    assert found.commands[0].effect == "reads"


def test_values_are_filled_in():
    text = rendered({"user.name": "bob", "source.ip": "2001:db8::1"})
    assert "Look at bob from 2001:db8::1." in text
    assert "- Look (host, reads):\n\n      doveadm who bob\n" in text


def test_a_field_that_is_missing_reads_as_its_name():
    text = rendered({"source.ip": "203.0.113.9", "user.name": ""})
    assert "Look at <user.name> from" in text
    assert "doveadm who <user.name>" in text


@pytest.mark.parametrize("value", ["$(id)", "`id`", "a b", "'; id; '", "a|b", "\\", '"', "x > /etc/passwd", "*"])
def test_a_command_keeps_a_value_one_word(value):
    text = rendered({"user.name": value})
    line = next(line for line in text.splitlines() if line.startswith("      doveadm who "))
    assert shlex.split(line) == ["doveadm", "who", value]


def test_a_shell_agrees():
    value = "$(echo no) `echo no` '\" \\ ${HOME} !x"
    line = next(line for line in rendered({"user.name": value}).splitlines() if "doveadm who" in line)
    said = subprocess.run(["/bin/sh", "-c", line.replace("doveadm who", "printf %s")], capture_output=True, text=True, check=True)
    assert said.stdout == value


def test_a_leading_dash_is_no_option():
    assert "doveadm who -- --help\n" in rendered({"user.name": "--help"})
    glued = PLAYBOOK.replace("doveadm who {{user.name}}", "doveadm who user={{user.name}}")
    assert "doveadm who user=-x\n" in rendered({"user.name": "-x"}, glued)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("`x`", "\\`x\\`"),
        ("a|b", "a\\|b"),
        ("[x](http://bad.example)", "\\[x\\]\\(http\\://bad.example\\)"),
        ("https://bad.example WWW.bad.example", "https\\://bad.example WWW\\.bad.example"),
        ("<script>", "\\<script\\>"),
        ("**x** _y_", "\\*\\*x\\*\\* \\_y\\_"),
        ("# x", "\\# x"),
        ("&lt;", "\\&lt;"),
        ("a\nb\x1b[31m", "a\\\\u000ab\\\\u001b\\[31m"),
        ("\u202egro.elpmaxe", "\\\\u202egro.elpmaxe"),
        ("a\u2028b\u00a0c", "a\\\\u2028b\\\\u00a0c"),
        ("\U000e0041", "\\\\U000e0041"),
    ],
)
def test_text_shows_a_value_as_it_is(value, shown):
    assert f"Look at {shown} from" in rendered({"user.name": value})


def test_a_long_value_is_cut():
    text = rendered({"user.name": "x" * 5000})
    assert "x" * 255 + "…" in text
    assert "x" * 256 not in text


def test_code_in_the_body_is_a_command_too():
    body = PLAYBOOK.replace("Look at", "Run `doveadm who {{user.name}}` or\n\n```\ndoveadm kick {{user.name}}\n```\nthen look at")
    text = rendered({"user.name": "a`b c"}, body)
    assert "`doveadm who 'a\\x60b c'`" in text
    assert "\ndoveadm kick 'a`b c'\n```" in text
    assert "look at a\\`b c from" in text


def test_a_dash_at_the_start_of_inline_code():
    assert "`-- -x`" in rendered({"user.name": "-x"}, PLAYBOOK.replace("Look at", "`{{user.name}}`"))


def test_a_list_is_its_values():
    assert "Look at a, b from" in rendered({"user.name": ["a", "b"]})


@given(st.text(max_size=400))
def test_no_value_breaks_a_line_or_leaves_its_place(value):
    lines = rendered({"user.name": value, "source.ip": value}).split("\n")
    assert len(lines) == len(rendered({"user.name": "x", "source.ip": "x"}).split("\n"))
    assert all(unicodedata.category(char)[0] != "C" for line in lines for char in line)


def test_visible_leaves_letters_alone():
    assert playbooks.visible("Größe 漢字 é") == "Größe 漢字 é"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version: 1", "version: one", "version: "),
        ("id: PB-TEST-01", "id: test", "test is no playbook id"),
        ("owner:", "owener:", "owner"),
        ("inputs: [source.ip, user.name]", "inputs: [source.ip, user.nam]", "unknown field user.nam"),
        ("inputs: [source.ip, user.name]", "inputs: [source.ip]", "{{user.name}} is none of the inputs"),
        ("{{source.ip}}.", "{{ source.ipp }}.", "{{source.ipp}} is none of the inputs, did you mean source.ip?"),
        ("where: host, ", "", "commands.0.where is missing"),
        ("effect: reads", "effect: breaks", "commands.0.effect"),
        ("'doveadm who {{user.name}}'", "'doveadm who \"{{user.name}}\"'", "a placeholder inside quotes"),
        ("Look at {{user.name}}", "`grep '{{user.name}}' x`", "a placeholder inside quotes"),
        ("Look at {{user.name}}", '```\ngrep "x {{user.name}}" x\n```\n', "a placeholder inside quotes"),
        ("### False positive analysis\n", "", "heading '### Response and remediation': ### False positive analysis is expected here"),
        ("## Setup", "## Set up", "heading '## Set up': ## Setup is expected here"),
        ("## Setup\n", "", "heading ## Setup is missing"),
        ("### Investigating something", "### Something", "### Investigating is expected here"),
        ("## Setup\n", "## Setup\n## More\n", "no more headings are expected"),
        ("Look at", "See [there](#nowhere). Look at", "a link to #nowhere"),
    ],
)
def test_refused_with_a_place(old, new, says):
    assert old in PLAYBOOK
    with pytest.raises(PlaybookError) as caught:
        load(PLAYBOOK.replace(old, new))
    assert says in str(caught.value)
    assert str(caught.value).startswith("rules/playbooks/PB-TEST-01.md:")


def test_the_place_is_the_line_in_the_file():
    with pytest.raises(PlaybookError) as caught:
        load(PLAYBOOK.replace("{{source.ip}}.", "{{x}}."))
    assert PLAYBOOK.splitlines()[caught.value.at.line - 1].startswith("Look at")
    with pytest.raises(PlaybookError) as caught:
        load(PLAYBOOK.replace("owner:", "owener:"))
    assert PLAYBOOK.splitlines()[caught.value.at.line - 1].startswith("owner:") or caught.value.at.line == 2


def test_headings_inside_code_and_links_to_headings_are_fine():
    load(PLAYBOOK.replace("Look at", "```\n## a comment\n```\n#### Deeper\nSee [there](#false-positive-analysis). Look at"))


@pytest.mark.parametrize("text", ["", "no front matter", "---\nid: x\n", PLAYBOOK.replace("---", "", 1)])
def test_front_matter_is_needed(text):
    with pytest.raises(PlaybookError):
        load(text)


def test_an_id_stands_once():
    with pytest.raises(PlaybookError, match=r"stands twice, first in a\.md"):
        playbooks.load([(PLAYBOOK, "a.md"), (PLAYBOOK, "b.md")], catalogue())

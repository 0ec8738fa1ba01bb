import argparse
import re
import shlex
from importlib import import_module

import pytest

from collector.cli.main import VERBS, main
from tests.support.markdown import ROOT, commands, name, pages


def parser_of(verb):
    parser = argparse.ArgumentParser(verb, exit_on_error=False)
    import_module(f"collector.cli.{verb}_cmd").arguments(parser)
    return parser


def help_of(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_each_option_does(verb, capsys):
    shown = help_of(verb, capsys)
    for action in parser_of(verb)._actions:
        assert len(action.help or "") > 5, action
        assert " ".join(action.help.split()) in shown
        assert all(option in shown for option in action.option_strings)


def test_help_lists_every_verb_and_exit_code(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{verb} {text}" in shown for verb, text in VERBS.items())
    assert [code for code in "01234567" if not re.search(rf"\b{code} [a-z]", shown)] == []


@pytest.mark.parametrize("path", [path for path in pages() if commands(path)], ids=name)
def test_a_command_line_in_the_documentation_is_one(path):
    for command in commands(path):
        _, verb, *rest = shlex.split(command)
        assert verb in VERBS, command
        parser_of(verb).parse_args(rest)


def test_the_readme_shows_every_verb():
    shown = {shlex.split(command)[1] for command in commands(ROOT / "README.md")} | set(re.findall(r"make (\w+)", (ROOT / "README.md").read_text("utf-8")))
    assert set(VERBS) <= shown

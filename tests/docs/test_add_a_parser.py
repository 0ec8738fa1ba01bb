"""A newcomer's first parser: the file and the commands of parsers/README.md, typed in a folder that knows nothing."""

import re
import shlex

import pytest

from collector.cli.main import main
from tests.support.markdown import ROOT, blocks, commands

README = ROOT / "parsers" / "README.md"


@pytest.fixture
def line():
    return re.search(r"^ {4}(2026-\S+ mx1 mailgarden.*)$", README.read_text("utf-8"), re.MULTILINE)[1]


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """Type the first command of the page that begins so; return its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def type_it(start):
        _, *arguments = shlex.split(next(command for command in commands(README) if command.startswith(start)))
        code = main(arguments)
        return code, capsys.readouterr().out

    return type_it


@pytest.fixture
def mine(tmp_path):
    [parser] = [block.text for block in blocks(README, "yaml") if block.text.startswith("parser: mailgarden.web")]
    file = tmp_path / "mine" / "parsers" / "mailgarden.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(parser)
    return file


def test_before_nobody_knows_the_program(line, capsys):
    assert main(["explain", line]) == 0
    assert "of no mail program" in capsys.readouterr().out


def test_its_samples_hold(mine, typed):
    code, out = typed("mailvigil parsers test")
    assert code == 0
    assert "0 failures" in out


def test_explain_shows_the_event_and_how_far_the_rules_are(mine, typed):
    code, out = typed("mailvigil explain")
    assert code == 0
    assert "taken by mailgarden.web.login-refused (./mine/parsers/mailgarden.yaml:5:5)" in out
    assert "Event 0: auth-failure" in out
    assert re.search(r"no  bf_ip .*\n.*\n +1 of 10 .*9 more until it fires", out)


def test_ten_of_them_are_an_alert(mine, line, tmp_path, typed):
    lines = [line.replace("10:00:00", f"10:00:{second:02}").replace("bob@", f"u{second}@") for second in range(10)]
    tmp_path.joinpath("mailgarden.log").write_text("\n".join(lines) + "\n")
    code, out = typed("mailvigil replay")
    assert code == 0
    assert "bf_ip" in out
    assert "203.0.113.9" in out


def test_a_pattern_that_lets_the_stranger_name_the_address_is_refused_with_its_place(mine, typed, capsys):
    mine.write_text(mine.read_text().replace("login of %{REST:user.name} refused, client %{ADDR:source.ip}'", "login of %{DATA:user.name} refused, client %{ADDR:source.ip}.*'"))
    code, _ = typed("mailvigil parsers test")
    assert code == 3


def test_a_folder_that_is_not_there_is_no_success(typed, capsys):
    code, _ = typed("mailvigil parsers test")
    assert code == 2


def test_a_sample_that_expects_too_much_fails(mine, typed):
    mine.write_text(mine.read_text().replace("expect: {user.name: bob@example.org, source.ip: 203.0.113.9}", "expect: {source.ip: 192.0.2.1}"))
    code, out = typed("mailvigil parsers test")
    assert code == 1
    assert "./mine/parsers/mailgarden.yaml:5:5: mailgarden.web.login-refused sample 0: event 0: source.ip is '203.0.113.9', expected '192.0.2.1'" in out

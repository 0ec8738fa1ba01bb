"""What holds for every verb: exit codes, errors with a place and a hint, nothing that moves a terminal's cursor."""

import subprocess
import sys

import pytest

from collector import __version__
from collector.cli import main as module
from collector.cli.main import VERBS
from collector.errors import CollectorError, ConfigError, ContentError, SinkError, SourceError, SpoolError, StackError
from tests.cli.conftest import BROKEN_PARSER, BROKEN_RULE, failure


def in_a_shell(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "collector.cli.main", *map(str, arguments)], capture_output=True, check=False, timeout=60, **options)


def test_help_names_every_verb_and_every_exit_code(mailvigil):
    for arguments in ((), ("--help",)):
        result = mailvigil(*arguments)
        assert result.code == 0
        assert all(verb in result.out for verb in VERBS)
        assert all(f"{code} " in result.out for code in range(8))


def test_help_is_quick_for_it_loads_nothing_heavy():
    code = "import sys\nfrom collector.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {"argparse"} == {"argparse", "pydantic", "rich", "yaml", "orjson", "structlog", "watchdog", "sqlite3"} & set(shown.stdout.splitlines()[-1].split())


def test_its_version(mailvigil):
    assert mailvigil("--version") == (0, f"mailvigil {__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_refuses_an_option_that_it_does_not_have(mailvigil, verb):
    result = mailvigil(verb, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: mailvigil {verb} ")
    assert mailvigil(verb, "--no-such-option").code == 2


def test_an_unknown_verb_is_a_usage_error(mailvigil):
    result = mailvigil("reply")
    assert result.code == 2
    assert "invalid choice: 'reply'" in result.err


def said(mailvigil, code, text, *arguments, **options):
    """Call a verb that must fail: with this code, this text, and a hint; never a traceback."""
    result = mailvigil(*arguments, **options)
    assert result.code == code, result
    first, *more = result.err.splitlines()[-2:]
    assert text in result.err
    assert first.startswith("mailvigil: "), result.err
    assert [line[:2].isspace() and line[2:3].isalnum() for line in more] == [True], "a hint"
    assert "Traceback" not in result.err
    return result


TOML = [
    ("namspace = 'x'", "unknown key namspace, did you mean namespace?"),
    ("namespace =", "no TOML"),
    ("namespace = 'a'\nnamespace = 'b'", "no TOML"),
    ("[site]\nnetworks = ['192.0.2.1/24']", "has host bits set"),
    ("[sink.elasticsearch]\nhosts = ['https://es.example.org:9200']\napi_key = { file = '/nowhere' }", "/nowhere cannot be read"),
]


@pytest.mark.parametrize(("text", "text_said"), TOML)
@pytest.mark.parametrize("verb", ["run", "check", "alerts"])
def test_broken_settings_are_named_with_their_file(mailvigil, tmp_path, verb, text, text_said):
    path = tmp_path / "x.toml"
    path.write_text(text)
    result = said(mailvigil, 2, text_said, verb, *(["list"] if verb == "alerts" else []), "--config", path)
    assert "api_key" in text or str(path) in result.err


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("parsers__own", BROKEN_PARSER, "parsers/own.yaml:6:"),
        ("parsers__own", "parser: [\n", "parsers/own.yaml:2:1"),
        ("rules__own", BROKEN_RULE, "rules/own.yaml:"),
        ("exceptions__own", "title: x\ntitle: y\n", "exceptions/own.yaml:2:1"),
        ("overlay", "enable: [bf_ip]\nrulez: {}\n", "overlay.yaml:2:1"),
    ],
)
@pytest.mark.parametrize("verb", [("replay", "-"), ("explain", "x"), ("rules", "list")])
def test_broken_content_is_named_with_file_and_line(mailvigil, overlay, verb, name, text, place):
    folder = overlay(**{name: text})
    result = said(mailvigil, 3, place, *verb, "--overlay", folder)
    assert str(folder) in result.err


def test_content_that_cannot_be_read_is_named(mailvigil, overlay):
    folder = overlay()
    (folder / "rules").mkdir()
    (folder / "rules" / "latin.yaml").write_bytes(b"title: \xe4\n")
    (folder / "parsers").mkdir()
    (folder / "parsers" / "folder.yaml").mkdir()
    said(mailvigil, 3, "folder.yaml: cannot be read", "parsers", "list", "--overlay", folder)
    (folder / "parsers" / "folder.yaml").rmdir()
    said(mailvigil, 3, "latin.yaml: cannot be read", "rules", "list", "--overlay", folder)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("run", "--deadline", "soon", "--config", "{config}"), 2, "--deadline: 'soon' is no span of time"),
        (("run", "--config", "{folder}/none.toml"), 2, "no such file"),
        (("replay", "{folder}/none.log"), 4, "none.log does not exist"),
        (("replay", "{folder}"), 4, "is no regular file"),
        (("replay", "{log}", "{log}"), 2, "named twice"),
        (("replay", "{log}", "--timezone", "Mars/Olympus"), 2, "is no time zone"),
        (("replay", "{log}", "--overlay", "{folder}/none"), 2, "no such folder"),
        (("explain", "x", "--timezone", "Mars/Olympus"), 2, "is no time zone"),
        (("explain", "x", "--after", "{folder}/none.log"), 4, "does not exist"),
        (("explain",), 2, "no line to explain"),
        (("alerts", "list", "--config", "{config}"), 5, "there is no spool"),
        (("alerts", "list", "--since", "yesterday", "--config", "{config}"), 2, "--since: 'yesterday' is no span of time"),
        (("alerts", "show", "--config", "{config}"), 2, "needs an id"),
        (("rules", "test", "bf_iq"), 2, "no rule bf_iq"),
        (("rules", "list", "--overlay", "{folder}/none"), 2, "no such folder"),
    ],
)
def test_every_error_has_its_code_a_sentence_and_a_hint(mailvigil, tmp_path, log, config, arguments, code, text):
    places = {"folder": tmp_path, "log": log, "config": config()}
    said(mailvigil, code, text, *(one.format(**places) for one in arguments))


@pytest.mark.parametrize("value", ["2026-11-24", "tomorrow"])
def test_a_time_that_is_none_is_a_usage_error_in_plain_words(mailvigil, log, value):
    result = mailvigil("replay", log, "--since", value)
    assert result.code == 2
    assert "write 2026-11-24T10:00:00+00:00" in result.err
    assert mailvigil("replay", log, "--year", "99999").code == 2


def test_a_log_that_may_not_be_read_says_what_gives_permission(mailvigil, log, unprivileged):
    log.chmod(0o600)
    with unprivileged():
        result = said(mailvigil, 4, f"{log} cannot be read: Permission denied", "replay", log)
    assert f"setfacl -m u:nobody:r {log}" in result.err


def test_a_configuration_in_a_folder_that_may_not_be_entered_is_no_fault_of_the_program(mailvigil, tmp_path, unprivileged):
    (tmp_path / "locked").mkdir(0o700)
    with unprivileged():
        said(mailvigil, 2, "cannot be read: Permission denied", "check", "--config", tmp_path / "locked" / "mailvigil.toml")


def test_hostile_names_are_escaped(mailvigil, tmp_path):
    result = said(mailvigil, 4, "\\x1b[2J", "replay", tmp_path / "\x1b[2J\u202ex")
    assert "\x1b" not in result.err
    assert "\u202e" not in result.err


def test_each_kind_of_error_has_its_own_code_and_a_hint_of_its_own_or_of_its_kind(capsys):
    for kind, code in ((CollectorError, 1), (ConfigError, 2), (ContentError, 3), (SourceError, 4), (SpoolError, 5), (SinkError, 6), (StackError, 7)):
        assert module._failed(kind("x", hint="do this")) == code
        assert module._failed(kind("x")) == code
        assert kind.advice in capsys.readouterr().err


def test_a_fault_of_the_program_is_one_sentence_and_a_traceback_on_request(mailvigil, monkeypatch):
    def broken(_options):
        raise ValueError("x\x1b[2J")

    monkeypatch.setattr("collector.cli.demo_cmd.run", broken)
    result = said(mailvigil, 1, "ValueError: x\\x1b[2J", "demo")
    assert "MAILVIGIL_DEBUG=1" in result.err
    monkeypatch.setenv("MAILVIGIL_DEBUG", "1")
    with pytest.raises(ValueError, match="x"):
        mailvigil("demo")


def test_who_interrupts_it_is_not_shown_a_traceback(mailvigil, monkeypatch):
    def interrupted(_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("collector.cli.demo_cmd.run", interrupted)
    assert mailvigil("demo") == (130, "", "")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    path = tmp_path / "mail.log"
    path.write_text("".join(failure(n) for n in range(3000)))
    process = subprocess.Popen([sys.executable, "-m", "collector.cli.main", "replay", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b'{"')
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), errors) == (0, b"")


def test_the_module_can_be_run(tmp_path):
    result = in_a_shell("replay", tmp_path / "none.log")
    assert result.returncode == 4
    assert b"does not exist" in result.stderr

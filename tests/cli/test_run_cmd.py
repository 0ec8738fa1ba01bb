"""The service's verb: what it refuses to start with, and what one pass leaves and returns."""

import gzip
import json
import os
import signal
import threading

import pytest

from tests.cli.conftest import failure


def shipped(folder):
    return [json.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_text().splitlines()]


def test_one_pass(mailvigil, log, config, tmp_path):
    result = mailvigil("run", "--once", "--config", config())
    assert (result.code, result.out) == (0, "")
    assert "event='agent-start'" in result.err
    for _ in range(2):
        kinds = [document["event"]["action"] for document in shipped(tmp_path / "out")]
        assert (kinds.count("auth-failure"), kinds.count("rule-match")) == (12, 2), "an episode opens and ends, and nothing comes twice"
        assert mailvigil("run", "--once", "--config", config()).code == 0


def test_with_no_sink_the_archive_keeps_it(mailvigil, log, config, tmp_path):
    assert mailvigil("run", "--once", "--config", config(sink=False)).code == 0
    [file] = (tmp_path / "state" / "archive").glob("*dovecot*.gz")
    assert len(gzip.decompress(file.read_bytes()).splitlines()) == 12


def test_a_source_that_cannot_be_read_is_exit_4(mailvigil, log, config, tmp_path):
    (tmp_path / "folder").mkdir()
    result = mailvigil("run", "--once", "--deadline", "1s", "--config", config(sources=("mail.log", "folder")))
    assert result.code == 4
    assert "is no regular file; give the path of a log file" in result.err
    assert len(shipped(tmp_path / "out")) > 12


def test_what_could_not_be_sent_is_exit_6_and_goes_the_next_time(mailvigil, log, config, tmp_path):
    (tmp_path / "out").write_text("in the way")
    result = mailvigil("run", "--once", "--deadline", "100ms", "--config", config())
    assert result.code == 6
    assert "mail_agent_state='refused'" in result.err
    (tmp_path / "out").unlink()
    assert mailvigil("run", "--once", "--config", config()).code == 0
    assert len([one for one in shipped(tmp_path / "out") if one["event"]["action"] == "auth-failure"]) == 12


def test_a_state_that_cannot_be_used_is_exit_5(mailvigil, log, config, tmp_path):
    (tmp_path / "state").write_text("in the way")
    result = mailvigil("run", "--once", "--config", config())
    assert result.code == 5
    assert "must belong to the user" in result.err


def test_a_host_without_mail_logs_is_told_what_to_write(mailvigil, config, monkeypatch, tmp_path):
    monkeypatch.setattr("collector.agent.roster.DEFAULTS", (str(tmp_path / "none.log"),))
    monkeypatch.setattr("collector.sources.journalctl.ROOTS", ())
    result = mailvigil("run", "--config", config(sources=()))
    assert result.code == 2
    assert "[[source.file]]" in result.err


def test_a_rule_that_does_not_exist_is_said(mailvigil, log, config):
    assert "unknown rule in the settings: bf_iq" in mailvigil("run", "--once", "--config", config("[rules.bf_iq]\nthreshold = 3\n")).err


def test_broken_content_of_the_host_is_told_and_everything_else_goes_on(mailvigil, log, config, tmp_path):
    (tmp_path / "content" / "rules.d").mkdir(parents=True)
    (tmp_path / "content" / "rules.d" / "own.yaml").write_text("title: [\n")
    result = mailvigil("run", "--once", "--config", config())
    assert result.code == 0
    assert "mail_agent_subject='rules' mail_agent_state='degraded'" in result.err
    assert "rules.d/own.yaml:2:1" in result.err
    assert [document["event"]["action"] for document in shipped(tmp_path / "out")].count("rule-match") == 2


def test_broken_shipped_content_is_exit_3(mailvigil, log, config, tmp_path, monkeypatch):
    (tmp_path / "shipped" / "rules").mkdir(parents=True)
    (tmp_path / "shipped" / "rules" / "x.yaml").write_text("title: [\n")
    monkeypatch.setattr("collector.content.root", lambda: tmp_path / "shipped")
    result = mailvigil("run", "--once", "--config", config())
    assert result.code == 3
    assert "rules/x.yaml:2:1" in result.err
    assert not (tmp_path / "state").exists(), "nothing is opened before all content is read"


@pytest.fixture(autouse=True)
def _handlers():
    """Put back the signal handlers of the test runner."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_service_runs_until_it_is_told_to_stop(mailvigil, log, config, tmp_path):
    def watch():
        for _ in range(2000):
            if any("auth-failure" in file.read_text() for file in (tmp_path / "out").glob("*dovecot*")):
                break
            pause.wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    pause = threading.Event()
    path = config()
    path.write_text(path.read_text().replace(f'path = "{log}"', f'path = "{log}"\nstart = "beginning"'))
    watcher = threading.Thread(target=watch)
    watcher.start()
    result = mailvigil("run", "--config", path)
    watcher.join()
    assert result.code == 0
    assert "event='agent-stop' event_reason='terminated by signal 15'" in result.err


def test_log_text_on_stderr_cannot_move_a_cursor(mailvigil, log, config):
    log.write_text(failure(user="\x1b[2J\u202e@example.org"))
    result = mailvigil("run", "--once", "--config", config())
    assert not {"\x1b", "\u202e"} & set(result.err + result.out)

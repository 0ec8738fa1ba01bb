"""The whole road on the bundled log, for somebody who has just installed it."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from collector.cli import demo_cmd
from collector.report.alerts import LEVELS, alerts
from collector.report.summary import summarise


def test_it_shows_alerts_worst_first_what_belongs_together_and_what_to_do_next(mailvigil, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = mailvigil("demo")
    assert result.code == 0
    rows = [line.split() for line in result.out.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    levels = [row[1] for row in rows]
    assert levels == sorted(levels, key=LEVELS.index)
    assert len({row[2] for row in rows}) >= 10
    assert all(row[-1].startswith("PB-") and row[-2].isdecimal() for row in rows)
    assert re.search(r"carol@example.org, 203.0.113.77, mx1: 06:37:04 bf_success, .*remote_says_listed, .* send_volume_user", result.out)
    assert "mailvigil check" in result.out
    assert "99.9 % parsed, 3 unknown" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["demo-report.html"], "no state is left"
    assert "A bad day of mx1.example.org" in tmp_path.joinpath("demo-report.html").read_text("utf-8")
    assert "Open demo-report.html" in result.out


def test_the_report_goes_where_it_is_wanted_or_nowhere(mailvigil, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "Open" not in mailvigil("demo", "--no-report").out
    assert list(tmp_path.iterdir()) == []
    mailvigil("demo", "--output", "day.html")
    assert [path.name for path in tmp_path.iterdir()] == ["day.html"]


def test_a_report_that_cannot_be_written_is_said_after_the_table(mailvigil, tmp_path):
    result = mailvigil("demo", "--output", tmp_path / "missing" / "x.html")
    assert result.code == 5
    assert "client_says_expired" in result.out
    assert "--no-report" in result.err


def test_json_is_the_table_for_programs(mailvigil):
    result = mailvigil("demo", "--no-report", "--json")
    told = json.loads(result.out)
    assert told["report"] is None
    assert told["lines"] > 6000
    takeover = next(one for one in told["alerts"] if one["rule"] == "bf_success")
    assert takeover["key"] == {"user.name": "carol@example.org", "source.ip": "203.0.113.77"}
    assert (takeover["level"], takeover["playbook"], takeover["time"]) == ("high", "PB-AUTH-04", "2026-11-24T06:37:04.000Z")


def test_the_steps_for_the_worst_alert(mailvigil):
    plain, steps = mailvigil("demo", "--no-report").out, mailvigil("demo", "--no-report", "--playbook").out
    assert "PB-CERT-02: " in steps
    assert len(steps) > len(plain) + 500
    assert "{{" not in steps


def test_names_of_attackers_do_nothing_to_a_terminal(capsys):
    group, rule = ["user.name=\x1b[2J[red]x\u202e"], {"id": "r", "name": "t"}
    alert = {"episode": "e", "group": group, "count": 1, "first_seen": "2026-11-24T10:00:00Z", "last_seen": "2026-11-24T10:00:00Z", "event_ids": [], "evidence": []}
    document = {"@timestamp": "2026-11-24T10:00:00Z", "event": {"id": "i", "severity": 99, "reason": ""}, "rule": rule, "mail": {"alert": alert}}
    assert len(alerts([document])) == 1
    demo_cmd._print(summarise({}, [document], None))
    assert "\\u001b[2J[red]x\\u202e" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_levels_have_colours_and_lines_their_width(columns):
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "collector.cli.main", "demo", "--no-report"]
    process = subprocess.Popen(command, stdout=terminal, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment)
    os.close(terminal)
    said = b""
    while True:
        try:
            read = os.read(controller, 65536)
        except OSError:  # how the end of a terminal reads
            break
        if not read:
            break
        said += read
    os.close(controller)
    assert process.wait() == 0
    text = said.decode().replace("\r\n", "\n")
    assert "\x1b[1;37;41mcritical" in text
    table = re.sub(r"\x1b\[[0-9;]*m", "", text).partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) > 20
    assert max(map(len, table)) <= columns

"""What the product says, word by word: documents of lines, alerts, explanations, the demo. Read as diffs; nothing here knows the wall clock."""

import io
import re
from functools import cache
from pathlib import Path

import pytest

from collector import content
from collector.agent import assembly
from collector.cli.main import main
from collector.config.settings import Overlay
from collector.model import json
from collector.model.alert import Alert
from collector.model.document import Batch
from collector.model.identity import Identity
from collector.model.record import SourceInfo
from collector.pipeline.replay import Summary, replay
from collector.sources.whole import read_whole
from collector.spool.store import SinkSpec, Spool

HERE = Path(__file__).parent
LINES = sorted(HERE.glob("lines/*.log"))
NEAR = 1_795_600_000_000
"""2026-11-25T09:46:40Z: when the lines arrived; stamps without a year are of 2026."""

ALERTS = ("bf_ip", "client_says_expired")
EXPLAINED = {
    "a-failed-login": "2026-11-24T10:00:00+00:00 mx1 dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): "
    "user=<bob@example.org>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS, session=<TnYT7gJhEsTLAHEH>",
    "a-line-that-nothing-takes": "2026-11-24T10:00:00+00:00 mx1 postfix/pickup[12]: \x1b[31mred\u202e",
    "another-program": "2026-11-24T10:00:00+00:00 mx1 sshd[12]: Accepted publickey for root",
    "a-password": "2026-11-24T10:00:00+00:00 mx1 dovecot: auth: passwd-file(alice,203.0.113.7,<TnYT7gJhEsTLAHEH>): Password mismatch (given password: sesame)",
}


@cache
def loaded():
    return assembly.load_content(overlay=Overlay.model_validate({"site": {"domains": ["example.org"]}}))


def walk(path, name):
    pipeline = assembly.road(loaded(), Identity(), live=False)
    return replay(pipeline, {name: read_whole(str(path), SourceInfo(name, path=f"/var/log/{name}"), NEAR)}, Summary())


def pretty(bodies):
    documents = [ordered(json.loads(body)) for body in bodies]
    for document in documents:
        document["agent"].pop("version")
    return json.pretty(documents).decode() + "\n"


def ordered(value):
    """Sort the members of objects: their order in a document says nothing."""
    return {name: ordered(value[name]) for name in sorted(value)} if isinstance(value, dict) else value


def shown(out):
    """Leave out what differs from edit to edit: blanks at line ends, the lines of a shape in its file."""
    text = re.sub(r"(\.yaml):[0-9]+:[0-9]+", r"\1", out)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_the_documents_of_lines(path, golden):
    golden(path.with_suffix(".json"), pretty(rendered.document.body for _, rendered in walk(path, path.name)))


@cache
def alerts():
    found = {}
    for subject, rendered in walk(content.root() / "deploy/demo/bad-day.log", "mail.log"):
        if isinstance(subject, Alert):
            found.setdefault(subject.rule.name, rendered.alert)
    return found


@pytest.mark.parametrize("rule", ALERTS)
def test_the_document_of_an_alert(rule, golden):
    golden(HERE / "alerts" / f"{rule}.json", pretty([alerts()[rule].body]))


@pytest.mark.parametrize("rule", ALERTS)
def test_an_alert_as_it_is_shown(rule, golden, tmp_path, capsys):
    spool = Spool.open(tmp_path)
    spool.configure([SinkSpec("archive")])
    spool.commit(spool.pack(Batch(alerts=[alerts()[rule]])), NEAR)
    spool.close()
    assert main(["alerts", "show", alerts()[rule].id[:12], "--state-dir", str(tmp_path)]) == 0
    golden(HERE / "alerts" / f"{rule}.txt", shown(capsys.readouterr().out))


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_line_explained(name, golden, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(EXPLAINED[name].encode() + b"\n")))
    assert main(["explain"]) == 0
    golden(HERE / "explain" / f"{name}.txt", shown(capsys.readouterr().out))


def test_the_table_of_the_demo(golden, capsys):
    assert main(["demo", "--no-report"]) == 0
    golden(HERE / "demo.txt", shown(capsys.readouterr().out))


def test_no_golden_file_is_left_over():
    made = {path.with_suffix(".json") for path in LINES} | {HERE / "alerts" / f"{rule}{suffix}" for rule in ALERTS for suffix in (".json", ".txt")}
    made |= {HERE / "explain" / f"{name}.txt" for name in EXPLAINED} | {HERE / "demo.txt"}
    assert {path for path in HERE.rglob("*") if path.suffix in (".json", ".txt")} == made

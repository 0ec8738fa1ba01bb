"""What the pages on the design say of files, of one line and of the layers."""

import re
import sqlite3
from contextlib import closing

import pytest

from collector.agent import assembly
from collector.model.alert import Alert
from collector.model.identity import Identity
from collector.model.record import Position, Record, SourceInfo
from collector.pipeline.replay import Summary, replay
from collector.spool.store import Spool
from tests.architecture.test_house import FLOORS
from tests.support.markdown import ROOT, name, pages

ROAD = ROOT / "docs" / "design" / "road.md"
NEAR = 1_795_600_000_000
FILE = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:py|yaml|md|toml|grok))?|[\w-]+\.py)`")
WRITTEN = [path for path in pages() if "reference" not in path.parts and "playbooks" not in path.parts]
ELSEWHERE = ("/", "mine/", "rules.d/", "parsers.d/", "exceptions.d/", "exceptions/", "conf.d/", "archive/", "changelog.d/NAME.md")


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_every_file_that_is_named_is_there(path):
    for match in FILE.finditer(path.read_text("utf-8")):
        if not match[1].startswith(ELSEWHERE):
            assert any((base / match[1]).exists() for base in (ROOT, ROOT / "collector", path.parent)), match[1]


def example():
    return re.search(r"^ {4}(Nov 24 .*)$", ROAD.read_text("utf-8"), re.MULTILINE)[1]


def test_the_example_line_becomes_what_the_page_says():
    info = SourceInfo("mail.log", path="/var/log/mail.log")
    lines = [example().replace("03:40:00", f"03:40:{second:02}").encode() for second in range(5)]
    records = [Record(info, line, NEAR, Position((b"lineage", number.to_bytes(8, "big")), b"")) for number, line in enumerate(lines)]
    pipeline = assembly.road(assembly.load_content(), Identity(), live=False)
    told = list(replay(pipeline, {"mail.log": records}, Summary()))
    events = [(subject, rendered) for subject, rendered in told if not isinstance(subject, Alert)]
    assert [(subject.shape.name, subject.shape.action) for subject, _ in events] == [("dovecot.login.auth-failed", "auth-failure")] * 10
    assert {rendered.stream for _, rendered in events} == {"logs-mail.dovecot-default"}
    [(alert, rendered)] = [(subject, rendered) for subject, rendered in told if isinstance(subject, Alert)]
    assert (alert.rule.name, dict(alert.group), alert.playbook.id, rendered.stream) == ("bf_ip", {"source.ip": "203.0.113.9"}, "PB-AUTH-01", "logs-mail.alert-default")
    assert set(alert.evidence) == {line.decode() for line in lines}


def test_the_drawing_of_the_floors_is_the_house():
    drawn = re.findall(r"^ {4}([1-6])  (.*)$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "collector").iterdir() if path.name not in ("__init__.py", "__pycache__", "_content")}
    assert {room: int(floor) for floor, text in drawn for room in re.findall(r"(\w+)(?:/|\.py)", text)} == {room: FLOORS[room] for room in rooms}


def test_every_decision_is_in_the_list_and_has_its_three_parts():
    folder = ROOT / "docs" / "decisions"
    records = sorted(path for path in folder.glob("[0-9]*.md"))
    listed = re.findall(r"^\| \[(\d{4})\]\(([\w-]+\.md)\) \| (.*) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [file for _, file, _ in listed] == [path.name for path in records]
    for (number, _, title), path in zip(listed, records, strict=True):
        text = path.read_text("utf-8")
        assert text.startswith(f"# {number} {title}\n")
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


def test_the_page_on_the_spool_has_every_table_and_column_in_its_order(tmp_path):
    Spool.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "spool.db")) as db:
        tables = {table: [column for _, column, *_ in db.execute(f"pragma table_info({table})")] for (table,) in db.execute("select name from sqlite_schema where type = 'table'")}
        version = db.execute("pragma user_version").fetchone()[0]
    text = (ROOT / "docs" / "design" / "spool-format.md").read_text("utf-8")
    said = {}
    for section in text.split("\n### `")[1:]:
        table, _, rest = section.partition("`")
        said[table] = re.findall(r"^\| `(\w+)` \|", rest.partition("\n## ")[0], re.MULTILINE)
    assert said == tables
    assert re.findall(r"^\| (\d+) \| ", text.partition("\n## Versions")[2], re.MULTILINE)[-1] == str(version)

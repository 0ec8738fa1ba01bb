"""Everything that any part of the collector tells about itself is told in real runs here, and the vocabulary takes it."""

import os
import re

from collector import content
from collector.model.document import Delivery
from collector.sinks.file import FileOptions
from collector.spool.losses import Losses
from collector.spool.store import SinkSpec
from tests.agent.test_health import Told
from tests.support.station import FaultySink, rejected

TOLD = re.compile(r'(?:Fact\(|self\._add\(|births\.event\([^"]*)\s*"([a-z-]+)"')


def told_in_the_source():
    found = set()
    for path in (content.root() / "collector").rglob("*.py"):
        found |= set(TOLD.findall(path.read_text()))
    return found


def there_already(parcel):
    return Delivery(duplicates=parcel.count)


def test_every_fact_that_can_be_told_is_told_and_becomes_a_document(station):
    station.settings["spool"] = {"max_bytes": "16 KiB", "min_free": "1 B", "overflow": "alerts_only"}
    sink, archive = (FaultySink(name, FileOptions(path=str(station.path(name)))) for name in ("file", "archive"))
    station.sinks = [(sink, SinkSpec("file")), (archive, SinkSpec("archive", required=False))]
    station.start(once=True)
    station.parts.health.started()
    station.write(station.failure(ahead=3_600_000))
    station.settle()
    for turn, fault in enumerate((rejected(1), there_already)):  # documents that are refused, and some that are there already
        sink.faults = [fault]
        station.write(*[station.failure(user=f"a{turn}{n}@example.org") for n in range(3)])
        station.settle()
    sink.away = archive.away = True
    for turn in range(25):  # a server that is away: the spool overflows, and the sink that is not required misses documents
        station.write(*[station.failure(user=f"b{turn}-{n}@example.org", ip=f"203.0.113.{n}") for n in range(100)])
        station.round(1000)
    sink.away = archive.away = False
    station.now += 3_600_000
    station.settle()
    station.feeder._pipeline.detector.windows.size.budget = 2000
    station.write(*[station.failure(user=f"c{n}@example.org", ip=f"198.51.100.{n}") for n in range(200)])
    station.settle()
    station.path().write_bytes(b"")  # a log that was cut off, with no rotated copy
    station.write("something else")
    for _ in range(10):
        station.settle(2000)
    station.write("x" * 100)
    os.truncate(station.path(), 20)
    station.settle(2000)
    station.stop()
    station.sinks.pop()
    station.start(once=True)
    station.settle()
    station.stop()
    for file in station.path("state").glob("spool.db*"):
        file.unlink()
    station.sinks = None
    station.start(once=True)
    station.settle()
    station.stop()
    station.start(once=True)
    station.settle()
    station.reload().step()
    station.settle()
    documents = [*station.documents("agent", "file"), *station.documents("agent", "out")]
    assert {document["event"]["action"] for document in documents} == told_in_the_source()
    states = {(one["subject"], one["state"]) for one in (document["mail"]["agent"] for document in documents if document["event"]["action"] == "agent-health")}
    assert {("sink", "degraded"), ("sink", "unavailable"), ("sink", "ok"), ("spool", "degraded"), ("spool", "ok"), ("spool", "lost")} <= states


def test_what_the_spool_gives_up_is_in_the_vocabulary():
    losses, told = Losses(), Told()
    losses.overflow({"logs-mail.postfix-default": 3}, 0)
    losses.missed("archive", {"logs-mail.postfix-default": 3}, 0)
    losses.dead_letters_gone("es", 1, 0)
    losses.damaged("memory of detect.windows", 1, 0)
    for fact in losses.facts():
        told(fact)
    assert len(told.facts) == 4

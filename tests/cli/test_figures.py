import os

import pytest

from collector.cli import figures
from collector.config.settings import Settings
from collector.spool.store import Spool
from tests.support.station import Station


@pytest.fixture
def station(tmp_path, monkeypatch):
    made = Station(tmp_path, monkeypatch)
    yield made
    made.crash()


@pytest.mark.parametrize(("number", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 30, "3.0 GiB")])
def test_sizes_are_for_people(number, text):
    assert figures.size(number) == text


def test_times_are_as_in_documents():
    assert figures.when(None) is None
    assert figures.when(0) == "1970-01-01T00:00:00.000Z"


def read(station, ask):
    with Spool.read(station.path("state")) as reader:
        return ask(reader)


def test_a_source_says_how_many_bytes_lie_behind_it(station):
    station.write("early")
    station.start()
    station.write(station.connect())
    station.settle()
    name, size = str(station.path()), station.path().stat().st_size
    [found] = read(station, lambda reader: figures.sources(reader, {}))
    assert found == {"name": name, "offset": size, "behind": 0, "at_end": None, "error": None}
    station.write("x" * 99)
    [found] = read(station, lambda reader: figures.sources(reader, {name: {"at_end": False, "error": "why"}}))
    assert (found["behind"], found["at_end"], found["error"]) == (100, False, "why")
    os.truncate(station.path(), 1)
    assert read(station, lambda reader: figures.sources(reader, {}))[0]["behind"] is None
    station.path().rename(station.path("mail.log.1"))
    assert read(station, lambda reader: figures.sources(reader, {}))[0]["behind"] is None
    assert [one["name"] for one in read(station, lambda reader: figures.sources(reader, {"journal": {"at_end": True, "error": None}}))] == [name, "journal"]


def test_what_counts_against_the_limit_is_what_the_slowest_required_sink_lacks(station):
    station.settings["sink"]["archive"] = {"path": str(station.path("archive"))}
    station.write("early")
    station.start()
    for shipper in station.parts.shippers:
        shipper.step = lambda: False
    station.write(station.connect())
    for _ in range(20):
        station.round()
    settings = Settings.model_validate(station.settings)
    found = read(station, lambda reader: figures.spool(reader, station.path("state"), settings))
    waiting = {(one["sink"], one["stream"]): one["bytes"] for one in found["waiting"]}
    assert found["waiting_bytes"] == sum(size for (sink, _), size in waiting.items() if sink == "file") == station.spool._backlog.waiting > 0
    assert {sink for sink, _ in waiting} == {"file", "archive"}
    assert found["max_bytes"] == 1 << 30
    assert found["disk"]["ballast"] is True
    assert found["files"]["log"] > 0
    [archive, file] = read(station, lambda reader: figures.sinks(reader, found["waiting"], [{"subject": "sink", "name": "file", "state": "refused", "reason": "no", "time": 0}]))
    assert (file["state"], file["reason"], file["since"], file["last_delivery"]) == ("refused", "no", "1970-01-01T00:00:00.000Z", None)
    assert (archive["state"], archive["reason"]) == ("ok", None)
    assert file["bytes"] == found["waiting_bytes"]

"""How all of it stands, from a real agent: while it runs, after it ended, and after it was killed."""

import json

import pytest

from collector.agent.health import health
from collector.config.settings import FileSinkSettings
from collector.spool.store import SinkSpec
from tests.support.station import FaultySink, Station

MINUTE = 60_000


@pytest.fixture
def station(tmp_path, monkeypatch):
    made = Station(tmp_path, monkeypatch)
    made.write("early")
    made.sink = FaultySink("file", FileSinkSettings(path=str(made.path("out"))))
    made.sinks = [(made.sink, SinkSpec("file"))]
    made.start()
    made.parts.health.started()
    made.settle()
    yield made
    made.crash()


@pytest.fixture
def status(mailvigil, config):
    path = config()

    def asked(code):
        result = mailvigil("status", "--config", path, "--json")
        assert result.code == code, result.out
        shown = mailvigil("status", "--config", path)
        assert shown.code == code
        return json.loads(result.out), shown.out

    return asked


def later(station, ms):
    station.now += ms
    station.settle()


def test_a_service_that_runs_well(station, status):
    later(station, MINUTE)
    for number in range(12):
        station.write(station.failure(user=f"u{number}@example.org", ahead=-50))
    station.write(f"{station.stamp()} mx1 postfix/smtpd[9]: something that no shape takes", f"{station.stamp()} mx1 cron[1]: x")
    later(station, 1000)
    later(station, MINUTE)
    found, shown = status(0)
    assert (found["state"], found["problems"]) == ("running", [])
    assert found["rules"] > 10
    assert (found["lines"]["read"], found["lines"]["irrelevant"], found["lines"]["unparsed"], found["lines"]["per_minute"]) == (14, 1, 1, 14)
    assert found["lines"]["unparsed_percent"] == round(100 / 13, 2)
    [source] = found["sources"]
    assert (source["name"], source["behind"], source["at_end"], source["error"]) == (str(station.path()), 0, True, None)
    [sink] = found["sinks"]
    assert (sink["name"], sink["state"], sink["documents"]) == ("file", "ok", 0)
    assert sink["last_delivery"]
    assert found["alerts"][0]["rule"] == "bf_ip"
    for part in ("running", "14 read, 14 a minute", "7.69 % of the rest unparsed", "at its end", "Last alerts", "bf_ip", "all is well"):
        assert part in shown, part


def test_a_sink_that_is_away_says_why_and_since_when(station, status):
    station.sink.away = True
    station.write(station.connect())
    for _ in range(10):
        station.round(400)
    found, shown = status(1)
    [sink] = found["sinks"]
    assert (sink["state"], sink["reason"]) == ("unavailable", "the server is away; wait")
    assert sink["documents"] > 0
    assert sink["oldest"]
    assert found["problems"] == ["sink file: unavailable: the server is away; wait"]
    assert "! sink file: unavailable: the server is away; wait" in shown
    station.sink.away = False
    station.settle(2000)
    assert status(0)[0]["sinks"][0]["state"] == "ok"


def test_what_merely_happened_is_a_matter_of_one_day(station, status):
    station.feeder.tell(health("sink", "degraded", "a file is gone", sink="file"))
    station.feeder.tell(health("content", "degraded", "own.yaml was not loaded: \x1b[2J"))
    station.settle()
    found, shown = status(1)
    assert len(found["problems"]) == 2
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown
    for _ in range(25):
        later(station, 60 * MINUTE)
    found, _ = status(0)
    assert ("content", "degraded") in {(one["subject"], one["state"]) for one in found["health"]}


def test_a_log_that_cannot_be_read(station, status, monkeypatch):
    station.path().unlink()
    station.path().mkdir()
    for _ in range(10):
        station.round(1000)
    found, shown = status(1)
    assert found["sources"][0]["error"]
    assert f"! {station.path()} cannot be read" in shown
    assert "unreadable" in shown


def test_dead_letters_and_a_full_spool_are_told(station, status):
    station.spool._db.run("insert into dead_letter(time, sink, stream, document_id, reason, body) values(0, 'file', 'logs-mail.x-default', 'd', 'why', x'00')")
    station.spool._ballast.give()
    found, _ = status(1)
    assert found["problems"] == ["the disk was full: nothing is read until there is room", "1 documents were refused by a sink: mailvigil spool dead list"]


def test_one_that_was_stopped_and_one_that_was_killed(station, status):
    station.stop()
    found, shown = status(0)
    assert (found["state"], found["problems"]) == ("stopped", [])
    assert "stopped" in shown.splitlines()[0]
    station.start()
    station.settle()
    assert status(0)[0]["state"] == "running"
    station.crash()
    station.now += 4 * MINUTE
    found, shown = status(1)
    assert found["state"] == "silent"
    assert "was killed, or stands still" in shown


def test_a_spool_in_which_no_agent_has_said_anything(station, status):
    station.spool._db.run("update meta set standing = null")
    found, shown = status(1)
    assert (found["state"], found["lines"], found["rules"]) == ("silent", None, None)
    assert "last heard of never" in shown

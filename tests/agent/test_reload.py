"""SIGHUP: new content and credentials without a lost line, window or session, or the old ones and the reason."""

import os
import signal
import socket
import threading

import pytest

from collector.agent import assembly
from collector.agent.agent import catch_signals
from collector.config.settings import Settings
from collector.errors import ConfigError
from collector.sinks.file import FileOptions
from collector.spool.store import SinkSpec
from tests.agent.test_own_files import PARSER, RULE
from tests.support.station import FaultySink

LOGIN = "mx1 mailgarden[77]: login of bob@example.org refused, client 203.0.113.9"


def put(station, path, text):
    file = station.path("content") / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def users(station):
    return [document["user"]["name"] for document in station.documents("dovecot") if document["event"]["action"] == "auth-failure"]


def alerts(station):
    return [document["rule"]["id"] for document in station.documents("alert") if document["mail"]["alert"]["step"] == "0"]


def reloaded(station):
    return [(document["event"]["outcome"], document["event"]["reason"]) for document in station.documents("agent") if document["event"]["action"] == "content-reloaded"]


def fail(station, *numbers):
    station.write(*[station.failure(user=f"u{n:02}@example.org") for n in numbers])


def test_a_new_rule_and_parser_are_in_use_and_nothing_comes_twice(station):
    station.start(once=True)
    fail(station, 1, 2)
    station.write(f"{station.stamp()} {LOGIN}")
    station.settle()
    put(station, "parsers.d/mailgarden.yaml", PARSER)
    put(station, "rules.d/role.yaml", RULE)
    station.reload().step()
    station.write(f"{station.stamp()} {LOGIN}", *[station.failure(user=f"abuse@d{n}.example") for n in range(3)])
    station.settle()
    assert users(station) == ["u01@example.org", "u02@example.org", "abuse@d0.example", "abuse@d1.example", "abuse@d2.example"]
    assert [document["event"]["action"] for document in station.documents("filter")] == ["auth-failure"], "the line before was of no mail program"
    assert alerts(station) == ["role_account_guessing"]
    assert reloaded(station) == [("success", "in use from now on")]
    assert len({document["event"]["id"] for document in station.documents()}) == len(station.documents())


@pytest.mark.parametrize("cut", range(1, 12))
def test_windows_and_sessions_go_on_wherever_it_comes(station, cut):
    station.start(once=True)
    tls = "TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)"
    station.write(f"{station.stamp()} mx1 postfix/smtpd[12]: Anonymous TLS connection established from unknown[203.0.113.9]: {tls}")
    fail(station, *range(cut))
    station.settle()
    reload = station.reload()
    fail(station, *range(cut, 12))
    station.write(f"{station.stamp()} mx1 postfix/smtpd[12]: disconnect from unknown[203.0.113.9] ehlo=1 quit=1 commands=2")
    reload.step()
    station.settle()
    assert users(station) == [f"u{n:02}@example.org" for n in range(12)]
    assert sorted(alerts(station)) == ["bf_ip", "spray_ip"]
    [end] = [document for document in station.documents("postfix") if document["event"]["action"] == "smtp-disconnect"]
    assert end["tls"]["version"] == "1.2", "lent by a line before the reload"


def test_what_was_read_and_not_taken_is_opened_by_the_new_parsers(station):
    station.settings["source"] = {"file": [{"path": str(station.path(name))} for name in ("mail.log", "other.log")]}
    station.write(station.failure(user="first@example.org"), name="other.log")
    station.start(once=True)
    station.settle()
    station.write(f"{station.stamp(1000)} {LOGIN}")
    station.feeder._walk(10)
    assert "mail.log" in str(station.path()), "other.log is not at its end for long enough: nothing was taken"
    lanes = {lane.name: lane for lane in station.feeder._pipeline.merge._lanes}
    assert not lanes[str(station.path())].taken_up
    put(station, "parsers.d/mailgarden.yaml", PARSER)
    station.reload().step()
    station.settle()
    assert [document["event"]["action"] for document in station.documents("filter")] == ["auth-failure"]


def test_the_settings_of_a_rule_and_of_the_site_are_in_use(station):
    station.start(once=True)
    fail(station, 1, 2)
    station.settle()
    station.settings |= {"rules": {"bf_ip": {"threshold": 3}}, "site": {"domains": ["example.org"]}}
    station.reload().step()
    station.settle()
    assert station.feeder._pipeline.detector.rules.active["bf_ip"].correlation.threshold == 3
    fail(station, 3, 4, 5)
    station.settle()
    assert alerts(station) == ["bf_ip"], "a changed rule begins with an empty window"


@pytest.mark.parametrize("kind", ["rules", "parsers"])
def test_content_that_does_not_load_leaves_the_old_in_use_and_is_told(station, kind):
    path, text = {"rules": ("rules.d/role.yaml", RULE), "parsers": ("parsers.d/mailgarden.yaml", PARSER)}[kind]
    put(station, path, text)
    station.start(once=True, loaded=assembly.settled_content(Settings.model_validate(station.settings)))
    station.parts.health.started()
    file = put(station, path, "title: x\n")
    road = station.feeder._pipeline
    reload = station.reload()
    reload.step()
    station.settle()
    assert station.feeder._pipeline is road
    assert reloaded(station) == [("failure", "1 files of the host do not load: mailvigil check names them")]
    [told] = [document for document in station.documents("agent") if document["event"]["action"] == "agent-health"]
    assert told["event"]["reason"].startswith(f"not reloaded, the old ones stay: {file}:1")
    assert (told["mail"]["agent"]["subject"], told["mail"]["agent"]["state"]) == (kind, "degraded")
    file.write_text(text)
    reload.ask()
    reload.step()
    station.settle()
    assert station.feeder._pipeline is not road
    assert station.health() == [(kind, "degraded"), (kind, "ok")]


def test_settings_that_do_not_load_leave_the_old_in_use(station):
    station.start(once=True)
    road = station.feeder._pipeline
    reload = station.reload()

    def refused():
        raise ConfigError("no TOML", hint="look")

    reload._read = refused
    reload.step()
    station.settle()
    assert station.feeder._pipeline is road
    assert reloaded(station) == [("failure", "no TOML; look")]


def test_what_needs_a_restart_is_said_and_stays(station):
    station.start(once=True)
    reload = station.reload()
    station.settings["source"] = {"file": [{"path": str(station.path("other.log"))}]}
    station.settings["sink"] = station.settings["sink"] | {"archive": {}}
    fail(station, 1)
    station.write(station.failure(user="other@example.org"), name="other.log")
    for _ in range(2):
        reload.step()
        station.settle()
        reload.ask()
    assert users(station) == ["u01@example.org"]
    assert reloaded(station) == [("success", "in use from now on; a restart is needed for: source, which sinks there are, and what each gets")] * 2


def test_a_parcel_in_flight_goes_through_the_new_sink_once(station):
    options = FileOptions(path=str(station.path("out")))
    old, new = FaultySink("file", options), FaultySink("file", options)
    station.sinks = [(old, SinkSpec("file"))]
    old.away = True
    station.start(once=True)
    fail(station, 1)
    for _ in range(10):
        station.round(1000)
    assert users(station) == []
    reload = station.reload()
    station.sinks = [(new, SinkSpec("file"))]
    reload.step()
    station.settle(0)
    assert users(station) == ["u01@example.org"], "it does not wait for the end of the pause"
    assert station.parts.shippers[0].sink is new
    assert ("sink", "ok") in station.health()


def test_a_lap_that_was_running_is_not_mixed_with_the_new_memory(station):
    station.start(once=True)
    fail(station, *range(5))
    station.settle()
    laps = station.spool._laps
    laps._least = 0
    laps.grown = dict.fromkeys(laps.grown, (1, 0))
    fail(station, 5)
    station.round(400)
    old = dict(laps._running)
    assert old
    station.reload().step()
    fail(station, *range(6, 12))
    station.settle()
    assert all(whose is not old.get(owner, (None,))[0] for owner, (whose, _) in laps._running.items())
    station.crash()
    station.start(once=True)
    station.settle()
    assert sorted(alerts(station)) == ["bf_ip", "spray_ip"]
    assert users(station) == [f"u{n:02}@example.org" for n in range(12)]


def test_counts_since_the_start_go_on(station):
    station.start(once=True)
    fail(station, 1, 2)
    station.settle()
    station.reload().step()
    fail(station, 3)
    station.settle()
    assert station.feeder._pipeline.engine.counts["lines"] == 3


def test_the_service_hears_the_signal_and_systemd_is_told(station, monkeypatch, tmp_path):
    monkeypatch.undo()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    station.settings["source"]["file"][0]["start"] = "beginning"
    fail(station, 1)
    heard, done = [], threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def systemd():
            while "STOPPING=1" not in heard:
                heard.append(listener.recv(1000).decode().partition("\n")[0])
                if heard == ["READY=1"]:
                    os.kill(os.getpid(), signal.SIGHUP)
                elif heard[-2:] == ["RELOADING=1", "READY=1"]:
                    os.kill(os.getpid(), signal.SIGTERM)
            done.set()

        thread = threading.Thread(target=systemd)
        thread.start()
        agent = station.start(signals=catch_signals())
        reload = station.reload()
        reload._asked = False
        reload.listen()
        try:
            assert agent.serve(reload) == 0
        finally:
            thread.join(30)
            station.agent = None
            for number, handler in before.items():
                signal.signal(number, handler)
    assert done.is_set()
    assert heard == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    monkeypatch.delenv("NOTIFY_SOCKET")
    station.once(5)
    assert reloaded(station) == [("success", "in use from now on")]
    assert users(station) == ["u01@example.org"]

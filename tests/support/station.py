"""One host in a folder, walked by hand: real logs, sources, content, spool and sinks. Only the clock is set."""

import json
import os
import time
from datetime import UTC, datetime
from functools import cache

from collector.agent import assembly
from collector.agent.reload import Reload
from collector.config.settings import Settings
from collector.errors import SinkRefused, SinkUnavailable
from collector.model.document import Delivery
from collector.sinks.file import FileSink


@cache
def content():
    return assembly.load_content()


class Station:
    """``settings`` are those of the configuration file; one log, ``mail.log``, is read unless they say otherwise."""

    def __init__(self, folder, monkeypatch, **settings):
        self.folder = folder
        self.now = time.time_ns() // 1_000_000
        self.settings = {
            "state_dir": str(folder / "state"),
            "content_dir": str(folder / "content"),
            "host": "mx1",
            "source": {"file": [{"path": str(folder / "mail.log")}]},
            "sink": {"file": {"path": str(folder / "out")}},
            "spool": {"min_free": "1 B"},
        } | settings
        self.sinks = None
        self.agent = None
        monkeypatch.setattr(assembly, "clock", lambda: self.now)
        self._wanted = assembly.sinks
        monkeypatch.setattr(assembly, "sinks", lambda options: self.sinks or self._wanted(options))

    # the writer

    def path(self, name="mail.log"):
        return self.folder / name

    def write(self, *lines, name="mail.log"):
        with self.path(name).open("ab") as file:
            for line in lines:
                file.write(line if isinstance(line, bytes) else f"{line}\n".encode())

    def stamp(self, ahead=0):
        return datetime.fromtimestamp((self.now + ahead) / 1000, UTC).isoformat(timespec="milliseconds")

    def connect(self, ip="203.0.113.9", pid=12, ahead=0):
        return f"{self.stamp(ahead)} mx1 postfix/smtpd[{pid}]: connect from unknown[{ip}]"

    def failure(self, ip="203.0.113.9", user="bob@example.org", ahead=0):
        said = f"Connection closed (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.1, TLS"
        return f"{self.stamp(ahead)} mx1 dovecot: imap-login: Disconnected: {said}"

    # the agent

    def start(self, *, once=False, signals=(), loaded=None):
        self.agent = assembly.agent(Settings.model_validate(self.settings), loaded or content(), once=once, signals=signals)
        return self.agent

    def reload(self):
        """Return who reloads what runs, asked to; it reads the settings as they are when it takes its step."""
        made = Reload(lambda: Settings.model_validate(self.settings), Settings.model_validate(self.settings), self.parts)
        made.ask()
        return made

    def once(self, deadline):
        """Run one pass and return its exit code."""
        agent = self.agent or self.start(once=True)
        try:
            return agent.once(deadline)
        finally:
            self.agent = None

    @property
    def parts(self):
        return self.agent._parts

    @property
    def spool(self):
        return self.parts.spool

    @property
    def feeder(self):
        return self.parts.feeder

    def round(self, ms=100):
        """Walk one step of everything; time passes first."""
        self.now += ms
        return self.agent._step()

    def settle(self, ms=100):
        """Walk until everything is read, committed and sent."""
        for _ in range(2000):
            self.round(ms)
            if self.feeder.at_end and self.parts.compressor.idle and not self.agent._unsent():
                return
        raise AssertionError("never at its end")

    def stop(self):
        """End in order."""
        self.parts.health.stopped()
        self.agent._flush()
        self.agent._close()
        self.agent = None

    def crash(self):
        """Let go of everything without a word."""
        if self.agent is None:
            return
        spool = self.spool
        assert not self.parts.telemetry.counts["fault"], "what a station tells must be in the vocabulary"
        if spool._held >= 0:
            spool._db.close()
            os.close(spool._held)
            spool._held = -1
        self.agent._close()
        self.agent = None

    # what came of it

    def documents(self, stream="", folder="out"):
        """Return what the file sink wrote to streams whose names hold ``stream``."""
        found = []
        for file in sorted(one for one in (self.folder / folder).glob("*.ndjson") if stream in one.name):
            found += [json.loads(line) for line in file.read_text().splitlines()]
        return found

    def actions(self, stream=""):
        return [document["event"]["action"] for document in self.documents(stream)]

    def health(self):
        """Return (subject, state) of what the agent said about itself, in order."""
        own = [document["mail"]["agent"] for document in self.documents("agent") if document["event"]["action"] == "agent-health"]
        return [(one["subject"], one["state"]) for one in own]

    def originals(self):
        return [document["event"]["original"] for document in self.documents() if "original" in document["event"]]


class FaultySink(FileSink):
    """A file sink that fails as it is told: ``faults`` holds, in order, ``unavailable``, ``refused``, ``ok``, or a function of the parcel that gives a Delivery."""

    def __init__(self, name, options, faults=()):
        super().__init__(name, options)
        self.faults = list(faults)
        self.away = False
        self.sent = []

    def send(self, parcel):
        self.sent.append((parcel.stream, [document.id for document in parcel.documents()]))
        fault = "unavailable" if self.away else self.faults.pop(0) if self.faults else "ok"
        if fault == "unavailable":
            raise SinkUnavailable("the server is away", hint="wait")
        if fault == "refused":
            raise SinkRefused("the key is not valid", hint="make a new one")
        return super().send(parcel) if fault == "ok" else fault(parcel)


def again(number):
    """Put off all but the first ``number`` documents."""
    return lambda parcel: Delivery(again=frozenset(document.id for document in list(parcel.documents())[number:]))


def rejected(number):
    """Refuse the first ``number`` documents for ever; the others arrive."""
    return lambda parcel: Delivery(rejected=tuple((document.id, "mapping") for document in list(parcel.documents())[:number]))


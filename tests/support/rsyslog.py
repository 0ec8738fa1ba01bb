"""A real rsyslogd that takes RFC 5424 over TLS and writes what it understood, one JSON object a message."""

import json
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.support import debian

_CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k" processInternalMessages="on" defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="understood" type="list" option.jsonf="on") {{
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
  property(outname="raw" name="rawmsg" format="jsonf")
}}
ruleset(name="all") {{ action(type="omfile" file="{folder}/received" template="understood") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="all")
if $syslogtag contains "rsyslog" then action(type="omfile" file="{folder}/own")
"""


class Rsyslog:
    def __init__(self, folder, certificates):
        self._files = debian.unpack("rsyslog", "rsyslog-openssl")
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = _CONFIG.format(folder=folder, ca=certificates.ca, cert=certificates.server, key=certificates.key, port=self.port)
        folder.joinpath("rsyslog.conf").write_text(config)
        self._process = None

    @property
    def target(self):
        return f"tcp+tls://127.0.0.1:{self.port}"

    def start(self):
        [modules] = {file.parent for file in self._files.root.rglob("imtcp.so")}
        command = [self._files.program("usr/sbin/rsyslogd"), "-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "pid", "-M", modules]
        with (self.folder / "stderr").open("ab") as errors:
            self._process = subprocess.Popen(command, env=self._files.environment, stdout=errors, stderr=errors)
        self._until(self._answers)

    def stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    def _answers(self):
        assert self._process.poll() is None, (self.folder / "stderr").read_text()
        listening = re.compile(rf"0100007F:{self.port:04X} 00000000:0000 0A ")  # a connection made to ask would be one that breaks off
        return bool(listening.search(Path("/proc/net/tcp").read_text()))

    def received(self):
        """Return every message that was written so far."""
        path = self.folder / "received"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def wait_for(self, number):
        """Wait until so many different event ids were written; return all messages."""
        self._until(lambda: len(set(map(event_id, self.received()))) >= number)
        return self.received()

    def complaints(self):
        """Return what it logged about itself, but for its starts and ends."""
        path = self.folder / "own"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if not re.search(r"\] (start|exiting on signal)", line)]

    def _until(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "stderr").read_text()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)


def event_id(message):
    return re.search(r'event_id="([^"]*)"', message["data"])[1]

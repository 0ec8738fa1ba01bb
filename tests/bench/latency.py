"""In: a number of incidents. Out: how long it takes from a written line to the alert in the spool, and what the service weighs at rest.

The service is a process of its own, woken by the bell of the kernel. Each incident is a brute force from a new address.
"""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.errors import SpoolError
from collector.spool.store import Spool

INCIDENTS = 100
FAILURES = 10
PATIENCE = 30
"""Seconds after which an alert counts as lost."""
LOOK = 0.002


class Service:
    """A running service over some files of which only the first is written to."""

    def __init__(self, folder, files):
        self.logs = [Path(folder, f"{number}.log") for number in range(files)]
        for log in self.logs:
            log.touch()
        config = Path(folder, "mailvigil.toml")
        sources = "".join(f'[[source.file]]\npath = "{log}"\nstart = "beginning"\n' for log in self.logs)
        config.write_text(f'host = "mx1"\nstate_dir = "{folder}/state"\ncontent_dir = "{folder}/none"\n{sources}[sink.archive]\npath = "{folder}/archive"\n')
        self.state = Path(folder, "state")
        self.process = subprocess.Popen([sys.executable, "-m", "collector.cli.main", "run", "--config", str(config)], stderr=subprocess.DEVNULL)

    def alerts(self):
        try:
            with Spool.read(self.state) as reader:
                return len(reader.alerts(rule="bf_ip", limit=10_000))
        except SpoolError:
            return -1

    def seen(self, number):
        deadline = time.monotonic() + PATIENCE
        while self.alerts() < number:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"alert {number} did not come")
            time.sleep(LOOK)

    def attack(self, address):
        said = "Connection closed (auth failed, 1 attempts in 2 secs): user=<bob@example.org>, method=PLAIN"
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.logs[0].open("a") as log:
            log.write(f"{now} mx1 dovecot: imap-login: Disconnected: {said}, rip={address}, lip=192.0.2.1, TLS\n" * FAILURES)
        return time.monotonic()

    def rss(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the kernel says nothing of VmRSS")


def measure(files, incidents):
    with TemporaryDirectory() as folder:
        service = Service(folder, files)
        try:
            service.seen(0)
            service.attack("198.51.100.1")
            service.seen(1)
            at_rest, waits = service.rss(), []
            for number in range(incidents):
                began = service.attack(f"2001:db8:{number + 1:x}::1")
                service.seen(number + 2)
                waits.append(time.monotonic() - began)
        finally:
            service.process.terminate()
            service.process.wait()
    waits.sort()
    return at_rest, waits[len(waits) // 2], waits[int(len(waits) * 0.99)]


def run(incidents=INCIDENTS):
    """Return rows of name, value, unit, floor_ratio."""
    rows = []
    for files in (1, 3):
        at_rest, median, late = measure(files, incidents)
        rows += [(f"line to alert, {files} source{'s' * (files > 1)}, p50", median, "s"), (f"line to alert, {files} source{'s' * (files > 1)}, p99", late, "s")]
    rows.append(("RSS at rest", at_rest, "MiB"))
    return [{"name": name, "value": round(value, 3), "unit": unit, "floor_ratio": None} for name, value, unit in rows]


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if sys.argv[1:] else INCIDENTS):
        print(f"{row['name']:40} {row['value']:>8} {row['unit']}")

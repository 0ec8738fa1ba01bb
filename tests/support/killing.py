"""In: log lines. Out: a mail host in miniature: one writer fills two files in the order of its stamps while `mailvigil run` is killed and started again."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.support import docker_logs
from tests.support.journals import JournalFolder, Writer
from tests.support.lab import LAB, plain_lines

RULES = """
[site]
domains = ["lab.example"]
networks = ["127.0.0.1/32", "::1/128", "127.40.0.0/24"]
[rules]
bf_ip = { threshold = 3 }
bf_user = { threshold = 3 }
tls_inbound_burst = { threshold = 2, enabled = true }
tls_outbound_dest = { threshold = 1 }
outbound_cert_refused = { threshold = 1 }
tls_required_missing = { threshold = 1 }
agent_stopped = { enabled = false }
"""
"""What a run needs in a minute; the agent's own end is no fact of the logs."""


class Host:
    """Two logs and the processes that read them. ``sinks`` is TOML."""

    def __init__(self, folder, sinks="", *, seed, namespace="default"):
        self.folder = folder
        self._namespace = namespace
        self.dice = random.Random(seed)
        self.prepare()
        self._lines = iter(plain_lines(LAB / "bookworm-syslog-default/rsyslog-rfc3339.log.gz"))
        self._stamp = 0
        self.done = False
        self.written = 0
        self.config = self.configure("killed", sinks)

    def prepare(self):
        """Make the places where it logs."""
        self.logs = {name: self.folder / f"{name}.log" for name in ("postfix", "others")}
        for log in self.logs.values():
            log.touch()

    def sources(self):
        """Return TOML for them."""
        return "".join(f'[[source.file]]\npath = "{log}"\nstart = "beginning"\n' for log in self.logs.values())

    def say(self, stamp, text):
        """Log a line that was stamped at ``stamp`` (us)."""
        with self.logs["postfix" if " postfix/" in text else "others"].open("a") as log:
            log.write(text + "\n")

    def settle(self):
        """Return when all that was said is written."""

    def configure(self, name, sinks):
        """Write the settings of one way through the logs; every way has a state and a file sink of its own."""
        config = self.folder / f"{name}.toml"
        file_sink = f'[sink.file]\npath = "{self.folder / name}"\n'
        top = f'namespace = "{self._namespace}"\nhost = "mx1"\nstate_dir = "{self.folder / name}.state"\ncontent_dir = "{self.folder}/none"\n'
        config.write_text(top + self.sources() + file_sink + sinks + RULES)
        return config

    def write(self, number):
        """Append the next lines, each with the present moment as its stamp, later than all before."""
        for _ in range(number):
            line = next(self._lines, None)
            if line is None:
                self.done = True
                return
            self._stamp = max(self._stamp + 1, int(datetime.now(UTC).timestamp() * 1_000_000))
            stamp = datetime.fromtimestamp(self._stamp / 1_000_000, UTC).isoformat(timespec="microseconds")
            self.say(self._stamp, f"{stamp} {line.partition(' ')[2]}")
            self.written += 1

    def run(self, *more, config=None):
        """Start `mailvigil run`."""
        output = (self.folder / "stderr").open("ab")
        with output:
            command = [sys.executable, "-m", "collector.cli.main", "run", "--config", config or self.config, *more]
            return subprocess.Popen(command, stdout=output, stderr=output, cwd=Path(__file__).parents[2])

    def kill_at_random(self, lines):
        """Run while about ``lines`` lines are written at an uneven pace, then SIGKILL wherever it is."""
        process = self.run()
        until = self.written + self.dice.randint(lines // 2, lines * 3 // 2)
        alive_for = self.dice.uniform(0.3, 2.5)
        began = datetime.now(UTC)
        while (datetime.now(UTC) - began).total_seconds() < alive_for:
            if self.written < until:
                self.write(self.dice.choice([0, 1, 1, 3, 20]))
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"ended by itself: {(self.folder / 'stderr').read_text()[-2000:]}")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def live_through(self, kills, lines, idle):
        """Be killed so often, with about so many lines written in between and at most ``idle`` while nobody reads; then read and ship the rest."""
        for _ in range(kills):
            self.kill_at_random(lines)
            self.write(self.dice.randint(0, idle))
        while not self.done:
            self.write(500)
        self.settle()
        self.finish()

    def finish(self, config=None):
        """Read and ship all that is left."""
        assert self.run("--once", "--deadline", "120s", config=config).wait(180) == 0, (self.folder / "stderr").read_text()[-3000:]

    def undisturbed(self):
        """Read everything anew under the same install secret, in one go."""
        config = self.configure("undisturbed", "")
        state = self.folder / "undisturbed.state"
        state.mkdir(mode=0o700)
        shutil.copy(self.folder / "killed.state/install.key", state)
        (state / "install.key").chmod(0o600)
        self.finish(config)

    def documents(self, name):
        """Return what a way's file sink holds, the agent's own stream left out: (stream, id) -> document. Nothing may stand twice."""
        found = {}
        for file in sorted((self.folder / name).glob("*.ndjson")):
            stream = file.name[: file.name.index("-20")]
            if "mail.agent" in stream:
                continue
            for line in file.read_text().splitlines():
                document = json.loads(line)
                key = stream, document["event"]["id"]
                assert key not in found, key
                found[key] = document
        return found


class DockerHost(Host):
    """Its containers log into json-files; some lines are written in two parts, with what other streams say in between."""

    def prepare(self):
        self.logs = {name: self.folder / f"{name}-json.log" for name in ("postfix", "others")}
        for log in self.logs.values():
            log.touch()

    def sources(self):
        return "".join(f'[[source.file]]\npath = "{log}"\nformat = "docker"\nstart = "beginning"\n' for log in self.logs.values())

    def say(self, stamp, text):
        log = self.logs["postfix" if " postfix/" in text else "others"]
        pieces = [text + "\n"]
        if self.dice.random() < 0.3:
            cut = self.dice.randint(1, len(text))
            pieces = [text[:cut], text[cut:] + "\n"]
        for number, piece in enumerate(pieces):
            if number:
                self._append(log, docker_logs.line(f"{text}\n", stamp // 1000, "stderr"))
            self._append(log, docker_logs.line(piece, stamp // 1000))

    def _append(self, log, line):
        with log.open("ab") as file:
            file.write(line + b"\n")


class JournalHost(Host):
    """It logs into a journal, which gets another file now and then."""

    _LINE = re.compile(r"\S+ (\S+) ([^\s\[:]+)(?:\[(\d+)\])?: (.*)")

    def prepare(self):
        self.journal = JournalFolder(self.folder / "journal")
        self._writer = Writer(self.journal)

    def sources(self):
        return f'[[source.journal]]\ndirectory = "{self.journal.folder}"\nstart = "beginning"\n'

    def say(self, stamp, text):
        host, tag, pid, message = self._LINE.fullmatch(text).groups()
        self._writer.say(stamp, message.encode(), _HOSTNAME=host, SYSLOG_IDENTIFIER=tag, SYSLOG_PID=pid)

    def settle(self):
        self._writer.close()


def differences(one, other):
    """Say in a few words how two ways through the logs differ."""
    missing, more = one.keys() - other.keys(), other.keys() - one.keys()
    changed = [key for key in one.keys() & other.keys() if one[key] != other[key]]
    sample = [(one.get(key), other.get(key)) for key in [*missing, *more, *changed][:2]]
    return f"{len(missing)} missing, {len(more)} more, {len(changed)} changed of {len(one)}: {sample}" if missing or more or changed else ""

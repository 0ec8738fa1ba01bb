"""Every command line that a page shows is run: in a folder that has what it names, or, marked, with a test that it fails without what it needs."""

import gzip
import json
import os
import signal
import socket
import subprocess

import pytest

from tests.cli.conftest import failure
from tests.docs.test_add_a_parser import README as PARSERS
from tests.support.markdown import ROOT, blocks, command_lines, pages
from tests.support.sessions import environment

LINES = [line for path in pages() for line in command_lines(path)]
MINE = [line for line in LINES if line.needs is None and not line.text.startswith("make ")]
NOBODY = 65534


class Stage:
    """A host in a folder: logs, an overlay ``mine``, a spool with alerts."""

    def __init__(self, folder):
        self.here = folder / "here"
        self.notify = folder / "notify"
        log = "".join(failure(n, user=f"u{n}@example.org") for n in range(12))
        for name, text in {"mail.log": log, "mailgarden.log": log}.items():
            self.put(name, text)
        (self.here / "mail.log.1.gz").write_bytes(gzip.compress(log.encode()))
        self.put("mine/parsers/mailgarden.yaml", next(block.text for block in blocks(PARSERS, "yaml")))
        for number, block in enumerate(blocks(ROOT / "rules" / "README.md", "yaml")):
            self.put(f"mine/rules/{number}.yaml", block.text)
        settings = {"STATE_DIR": self.here / "state", "CONTENT_DIR": self.here / "content", "HOST": "mx1", "SPOOL__MIN_FREE": "1 B"}
        source = f'[{{path = "{self.here / "mail.log"}"}}]'
        self.environment = environment(folder, **{f"MAILVIGIL_{key}": str(value) for key, value in settings.items()}, MAILVIGIL_SOURCE__FILE=source)
        assert self.run("mailvigil run --once").returncode == 0
        self.alert = json.loads(self.run("mailvigil alerts list --json").stdout)[0]["id"]

    def put(self, name, text):
        (self.here / name).parent.mkdir(parents=True, exist_ok=True)
        (self.here / name).write_text(text)

    def run(self, command, **options):
        return subprocess.run(["sh", "-c", command], cwd=self.here, env=self.environment, capture_output=True, text=True, check=False, timeout=100, **options)

    def serve(self, command):
        """Start a service, end it once it says that it is ready; return its exit code."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(self.notify))
            systemd.settimeout(60)
            service = subprocess.Popen(["sh", "-c", f"exec {command}"], cwd=self.here, env=self.environment | {"NOTIFY_SOCKET": str(self.notify)}, stderr=subprocess.DEVNULL)
            try:
                assert systemd.recv(100).startswith(b"READY=1")
            finally:
                service.send_signal(signal.SIGTERM)
                code = service.wait(60)
        self.notify.unlink()
        return code


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.mark.parametrize("line", MINE, ids=str)
def test_a_command_line_does_what_it_says(stage, line):
    command = line.text.replace(" ID", f" {stage.alert}")
    if command == "mailvigil run":
        assert stage.serve(command) == 0
        return
    done = stage.run(command)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout


@pytest.mark.parametrize("line", [line for line in LINES if line.needs is not None], ids=str)
def test_a_command_line_that_is_not_run_fails_without_what_it_needs(stage, line):
    assert line.needs == "root", "say here how it fails without"
    done = stage.run(line.text, **({"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}))
    assert done.returncode != 0
    assert "Permission denied" in done.stdout + done.stderr


def test_the_two_commands_of_the_readme_are_make_demo_and_make_test():
    assert [line.text for line in LINES if line.path == ROOT / "README.md"][:2] == ["make demo", "make test"]


def test_every_line_of_a_page_that_looks_like_a_command_is_one_of_these():
    """An indented line that names a program of this project or of the system's care is found by the search above."""
    for path in pages():
        shown = [line for line in path.read_text("utf-8").splitlines() if line.startswith(("    mailvigil ", "    make ", "    systemctl ", "    python3 "))]
        assert len(shown) == len([line for line in command_lines(path) if line.text.startswith(("mailvigil ", "make ", "systemctl ", "python3 "))])

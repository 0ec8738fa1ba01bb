"""The unit for systemd: it is one, and its numbers are those of the program."""

import re
import shlex
import shutil
import subprocess

import pytest

from collector.agent.agent import LAST_TRY, STUCK
from collector.errors import ConfigError, ContentError
from tests.docs.test_verbs import parser_of
from tests.support.markdown import ROOT

UNIT = ROOT / "deploy" / "systemd" / "mailvigil.service"


def value(key):
    [found] = re.findall(rf"^{key}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    return found


def test_it_starts_a_verb_that_there_is():
    program, verb, *options = shlex.split(value("ExecStart"))
    assert program.endswith("/bin/mailvigil")
    parser_of(verb).parse_args(options)


def test_its_numbers_are_those_of_the_program():
    assert value("RestartPreventExitStatus").split() == [str(ConfigError.exit_code), str(ContentError.exit_code)]
    assert int(value("WatchdogSec")) > STUCK
    assert int(value("TimeoutStopSec")) > STUCK + LAST_TRY / 1000


def test_systemd_takes_it(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/mailvigil/bin/mailvigil", "/bin/true"))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    wrong = unit.with_name("wrong.service")
    wrong.write_text(unit.read_text().replace("WatchdogSec=", "WatchdocSec="))
    assert "WatchdocSec" in subprocess.run([analyze, "verify", str(wrong)], capture_output=True, text=True, check=False).stderr

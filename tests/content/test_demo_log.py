"""The bundled day: made by its script, nobody's real mail, and full enough of trouble."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise

from collector import content

FOLDER = content.root() / "deploy" / "demo"
LOG = FOLDER / "bad-day.log"


def test_the_script_makes_exactly_the_log():
    made = subprocess.run([sys.executable, FOLDER / "generate.py"], check=True, capture_output=True).stdout
    assert made == LOG.read_bytes(), "python deploy/demo/generate.py > deploy/demo/bad-day.log"


def test_it_is_a_day_with_a_rhythm_in_order_of_time():
    lines = LOG.read_text("utf-8").splitlines()
    assert 6_000 <= len(lines) <= 12_000
    assert all(one[:32] <= two[:32] for one, two in pairwise(lines))
    hours = Counter(line[:13] for line in lines)
    assert len(hours) == 24
    assert min(hours[f"2026-11-24T{hour:02d}"] for hour in range(9, 17)) > 4 * max(hours[f"2026-11-24T{hour:02d}"] for hour in (0, 4, 23))


def test_it_shows_what_a_mail_host_logs():
    programs = {line.split()[2].partition("[")[0].rstrip(":") for line in LOG.read_text("utf-8").splitlines()}
    daemons = ["postscreen", "smtpd", "submission/smtpd", "smtps/smtpd", "cleanup", "qmgr", "smtp", "lmtp", "bounce", "pickup", "master", "postsuper"]
    assert {"dovecot", "opendkim", "opendmarc", "policyd-spf", *(f"postfix/{daemon}" for daemon in daemons)} <= programs

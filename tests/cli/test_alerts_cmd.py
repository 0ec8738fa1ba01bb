"""The local store: a list of alerts, and one of them with its evidence and its playbook; beside a running service too."""

import json
from pathlib import Path

import pytest

from collector.config.load import load
from collector.spool.store import Spool
from tests.cli.conftest import failure


@pytest.fixture
def path(mailvigil, tmp_path, config):
    """A configuration whose spool holds two alerts: one medium, one high."""
    lines = [failure(n) for n in range(12)]
    lines.append("2024-11-24T12:30:00Z mx1 dovecot: imap-login: Login: user=<bob@example.org>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, mpid=1, TLS\n")
    (tmp_path / "mail.log").write_text("".join(lines))
    path = config()
    assert mailvigil("run", "--once", "--config", path).code == 0
    return path


def listed(mailvigil, path, *options):
    result = mailvigil("alerts", "list", "--config", path, "--json", *options)
    assert result.code == 0
    return json.loads(result.out)


def test_the_latest_come_first(mailvigil, path):
    found = listed(mailvigil, path)
    assert [one["time"] for one in found] == sorted((one["time"] for one in found), reverse=True)
    assert {"bf_ip", "bf_success"} <= {one["rule"] for one in found}
    table = mailvigil("alerts", "list", "--config", path).out.splitlines()
    assert table[0].split() == ["id", "time", "level", "rule", "of"]
    assert len(table) == 1 + len(found)
    assert table[1].startswith(found[0]["id"][:12])


def test_they_can_be_narrowed_down(mailvigil, path):
    every = listed(mailvigil, path)
    assert {one["rule"] for one in listed(mailvigil, path, "--rule", "bf_ip")} == {"bf_ip"}
    assert {one["severity"] for one in listed(mailvigil, path, "--level", "high")} <= {73, 99}
    assert listed(mailvigil, path, "--limit", "1") == every[:1]
    assert mailvigil("alerts", "list", "--config", path, "--rule", "none").out == "no alerts\n"
    assert listed(mailvigil, path, "--rule", "none") == []


def test_since_counts_back_from_now(mailvigil, path):
    assert listed(mailvigil, path, "--since", "1ms") == []
    assert listed(mailvigil, path, "--since", "36500d") == listed(mailvigil, path)


def test_one_with_its_evidence_and_its_playbook(mailvigil, path):
    [one] = listed(mailvigil, path, "--rule", "bf_ip")[-1:]
    text = mailvigil("alerts", "show", one["id"][:10], "--config", path)
    assert text.code == 0
    for part in (one["id"], "10 events of", "bf_ip (version", "medium", "source.ip=203.0.113.9", "opens", "Evidence (10 lines)", "auth failed, 1 attempts", "Playbook PB-"):
        assert part in text.out, part
    document = json.loads(mailvigil("alerts", "show", one["id"], "--config", path, "--json").out)
    assert document["event"]["id"] == one["id"]
    assert document["mail"]["playbook"]["rendered"].strip() in text.out


def test_an_id_that_is_none_or_several(mailvigil, path):
    result = mailvigil("alerts", "show", "zzz", "--config", path)
    assert (result.code, "there is no alert zzz" in result.err) == (2, True)
    result = mailvigil("alerts", "show", "", "--config", path)
    assert result.code == 2


def test_it_works_beside_the_service_and_with_the_folder_named(mailvigil, path):
    folder = load(path, {}).settings.state_dir
    spool = Spool.open(Path(folder))
    try:
        assert mailvigil("alerts", "list", "--state-dir", folder, "--json").code == 0
    finally:
        spool.close()


def test_hostile_evidence_is_escaped(mailvigil, tmp_path, config):
    (tmp_path / "mail.log").write_text("".join(failure(n, user="\x1b[2J\u202e[bold]@example.org") for n in range(12)))
    path = config()
    assert mailvigil("run", "--once", "--config", path).code == 0
    shown = mailvigil("alerts", "list", "--config", path).out
    for one in listed(mailvigil, path):
        shown += mailvigil("alerts", "show", one["id"], "--config", path).out
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "\\x1b[2J\\u202e[bold]@example.org" in shown

"""Does all of it load and agree, and what to do where it does not."""

import json
import shutil

from tests.support.journals import JournalFolder
from tests.support.mmdb import COUNTRIES, database


def test_a_host_in_order(mailvigil, log, config, tmp_path):
    result = mailvigil("check", "--config", config())
    assert result.code == 0, result.out
    assert result.out.splitlines() == [f"sources: {log}", "sinks: file", result.out.splitlines()[2]]
    assert "shapes, " in result.out
    assert not (tmp_path / "state").exists(), "it only looks"


def test_as_one_document_with_the_origin_of_every_key(mailvigil, log, config):
    path = config()
    found = json.loads(mailvigil("check", "--config", path, "--json").out)
    assert (found["sources"], found["sinks"], found["remarks"]) == ([str(log)], ["file"], [])
    assert found["origins"]["host"] == str(path)
    assert found["rules"] >= 20


def remarks(mailvigil, path):
    result = mailvigil("check", "--config", path, "--json")
    found = json.loads(result.out)["remarks"]
    assert result.code == bool(found)
    return found


def test_a_file_that_is_not_there_and_a_glob_that_matches_nothing(mailvigil, tmp_path, config):
    found = remarks(mailvigil, config(sources=("mail.log", "more/*.log")))
    assert found == [f"{tmp_path / 'mail.log'}: there is no such file yet", f"{tmp_path}/more/*.log: nothing matches yet"]


def test_a_file_that_may_not_be_read_says_what_gives_permission(mailvigil, log, config, unprivileged):
    log.chmod(0o600)
    path = config()
    with unprivileged():
        first, *_ = remarks(mailvigil, path)
    assert first.startswith(f"{log} cannot be read: Permission denied; setfacl -m u:nobody:r ")


def test_a_folder_is_no_log(mailvigil, tmp_path, config):
    (tmp_path / "mail.log").mkdir()
    assert remarks(mailvigil, config()) == [f"{tmp_path / 'mail.log'} is no regular file; give the path of a log file"]


def test_two_files_with_the_same_lines(mailvigil, log, config, tmp_path):
    shutil.copy(log, tmp_path / "mail.info")
    found = remarks(mailvigil, config(sources=("mail.log", "mail.info")))
    assert found == [f"{tmp_path / 'mail.info'} holds the same lines as {log}: only one of them is read"]


def test_two_logs_that_share_their_first_line_only(mailvigil, log, config, tmp_path):
    first, second, *_ = log.read_text().splitlines(keepends=True)
    (tmp_path / "mail.err").write_text(first + second.replace("bob@", "eve@"))
    assert remarks(mailvigil, config(sources=("mail.log", "mail.err"))) == []


def test_all_kinds_of_sources_are_named(mailvigil, log, config, tmp_path):
    journal = JournalFolder(tmp_path / "journal")
    path = config(f'[[source.journal]]\ndirectory = "{journal.folder}"\n[source.stdin]\n[[source.syslog]]\n')
    result = mailvigil("check", "--config", path)
    assert result.out.splitlines()[0] == f"sources: {log}, journal {journal.folder}, stdin, syslog 127.0.0.1:5140"
    [remark] = remarks(mailvigil, path)
    assert remark.startswith(f"journal {journal.folder}: {journal.folder} holds no journal; ")
    journal.write([b"x"], SYSLOG_FACILITY=3)
    assert remarks(mailvigil, path) == [f"journal {journal.folder} holds no entry of SYSLOG_FACILITY=2 yet"]
    journal.write([b"connect from unknown[203.0.113.7]"])
    assert remarks(mailvigil, path) == []


def test_a_journal_with_the_lines_of_a_log_is_refused_with_what_to_do(mailvigil, log, config, tmp_path):
    journal = JournalFolder(tmp_path / "journal")
    journal.write([line.partition("dovecot: ")[2].encode() for line in log.read_text().splitlines() if "dovecot" in line], SYSLOG_IDENTIFIER="dovecot", SYSLOG_PID=None)
    path = config(f'[[source.journal]]\ndirectory = "{journal.folder}"\n')
    [remark] = remarks(mailvigil, path)
    assert remark == f"journal {journal.folder} holds the same lines as {log}: it is not read; remove one of the two, or let container or matches choose other entries"


def test_a_listener_that_others_can_reach_is_refused_unless_that_is_wanted(mailvigil, log, config):
    path = config('[[source.syslog]]\nlisten = "192.0.2.1:514"\n')
    result = mailvigil("check", "--config", path)
    assert result.code == 2
    assert "write remote = true" in result.err
    path.write_text(path.read_text() + "remote = true\n")
    assert mailvigil("check", "--config", path).code == 0


def test_a_rule_in_the_settings_that_does_not_exist(mailvigil, log, config):
    assert remarks(mailvigil, config("[rules.bf_iq]\nthreshold = 3\n")) == ["unknown rule in the settings: bf_iq"]


def test_no_log_at_all(mailvigil, config, monkeypatch, tmp_path):
    monkeypatch.setattr("collector.agent.roster.DEFAULTS", (str(tmp_path / "none.log"),))
    monkeypatch.setattr("collector.sources.journalctl.ROOTS", ())
    assert remarks(mailvigil, config(sources=())) == ["no mail log was found on this host: name one in [[source.file]]"]


def test_a_state_folder_that_may_not_be_written(mailvigil, log, config, unprivileged, tmp_path):
    log.chmod(0o644)
    path = config()
    with unprivileged():
        assert remarks(mailvigil, path) == [f"{tmp_path / 'state'}: this user may not write there (state_dir)"]
    (tmp_path / "locked").mkdir(0o700)
    path.write_text(path.read_text().replace(str(tmp_path / "state"), str(tmp_path / "locked" / "state")))
    with unprivileged():
        assert remarks(mailvigil, path) == [f"{tmp_path / 'locked' / 'state'}: this user may not write there (state_dir)"]


def test_a_database_of_places_that_is_none_is_a_fault_of_the_configuration(mailvigil, log, config, tmp_path):
    file = tmp_path / "country.mmdb"
    file.write_bytes(b"no database")
    result = mailvigil("check", "--config", config(f'[site.geo]\ncountry = "{file}"\n'))
    assert result.code == 2
    assert "country.mmdb is no MaxMind database" in result.err
    assert "name the .mmdb file" in result.err
    file.write_bytes(database(COUNTRIES, "GeoLite2-Country"))
    assert mailvigil("check", "--config", config(f'[site.geo]\ncountry = "{file}"\n')).code == 0


def test_a_rule_of_the_host_that_does_not_load_is_exit_3_and_named_with_its_place(mailvigil, log, config, tmp_path):
    path = config()
    for name in ("a", "b"):
        file = tmp_path / "content" / "rules.d" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("title: x\n")
    result = mailvigil("check", "--config", path)
    assert result.code == 3
    assert [line.partition(": ")[0] for line in result.err.splitlines() if line.startswith("!")] == [f"! {file.with_name('a.yaml')}:1", f"! {file}:1"]
    assert "rules are on" in result.out
    found = json.loads(mailvigil("check", "--config", path, "--json").out)
    assert [fault["at"] for fault in found["faults"]] == [f"{file.with_name('a.yaml')}:1", f"{file}:1"]
    assert all(fault["message"] for fault in found["faults"])

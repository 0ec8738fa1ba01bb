import subprocess
import sys

import pytest

from collector.errors import SpoolError
from collector.spool import install_key
from collector.spool.store import Spool, Start


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_host_never_seen_gets_a_private_folder_a_spool_a_key_and_a_ballast(house):
    spool = house.open()
    assert (spool.state, spool.unclean, spool.rescued, spool.seq, spool.run) == (Start.FRESH, False, None, 0, 1)
    assert house.folder.stat().st_mode & 0o777 == 0o700
    assert (house.folder / "install.key").read_bytes() == spool.key
    assert len(spool.key) == 32
    assert (house.folder / "ballast").stat().st_size == 64 * 1024
    spool.close()
    assert files(house.folder) == ["ballast", "install.key", "spool.db"]


def test_the_state_stays_what_it_is_until_something_is_committed(house, batch):
    house.open().close()
    spool = house.open()
    assert (spool.state, spool.run) == (Start.FRESH, 2)
    spool.commit(spool.pack(batch(positions={"mail.log": b"1"})), 0)
    assert spool.state == Start.KNOWN
    spool.close()
    assert house.open().state == Start.KNOWN


def test_a_key_without_a_spool_is_a_lost_spool_with_the_same_key(house, batch):
    spool = house.open()
    key = spool.key
    spool.commit(spool.pack(batch()), 0)
    spool.close()
    (house.folder / "spool.db").unlink()
    for _ in range(2):
        spool = house.open()
        assert (spool.state, spool.key, spool.seq) == (Start.LOST, key, 0)
        house.leave(spool)


def test_a_torn_key_without_a_spool_is_a_lost_spool_too(house):
    house.folder.mkdir()
    (house.folder / "install.key").write_bytes(b"torn")
    spool = house.open()
    assert spool.state == Start.LOST
    assert install_key.read(house.folder) == spool.key


def test_a_spool_without_its_key_or_with_another_writes_it_again(house, batch):
    spool = house.open()
    key = spool.key
    spool.commit(spool.pack(batch(positions={"mail.log": b"1"})), 0)
    spool.close()
    for spoil in (lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 32)):
        spoil(house.folder / "install.key")
        spool = house.open()
        assert (spool.state, spool.key, install_key.read(house.folder)) == (Start.KNOWN, key, key)
        spool.close()


def test_an_empty_file_left_by_a_crash_at_the_very_beginning_is_nothing(house):
    house.folder.mkdir()
    (house.folder / "spool.db").touch()
    assert house.open().state == Start.FRESH


def test_an_orderly_end_and_a_crash_are_told_apart_and_the_run_counts_on(house, batch):
    spool = house.open()
    spool.commit(spool.pack(batch(positions={"mail.log": b"1"})), 0)
    spool = house.crash(spool)
    assert (spool.unclean, spool.run, spool.seq, spool.rescued) == (True, 2, 1, None)
    assert spool.position("mail.log") == b"1"
    spool.close()
    spool.close()
    again = house.open(spool._folder)
    assert (again.unclean, again.run) == (False, 3)


def test_a_second_process_is_refused_and_a_kill_leaves_no_lock(house):
    spool = house.open()
    with pytest.raises(SpoolError, match="another process"):
        Spool.open(house.folder)
    code = f"from pathlib import Path; from collector.spool.store import Spool; Spool.open(Path({str(house.folder)!r}))"
    refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another process" in refused.stderr
    spool.close()
    house.open()


def test_a_folder_that_cannot_be_used_is_the_products_own_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError):
        Spool.open(tmp_path / "file")
    with pytest.raises(SpoolError):
        Spool.open(tmp_path / "file" / "below")


def test_a_format_of_a_later_release_is_refused_and_not_taken_for_damage(house):
    spool = house.open()
    spool._db.run("pragma user_version = 7")
    house.leave(spool)
    for _ in range(2):
        with pytest.raises(SpoolError, match="format 7"):
            house.open()
    assert files(house.folder) == ["ballast", "install.key", "spool.db"]


def test_a_clean_file_is_not_read_through_at_the_start_an_unclean_one_is(house, batch, monkeypatch):
    checks = []
    sound = house.open()._db.__class__.sound
    monkeypatch.setattr("collector.spool.database.Database.sound", lambda db, what="all": checks.append(what) or sound(db, *([what] if what != "all" else [])))
    house._open[-1].close()
    house.open().close()
    assert checks == ["meta"]
    house.leave(house.open())
    house.open()
    assert checks == ["meta", "meta", "meta", "all"]

import os

import pytest

from collector.errors import SourceError
from collector.sources import folder as module
from collector.sources.folder import Folder, Shifting
from collector.sources.volume import Volume
from tests.support.logs import Log, open_files


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


@pytest.fixture
def folder(log):
    return Folder(log.path)


def names(copies):
    return [copy.path.name for copy in copies]


def test_copies_stand_in_the_order_of_their_rotation(log, folder):
    for number in range(11):
        log.write([b"%d" % number])
        log.rename()
    log.pack(log.copy(".11"))
    log.write([b"now"])
    (log.path.parent / "mail.log.5x").touch()
    (log.path.parent / "mail.log.12").mkdir()
    (log.path.parent / "mail.log.13").symlink_to(log.path)
    assert names(folder.copies()) == ["mail.log.11.gz", *(f"mail.log.{number}" for number in range(10, 0, -1))]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    folder = Folder(tmp_path / "later" / "mail.log")
    assert folder.copies() == []
    assert folder.changed() is None
    assert folder.open() is None
    assert not folder.present


def test_a_file_that_is_renamed_while_it_is_opened_is_looked_for_again(log, folder, monkeypatch):
    log.write([b"a"])
    log.rename()
    log.write([b"b"])
    real = Volume.open
    monkeypatch.setattr(module.Volume, "open", lambda path: real(log.path if path != log.path else path))
    with pytest.raises(Shifting):
        folder.since(0)


def test_a_file_that_vanishes_between_listing_and_opening_is_looked_for_again(log, folder, monkeypatch):
    log.write([b"a"])
    log.rename()
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: real(str(path) + ("" if path == log.path else ".gone"), *rest))
    with pytest.raises(Shifting):
        folder.since(0)


def test_nothing_stays_open_whatever_happens(log, folder, monkeypatch):
    log.write([b"a"])
    before = open_files()
    with monkeypatch.context() as patch:

        def broken(path):
            raise PermissionError(13, "Permission denied", str(path))

        patch.setattr(os, "scandir", broken)
        with pytest.raises(PermissionError):
            folder.since(0)
    volume = folder.since(log.now_ns)
    place = volume.place()
    volume.close()
    os.truncate(log.path, 0)
    log.write([b"other"])
    assert folder.recover(place) is None
    log.rename()
    assert folder.shorter(place) is None
    assert open_files() == before


def test_an_unreadable_copy_is_remembered_and_skipped(log, folder, monkeypatch):
    log.write([b"a"])
    log.rename()
    log.write([b"b"])
    log.rename()
    log.write([b"c"])
    real = Volume.open

    def refuse(path):
        if path == log.copy(".2"):
            raise SourceError("no")
        return real(path)

    monkeypatch.setattr(module.Volume, "open", refuse)
    volume = folder.since(0)
    assert volume.path == log.copy(".1")
    assert names(folder.skipped) == ["mail.log.2"]
    assert folder.refused == {log.copy(".2"): "no"}
    monkeypatch.setattr(module.Volume, "open", real)
    following = folder.after(volume)
    assert (following.path, folder.skipped) == (log.path, [])
    volume.close()
    following.close()

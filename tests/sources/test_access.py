import grp
import os
import pwd
from pathlib import Path

import pytest

from collector.errors import SourceError
from collector.sources import access
from collector.sources.access import file_id, open_file, refused
from tests.support.logs import open_files


@pytest.fixture
def opened():
    descriptors = []
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_regular_file_is_opened_and_a_missing_one_is_none(tmp_path, opened):
    path = tmp_path / "mail.log"
    assert open_file(path) is None
    path.write_bytes(b"a")
    assert open_file(path / "below-a-file") is None
    opened.append(open_file(path))
    assert os.read(opened[0], 9) == b"a"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_and_closed(tmp_path, make):
    make(tmp_path / "mail.log")
    before = open_files()
    with pytest.raises(SourceError, match="no regular file"):
        open_file(tmp_path / "mail.log")
    assert open_files() == before


def test_the_generation_tells_a_reused_inode_apart(tmp_path, opened):
    path = tmp_path / "mail.log"
    seen = set()
    for _ in range(20):
        path.write_bytes(b"")
        opened.append(open_file(path))
        file = file_id(opened[-1])
        assert file.may_be(file_id(opened[-1]))
        if file.generation is None:
            pytest.skip("this file system has no generations")
        seen.add(file)
        os.close(opened.pop())
        path.unlink()
    assert len({(file.device, file.inode) for file in seen}) < len(seen) == 20


@pytest.fixture
def barred(monkeypatch):
    """The process as a stranger: only what the set holds is closed to it."""
    closed = set()
    monkeypatch.setattr(os, "access", lambda path, mode, effective_ids: Path(path) not in closed)
    monkeypatch.setattr(os, "getgroups", lambda: [os.getegid()])
    monkeypatch.setattr(os, "getegid", lambda: 4_000_000)
    return closed


def hint(path):
    return refused(path, PermissionError(13, "Permission denied")).hint


def test_the_hint_names_the_group_that_may_read(tmp_path, barred):
    path = tmp_path / "mail.log"
    path.touch()
    path.chmod(0o640)
    barred.add(path)
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(path.stat().st_gid).gr_name
    assert hint(path) == f"add the user {user} to the group {group} (usermod -aG), or: setfacl -m u:{user}:r {path}"
    path.chmod(0o600)
    assert hint(path) == f"setfacl -m u:{user}:r {path}"


def test_the_hint_names_the_folder_that_may_not_be_entered(tmp_path, barred):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    (folder / "mail.log").touch()
    barred |= {folder, folder / "mail.log"}
    assert hint(folder / "mail.log").endswith(f":x {folder}")


def test_numbers_stand_for_users_and_groups_without_names(tmp_path, barred, monkeypatch):
    path = tmp_path / "mail.log"
    path.touch()
    path.chmod(0o640)
    os.chown(path, -1, 3_999_999)
    barred.add(path)
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_998)
    assert hint(path).startswith("add the user 3999998 to the group 3999999 ")


def test_other_errors_have_no_hint(tmp_path):
    error = refused(tmp_path / "mail.log", OSError(5, "Input/output error"))
    assert (str(error), error.hint) == (f"{tmp_path}/mail.log cannot be read: Input/output error", None)


def test_the_request_is_that_of_linux_fs_h():
    assert access._GETVERSION == 0x80087601

import pytest

from collector.errors import SpoolError
from collector.spool import install_key


def test_a_key_is_written_for_its_owner_only_and_read_back(tmp_path):
    key = install_key.new()
    assert len(key) == install_key.SIZE
    install_key.write(tmp_path, key)
    assert install_key.read(tmp_path) == key
    assert (tmp_path / "install.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["install.key"]


def test_a_write_that_was_cut_off_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "install.key.new").write_bytes(b"half")
    install_key.write(tmp_path, b"k" * 32)
    assert install_key.read(tmp_path) == b"k" * 32


def test_a_torn_key_is_none_but_the_host_was_seen(tmp_path):
    assert install_key.read(tmp_path) is None
    assert not install_key.stands(tmp_path)
    (tmp_path / "install.key").write_bytes(b"short")
    assert install_key.read(tmp_path) is None
    assert install_key.stands(tmp_path)


def test_what_cannot_be_read_or_written_is_the_products_own_error(tmp_path):
    (tmp_path / "install.key").mkdir()
    with pytest.raises(SpoolError):
        install_key.read(tmp_path)
    with pytest.raises(SpoolError):
        install_key.write(tmp_path / "absent", b"k" * 32)

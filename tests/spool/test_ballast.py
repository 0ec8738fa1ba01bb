import os
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from collector.errors import SpoolError, SpoolFull
from collector.model.document import Batch, Delivery, Document
from collector.spool import ballast
from collector.spool.ballast import Ballast
from collector.spool.cursors import SinkSpec

MIB = 1 << 20
POSTFIX = "logs-mail.postfix-default"


def test_it_is_made_of_real_blocks_and_given_up_once(tmp_path):
    found = Ballast(tmp_path, 3 * MIB)
    assert not found.here
    assert found.restore(0)
    stat = (tmp_path / "ballast").stat()
    assert (stat.st_size, stat.st_blocks * 512 >= 3 * MIB, stat.st_mode & 0o777) == (3 * MIB, True, 0o600)
    assert Ballast(tmp_path, 3 * MIB).here
    assert [found.give(), found.give(), found.here, (tmp_path / "ballast").exists()] == [True, False, False, False]


def test_it_comes_back_only_where_the_margin_stays_free(tmp_path, monkeypatch):
    found = Ballast(tmp_path, MIB)
    monkeypatch.setattr(ballast, "disk", lambda folder: (3 * MIB, 10 * MIB))
    assert [found.restore(2 * MIB + 1), found.restore(2 * MIB)] == [False, True]


@pytest.mark.parametrize("spoil", [lambda path: os.truncate(path, 5), lambda path: (os.truncate(path, 0), os.truncate(path, MIB)), lambda path: path.unlink()])
def test_a_torn_or_hollow_one_is_none(tmp_path, spoil):
    Ballast(tmp_path, MIB).restore(0)
    spoil(tmp_path / "ballast")
    found = Ballast(tmp_path, MIB)
    assert not found.here
    assert found.restore(0)
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= MIB


def test_where_allocation_gives_holes_bytes_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", lambda descriptor, start, size: os.truncate(descriptor, size))
    assert Ballast(tmp_path, 2 * MIB + 7).restore(0)
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 2 * MIB


def test_where_it_cannot_be_made_nothing_half_is_left(tmp_path, monkeypatch):
    def full(descriptor, start, size):
        os.truncate(descriptor, 10)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not Ballast(tmp_path, MIB).restore(0)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_the_products_own_error(tmp_path):
    with pytest.raises(SpoolError):
        ballast.disk(tmp_path / "absent")


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request, house):
    """Mount a file system of 64 MiB; where that is not allowed there is nothing to show, but a release is not built there."""
    with TemporaryDirectory() as name:
        folder, image = Path(name) / "disk", Path(name) / "image"
        folder.mkdir()
        if request.param == "tmpfs":
            steps = [["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]]
        else:
            image.touch()
            os.truncate(image, 64 * MIB)
            steps = [["mkfs.ext4", "-q", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(folder)]]
        for step in steps:
            try:
                subprocess.run(step, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError) as error:
                if os.environ.get("CI") and request.param == "tmpfs":
                    pytest.fail(f"{step}: {error}")
                pytest.skip(f"{step[0]} is not possible here: {error}")
        yield folder
        house.close()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path):
    """Take every free byte, as another program would."""
    with path.open("ab", buffering=0) as file:
        for size in (MIB, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def noise(n, size=90_000):
    return Batch(documents={POSTFIX: [Document(f"p{n}", b'{"x":"%s"}' % os.urandom(size // 2).hex().encode())]}, positions={"mail.log": b"%d" % n})


def commit_until_full(spool, number):
    """Return the number of the first batch that found no room."""
    for n in range(number, number + 1000):
        try:
            spool.commit(spool.pack(noise(n)), n)
        except SpoolFull:
            return n
    pytest.fail("the disk never was full")


def empty(spool, arrived):
    while (parcel := spool.next("es", POSTFIX, max_documents=30)) is not None:
        arrived += [document.id for document in parcel.documents()]
        spool.delivered("es", parcel, Delivery(), 0)


def test_a_full_disk_is_drained_through_the_ballast_and_may_fill_again(house, small_disk):
    limits = {"ballast": 16 * MIB, "min_free": 8 * MIB}
    spool = house.open(small_disk / "state", **limits)
    spool.configure([SinkSpec("es")])
    filler, arrived, n = small_disk / "filler", [], 0
    for turn in range(3):
        for _ in range(150):
            spool.commit(spool.pack(noise(n)), n)
            n += 1
        fill(filler)
        n = commit_until_full(spool, n)
        assert not spool.room().ballast
        assert (spool.room().read, spool.room().reason) == (False, "disk")
        with pytest.raises(SpoolFull):
            spool.commit(spool.pack(noise(n)), n)
        assert spool.position("mail.log") == b"%d" % (n - 1), "what failed changed nothing"
        if turn == 1:
            house.leave(spool)
            spool = house.open(small_disk / "state", **limits)
            spool.configure([SinkSpec("es")])
            assert (spool.unclean, spool.rescued, spool.room().read) == (True, None, False)
        empty(spool, arrived)
        assert arrived == [f"p{i}" for i in range(n)]
        assert spool._db.rows("select 1 from document") == []
        assert spool._db.rows("pragma integrity_check") == [("ok",)]
        assert not spool.room().read, "there is room within the file, but none on the disk for the ballast"
        filler.unlink()
        assert spool.room().read
        assert (small_disk / "state" / "ballast").stat().st_size == 16 * MIB
    spool.close()


def test_without_the_ballast_not_even_a_delivery_fits(house, small_disk):
    spool = house.open(small_disk / "state", ballast=16 * MIB, min_free=0)
    spool.configure([SinkSpec("es")])
    for n in range(200):
        spool.commit(spool.pack(noise(n)), n)
    (small_disk / "state" / "ballast").unlink()
    spool._ballast.here = False
    fill(small_disk / "filler")
    failed = 0
    for _ in range(200):
        parcel = spool.next("es", POSTFIX, max_documents=1)
        try:
            spool.delivered("es", parcel, Delivery(), 0)
        except SpoolFull:
            failed += 1
            assert spool.next("es", POSTFIX, max_documents=1) == parcel
            break
    assert failed == 1
    os.truncate(small_disk / "filler", 0)
    arrived = []
    empty(spool, arrived)
    assert arrived[-1] == "p199"
    spool.close()


def test_a_start_on_a_full_disk_gives_up_the_ballast_and_goes_on(house, small_disk):
    spool = house.open(small_disk / "state", ballast=16 * MIB, min_free=0)
    spool.configure([SinkSpec("es")])
    for n in range(10):
        spool.commit(spool.pack(noise(n)), n)
    spool.close()
    fill(small_disk / "filler")
    spool = house.open(small_disk / "state", ballast=16 * MIB, min_free=0)
    assert (spool.rescued, spool.room().ballast) == (None, False)
    spool.configure([SinkSpec("es")])
    arrived = []
    empty(spool, arrived)
    assert len(arrived) == 10
    spool.close()

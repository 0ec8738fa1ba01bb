import os
import threading

import pytest
from watchdog.observers.api import BaseObserver

from collector.sources import wake
from collector.sources.wake import Bell, Ears, Watch

LONG = 20
"""Seconds; waited for only by a test that fails."""


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def watching(bell):
    made = []

    def watch(*folders):
        made.append(Watch(bell, folders))
        return made[-1]

    yield watch
    for watch in made:
        watch.close()


def test_a_bell_rings_once_for_many_rings(bell):
    assert not bell.wait(0)
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_a_bell_wakes_who_waits(bell):
    ringer = threading.Timer(0.01, bell.ring)
    ringer.start()
    assert bell.wait(LONG)
    ringer.join()


def test_a_line_rings(tmp_path, bell, watching):
    assert watching(tmp_path).watched == {tmp_path}
    (tmp_path / "mail.log").write_bytes(b"a")
    assert bell.wait(LONG)


def test_reading_does_not_ring(tmp_path, bell, watching):
    (tmp_path / "mail.log").write_bytes(b"a")
    watching(tmp_path)
    (tmp_path / "mail.log").read_bytes()
    (tmp_path / "marker").touch()
    assert bell.wait(LONG)
    while bell.wait(0.2):
        pass
    (tmp_path / "mail.log").read_bytes()
    assert not bell.wait(0.2)


def test_a_folder_is_watched_as_soon_as_it_exists(tmp_path, bell, watching):
    folder = tmp_path / "later"
    watch = watching(folder, tmp_path)
    assert watch.watched == {tmp_path}
    folder.mkdir()
    watch.refresh()
    assert watch.watched == {folder, tmp_path}
    while bell.wait(0.2):
        pass
    (folder / "mail.log").write_bytes(b"a")
    assert bell.wait(LONG)


def test_a_folder_that_was_removed_and_made_again_is_watched_again(tmp_path, bell, watching):
    folder = tmp_path / "log"
    folder.mkdir()
    watch = watching(folder)
    [emitter] = watch._observer.emitters
    folder.rmdir()
    emitter.join(LONG)
    watch.refresh()
    assert watch.watched == frozenset()
    folder.mkdir()
    watch.refresh()
    while bell.wait(0.2):
        pass
    (folder / "mail.log").write_bytes(b"a")
    assert bell.wait(LONG)


def test_a_dead_observer_is_replaced(tmp_path, bell, watching):
    watch = watching(tmp_path)
    first = watch._observer
    first.stop()
    first.join()
    watch.refresh()
    assert watch.watched == {tmp_path}
    (tmp_path / "mail.log").write_bytes(b"a")
    assert bell.wait(LONG)


def test_a_kernel_that_refuses_watches_is_lived_with(tmp_path, watching, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(28, "inotify watch limit reached")

    with monkeypatch.context() as patch:
        patch.setattr(BaseObserver, "schedule", refuse)
        watch = watching(tmp_path)
        assert watch.watched == frozenset()
    with monkeypatch.context() as patch:
        patch.setattr(wake, "Observer", refuse)
        assert watching(tmp_path).watched == frozenset()
    watch.refresh()
    assert watch.watched == {tmp_path}


def test_close_twice_leaves_no_thread(tmp_path, watching):
    before = threading.active_count()
    watch = watching(tmp_path)
    assert threading.active_count() > before
    watch.close()
    watch.close()
    assert threading.active_count() == before


@pytest.fixture
def ears(bell):
    made = Ears(bell)
    yield made
    made.close()
    made.close()


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_pipe_rings_once_for_each_time_it_is_listened_to(bell, ears, pipe):
    reading, writing = pipe
    ears.listen(reading)
    assert not bell.wait(0.01)
    os.write(writing, b"x")
    assert bell.wait(LONG)
    os.write(writing, b"x")
    assert not bell.wait(0.01)
    ears.listen(reading)
    assert bell.wait(LONG), "what is there already rings too"


def test_a_pipe_that_is_closed_is_forgotten_and_its_number_can_be_another_one(bell, ears):
    reading, writing = os.pipe()
    ears.listen(reading)
    os.close(reading)
    os.close(writing)
    again, writing = os.pipe()
    assert again == reading
    ears.listen(again)
    os.write(writing, b"x")
    assert bell.wait(LONG)
    os.close(again)
    os.close(writing)


def test_a_writer_that_goes_away_rings(bell, ears):
    reading, writing = os.pipe()
    ears.listen(reading)
    os.close(writing)
    assert bell.wait(LONG)
    os.close(reading)


def test_a_regular_file_never_rings(bell, ears, tmp_path):
    with (tmp_path / "file").open("w+") as file:
        ears.listen(file.fileno())
    assert not bell.wait(0)

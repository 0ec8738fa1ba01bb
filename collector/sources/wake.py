"""In: changes in folders, as inotify tells them, and pipes that fill. Out: a bell that rings.

Nothing rests on it: watchdog swallows a full inotify queue, a folder may not exist yet, the kernel may refuse watches. Who
waits for the bell looks by himself once a second.
"""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

from watchdog.events import FileClosedEvent, FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from watchdog.observers.api import BaseObserver, ObservedWatch

# Not opened or closed without writing: reading a log must not ring for itself.
_EVENTS: list[type[FileSystemEvent]] = [FileModifiedEvent, FileCreatedEvent, FileDeletedEvent, FileMovedEvent, FileClosedEvent]


class Bell:
    """Rung by any thread, heard by one."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        """Wake up who waits, or who will wait next."""
        self._event.set()

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds; True if it rang since the last call."""
        rang = self._event.wait(timeout)
        self._event.clear()
        return rang


class Watch(FileSystemEventHandler):
    """Rings ``bell`` when a file in one of ``folders`` changes."""

    def __init__(self, bell: Bell, folders: Iterable[Path]) -> None:
        self._bell = bell
        self._folders = frozenset(folders)
        self._observer: BaseObserver | None = None
        self._watches: dict[Path, ObservedWatch] = {}
        self.refresh()

    @property
    def watched(self) -> frozenset[Path]:
        """The folders that can ring now."""
        return frozenset(self._watches)

    def refresh(self) -> None:
        """Watch folders that appeared, and again those whose watch died; to be called now and then."""
        if self._observer is None or not self._observer.is_alive():
            self.close()
            self._observer = self._start()
        observer = self._observer
        if observer is None:
            return
        alive = {emitter.watch for emitter in observer.emitters if emitter.is_alive()}
        for folder, watch in list(self._watches.items()):
            if watch not in alive:
                observer.unschedule(watch)
                del self._watches[folder]
        for folder in self._folders - self._watches.keys():
            try:
                self._watches[folder] = observer.schedule(self, str(folder), event_filter=_EVENTS)
            except OSError:  # it does not exist, or there are no more inotify watches: the poll sees what happens there
                continue

    def dispatch(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - that something happened is enough
        """Ring; called by watchdog's thread."""
        self._bell.ring()

    def close(self) -> None:
        """Stop watching; may be called twice."""
        observer, self._observer = self._observer, None
        self._watches.clear()
        if observer is not None:
            observer.stop()
            observer.join()

    @staticmethod
    def _start() -> BaseObserver | None:
        try:
            observer = Observer()
            observer.start()
        except OSError:
            return None
        return observer


class Ears:
    """Rings ``bell`` when a pipe becomes readable, once for each time it is asked to."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._epoll = select.epoll()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._epoll.register(self._stop, select.EPOLLIN)
        self._thread = threading.Thread(target=self._hear, name="ears", daemon=True)
        self._thread.start()

    def listen(self, descriptor: int) -> None:
        """Ring when there is something to read; one that is closed meanwhile is forgotten."""
        events = select.EPOLLIN | select.EPOLLONESHOT
        try:
            self._epoll.register(descriptor, events)
        except FileExistsError:
            self._epoll.modify(descriptor, events)
        except PermissionError:  # a regular file: there is nothing to wait for
            return

    def close(self) -> None:
        """Stop listening; may be called twice."""
        if self._epoll.closed:
            return
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        self._epoll.close()
        os.close(self._stop)

    def _hear(self) -> None:
        while True:
            if any(descriptor == self._stop for descriptor, _ in self._epoll.poll()):
                return
            self._bell.ring()

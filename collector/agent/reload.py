"""In: SIGHUP, a way to read the settings again. Out: a service that goes on with new content and new credentials, or with the old ones and the reason.

The parts keep running. The feeder commits what it has and lays a new road over the committed memory, as a restart does, but keeps
its sources open; a shipper changes its sink between two parcels.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from collector.agent import assembly, systemd
from collector.agent.geo import Geo
from collector.errors import CollectorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.agent.agent import Parts
    from collector.agent.assembly import Content
    from collector.config.settings import Settings
    from collector.pipeline.pipeline import Pipeline

STANDING = ("state_dir", "host", "timezone", "source", "spool")
"""Settings that stay until a restart."""


class Reload:
    """Reads again when it was asked to. ``read`` returns the settings and raises ConfigError, ``settings`` are those in use."""

    def __init__(self, read: Callable[[], Settings], settings: Settings, parts: Parts) -> None:
        self._read = read
        self._settings = settings
        self._specs = [spec for _, spec in assembly.sinks(settings)]
        self._parts = parts
        self._asked = self._going_on = False

    def listen(self) -> None:
        """Take SIGHUP as the wish to reload, from now on; on the main thread."""
        signal.signal(signal.SIGHUP, lambda *_: self.ask())

    def ask(self) -> None:
        """Wish for a reload at the next step; from a signal handler or any thread."""
        self._asked = True

    def step(self) -> None:
        """Begin what was asked for, and say when it is done."""
        if self._asked:
            self._asked, self._going_on = False, True
            systemd.reloading()
            self._begin()
        if self._going_on and not self._parts.feeder.renewing:
            self._going_on = False
            systemd.notify("READY=1")

    def _begin(self) -> None:
        health = self._parts.health
        try:
            wanted = self._read()
            settings = wanted.model_copy(update={name: getattr(self._settings, name) for name in STANDING})
            loaded = assembly.settled_content(settings)
            sinks = assembly.sinks(settings)
        except CollectorError as error:
            health.not_reloaded(error.with_hint)
            return
        number = sum(map(len, loaded.faults.values()))
        if number:
            health.not_reloaded(f"{number} files of the host do not load: mailvigil check names them", loaded.faults)
            return
        waiting = [name for name in STANDING if getattr(wanted, name) != getattr(self._settings, name)]
        if [spec for _, spec in sinks] != self._specs:
            waiting.append("which sinks there are, and what each gets")
        for shipper in self._parts.shippers:
            for sink, _ in sinks:
                if sink.name == shipper.sink.name:
                    shipper.renew(sink)
        geo = self._parts.feeder.geo if settings.site.geo == self._settings.site.geo else None
        self._settings = settings
        reason = f"in use from now on; a restart is needed for: {', '.join(waiting)}" if waiting else "in use from now on"
        self._parts.feeder.renew(lambda: self._road(settings, loaded, geo or Geo(settings.site.geo), reason))

    def _road(self, settings: Settings, loaded: Content, geo: Geo, reason: str) -> Pipeline | None:
        """Lay a road that remembers what was committed; None where that cannot be read. On the feeder's thread, when all is committed."""
        _, facts = geo.look()
        try:
            pipeline = assembly.live_road(settings, replace(loaded, lookup=geo), self._parts.spool)
        except CollectorError as error:
            self._parts.health.not_reloaded(error.with_hint)
            return None
        self._parts.feeder.geo = geo
        for fact in facts:
            self._parts.feeder.tell(fact)
        self._parts.health.reloaded(len(loaded.rules.active), reason)
        return pipeline

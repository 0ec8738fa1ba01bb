"""In: origins of lines. Out: tags: what every line of one source, host, program and pid carries, as one shared mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.parse.loader import Dispatch
    from collector.parse.opened import Origin

_LIMIT = 8192
"""Tags that are remembered; a busy host has some hundred processes."""

UNKNOWN = "unknown"
"""Service of a line whose program nobody knows: what its text resembles chooses the stream, and is no statement about who wrote it."""

_SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
_FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "security", "console", "clock"),
    *(f"local{number}" for number in range(8)),
)
"""RFC 5424 6.2.1, by code."""


class Tags:
    """Makes and remembers tags. They are shared by many events and never written to."""

    def __init__(self) -> None:
        """Begin empty."""
        self._known: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def of(self, origin: Origin, dispatch: Dispatch | None) -> Mapping[str, Any]:
        """Return the tag of an origin; without a dispatch (no envelope, no program) its service is unknown."""
        key = (origin.source, origin.host, origin.program, origin.daemon, origin.pid, origin.priority, origin.zoneless, dispatch is None)
        if not origin.ordinary:
            return _tag(origin, dispatch)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _LIMIT:
                self._known.clear()
            found = self._known[key] = _tag(origin, dispatch)
        return found


def _tag(origin: Origin, dispatch: Dispatch | None) -> dict[str, Any]:
    source = origin.source
    tag: dict[str, Any] = {"host.name": origin.host or source.host or "localhost", "input.type": source.input}
    tag["service.type"] = tag["service.name"] = UNKNOWN
    if dispatch is not None:
        tag["service.type"] = dispatch.product
        tag["service.name"] = dispatch.service_name
        tag["process.name"] = dispatch.daemon or dispatch.product
    if origin.pid is not None:
        tag["process.pid"] = origin.pid
    if origin.program is not None:
        tag["log.syslog.appname"] = origin.program
    if origin.priority is not None:
        facility, severity = divmod(origin.priority, 8)
        tag |= {"log.syslog.priority": origin.priority, "log.syslog.facility.code": facility, "log.syslog.severity.code": severity}
        tag |= {"log.syslog.facility.name": _FACILITIES[facility], "log.syslog.severity.name": _SEVERITIES[severity]}
    if source.path is not None:
        tag["log.file.path"] = source.path
    if origin.zoneless:
        tag["event.timezone"] = source.timezone
    return tag

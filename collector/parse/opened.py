"""In: what an envelope says. Out: Opened, a line whose envelope was read, and Origin, what all lines of its process share.

An Opened is made for every line and is light on purpose: what differs from line to line stands in it, the rest in its origin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.record import Record, SourceInfo

Span = tuple[int, int]

PARTS = ("_user", "_session")
"""Parts of Dovecot's prefix: a shape may derive from them."""

LONGEST_NAME = 255
"""Of a program or a host, as a line may have it."""

LEVELS = frozenset(("warning", "error", "fatal", "panic"))
"""Level words of all products but Dovecot; they stay in the message."""
_LEVEL = re.compile(r"(?:(?:[0-9A-F]{6,16}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,32}): )?(warning|error|fatal|panic): ")
UNREAD: Final = ""
"""The level of a line that was not looked at yet."""
_NONE: Mapping[str, str] = {}
_NOWHERE: Mapping[str, Span] = {}


class Origin:
    """Who wrote a line, as its envelope says it. What it does not say is None; shared, and never changed but for ``plan`` and ``services``."""

    __slots__ = ("daemon", "envelope", "host", "name", "named_year", "pid", "plan", "priority", "product", "program", "service", "services", "source", "zoneless")

    def __init__(
        self,
        source: SourceInfo,
        envelope: str,
        *,
        named_year: bool = False,
        zoneless: bool = False,
        host: str | None = None,
        program: str | None = None,
        product: str | None = None,
        service: str | None = None,
        daemon: str | None = None,
        pid: int | None = None,
        priority: int | None = None,
    ) -> None:
        """Keep what is said.

        ``envelope`` is rfc3164, rfc3339, rfc5424, dovecot, header, or raw: none of them opens the line. ``named_year``, ``zoneless``:
        what its stamps say or lack. ``program`` is the tag as logged, ``product`` its first part (postfix, dovecot, opendkim),
        ``service`` what stands in the middle of it (submission, smtps), ``daemon`` its last part (smtpd, imap-login).
        """
        self.source = source
        self.envelope = envelope
        self.named_year = named_year
        self.zoneless = zoneless
        self.host = host
        self.program = program
        self.product = product
        self.service = service
        self.daemon = daemon
        self.pid = pid
        self.priority = priority
        self.name = program
        """The syslog name that globs are matched with: the tag, or ``dovecot/DAEMON``."""
        if product == "dovecot":
            self.name = "dovecot" if daemon is None else f"dovecot/{daemon}"
        self.plan: Any = None
        """What the engine that reads the lines knows about this origin."""
        self.services: dict[str, Origin] = {}
        """Of a bare ``dovecot``: prefix -> origin."""

    @property
    def ordinary(self) -> bool:
        """True if its names are no longer than those of a line: the journal's may have any length, and whoever remembers them would be filled."""
        return len(self.program or "") <= LONGEST_NAME and len(self.host or "") <= LONGEST_NAME

    @property
    def facts(self) -> tuple[Any, ...]:
        """All that is said: origins with equal facts are one."""
        return (self.source, self.envelope, self.named_year, self.zoneless, self.host, self.program, self.product, self.service, self.daemon, self.pid, self.priority)


class Opened:
    r"""A record whose envelope was read.

    ``text`` is the line, undecodable bytes as ``\xNN``, without one carriage return at its end; the message stands from ``start``
    to ``end``. ``time`` is the stamp in ms since the epoch. Spans are indexes into ``text``.
    """

    __slots__ = ("end", "known_level", "origin", "record", "stamp", "start", "text", "time")

    parts: Mapping[str, str] = _NONE
    """``_user`` and ``_session`` of Dovecot's prefix."""
    spans: Mapping[str, Span] = _NOWHERE
    """Where these, host.name and process.pid stand: only the plain reading says it."""
    repeat: int = 1
    """The N of ``message repeated N times``."""

    def __init__(self, record: Record, text: str, start: int, end: int, time: int | None, origin: Origin, stamp: Span | None = None, level: str | None = UNREAD) -> None:
        """Keep what is said."""
        self.record = record
        self.text = text
        self.start = start
        self.end = end
        self.time = time
        self.origin = origin
        self.stamp = stamp
        self.known_level = level

    @property
    def level(self) -> str | None:
        """The level word; None where there is none. Looked for when somebody asks."""
        if self.known_level == UNREAD:
            found = None if self.origin.product is None else _LEVEL.match(self.text, self.start, self.end)
            self.known_level = None if found is None else found[1]
        return self.known_level

    @property
    def named_year(self) -> bool:
        """True if the stamp says its year (merge trusts in it)."""
        return self.origin.named_year

    @property
    def name(self) -> str | None:
        """The syslog name of its origin."""
        return self.origin.name

    @property
    def message(self) -> str:
        """What stands behind the tag."""
        return self.text[self.start : self.end]


class Detailed(Opened):
    """An opened record of which more is said than of most."""

    __slots__ = ("parts", "repeat", "spans")

    def __init__(
        self,
        record: Record,
        text: str,
        start: int,
        end: int,
        time: int | None,
        origin: Origin,
        stamp: Span | None,
        level: str | None,
        parts: Mapping[str, str],
        spans: Mapping[str, Span] = _NOWHERE,
        repeat: int = 1,
    ) -> None:
        """Keep what is said."""
        super().__init__(record, text, start, end, time, origin, stamp, level)
        self.parts = parts
        self.spans = spans
        self.repeat = repeat

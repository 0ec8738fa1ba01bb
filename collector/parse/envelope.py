"""In: Records. Out: Opened records, as syslog.py reads them, but from memory: what was read once is not read again.

Remembered are stamps up to the second, heads (``host program[pid]:``) and the prefixes of Dovecot. All of it is bounded, and
forgotten whole when it is full. Whatever is not remembered, or is no ordinary line, is read the plain way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collector.model.record import SourceInfo
from collector.parse import syslog, timestamps
from collector.parse.opened import LONGEST_NAME, Detailed, Opened, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.record import Record
    from collector.parse.opened import Span

REMEMBERED = 8192
"""Heads and prefixes that are remembered; a busy host has some hundred processes."""
_SECONDS = 4096
_DAY = 86_400_000
_YEAR = 364 * _DAY
"""So long, at the least, it takes a stamp without a year to come round again."""
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.?(?:Z|[+-][0-9]{2}:[0-9]{2})")
"""A stamp without the digits of its fraction."""
_STAMP = re.compile(r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})")
_THREE = {f"{number:03d}": number for number in range(1000)}
"""What three digits mean; nothing else is in it."""
_PID_DIGITS = 10
_REPEATED = "message repeated "
_LEVELS = frozenset("DIWEFP")
"""First letters of Dovecot's level words."""
# The prefixes that can be read in one way only: no bracket and no blank in the name, and behind it the only place where it could end.
_PREFIX = re.compile(r"(?P<service>(?!auth(?:-worker)?\()[a-z][a-z0-9_-]{0,63})(?:\((?P<user>[^\s()<>]{1,512})\))?(?:<(?P<pid>[0-9]{1,10})>)?(?:<(?P<session>[^<>\s]*)>)?")


class _Lane:
    """What is remembered of one source."""

    __slots__ = ("heads", "moments", "own", "reads", "source", "usual")

    def __init__(self, source: SourceInfo) -> None:
        self.source = source
        self.reads = frozenset(syslog.FORMATS if source.format == "auto" else (source.format,))
        self.heads: dict[str, dict[Any, Origin]] = {envelope: {} for envelope in ("rfc3164", "rfc3339", "rfc5424", "header")}
        self.usual: dict[str, Origin] = {}
        """Of the heads of RFC 3339 those without a priority, with their colon."""
        self.moments: dict[str, int] = {}
        self.own = Origin(source, "dovecot", zoneless=True, product="dovecot")


class Envelopes:
    """Opens records. Lines of one source come in runs: the last lane is tried first."""

    def __init__(self) -> None:
        """Begin with nothing remembered."""
        self._lanes: dict[str, _Lane] = {}
        self._lane = _Lane(SourceInfo(""))
        self._seconds: dict[str, int] = {}
        self._dotted: dict[str, int] = {}
        """The same with the point before a fraction."""
        self._origins: dict[tuple[Any, ...], Origin] = {}
        self._remembered = 0

    def open(self, record: Record) -> Opened:
        """Read the envelope; never an exception, whatever the bytes are."""
        lane = self._lane
        if lane.source is not record.source:
            lane = self._lane_of(record.source)
        if record.header is None:
            text = record.raw.decode("utf-8", "backslashreplace")
            # The commonest line, in a row: a stamp with six digits behind the second and a known head.
            at = text.find(" ", 26)
            colon = text.find(": ", at)
            origin = lane.usual.get(text[at : colon + 1])
            if origin is not None:
                time = self._dotted.get(text[:20] + text[26:at])
                thousandths = _THREE.get(text[20:23])
                start = colon + 2
                if time is not None and thousandths is not None and text[23:26] in _THREE and text[start : start + 8] != "message " and text[-1] != "\r":
                    if origin.product != "dovecot":
                        return Opened(record, text, start, len(text), time + thousandths, origin, (0, at))
                    if origin.daemon is None and (opened := self._prefixed(record, text, start, time + thousandths, origin, (0, at))) is not None:
                        return opened
        return self._read(record, lane)

    def _read(self, record: Record, lane: _Lane) -> Opened:
        opened = None
        if record.header is None:
            text = record.raw.decode("utf-8", "backslashreplace")
            if text[-1:] != "\r":
                opened = self._rfc3339(record, lane, text, 0) if text[10:11] == "T" else self._other(record, lane, text)
        elif record.header.program is not None:
            opened = self._header(record, lane)
        return self._plain(record) if opened is None else opened

    def _plain(self, record: Record) -> Opened:
        opened = syslog.open_record(record)
        opened.origin = self._interned(opened.origin)
        return opened

    def _other(self, record: Record, lane: _Lane, text: str) -> Opened | None:
        if text[:1] != "<":
            return self._rfc3164(record, lane, text, 0)
        begin = text.find(">", 0, 5) + 1
        if text[begin : begin + 2] == "1 ":
            return self._rfc5424(record, lane, text, begin)
        return self._rfc3339(record, lane, text, begin) if text[begin + 10 : begin + 11] == "T" else self._rfc3164(record, lane, text, begin)

    def _rfc3339(self, record: Record, lane: _Lane, text: str, begin: int) -> Opened | None:
        """Open ``2026-11-24T10:00:00.123456+00:00 host program[pid]: message``, behind a priority that ends at ``begin``."""
        at = text.find(" ", begin + 19)
        time = self._moment(text, begin, at)
        colon = text.find(": ", at)
        if time is None or colon < 0 or "rfc3339" not in lane.reads:
            return None
        head = text[at:colon] if begin == 0 else text[:begin] + text[at:colon]
        origin = lane.heads["rfc3339"].get(head) or self._head(lane, "rfc3339", head, ": ")
        return None if origin is None else self._behind(record, text, colon + 2, time, origin, (begin, at))

    def _rfc3164(self, record: Record, lane: _Lane, text: str, begin: int) -> Opened | None:
        """Open ``Nov 24 10:00:00 host program[pid]: message``, or a line of Dovecot's own file."""
        at = begin + 15
        colon = text.find(": ", at)
        if text[at : at + 1] != " " or colon < 0:
            return None
        time = lane.moments.get(text[begin:at])
        if time is None or not time - _DAY <= record.near < time - _DAY + _YEAR:
            time = self._moment_3164(record, lane, text[begin:at])
            if time is None:
                return None
        head = text[at:colon] if begin == 0 else text[:begin] + text[at:colon]
        origin = lane.heads["rfc3164"].get(head)
        if origin is None:
            if begin == 0 and "dovecot" in lane.reads and text.find(" ", at + 1, colon) < 0:
                return self._own_file(record, text, at + 1, time, lane.own)
            origin = self._head(lane, "rfc3164", head, ": ")
        if origin is None or "rfc3164" not in lane.reads:
            return None
        return self._behind(record, text, colon + 2, time, origin, (begin, at))

    def _rfc5424(self, record: Record, lane: _Lane, text: str, begin: int) -> Opened | None:
        """Open ``<22>1 2026-11-24T10:00:00.123456+00:00 host program pid - -  message``."""
        at = text.find(" ", begin + 21)
        time = self._moment(text, begin + 2, at)
        end = text.find(" - - ", at) + 4
        if time is None or end < at or "rfc5424" not in lane.reads:
            return None
        if text[end : end + 3] == " - ":
            end += 2
        head = text[:begin] + text[at:end]
        origin = lane.heads["rfc5424"].get(head) or self._head(lane, "rfc5424", head, " ")
        start = end + 1
        if text[start : start + 1] == "\ufeff":
            start += 1
        if text[start : start + 1] == " ":
            start += 1
        return None if origin is None else self._behind(record, text, start, time, origin, (begin + 2, at))

    def _header(self, record: Record, lane: _Lane) -> Opened | None:
        """Open what the journal has taken apart already."""
        header = record.header
        assert header is not None
        assert header.program is not None
        if len(header.program) > LONGEST_NAME or len(header.host or "") > LONGEST_NAME:
            return None
        key = (header.program, header.pid, header.host, header.priority)
        origin = lane.heads["header"].get(key)
        if origin is None:
            product, service, daemon = syslog.named(header.program)
            pid, priority = syslog.pid_of(header), syslog.priority_of(header)
            origin = Origin(
                lane.source, "header", named_year=True, host=header.host, program=header.program, product=product, service=service, daemon=daemon, pid=pid, priority=priority
            )
            origin = lane.heads["header"][key] = self._interned(origin)
        text = record.raw.decode("utf-8", "backslashreplace")
        return None if text[-1:] == "\r" else self._behind(record, text, 0, header.time, origin, None)

    def _behind(self, record: Record, text: str, start: int, time: int | None, origin: Origin, stamp: Span | None) -> Opened | None:
        """Read what stands behind the head: Dovecot's prefix and level word. None where the plain way must do it."""
        if origin.product != "dovecot":
            return None if text.startswith(_REPEATED, start) else Opened(record, text, start, len(text), time, origin, stamp)
        if origin.daemon is None:
            return self._prefixed(record, text, start, time, origin, stamp)
        if text.startswith(_REPEATED, start):
            return None
        level, start = syslog.dovecot_level(text, start, len(text))
        return Opened(record, text, start, len(text), time, origin, stamp, level)

    def _prefixed(self, record: Record, text: str, start: int, time: int | None, origin: Origin, stamp: Span | None) -> Opened | None:
        colon = text.find(": ", start)
        if colon < 0:
            return None
        found = origin.services.get(text[start:colon])
        parts = None
        if found is None:
            prefix = _PREFIX.fullmatch(text, start, colon)
            if prefix is None:
                return None
            found, parts = self._service(origin, prefix)
            if found is None:
                return None
        start, end = colon + 2, len(text)
        level = None
        if text[start : start + 1] in _LEVELS:
            level, start = syslog.dovecot_level(text, start, end)
        return Opened(record, text, start, end, time, found, stamp, level) if parts is None else Detailed(record, text, start, end, time, found, stamp, level, parts)

    def _own_file(self, record: Record, text: str, start: int, time: int, origin: Origin) -> Opened | None:
        """Open a line of Dovecot's own file: only a level word behind it makes a prefix of it."""
        opened = self._prefixed(record, text, start, time, origin, (0, start - 1))
        return None if opened is None or opened.known_level is None else opened

    def _service(self, origin: Origin, prefix: re.Match[str]) -> tuple[Origin | None, Mapping[str, str] | None]:
        """Return the origin that a prefix makes of a bare ``dovecot``, and its parts."""
        service, user, pid, session = prefix.groups()
        if user is not None and pid is None:
            if session is None and prefix.string.find(")<", prefix.end()) >= 0:
                return None, None
            if user.isascii() and user.isdigit() and len(user) <= _PID_DIGITS:
                user, pid = None, user
        key = service if pid is None else f"{service}<{pid}>"
        found = origin.services.get(key)
        if found is None:
            found = Origin(
                origin.source, origin.envelope, named_year=origin.named_year, zoneless=origin.zoneless, host=origin.host, program=origin.program,
                product="dovecot", service=origin.service, daemon=service, pid=origin.pid if pid is None else int(pid), priority=origin.priority,
            )  # fmt: skip
            found = origin.services[key] = self._interned(found)
        if user and session:
            return found, {"_user": user, "_session": session}
        return found, {part: text for part, text in (("_user", user), ("_session", session)) if text}

    def _head(self, lane: _Lane, envelope: str, head: str, end: str) -> Origin | None:
        origin = syslog.origin_of(envelope, head + end, lane.source)
        if origin is not None:
            origin = lane.heads[envelope][head] = self._interned(origin)
            if envelope == "rfc3339" and head[0] == " " and "rfc3339" in lane.reads:
                lane.usual[f"{head}:"] = origin
        return origin

    def _interned(self, origin: Origin) -> Origin:
        """Return the one origin of these facts, or this one where it is the first."""
        if not origin.ordinary:
            return origin
        self._remembered += 1
        if self._remembered > REMEMBERED:
            self._lanes.clear()
            self._origins.clear()
            self._lane, self._remembered = _Lane(SourceInfo("")), 1
        return self._origins.setdefault(origin.facts, origin)

    def _lane_of(self, source: SourceInfo) -> _Lane:
        lane = self._lanes.get(source.name)
        if lane is None or lane.source != source:
            if len(self._lanes) >= REMEMBERED:
                self._lanes.clear()
            lane = self._lanes[source.name] = _Lane(source)
        self._lane = lane
        return lane

    def _moment(self, text: str, begin: int, at: int) -> int | None:
        """Return ms of a stamp of RFC 3339 from ``begin`` to ``at`` whose fraction has no, three or six digits."""
        second = begin + 19
        if text[second : second + 1] != ".":
            return self._seconds.get(text[begin:at]) or self._second(text[begin:at], self._seconds)
        thousandths = _THREE.get(text[second + 1 : second + 4])
        zone = second + 4
        if text[zone : zone + 3] in _THREE:
            zone += 3
        stamp = text[begin : second + 1] + text[zone:at]
        whole = self._dotted.get(stamp) or self._second(stamp, self._dotted)
        return None if whole is None or thousandths is None else whole + thousandths

    def _second(self, stamp: str, known: dict[str, int]) -> int | None:
        moment = None if _SECOND.fullmatch(stamp) is None else timestamps.rfc3339(stamp.replace(".", ""))
        if moment is not None:
            if len(known) >= _SECONDS:
                known.clear()
            known[stamp] = moment
        return moment

    def _moment_3164(self, record: Record, lane: _Lane, stamp: str) -> int | None:
        match = _STAMP.fullmatch(stamp)
        moment = None if match is None else timestamps.rfc3164(match["month"], match["day"], match["clock"], record.near, lane.source.timezone)
        if moment is not None:
            if len(lane.moments) >= _SECONDS:
                lane.moments.clear()
            lane.moments[stamp] = moment
        return moment

"""In: a Record. Out: Opened: time, host, program, pid, level, and where the message begins and ends.

The plain way, which reads every line from its first byte to the message; what envelope.py remembers must agree with it.

Envelopes: RFC 3164 and RFC 3339 files (rsyslog, syslog-ng, Postfix' maillog_file), RFC 5424 (rsyslog), Dovecot's own file
(no host, no program, always a level word), what a program hands to a syslog socket (no host), and what the journal or docker
already knows (a header, perhaps with a bare ``program[pid]: `` in front of the text). Dovecot's prefix
``SERVICE(user)<pid><session>: Level: `` belongs to the tag. No host name holds a parenthesis: in Dovecot's own file its
services stand where a host would, with a stranger's text behind them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from collector.parse import dovecot_prefix, timestamps
from collector.parse.opened import LONGEST_NAME, PARTS, UNREAD, Detailed, Opened, Origin, Span

if TYPE_CHECKING:
    from collector.model.record import Header, Record, SourceInfo
    from collector.parse.dovecot_prefix import Prefix

FORMATS = ("auto", "rfc3164", "rfc3339", "rfc5424", "dovecot")
"""What SourceInfo.format may say."""

_PRIORITY = r"(?:<(?P<priority>[0-9]{1,3})>)?"
_STAMP_3339 = r"(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2}))"
_STAMP_3164 = r"(?P<stamp>(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}))"
_TAG = r"(?P<program>[^\s\[\]:]{1,255})(?:\[(?P<pid>[0-9]{1,10})\])?:(?: |$)"
_HOST_TAG = r" (?P<host>[^\s<>()]{0,254}[^\s<>():]) " + _TAG

_RFC3164 = re.compile(_PRIORITY + _STAMP_3164 + _HOST_TAG)
_RFC3339 = re.compile(_PRIORITY + _STAMP_3339 + _HOST_TAG)
_HEAD_5424 = r" (?:-|(?P<host>[^\s<>()]{1,255})) (?:-|(?P<program>[^\s]{1,255})) (?:-|(?P<pid>[0-9]{1,10})|[^\s]{1,128}) [^\s]{1,32} "
_RFC5424 = re.compile(r"<(?P<priority>[0-9]{1,3})>1 (?:-|" + _STAMP_3339 + ")" + _HEAD_5424 + r'(?:-|(?:\[[^\]"]*+(?:"(?:[^"\\]|\\.)*+"[^\]"]*+)*+\])++)(?: \ufeff? ?|$)')
_HOSTLESS = re.compile(r"<(?P<priority>[0-9]{1,3})>" + _STAMP_3164 + " " + _TAG)
_BARE = re.compile(_PRIORITY + _TAG)
_DOVECOT_FILE = re.compile(_STAMP_3164 + " ")
_BARE_SERVICE = re.compile(r"(?:(?:imap|pop3|managesieve|submission)-login|(?:imap|pop3|lmtp|managesieve|auth|auth-worker)(?=\())(?:\([^)]*\))?(?:<[0-9]{1,10}>)?(?:<[^<>\s]*>)?")
_DOVECOT_LEVEL = re.compile(r"(Debug|Info|Warning|Error|Fatal|Panic): ")
_REPEATED = re.compile(r"message repeated (?P<times>[0-9]{1,9}) times: \[ ?")
_LONGEST_CLAIM = 100_000
_HIGHEST_PRIORITY = 191
_HIGHEST_PID = 10**10 - 1
"""Ten digits, as in a line."""


@dataclass(slots=True)
class _Reading:
    """What is known so far; see Opened and Origin."""

    record: Record
    text: str
    start: int
    end: int
    envelope: str = "raw"
    """rfc3164, rfc3339, rfc5424, dovecot, header, bare (a tag only, the header knows the time); raw: none of them opens the line."""
    time: int | None = None
    named_year: bool = False
    stamp: Span | None = None
    host: str | None = None
    program: str | None = None
    product: str | None = None
    service: str | None = None
    daemon: str | None = None
    pid: int | None = None
    level: str | None = UNREAD
    priority: int | None = None
    repeat: int = 1
    spans: dict[str, Span] = field(default_factory=dict)

    def opened(self) -> Opened:
        origin = Origin(
            self.record.source, self.envelope, named_year=self.named_year, zoneless=self.stamp is not None and not self.named_year, host=self.host,
            program=self.program, product=self.product, service=self.service, daemon=self.daemon, pid=self.pid, priority=self.priority,
        )  # fmt: skip
        parts = {part: self.text[slice(*span)] for part, span in self.spans.items() if part in PARTS}
        return Detailed(self.record, self.text, self.start, self.end, self.time, origin, self.stamp, self.level, parts, self.spans, self.repeat)


def open_record(record: Record) -> Opened:
    """Read the envelope; never an exception, whatever the bytes are."""
    text = record.raw.decode("utf-8", "backslashreplace").removesuffix("\r")
    reading = _Reading(record, text, 0, len(text))
    header = record.header
    if header is not None and header.program is not None:
        reading.envelope, reading.program, reading.named_year = "header", header.program, True
    else:
        _read_text(reading)
    if header is not None:
        reading.host = reading.host or header.host
        reading.pid = pid_of(header) if reading.pid is None else reading.pid
        reading.time = header.time if reading.time is None else reading.time
        reading.priority = priority_of(header) if reading.priority is None else reading.priority
    if reading.envelope not in ("raw", "dovecot") and reading.program is not None:
        reading.product, reading.service, reading.daemon = named(reading.program)
        if _BARE_SERVICE.fullmatch(reading.program) is not None and reading.envelope != "header":
            prefix = dovecot_prefix.read(text, text.find(f" {reading.program}", 0, reading.start) + 1, reading.start)
            if prefix is not None:
                _prefix(reading, prefix)
    _repeated(reading)
    if reading.product == "dovecot":
        _dovecot(reading)
    return reading.opened()


def named(program: str) -> tuple[str, str | None, str | None]:
    """Return product, service and daemon of a program's name. A service of Dovecot may be the program: ``imap-login: ``, ``auth-worker(80180): ``."""
    return _known_name(program) if len(program) <= LONGEST_NAME else _named(program)


def _named(program: str) -> tuple[str, str | None, str | None]:
    if _BARE_SERVICE.fullmatch(program) is not None:
        return "dovecot", None, re.split("[(<]", program, maxsplit=1)[0]
    product, *middle = program.split("/")
    daemon = middle.pop() if middle else None
    return product, "/".join(middle) or None, daemon


_known_name = lru_cache(1024)(_named)


def pid_of(header: Header) -> int | None:
    """Return the pid of a header, if a line could have it."""
    return header.pid if 0 <= (header.pid or 0) <= _HIGHEST_PID else None


def priority_of(header: Header) -> int | None:
    """Return the priority of a header, if a line could have it."""
    return header.priority if 0 <= (header.priority or 0) <= _HIGHEST_PRIORITY else None


def _read_text(reading: _Reading) -> None:
    wanted = reading.record.source.format
    text = reading.text
    if text[:1] == "<" and wanted in ("auto", "rfc5424") and (match := _RFC5424.match(text)) is not None:
        _take(reading, "rfc5424", match)
    elif wanted in ("auto", "rfc3339") and (match := _RFC3339.match(text)) is not None:
        _take(reading, "rfc3339", match)
    elif wanted in ("auto", "dovecot") and (match := _DOVECOT_FILE.match(text)) is not None and (prefix := _own_file(reading, match.end())) is not None:
        _take(reading, "dovecot", match)
        if reading.envelope == "dovecot":
            reading.product = "dovecot"
            _prefix(reading, prefix)
            reading.start = prefix.end
    elif wanted in ("auto", "rfc3164") and (match := _RFC3164.match(text) or _HOSTLESS.match(text)) is not None:
        _take(reading, "rfc3164", match)
    elif reading.record.header is not None and (match := _BARE.match(text)) is not None and _names_a_process(match):
        _take(reading, "bare", match)
        reading.named_year = True


def _names_a_process(match: re.Match[str]) -> bool:
    """Say whether a bare tag is one: a word and a colon may begin any text, and a log in an unknown format must not look quiet."""
    return match["pid"] is not None or match["program"] == "dovecot" or _BARE_SERVICE.fullmatch(match["program"]) is not None


def _own_file(reading: _Reading, begin: int) -> Prefix | None:
    return dovecot_prefix.read(reading.text, begin, reading.end, own_file=True)


def _take(reading: _Reading, envelope: str, match: re.Match[str]) -> None:
    found = match.groupdict()
    record = reading.record
    if found.get("stamp") is not None:
        reading.named_year = "month" not in found
        if reading.named_year:
            reading.time = timestamps.rfc3339(found["stamp"])
        else:
            reading.time = timestamps.rfc3164(found["month"], found["day"], found["clock"], record.near, record.source.timezone)
        if reading.time is None:
            return
        reading.stamp = match.span("stamp")
    reading.envelope, reading.start = envelope, match.end()
    if found.get("priority") is not None and int(found["priority"]) <= _HIGHEST_PRIORITY:
        reading.priority = int(found["priority"])
    reading.host, reading.program = found.get("host"), found.get("program")
    if reading.host is not None:
        reading.spans["host.name"] = match.span("host")
    if found.get("pid") is not None:
        reading.pid = int(found["pid"])
        reading.spans["process.pid"] = match.span("pid")


def _prefix(reading: _Reading, prefix: Prefix) -> None:
    reading.daemon = prefix.service
    if prefix.pid is not None:
        reading.pid = int(reading.text[slice(*prefix.pid)])
    reading.spans |= {name: span for name, span in (("process.pid", prefix.pid), ("_user", prefix.user), ("_session", prefix.session)) if span is not None}


def _repeated(reading: _Reading) -> None:
    match = _REPEATED.match(reading.text, reading.start)
    if match is None or reading.text[-1] != "]":
        return
    reading.repeat = max(1, min(int(match["times"]), _LONGEST_CLAIM))
    reading.start = match.end()
    reading.end = max(reading.start, len(reading.text[:-1].rstrip(" ")))


def _dovecot(reading: _Reading) -> None:
    """Read Dovecot's prefix and the level word behind it; both stand inside of what is repeated."""
    if reading.daemon is None and (prefix := dovecot_prefix.read(reading.text, reading.start, reading.end)) is not None:
        _prefix(reading, prefix)
        reading.start = prefix.end
    reading.level, reading.start = dovecot_level(reading.text, reading.start, reading.end)


def dovecot_level(text: str, start: int, end: int) -> tuple[str | None, int]:
    """Return the level word with which a message of Dovecot begins, and where the rest begins."""
    level = _DOVECOT_LEVEL.match(text, start, end)
    return (None, start) if level is None else (level[1].lower(), level.end())


STAMP = re.compile(_STAMP_3339)
"""A stamp of RFC 3339, whole."""
HEADS = {
    "rfc3164": re.compile(_PRIORITY + _HOST_TAG),
    "rfc3339": re.compile(_PRIORITY + _HOST_TAG),
    "rfc5424": re.compile(r"<(?P<priority>[0-9]{1,3})>" + _HEAD_5424 + "- "),
}
"""By envelope: priority, host and tag of a line without its stamp, whole, up to the message."""


def origin_of(envelope: str, head: str, source: SourceInfo) -> Origin | None:
    """Return who wrote the lines that begin with a head; None where it is none, or where the line behind it has a say."""
    match = HEADS[envelope].fullmatch(head)
    if match is None or match["program"] is None or "(" in match["program"] or "<" in match["program"]:
        return None
    product, service, daemon = named(match["program"])
    priority = None if match["priority"] is None or int(match["priority"]) > _HIGHEST_PRIORITY else int(match["priority"])
    pid = None if match["pid"] is None else int(match["pid"])
    year = envelope != "rfc3164"
    return Origin(
        source, envelope, named_year=year, zoneless=not year, host=match["host"], program=match["program"],
        product=product, service=service, daemon=daemon, pid=pid, priority=priority,
    )  # fmt: skip

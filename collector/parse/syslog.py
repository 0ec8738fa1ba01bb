"""In: a Record. Out: Opened: time, host, program, pid, level, and where the message begins and ends.

Envelopes: RFC 3164 and RFC 3339 files (rsyslog, syslog-ng, Postfix' maillog_file), RFC 5424 (rsyslog), Dovecot's own file
(no host, no program, always a level word), and what the journal or docker already knows (a header). Dovecot's prefix
``SERVICE(user)<pid><session>: Level: `` belongs to the tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.parse import timestamps

if TYPE_CHECKING:
    from collector.model.record import Record

FORMATS = ("auto", "rfc3164", "rfc3339", "rfc5424", "dovecot")
"""What SourceInfo.format may say."""

Span = tuple[int, int]

_PRIORITY = r"(?:<(?P<priority>[0-9]{1,3})>)?"
_STAMP_3339 = r"(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2}))"
_STAMP_3164 = r"(?P<stamp>(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}))"
_HOST_TAG = r" (?P<host>[^\s<>]{0,254}[^\s<>:]) (?P<program>[^\s\[\]:]{1,255})(?:\[(?P<pid>[0-9]{1,10})\])?:(?: |$)"
_LEVEL = r"(?:(?P<level>Debug|Info|Warning|Error|Fatal|Panic): )"
_PREFIX = r"(?P<service>[a-z][a-z0-9_-]{0,63})(?:\((?P<user>[^)]*)\))?(?:<(?P<inner>[0-9]{1,10})>)?(?:<(?P<session>[^<>\s]*)>)?: "

_RFC3164 = re.compile(_PRIORITY + _STAMP_3164 + _HOST_TAG)
_RFC3339 = re.compile(_PRIORITY + _STAMP_3339 + _HOST_TAG)
_RFC5424 = re.compile(
    r"<(?P<priority>[0-9]{1,3})>1 (?:-|"
    + _STAMP_3339
    + r") (?:-|(?P<host>[^\s]{1,255})) (?:-|(?P<program>[^\s]{1,255})) (?:-|(?P<pid>[0-9]{1,10})|[^\s]{1,128}) [^\s]{1,32} "
    + r'(?:-|(?:\[[^\]"]*+(?:"(?:[^"\\]|\\.)*+"[^\]"]*+)*+\])++)(?: \ufeff? ?|$)'
)
_DOVECOT_FILE = re.compile(_STAMP_3164 + " " + _PREFIX + _LEVEL)
_DOVECOT_PREFIX = re.compile(_PREFIX + _LEVEL + "?")
_BARE_SERVICE = re.compile(r"(?:(?:imap|pop3|managesieve|submission)-login|(?:imap|pop3|lmtp|managesieve|auth-worker)(?=\())(?:\([^)]*\))?(?:<[0-9]{1,10}>)?(?:<[^<>\s]*>)?")
_REPEATED = re.compile(r"message repeated (?P<times>[0-9]{1,9}) times: \[ ?")
_POSTFIX_LEVEL = re.compile(r"(?:(?:[0-9A-F]{6,16}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,32}): )?(warning|error|fatal|panic): ")
_LONGEST_CLAIM = 100_000
_HIGHEST_PRIORITY = 191


@dataclass(slots=True)
class Opened:
    """A record whose envelope was read. Spans are indexes into ``text``; what the envelope does not say is None."""

    record: Record
    text: str
    """The line, undecodable bytes as ``\\xNN``, without one carriage return at its end."""
    start: int
    """Where the message begins."""
    end: int
    """Where it ends."""
    envelope: str = "raw"
    """rfc3164, rfc3339, rfc5424, dovecot, header; raw: none of them opens the line."""
    time: int | None = None
    """The stamp in ms since the epoch."""
    named_year: bool = False
    stamp: Span | None = None
    host: str | None = None
    program: str | None = None
    """The tag as logged."""
    product: str | None = None
    """Its first part: postfix, dovecot, opendkim."""
    service: str | None = None
    """What stands in the middle of it: submission, smtps."""
    daemon: str | None = None
    """Its last part: smtpd, imap-login; None for a bare product."""
    pid: int | None = None
    level: str | None = None
    priority: int | None = None
    repeat: int = 1
    """``message repeated N times``."""
    spans: dict[str, Span] = field(default_factory=dict)
    """Where host.name, process.pid and what Dovecot's prefix names (``_user``, ``_session``) stand."""

    @property
    def name(self) -> str | None:
        """The syslog name that globs are matched with: the tag, or ``dovecot/DAEMON``."""
        if self.product == "dovecot":
            return "dovecot" if self.daemon is None else f"dovecot/{self.daemon}"
        return self.program

    @property
    def message(self) -> str:
        """What stands behind the tag."""
        return self.text[self.start : self.end]


def open_record(record: Record) -> Opened:
    """Read the envelope; never an exception, whatever the bytes are."""
    text = record.raw.decode("utf-8", "backslashreplace").removesuffix("\r")
    opened = Opened(record, text, 0, len(text))
    header = record.header
    if header is not None and header.program is not None:
        opened.envelope, opened.program, opened.named_year = "header", header.program, True
    else:
        _open_text(opened)
    if header is not None:
        opened.host = opened.host or header.host
        opened.pid = header.pid if opened.pid is None else opened.pid
        opened.time = header.time if opened.time is None else opened.time
        opened.priority = header.priority if opened.priority is None else opened.priority
    if opened.envelope not in ("raw", "dovecot"):
        _name(opened)
    _repeated(opened)
    return opened


def _open_text(opened: Opened) -> None:
    wanted = opened.record.source.format
    text = opened.text
    if text[:1] == "<" and wanted in ("auto", "rfc5424") and (match := _RFC5424.match(text)) is not None:
        _take(opened, "rfc5424", match)
    elif wanted in ("auto", "rfc3339") and (match := _RFC3339.match(text)) is not None:
        _take(opened, "rfc3339", match)
    elif wanted in ("auto", "dovecot") and (match := _DOVECOT_FILE.match(text)) is not None:
        _take(opened, "dovecot", match)
    elif wanted in ("auto", "rfc3164") and (match := _RFC3164.match(text)) is not None:
        _take(opened, "rfc3164", match)


def _take(opened: Opened, envelope: str, match: re.Match[str]) -> None:
    found = match.groupdict()
    source = opened.record.source
    if found["stamp"] is not None:
        opened.named_year = "month" not in found
        if opened.named_year:
            opened.time = timestamps.rfc3339(found["stamp"])
        else:
            opened.time = timestamps.rfc3164(found["month"], found["day"], found["clock"], opened.record.near, source.timezone)
        if opened.time is None:
            return
        opened.stamp = match.span("stamp")
    opened.envelope, opened.start = envelope, match.end()
    if found.get("priority") is not None and int(found["priority"]) <= _HIGHEST_PRIORITY:
        opened.priority = int(found["priority"])
    if envelope == "dovecot":
        opened.product = "dovecot"
        _prefix(opened, match)
        return
    opened.host, opened.program = found["host"], found["program"]
    if found["host"] is not None:
        opened.spans["host.name"] = match.span("host")
    if found["pid"] is not None:
        opened.pid = int(found["pid"])
        opened.spans["process.pid"] = match.span("pid")


def _name(opened: Opened) -> None:
    """Take the program's name apart, and Dovecot's prefix off the message."""
    if opened.program is None:
        return
    first, *middle = opened.program.split("/")
    opened.product = first
    if middle:
        opened.daemon = middle.pop()
        opened.service = "/".join(middle) or None
    if first == "dovecot" and opened.daemon is None:
        match = _DOVECOT_PREFIX.match(opened.text, opened.start)
        if match is not None:
            _prefix(opened, match)
    elif _BARE_SERVICE.fullmatch(opened.program) is not None:
        _bare_service(opened)
    else:
        level = _POSTFIX_LEVEL.match(opened.text, opened.start)
        opened.level = None if level is None else level[1]


def _bare_service(opened: Opened) -> None:
    """Read a service of Dovecot that some set-ups log as the program: ``imap-login: ``, ``auth-worker(80180): ``."""
    opened.product, opened.daemon = "dovecot", opened.program
    match = None if opened.envelope == "header" else _DOVECOT_PREFIX.match(opened.text, opened.text.find(f" {opened.program}", 0, opened.start) + 1)
    if match is not None:
        _prefix(opened, match)


def _prefix(opened: Opened, match: re.Match[str]) -> None:
    found = match.groupdict()
    opened.daemon, opened.start = found["service"], match.end()
    opened.level = None if found["level"] is None else found["level"].lower()
    inner = "inner"
    if found["user"] is not None and found["user"].isascii() and found["user"].isdigit() and len(found["user"]) <= 10:  # noqa: PLR2004 - the digits of a pid
        inner = "user"
    elif found["user"]:
        opened.spans["_user"] = match.span("user")
    if found[inner] is not None:
        opened.pid = int(found[inner])
        opened.spans["process.pid"] = match.span(inner)
    if found["session"]:
        opened.spans["_session"] = match.span("session")


def _repeated(opened: Opened) -> None:
    match = _REPEATED.match(opened.text, opened.start)
    if match is None or opened.text[-1] != "]":
        return
    opened.repeat = max(1, min(int(match["times"]), _LONGEST_CLAIM))
    opened.start = match.end()
    opened.end = max(opened.start, len(opened.text[:-1].rstrip(" ")))

"""In: a Record. Out: Opened: time, host, program, pid, level, and where the message begins and ends.

Envelopes: RFC 3164 and RFC 3339 files (rsyslog, syslog-ng, Postfix' maillog_file), RFC 5424 (rsyslog), Dovecot's own file
(no host, no program, always a level word), what a program hands to a syslog socket (no host), and what the journal or docker
already knows (a header, perhaps with a bare ``program[pid]: `` in front of the text). Dovecot's prefix
``SERVICE(user)<pid><session>: Level: `` belongs to the tag. No host name holds a parenthesis: in Dovecot's own file its
services stand where a host would, with a stranger's text behind them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.parse import dovecot_prefix, timestamps

if TYPE_CHECKING:
    from collector.model.record import Record
    from collector.parse.dovecot_prefix import Prefix

FORMATS = ("auto", "rfc3164", "rfc3339", "rfc5424", "dovecot")
"""What SourceInfo.format may say."""

Span = tuple[int, int]

_PRIORITY = r"(?:<(?P<priority>[0-9]{1,3})>)?"
_STAMP_3339 = r"(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2}))"
_STAMP_3164 = r"(?P<stamp>(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}))"
_TAG = r"(?P<program>[^\s\[\]:]{1,255})(?:\[(?P<pid>[0-9]{1,10})\])?:(?: |$)"
_HOST_TAG = r" (?P<host>[^\s<>()]{0,254}[^\s<>():]) " + _TAG

_RFC3164 = re.compile(_PRIORITY + _STAMP_3164 + _HOST_TAG)
_RFC3339 = re.compile(_PRIORITY + _STAMP_3339 + _HOST_TAG)
_RFC5424 = re.compile(
    r"<(?P<priority>[0-9]{1,3})>1 (?:-|"
    + _STAMP_3339
    + r") (?:-|(?P<host>[^\s<>()]{1,255})) (?:-|(?P<program>[^\s]{1,255})) (?:-|(?P<pid>[0-9]{1,10})|[^\s]{1,128}) [^\s]{1,32} "
    + r'(?:-|(?:\[[^\]"]*+(?:"(?:[^"\\]|\\.)*+"[^\]"]*+)*+\])++)(?: \ufeff? ?|$)'
)
_HOSTLESS = re.compile(r"<(?P<priority>[0-9]{1,3})>" + _STAMP_3164 + " " + _TAG)
_BARE = re.compile(_PRIORITY + _TAG)
_DOVECOT_FILE = re.compile(_STAMP_3164 + " ")
_BARE_SERVICE = re.compile(r"(?:(?:imap|pop3|managesieve|submission)-login|(?:imap|pop3|lmtp|managesieve|auth|auth-worker)(?=\())(?:\([^)]*\))?(?:<[0-9]{1,10}>)?(?:<[^<>\s]*>)?")
_DOVECOT_LEVEL = re.compile(r"(Debug|Info|Warning|Error|Fatal|Panic): ")
_REPEATED = re.compile(r"message repeated (?P<times>[0-9]{1,9}) times: \[ ?")
_POSTFIX_LEVEL = re.compile(r"(?:(?:[0-9A-F]{6,16}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,32}): )?(warning|error|fatal|panic): ")
_LONGEST_CLAIM = 100_000
_HIGHEST_PRIORITY = 191
_HIGHEST_PID = 10**10 - 1
"""Ten digits, as in a line."""


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
    """rfc3164, rfc3339, rfc5424, dovecot, header, bare (a tag only, the header knows the time); raw: none of them opens the line."""
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
        opened.pid = header.pid if opened.pid is None and 0 <= (header.pid or 0) <= _HIGHEST_PID else opened.pid
        opened.time = header.time if opened.time is None else opened.time
        opened.priority = header.priority if opened.priority is None and 0 <= (header.priority or 0) <= _HIGHEST_PRIORITY else opened.priority
    if opened.envelope not in ("raw", "dovecot"):
        _name(opened)
    _repeated(opened)
    _level(opened)
    return opened


def _open_text(opened: Opened) -> None:
    wanted = opened.record.source.format
    text = opened.text
    if text[:1] == "<" and wanted in ("auto", "rfc5424") and (match := _RFC5424.match(text)) is not None:
        _take(opened, "rfc5424", match)
    elif wanted in ("auto", "rfc3339") and (match := _RFC3339.match(text)) is not None:
        _take(opened, "rfc3339", match)
    elif wanted in ("auto", "dovecot") and (match := _DOVECOT_FILE.match(text)) is not None and (prefix := _own_file(opened, match.end())) is not None:
        _take(opened, "dovecot", match)
        if opened.envelope == "dovecot":
            opened.product = "dovecot"
            _prefix(opened, prefix)
            opened.start = prefix.end
    elif wanted in ("auto", "rfc3164") and (match := _RFC3164.match(text) or _HOSTLESS.match(text)) is not None:
        _take(opened, "rfc3164", match)
    elif opened.record.header is not None and (match := _BARE.match(text)) is not None and _names_a_process(match):
        _take(opened, "bare", match)
        opened.named_year = True


def _names_a_process(match: re.Match[str]) -> bool:
    """Say whether a bare tag is one: a word and a colon may begin any text, and a log in an unknown format must not look quiet."""
    return match["pid"] is not None or match["program"] == "dovecot" or _BARE_SERVICE.fullmatch(match["program"]) is not None


def _own_file(opened: Opened, begin: int) -> Prefix | None:
    return dovecot_prefix.read(opened.text, begin, opened.end, own_file=True)


def _take(opened: Opened, envelope: str, match: re.Match[str]) -> None:
    found = match.groupdict()
    source = opened.record.source
    if found.get("stamp") is not None:
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
    opened.host, opened.program = found.get("host"), found.get("program")
    if opened.host is not None:
        opened.spans["host.name"] = match.span("host")
    if found.get("pid") is not None:
        opened.pid = int(found["pid"])
        opened.spans["process.pid"] = match.span("pid")


def _name(opened: Opened) -> None:
    """Take the program's name apart. A service of Dovecot may be the program: ``imap-login: ``, ``auth-worker(80180): ``."""
    if opened.program is None:
        return
    first, *middle = opened.program.split("/")
    opened.product = first
    if middle:
        opened.daemon = middle.pop()
        opened.service = "/".join(middle) or None
    if _BARE_SERVICE.fullmatch(opened.program) is not None:
        opened.product, opened.daemon = "dovecot", re.split("[(<]", opened.program, maxsplit=1)[0]
        prefix = None if opened.envelope == "header" else dovecot_prefix.read(opened.text, opened.text.find(f" {opened.program}", 0, opened.start) + 1, opened.start)
        if prefix is not None:
            _prefix(opened, prefix)


def _prefix(opened: Opened, prefix: Prefix) -> None:
    opened.daemon = prefix.service
    if prefix.pid is not None:
        opened.pid = int(opened.text[slice(*prefix.pid)])
    opened.spans |= {name: span for name, span in (("process.pid", prefix.pid), ("_user", prefix.user), ("_session", prefix.session)) if span is not None}


def _repeated(opened: Opened) -> None:
    match = _REPEATED.match(opened.text, opened.start)
    if match is None or opened.text[-1] != "]":
        return
    opened.repeat = max(1, min(int(match["times"]), _LONGEST_CLAIM))
    opened.start = match.end()
    opened.end = max(opened.start, len(opened.text[:-1].rstrip(" ")))


def _level(opened: Opened) -> None:
    """Read the level word, behind Dovecot's prefix where it begins the message; both stand inside of what is repeated."""
    if opened.product == "dovecot":
        if opened.daemon is None and (prefix := dovecot_prefix.read(opened.text, opened.start, opened.end)) is not None:
            _prefix(opened, prefix)
            opened.start = prefix.end
        if (level := _DOVECOT_LEVEL.match(opened.text, opened.start, opened.end)) is not None:
            opened.level, opened.start = level[1].lower(), level.end()
    elif opened.product is not None and (level := _POSTFIX_LEVEL.match(opened.text, opened.start, opened.end)) is not None:
        opened.level = level[1]

"""In: documents. Out: syslog messages as bytes, and their frames. Pure.

A message is one of RFC 5424. Its structured data holds what a receiver routes and searches by; it is never cut, its values
are. What follows is a short text or the document itself as JSON, whichever the format says. Each format is one entry of
FORMATS. Everything in a document may have been written by a stranger: no control character leaves this module, and a text
is cut between characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.model import json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from collector.model.document import Document

FACILITIES = {
    name: code
    for code, name in enumerate(
        ("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", *(f"local{n}" for n in range(8)))
    )
}
"""Keywords of RFC 5424, table 1, as syslog.conf(5) writes them."""
SEVERITIES = {name: code for code, name in enumerate(("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"))}
"""RFC 5424, table 2."""
LEVELS = {21: "low", 47: "medium", 73: "high", 99: "critical"}
"""Levels of rules by event.severity; a document without one is informational."""

PARAMS = {
    "event_id": "event.id", "rule_id": "rule.id", "rule_name": "rule.name", "severity": "event.severity", "risk_score": "event.risk_score", "outcome": "event.outcome",
    "step": "mail.alert.step", "count": "mail.alert.count", "source_ip": "source.ip", "user_name": "user.name", "group": "mail.alert.group",
    "playbook_id": "mail.playbook.id", "playbook_url": "event.url",
}  # fmt: skip
"""Names in the structured data, and the fields they hold. No dots: syslog-ng cuts a name there."""
LEAST = 2048
"""The smallest limit of a message: what a receiver must be able to take (RFC 5425, section 4.3.1)."""

_HEADER = 5 + 2 + 32 + 256 + 10 + 11 + 33
"""The most bytes before the structured data: PRI, version, time, host, program, process, MSGID, with their blanks."""
_FRAME = 64 + sum(len(name) + 4 for name in (*PARAMS, "stream", "left_out"))
"""The most bytes of the structured data beside its values."""
_VALUE = 255
_MORE = "..."
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, line and paragraph separators, what turns the reading direction, and the byte order mark: at the beginning it would be taken for one."""
_PRINTABLE = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True)
class Origin:
    """What is the same in every message. ``severities`` by level of a rule, ``limit`` in bytes."""

    facility: str
    severities: Mapping[str, str]
    enterprise: int
    host: str
    process: str
    limit: int


def rfc5424(origin: Origin, stream: str, document: Document) -> bytes:
    """Return a message whose text is the title and the reason of an alert, or what the line of an event said."""
    body = json.loads(document.body)
    head = _head(origin, body) + _structured(origin, _params(stream, document, body))
    text = _line(_text(body))
    return head + (b" " + cut(text, origin.limit - len(head) - 1) if text else b"")


def rfc5424_json(origin: Origin, stream: str, document: Document) -> bytes:
    """Return a message whose text is the document: JSON in one line.

    What is too long loses its longest fields, named in the structured data, until the rest fits: cut JSON could be read by nobody.
    """
    body = json.loads(document.body)
    params = _params(stream, document, body)
    head = _head(origin, body)
    left_out: list[str] = []
    fields = sorted(_leaves(body, ()), key=lambda leaf: len(json.dumps(leaf[1])))
    while True:
        structured = head + _structured(origin, params | ({"left_out": ",".join(left_out)} if left_out else {}))
        message = structured + b" " + _one_line_json(body)
        if len(message) <= origin.limit or not fields:
            return message if len(message) <= origin.limit else structured
        path, _ = fields.pop()
        _remove(body, path)
        left_out.append(".".join(path))


FORMATS: Mapping[str, Callable[[Origin, str, Document], bytes]] = {"rfc5424": rfc5424, "rfc5424-json": rfc5424_json}


def counted(message: bytes) -> bytes:
    """Return a frame of RFC 5425: the length in bytes, a blank, the message."""
    return b"%d %s" % (len(message), message)


def terminated(message: bytes) -> bytes:
    """Return a frame of RFC 6587, section 3.4.2: the message, and a line feed, which none of them holds."""
    return message + b"\n"


def _head(origin: Origin, body: dict[str, Any]) -> bytes:
    kind, action = field(body, "event.kind"), field(body, "event.action")
    level = LEVELS.get(field(body, "event.severity") or 0)
    severity = SEVERITIES[origin.severities[level] if level else "info"]
    priority = FACILITIES[origin.facility] * 8 + severity
    host = _name(field(body, "host.name") or origin.host, 255)
    identity = _name("alert" if kind == "alert" else action, 32)
    return f"<{priority}>1 {_name(field(body, '@timestamp'), 32)} {host} mailvigil {_name(origin.process, 10)} {identity} ".encode("ascii")


def _params(stream: str, document: Document, body: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {"stream": stream}
    for name, path in PARAMS.items():
        value = document.id if name == "event_id" else field(body, path)
        if value is not None:
            found[name] = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return found


def _structured(origin: Origin, params: Mapping[str, str]) -> bytes:
    """Return the one element; its values are bounded so that the whole never comes near the limit."""
    room = min(_VALUE, (origin.limit - _HEADER - _FRAME) // (len(PARAMS) + 2))
    return b"[mailvigil@%d%s]" % (origin.enterprise, b"".join(b' %s="%s"' % (name.encode("ascii"), _value(_line(text), room)) for name, text in params.items()))


def _value(text: str, room: int) -> bytes:
    """Escape as RFC 5424, section 6.3.3, wants it, then cut, but not between a backslash and what it escapes."""
    escaped = re.sub(r'(["\\\]])', r"\\\1", text)
    short = cut(escaped, room)
    if len(short) == len(escaped.encode()):
        return short
    kept = short.removesuffix(_MORE.encode())
    return (kept[:-1] if (len(kept) - len(kept.rstrip(b"\\"))) % 2 else kept) + _MORE.encode()


def cut(text: str, room: int) -> bytes:
    """Return at most ``room`` bytes of UTF-8, whole characters only; dots at the end say that there was more."""
    data = text.encode()
    if len(data) <= room:
        return data
    return data[: max(0, room - len(_MORE))].decode(errors="ignore").encode() + _MORE.encode()


def _text(body: dict[str, Any]) -> str:
    message, reason = str(field(body, "message") or ""), field(body, "event.reason")
    return f"{message} - {reason}" if reason and field(body, "event.kind") == "alert" else message


def _line(text: str) -> str:
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _one_line_json(body: dict[str, Any]) -> bytes:
    """Such characters stand within texts only, where JSON has an escape for them."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(body).decode()).encode()


def _name(value: Any, most: int) -> str:
    """Return what a header field may hold: printable ASCII without blanks; ``-`` for nothing (NILVALUE)."""
    return _PRINTABLE.sub("?", str(value))[:most] if value not in (None, "") else "-"


def field(body: Mapping[str, Any], path: str) -> Any:
    """Return the value of a dotted name; None where there is none."""
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _leaves(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, (*path, name))
        else:
            yield (*path, name), inner


def _remove(body: dict[str, Any], path: tuple[str, ...]) -> None:
    for part in path[:-1]:
        body = body[part]
    del body[path[-1]]

"""In: parcels. Out: syslog messages (RFC 5424) at a receiver, over UDP, TCP or TLS.

At least once: syslog has no acknowledgement of its own, so a connection that breaks makes the whole parcel go again; the
event id stands in each message. A receiver that acknowledged and died before it had read loses what it had not read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from collector.errors import SinkUnavailable
from collector.model.document import Delivery
from collector.model.strict_yaml import Strict
from collector.sinks import bulk, syslog_formats, syslog_link
from collector.sinks.base import FileSecret, Fingerprint
from collector.sinks.syslog_formats import FACILITIES, LEAST, SEVERITIES, Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.model.alert import Fact
    from collector.model.document import Parcel
    from collector.sinks.syslog_link import Link, Peer

SCHEMES = ("udp", "tcp", "tcp+tls")
SEVERITY = {"low": "notice", "medium": "warning", "high": "err", "critical": "crit"}
DATAGRAM = 65_000
"""The most bytes of a message that fit into one datagram."""

_HOST = re.compile(r"[^\s\x00-\x1f\x7f/?#@]+")


def _target(text: str) -> str:
    url = urlsplit(text)
    try:
        port = url.port
    except ValueError:
        port = None
    if url.scheme not in SCHEMES or not url.hostname or not _HOST.fullmatch(url.hostname) or not port or url.username is not None or url.path or url.query or url.fragment:
        raise ValueError(f"{text!r} is no target: write udp, tcp or tcp+tls, name and port, as in tcp+tls://siem.example.org:6514")
    return text


def _server_name(text: str) -> str:
    if not _HOST.fullmatch(text) or text.startswith("."):
        raise ValueError(f"{text!r} is no name of a host")
    return text


def _facility(text: str) -> str:
    if text not in FACILITIES:
        raise ValueError(f"{text!r} is no facility: one of {', '.join(FACILITIES)}")
    return text


def _severities(given: dict[str, str]) -> dict[str, str]:
    for level, severity in given.items():
        if level not in SEVERITY or severity not in SEVERITIES:
            raise ValueError(f"{level} = {severity!r}: levels are {', '.join(SEVERITY)}, severities {', '.join(SEVERITIES)}")
    return SEVERITY | given


class SyslogOptions(Strict):
    """``[sink.syslog]``: a SIEM or a log server that takes RFC 5424."""

    target: Annotated[str, AfterValidator(_target)] = Field(description="the receiver: scheme (udp, tcp, tcp+tls), name and port")
    format: Literal["rfc5424", "rfc5424-json"] = Field("rfc5424", description="structured data and a short text, or structured data and the document as JSON")
    framing: Literal["octet-counting", "newline"] = Field("octet-counting", description="of plain TCP; TLS always counts octets")
    facility: Annotated[str, AfterValidator(_facility)] = Field("local0", description="facility of every message; not mail, if the receiver writes that into the log that is read")
    severity: Annotated[dict[str, str], AfterValidator(_severities)] = Field(SEVERITY, description="severity by level of the rule; events are info")
    enterprise_number: int = Field(32473, ge=1, le=(1 << 32) - 1, description="number in the name of the structured data; the default is the one for examples")
    max_bytes: int = Field(8192, ge=LEAST, le=1 << 20, description="the longest message; the text is cut, JSON loses its longest fields, the structured data stays whole")
    timeout: float = Field(10.0, gt=0, description="seconds to wait for a connection, and for the receiver to take something more")
    ca_file: str | None = Field(None, description="PEM file of the only CA to trust; without it the system's CAs are trusted")
    server_name: Annotated[str, AfterValidator(_server_name)] | None = Field(None, description="the name in the receiver's certificate; default: that of the target")
    fingerprint: Fingerprint | None = Field(None, description="SHA-256 of the receiver's own certificate, instead of a CA or besides it")
    cert_file: str | None = Field(None, description="PEM file of the client certificate, with those above it")
    key_file: FileSecret | None = Field(None, description="PEM file of its key; default: it stands in cert_file")

    @model_validator(mode="after")
    def _belongs_together(self) -> SyslogOptions:
        scheme = urlsplit(self.target).scheme
        tls = [name for name in ("ca_file", "server_name", "fingerprint", "cert_file", "key_file") if getattr(self, name) is not None]
        if tls and scheme != "tcp+tls":
            raise ValueError(f"{tls[0]} is of no use where target does not begin with tcp+tls:")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file is of no use without cert_file")
        if self.framing == "newline" and scheme != "tcp":
            raise ValueError("newline framing is for plain TCP: target must begin with tcp:")
        if self.max_bytes > DATAGRAM and scheme == "udp":
            raise ValueError(f"a datagram holds {DATAGRAM} bytes: max_bytes is too much")
        return self


class SyslogSink:
    """Sends to one receiver; keeps a connection. ``host`` is HOSTNAME where a document names none."""

    def __init__(self, name: str, options: SyslogOptions, host: str) -> None:
        """Connect to nothing yet."""
        self.name = name
        self._peer = _peer(options)
        self._write = syslog_formats.FORMATS[options.format]
        self._frame = _frame(options)
        self._origin = Origin(options.facility, options.severity, options.enterprise_number, host, str(os.getpid()), options.max_bytes)
        self._link: Link | None = None

    def resume(self, stream: str, token: bytes | None) -> None:
        """Need nothing: a receiver cannot say what it has."""

    def send(self, parcel: Parcel) -> Delivery:
        """See Sink."""
        documents = bulk.documents(parcel)
        if self._link is not None and not self._link.alive():
            self._drop()
        link = self._link = self._link or syslog_link.connect(self._peer)
        try:
            link.send(self._frame(self._write(self._origin, parcel.stream, document)) for document in documents)
        except SinkUnavailable:
            self._drop()
            raise
        return Delivery()

    def facts(self) -> tuple[Fact, ...]:
        """See Sink."""
        return ()

    def close(self) -> None:
        """See Sink."""
        self._drop()

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _peer(options: SyslogOptions) -> Peer:
    url = urlsplit(options.target)
    host = str(url.hostname)
    key = options.key_file.file if options.key_file is not None else None
    return syslog_link.Peer(
        url.scheme, host, int(url.port or 0), options.timeout, options.server_name or host, options.ca_file, options.fingerprint, options.cert_file, key
    )


def _frame(options: SyslogOptions) -> Callable[[bytes], bytes]:
    if options.target.startswith("udp:"):
        return bytes
    return syslog_formats.terminated if options.framing == "newline" else syslog_formats.counted

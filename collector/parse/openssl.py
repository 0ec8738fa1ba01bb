"""In: the words of a TLS library error, or an X509 verification number. Out: its class by code, never by text.

An OpenSSL code packs library and reason into one number (err.h): 3.x keeps the library in bits 23 to 30, 1.1.1 in bits 24
to 31; library 20 is SSL. A reason from 1000 on is a TLS alert that the peer sent (ssl.h, SSL_AD_REASON_OFFSET; RFC 8446 6).
The table stands in openssl.json beside this module.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from collector.content import package_text
from collector.model import json

_CODE = re.compile(r"error:([0-9A-Fa-f]{6,8}):([^:]*):([^:]*):([^:,+]*)")
_SSL = 20
_COMMON = 0xC0000
"""Reasons that all libraries share (internal error, out of memory): not in the table."""
_ALERTS = 1000
_WITHOUT_CODE = (
    ("reset by peer", "handshake_aborted:reset"),
    ("syscall failed: Invalid argument", "handshake_failed:reason_lost"),
    ("lost connection", "handshake_aborted:eof"),
    ("Connection closed", "handshake_aborted:eof"),
)


@lru_cache(1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(package_text("parse/openssl.json"))
    return table


def library_error(text: str) -> dict[str, Any]:
    """Return error.*, event.code, event.reason, mail.tls.fault and mail.tls.alert of the last code of the text that the table knows, or else of its first."""
    best: tuple[re.Match[str], dict[str, str] | None] | None = None
    for match in _CODE.finditer(text):
        row = _row(match[1])
        if best is None or row is not None:
            best = (match, row)
    return _without_code(text) if best is None else _fields(*best)


def _row(code: str) -> dict[str, str] | None:
    """Return class and side of an SSL library code that the table knows."""
    number = int(code, 16)
    modern = number >> 23 & 0xFF == _SSL
    if not (modern or number >> 24 == _SSL) or (modern and number & _COMMON):
        return None
    row: dict[str, str] | None = _table()["ssl_reason"].get(str(number & 0xFFF))
    return row


def _fields(match: re.Match[str], row: dict[str, str] | None) -> dict[str, Any]:
    code = match[1].upper()
    found: dict[str, Any] = {"event.code": code, "error.code": code, "error.message": match[0].rstrip(": "), "error.type": "other"}
    reason = match[4].strip() or match[3].strip()
    if reason:
        found["event.reason"] = reason
    if row is not None:
        found["error.type"] = row["class"]
        found["mail.tls.fault"] = row["side"]
        alert = (int(code, 16) & 0xFFF) - _ALERTS
        if alert >= 0:
            found["mail.tls.alert"] = alert
    return found


def _without_code(text: str) -> dict[str, Any]:
    for words, name in _WITHOUT_CODE:
        if words in text:
            return {"error.type": name}
    return {}


def verification(text: str) -> dict[str, Any]:
    """Return error.type and mail.tls.verify_code of an X509 verification number (x509_vfy.h); {} for what is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 4:  # noqa: PLR2004 - the numbers end below 100
        return {}
    name = _table()["x509_verify"].get(str(int(text)))
    found: dict[str, Any] = {"mail.tls.verify_code": int(text)}
    if name != "ok":
        found["error.type"] = name or "cert_verify_failed"
    return found

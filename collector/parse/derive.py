"""In: nothing. Out: FUNCTIONS, the closed list of what a shape may name under ``derive``."""

from __future__ import annotations

import re
from typing import Any

from collector.parse import dovecot_facts, filter_facts, openssl, postfix_facts
from collector.parse.derivation import Derive

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_REPLY = re.compile(r"(?:([2-5][0-9]{2})(?![0-9])[ -]?)?([245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.]))?")


def seconds(text: str) -> dict[str, Any]:
    """``18``, ``2.000``: event.duration in ns."""
    if _SECONDS.fullmatch(text) is None:
        return {}
    whole, _, rest = text.partition(".")
    return {"event.duration": int(whole + rest.ljust(9, "0"))}


def reply(text: str) -> dict[str, Any]:
    """``550 5.1.1 text``, ``550-5.1.1 text``, ``550 text``, ``5.1.1 text``: reply code and enhanced status code; RFC 5321 4.2, RFC 3463 2."""
    found: dict[str, Any] = {}
    match = _REPLY.match(text)
    if match is not None and match[1] is not None:
        found["mail.smtp.reply_code"] = int(match[1])
    if match is not None and match[2] is not None:
        found["mail.dsn"] = match[2]
    return found


FUNCTIONS: dict[str, Derive] = {
    "openssl": Derive(openssl.library_error, ("event.code", "error.code", "error.message", "error.type", "event.reason", "mail.tls.fault", "mail.tls.alert")),
    "x509-verify": Derive(openssl.verification, ("error.type", "mail.tls.verify_code")),
    "seconds": Derive(seconds, ("event.duration",)),
    "reply": Derive(reply, ("mail.smtp.reply_code", "mail.dsn")),
    **postfix_facts.FUNCTIONS,
    **dovecot_facts.FUNCTIONS,
    **filter_facts.FUNCTIONS,
}

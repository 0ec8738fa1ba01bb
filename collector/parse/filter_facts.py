"""In: a part of a line of a mail filter. Out: what it says, as fields.

Sources: opendkim/opendkim.c, the Received-SPF words of RFC 7208, Net::Server's and amavisd's log lines.
"""

from __future__ import annotations

from typing import Any

from collector.parse.derivation import Derive

Facts = dict[str, Any]

_OUTCOMES = {"pass": "success", "fail": "failure", "softfail": "failure", "permerror": "failure"}


def outcome(text: str) -> Facts:
    """Give event.outcome of a DKIM, DMARC or SPF result (RFC 8601 2.7); results that decide nothing have none."""
    word = _OUTCOMES.get(text.lower())
    return {} if word is None else {"event.outcome": word}


_PERMANENT = ("record not found", "failed to parse", "key revoked", "invalid")


def key_error(text: str) -> Facts:
    """Give the DKIM result of a public key that could not be had: a missing or broken record is permanent, anything else may pass (RFC 6376 3.9)."""
    result = "permerror" if any(words in text for words in _PERMANENT) else "temperror"
    return {"mail.dkim.result": result, **outcome(result)}


FUNCTIONS: dict[str, Derive] = {
    "result-outcome": Derive(outcome, ("event.outcome",)),
    "dkim-key-error": Derive(key_error, ("mail.dkim.result", "event.outcome")),
}

"""In: a part of a Postfix delivery line. Out: delays, hand-off, TLS level and what the words of ``status=word (text)`` say.

Sources: global/log_adhoc.c, smtp/smtp_trouble.c and smtp_proto.c of Postfix 3.5 to 3.11. A remote server's words are a stranger's: they are read
only where the daemon says that they follow.
"""

from __future__ import annotations

import re
from typing import Any

from collector.parse.derivation import Derive

Facts = dict[str, Any]


_DELAYS = ("postfix.delays.queue_before", "postfix.delays.qmgr", "postfix.delays.connect", "postfix.delays.transmit")


_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_FOUR = re.compile("/".join([_NUMBER] * 4))


def delays(text: str) -> Facts:
    """Give the four parts of ``delays=a/b/c/d`` in seconds."""
    return {name: float(value) for name, value in zip(_DELAYS, text.split("/"), strict=True)} if _FOUR.fullmatch(text) else {}


def tls_feature(text: str) -> Facts:
    """Give what Postfix 3.11 says in ``tls=LEVEL[:ACHIEVED][?][/...]``: the level that was asked for, and clear text where that was the result."""
    asked, _, achieved = text.partition("/")[0].rstrip("?").partition(":")
    facts: Facts = {"mail.tls.requested": asked}
    if (achieved or asked) == "none":
        facts["mail.tls.level"] = "none"
    return facts


_OWN_HOST = re.compile(r"[^\[]{1,255}\[(?:127\.0\.0\.1|::1)\]:\d{1,5}|127\.0\.0\.1:\d{1,5}")


def handoff(text: str) -> Facts:
    """Give mail.delivery.handoff where SMTP only passed the message to another program on this host (a filter)."""
    return {"mail.delivery.handoff": True} if _OWN_HOST.fullmatch(text) else {}


_PEER = r"[^\s\[\]]{1,255}\[[^\]\s]{1,255}\](?::\d{1,5})?"
_SAYS = (
    rf"host {_PEER} (?:said|refused to talk to me): ",
    rf"TLS is required, but host {_PEER} refused to start TLS: ",
    rf"SASL (?:\[CACHED\] )?authentication failed; server {_PEER} said: ",
)
_REPLY = re.compile(rf"(?:{'|'.join(_SAYS)})?([2-5]\d\d)(?:[ -].*)?")
_IN_REPLY_TO = re.compile(r".*\(in reply to (?:end of )?([A-Z]+)(?: [A-Z]+)* command\)")
_QUEUED_AS = re.compile(r"250 .*\bqueued as ([0-9A-Za-z]{5,32})")
_COMMANDS = frozenset(("helo", "ehlo", "auth", "mail", "rcpt", "data", "bdat", "starttls", "rset", "noop", "quit"))


def delivery_text(text: str) -> Facts:
    """Give what the words of ``status=word (text)`` say: of a remote server's own words only its reply code, the command it answered, the queue id of a 250 reply."""
    facts: Facts = {"event.reason": text}
    reply = _REPLY.fullmatch(text)
    if reply:
        facts["mail.smtp.reply_code"] = int(reply[1])
    command = _IN_REPLY_TO.fullmatch(text)
    if command and command[1].lower() in _COMMANDS:
        facts["mail.smtp.command"] = command[1].lower()
    queued = _QUEUED_AS.fullmatch(text)
    if queued:
        facts["mail.queue.next_id"] = queued[1]
    return facts


_SAID = re.compile(r"[2-5]\d\d[ -]([245]\.\d{1,3}\.\d{1,3})(?: .*)?")


def remote_reply(text: str) -> Facts:
    """Give the same of a remote server's reply alone, and its enhanced status code."""
    facts = delivery_text(text)
    dsn = _SAID.fullmatch(text)
    if dsn:
        facts["mail.dsn"] = dsn[1]
    return facts


_DELIVERY_TEXT = ("event.reason", "mail.smtp.reply_code", "mail.smtp.command", "mail.queue.next_id")
FUNCTIONS: dict[str, Derive] = {
    "delivery-delays": Derive(delays, _DELAYS),
    "delivery-tls": Derive(tls_feature, ("mail.tls.requested", "mail.tls.level")),
    "delivery-handoff": Derive(handoff, ("mail.delivery.handoff",)),
    "delivery-text": Derive(delivery_text, _DELIVERY_TEXT),
    "remote-reply": Derive(remote_reply, (*_DELIVERY_TEXT, "mail.dsn")),
}

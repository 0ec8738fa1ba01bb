"""In: a part of a Postfix line. Out: the fields that follow from its text: stages, counters, reasons, classes of refusals.

Sources: smtpd/smtpd.c and smtpd_check.c, xsasl, cleanup/cleanup_message.c and postscreen of Postfix 3.5 to 3.11. What a stranger wrote never
decides: a class is read from the words with which the daemon begins.
"""

from __future__ import annotations

import re
from typing import Any

from collector.parse import postfix_delivery, postfix_tls
from collector.parse.convert import ip
from collector.parse.derivation import Derive

Facts = dict[str, Any]

_STAGES = frozenset(
    ("connect", "helo", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "bdat", "end-of-message", "rset", "noop", "vrfy", "expn", "etrn", "xclient", "xforward", "quit")
)
_QUERIES = frozenset(("vrfy", "expn", "etrn"))


def stage(text: str) -> Facts:
    """Give mail.smtp.stage for the word behind ``after`` or before ``from``; whatever is no SMTP command is ``unknown``.

    postscreen shows the client's whole command there (``MAIL FROM:<a@b>``, a TLS hello).
    """
    word = text.partition(" ")[0].rstrip(":").lower()
    return {"mail.smtp.stage": word if word in _STAGES else "unknown"}


def reject_stage(text: str) -> Facts:
    """Give the stage of a refusal; for VRFY, EXPN and ETRN the command as well."""
    facts = stage(text)
    if facts["mail.smtp.stage"] in _QUERIES:
        facts["mail.smtp.command"] = facts["mail.smtp.stage"]
    return facts


_COUNT = re.compile(r"[0-9]{1,18}")


def counters(text: str) -> Facts:
    """Give what a ``disconnect`` line counted: ``ehlo=1 auth=0/3 commands=1/4``; ``_auth_failed`` is the number of refused AUTH commands."""
    counted: list[str] = []
    refused: list[str] = []
    facts: Facts = {}
    for word in text.split():
        verb, _, numbers = word.lower().partition("=")
        done, _, total = numbers.partition("/")
        if any(_COUNT.fullmatch(number) is None for number in (done, total or done)):
            continue
        ok, tried = int(done), int(total or done)
        if verb == "commands":
            facts |= {"mail.smtp.commands_ok": ok, "mail.smtp.commands_total": tried}
            continue
        counted.append(f"{verb}={ok}/{tried}")
        if ok < tried:
            refused.append(verb)
        if verb == "auth":
            facts["_auth_failed"] = tried - ok
    if counted:
        facts["mail.smtp.counters"] = counted
    if refused:
        facts["mail.smtp.refused_commands"] = refused
    return facts


def last_command(text: str) -> Facts:
    """Give stage and command for the word behind ``after`` where it is the client's last command; ``CONNECT`` is none."""
    facts = stage(text)
    if facts["mail.smtp.stage"] not in ("connect", "unknown"):
        facts["mail.smtp.command"] = facts["mail.smtp.stage"]
    return facts


_DIALOGUE = (
    ("initial server greeting", "connect"),
    ("EHLO handshake", "ehlo"),
    ("HELO handshake", "helo"),
    ("STARTTLS", "starttls"),
    ("authentication", "auth"),
    ("MAIL FROM", "mail"),
    ("RCPT TO", "rcpt"),
    ("DATA command", "data"),
    ("message body", "data"),
    ("end of data", "end-of-message"),
    ("QUIT", "quit"),
)


def dialogue_stage(text: str) -> Facts:
    """Give the stage of ``while performing the EHLO handshake`` and its sisters, nothing for words that name none."""
    return next(({"mail.smtp.stage": name} for words, name in _DIALOGUE if words in text), {})


_LOGIN_REASONS = (
    ("Connection lost to authentication server", "backend-timeout"),
    ("Invalid authentication mechanism", "mechanism-unsupported"),
    ("Invalid base64 data", "malformed"),
    ("another step is needed", "malformed"),
)
_SILENT_REASONS = frozenset(("", "(reason unavailable)", "UGFzc3dvcmQ6", "UGFzc3dvcmQ6AA==", "VXNlcm5hbWU6", "VXNlcm5hbWU6AA=="))


def login_reason(text: str) -> Facts:
    """Give why a login failed; the base64 prompts ``Password:`` and ``Username:`` are no reason."""
    if text in _SILENT_REASONS:
        return {}
    for begin, reason in _LOGIN_REASONS:
        if text.startswith(begin):
            return {"mail.auth.reason": reason, "event.reason": text}
    return {"event.reason": text}


_RATE_STAGES = {
    "AUTH command rate": "auth",
    "Connection concurrency": "connect",
    "Connection rate": "connect",
    "Message delivery request rate": "mail",
    "Recipient address rate": "rcpt",
    "New TLS session rate": "starttls",
}


def rate_limit(text: str) -> Facts:
    """Give stage and reason of ``X limit exceeded``."""
    return {"mail.smtp.stage": _RATE_STAGES.get(text, "unknown"), "event.reason": f"{text} limit exceeded"}


# <what>: of a refusal, where the address may be quoted and hold anything
_WHAT = re.compile(r'<(?:"(?:[^"\\]|\\.)*"@)?[^<>"]*>: ')
_BLOCKED = re.compile(r"Service unavailable; [^;]{1,512} blocked using ([0-9A-Za-z._-]{1,253})(?:;.*)?")
_NOT_OWNED = re.compile(r"Sender address rejected: not owned by user (\S+)")
# in this order, by the words with which the reason begins
_REJECTS = (
    ("Relay access denied", "relay-denied"),
    ("Recipient address rejected: User unknown", "user-unknown"),
    ("Recipient address rejected: undeliverable address", "undeliverable"),
    ("Recipient address rejected: unverified address", "undeliverable"),
    ("Sender address rejected: undeliverable address", "undeliverable"),
    ("Sender address rejected: unverified address", "undeliverable"),
    ("Sender address rejected: not owned by user", "sender-login-mismatch"),
    ("Sender address rejected: not logged in", "sender-login-mismatch"),
    ("Sender address rejected: Domain not found", "sender-domain"),
    ("Sender address rejected", "sender"),
    ("Helo command rejected", "helo"),
    ("Client host rejected: cannot find your", "rdns"),
    ("Client host rejected", "client"),
    ("Unverified Client host rejected", "client"),
    ("Data command rejected", "data"),
    ("End-of-data rejected", "data"),
    ("Command rejected", "data"),
    ("Session encryption is required", "tls-required"),
    ("Must issue a STARTTLS", "tls-required"),
    ("Encryption required", "tls-required"),
    ("Insufficient system storage", "insufficient-storage"),
    ("Message size exceeds", "size"),
    ("message size exceeds", "size"),
    ("bare <LF> received", "bare-newline"),
    ("Server configuration", "service"),
    ("Service currently unavailable", "denylist"),
    ("Protocol error", "protocol"),
    ("too many connections", "busy"),
    ("all server ports busy", "busy"),
    ("all screening ports busy", "busy"),
)
# what a policy service says behind "Recipient address rejected: "
_POLICY = (
    (re.compile(r"Policy service unavailable|Server configuration"), "service"),
    (re.compile(r"Message rejected due to: SPF|SPF\b"), "spf"),
    (re.compile(r"(?:Service is unavailable|Temporarily deferred|Grey-?listed|Greylisting|greylist)", re.IGNORECASE), "greylist"),
)
_POLICY_PREFIX = "Recipient address rejected: "


def reject(text: str) -> Facts:
    """Give class and reason of a refusal: ``text`` stands between the reply code and ``; from=``."""
    what = _WHAT.match(text)
    reason = text[what.end() :] if what else text
    facts: Facts = {"event.reason": reason, "mail.reject.class": _reject_class(reason)}
    blocked = _BLOCKED.fullmatch(reason)
    if blocked:
        facts |= {"mail.reject.class": "dnsbl", "mail.dnsbl.zone": blocked[1].rstrip(".").lower()}
    owner = _NOT_OWNED.fullmatch(reason)
    if owner:
        facts["user.name"] = owner[1]
    return facts


def _reject_class(reason: str) -> str:
    for begin, name in _REJECTS:
        if reason.startswith(begin):
            return name
    if reason.startswith(_POLICY_PREFIX):
        said = reason.removeprefix(_POLICY_PREFIX)
        return next((name for pattern, name in _POLICY if pattern.match(said)), "policy")
    return "other"


_TABLE_ACTIONS = {
    "bcc": "redirected",
    "delay": "delayed",
    "discard": "discarded",
    "filter": "redirected",
    "hangup": "rejected",
    "hold": "held",
    "permit": "passed",
    "prepend": "edited",
    "quarantine": "quarantined",
    "redirect": "redirected",
    "reject": "rejected",
    "replace": "edited",
    "strip": "edited",
}


def table_action(text: str) -> Facts:
    """Give mail.filter.action for the action word of an access table, a header check or a milter; what only writes a line is ``logged``."""
    return {"mail.filter.action": _TABLE_ACTIONS.get(text, "logged")}


def policy_reason(text: str) -> Facts:
    """Give the reason of an access table's action without the ``<what>: `` before it."""
    what = _WHAT.match(text)
    return {"event.reason": text[what.end() :] if what else text}


_NIBBLES = 32


def dnsbl_query(text: str) -> Facts:
    """Give what was asked of a blocklist: the address whose labels stand reversed before the zone, and the zone."""
    facts: Facts = {"dns.question.name": text}
    labels = text.rstrip(".").split(".")
    if all(len(label) == 1 for label in labels[:_NIBBLES]):
        digits = "".join(reversed(labels[:_NIBBLES]))
        return facts | _listed(":".join(digits[i : i + 4] for i in range(0, _NIBBLES, 4)), labels[_NIBBLES:])
    return facts | _listed(".".join(reversed(labels[:4])), labels[4:])


def _listed(reversed_back: str, zone: list[str]) -> Facts:
    address = ip(reversed_back)
    return {"source.ip": address, "mail.dnsbl.zone": ".".join(zone).lower()} if zone and address is not None else {}


_LISTENER = re.compile(r"((?:\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):[0-9]{1,5}):(.+)")
_SERVICE = re.compile(r"([^\s:.\[\]]+):(.+)")


def anvil_client(text: str) -> Facts:
    """Give service and client of anvil's ``service:address``: a service is a name, or host:port with an IPv6 host in brackets; the address may be IPv6."""
    for pattern in (_SERVICE, _LISTENER):
        found = pattern.fullmatch(text)
        address = ip(found[2]) if found else None
        if found and address is not None:
            return {"source.ip": address, "mail.anvil.service": found[1].lower()}
    return {}


def child(text: str) -> Facts:
    """Give mail.service.child: the daemon whose executable the line names."""
    return {"mail.service.child": text.rpartition("/")[2]}


_PORT = re.compile(r"[0-9]{1,5}")


def port(text: str) -> Facts:
    """Give server.port of ``25`` or ``127.0.0.1:25``; a socket has none."""
    number = text.rpartition(":")[2]
    return {"server.port": int(number)} if _PORT.fullmatch(number) is not None and int(number) < 1 << 16 else {}


def table(text: str) -> Facts:
    """Give file.path of ``hash:/etc/postfix/virtual(0,lock|fold_fix)``."""
    return {"file.path": text.partition("(")[0]}


FUNCTIONS: dict[str, Derive] = {
    "smtp-stage": Derive(stage, ("mail.smtp.stage",)),
    "smtp-reject-stage": Derive(reject_stage, ("mail.smtp.stage", "mail.smtp.command")),
    "smtp-last-command": Derive(last_command, ("mail.smtp.stage", "mail.smtp.command")),
    "smtp-dialogue-stage": Derive(dialogue_stage, ("mail.smtp.stage",)),
    "smtp-counters": Derive(counters, ("mail.smtp.counters", "mail.smtp.refused_commands", "mail.smtp.commands_ok", "mail.smtp.commands_total", "_auth_failed")),
    "smtp-login-reason": Derive(login_reason, ("mail.auth.reason", "event.reason")),
    "smtp-rate-limit": Derive(rate_limit, ("mail.smtp.stage", "event.reason")),
    "smtp-reject": Derive(reject, ("event.reason", "mail.reject.class", "mail.dnsbl.zone", "user.name")),
    "smtp-table-action": Derive(table_action, ("mail.filter.action",)),
    "smtp-policy-reason": Derive(policy_reason, ("event.reason",)),
    "dnsbl-query": Derive(dnsbl_query, ("dns.question.name", "source.ip", "mail.dnsbl.zone")),
    "anvil-client": Derive(anvil_client, ("source.ip", "mail.anvil.service")),
    "postfix-child": Derive(child, ("mail.service.child",)),
    "postfix-port": Derive(port, ("server.port",)),
    "postfix-table": Derive(table, ("file.path",)),
    **postfix_delivery.FUNCTIONS,
    **postfix_tls.FUNCTIONS,
}

"""In: a part of a Postfix line about TLS. Out: protocol, trust, cause and certificate problem as fields.

Sources: tls/tls_misc.c, tls_verify.c, tls_certkey.c, tls_server.c and tls_client.c of Postfix 3.5 to 3.11. Causes are read from OpenSSL's codes only.
"""

from __future__ import annotations

import re
from typing import Any

from collector.parse import openssl
from collector.parse.derivation import Derive

Facts = dict[str, Any]

_PROTOCOL = re.compile(r"(TLS|SSL)v(\d)(?:\.(\d))?")


def protocol(text: str) -> Facts:
    """Give tls.version and tls.version_protocol of ``TLSv1.3`` (``TLSv1`` is 1.0); nothing for an unknown name."""
    found = _PROTOCOL.fullmatch(text)
    if not found:
        return {}
    return {"tls.version": f"{found[2]}.{found[3] or 0}", "tls.version_protocol": found[1].lower()}


def handshake_end(text: str) -> Facts:
    """Give how a handshake ended, where the error line says more than a number: the cause of ``-1`` stands in the library's line behind it."""
    return {} if text in ("-1", "0") else {"event.reason": text, **openssl.library_error(text)}


def library(text: str) -> Facts:
    """Give code, class, fault and words of a ``TLS library problem``; text without a code is class ``other``."""
    return {"event.reason": text, "error.type": "other", **openssl.library_error(text)}


_NUMBERED = re.compile(r"num=(\d{1,4}):(.*)")
_VERIFY_TEXTS = (
    ("untrusted issuer", "untrusted", "cert_verify_failed:untrusted_issuer"),
    ("self-signed certificate", "self-signed", "cert_verify_failed:self_signed"),
    ("self signed certificate", "self-signed", "cert_verify_failed:self_signed"),
    ("certificate has expired", "expired", "cert_verify_failed:expired"),
    ("certificate not yet valid", "not-yet-valid", "cert_verify_failed:not_yet_valid"),
    ("not designated for use as a", "wrong-usage", "cert_verify_failed:wrong_purpose"),
    ("certificate chain longer than limit", "chain-too-long", "cert_verify_failed:chain_too_long"),
)
_PROBLEMS = {
    "cert_verify_failed:bad_signature": "bad-signature",
    "cert_verify_failed:chain_incomplete": "chain-incomplete",
    "cert_verify_failed:chain_too_long": "chain-too-long",
    "cert_verify_failed:dane_no_match": "tlsa-mismatch",
    "cert_verify_failed:expired": "expired",
    "cert_verify_failed:name_mismatch": "name-mismatch",
    "cert_verify_failed:not_yet_valid": "not-yet-valid",
    "cert_verify_failed:revoked": "revoked",
    "cert_verify_failed:self_signed": "self-signed",
    "cert_verify_failed:weak_key": "weak-key",
    "cert_verify_failed:weak_signature": "weak-signature",
    "cert_verify_failed:wrong_purpose": "wrong-usage",
}
_ISSUER = "untrusted issuer "


def client_certificate(text: str) -> Facts:
    """Give why a certificate did not verify: problem, class, and the X509 number where it is named. What has no class of its own is untrusted."""
    numbered = _NUMBERED.fullmatch(text)
    if numbered:
        facts = openssl.verification(numbered[1])
        return {"event.reason": numbered[2], **facts, "mail.cert.problem": [_PROBLEMS.get(facts.get("error.type", ""), "untrusted")]}
    for begin, problem, kind in _VERIFY_TEXTS:
        if text.startswith(begin):
            return {"event.reason": text, "error.type": kind, "mail.cert.problem": [problem]}
    return {"event.reason": text, "mail.cert.problem": ["untrusted"]}


def server_certificate(text: str) -> Facts:
    """Give the same for the certificate of a server, and the issuer where it is the reason: the peer's own text."""
    facts = client_certificate(text)
    if text.startswith(_ISSUER):
        facts["tls.server.issuer"] = text.removeprefix(_ISSUER)
    return facts


# the file's name is the administrator's text: it ends where the daemon's words go on
_LOADS = (
    (re.compile(r"key at index \d+ in (\S+) does not match next certificate"), "key-mismatch"),
    (re.compile(r"\S+ private key in (\S+) does not match public key in \S+"), "key-mismatch"),
    (re.compile(r"error opening chain file: (\S+): No such file or directory"), "file-missing"),
    (re.compile(r"error opening chain file: (\S+): .*"), "unreadable"),
    (re.compile(r"cannot get \S+ (?:certificate|private key) from file \"?([^\s\"]+)\"?: .*"), "unreadable"),
    (re.compile(r"[Nn]o (?:private key|certs?|PEM)\b.* (?:in|from):? (\S+?)(?::.*)?"), "unparsable"),
    (re.compile(r"error loading [a-z ]+ from:? (\S+): .*"), None),
)


def certificate_load(text: str) -> Facts:
    """Give file and problem of our own certificate or key that could not be loaded."""
    facts: Facts = {"event.reason": text}
    for pattern, problem in _LOADS:
        found = pattern.fullmatch(text)
        if found:
            facts["file.path"] = found[1]
            if problem:
                facts["mail.cert.problem"] = [problem]
            break
    return facts


_LIBRARY = ("event.reason", "event.code", "error.code", "error.message", "error.type", "mail.tls.fault", "mail.tls.alert")
_CERTIFICATE = ("event.reason", "mail.tls.verify_code", "error.type", "mail.cert.problem")
FUNCTIONS: dict[str, Derive] = {
    "tls-protocol": Derive(protocol, ("tls.version", "tls.version_protocol")),
    "tls-handshake-end": Derive(handshake_end, _LIBRARY),
    "tls-library": Derive(library, _LIBRARY),
    "tls-client-certificate": Derive(client_certificate, _CERTIFICATE),
    "tls-server-certificate": Derive(server_certificate, (*_CERTIFICATE, "tls.server.issuer")),
    "tls-certificate-load": Derive(certificate_load, ("event.reason", "file.path", "mail.cert.problem")),
}

"""In: a part of a Dovecot line. Out: what it says about session, TLS, cause and certificate, as fields.

Sources: login-common/client-common.c and sasl-server.c, lib-ssl-iostream, auth/auth-request.c and passdb-*.c of Dovecot 2.3 and
2.4; the texts of certificate errors are those of OpenSSL's x509_txt.c.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

from collector.parse import convert, openssl
from collector.parse.derivation import Derive

Facts = dict[str, Any]

_PORT = slice(6, 8)
_LENGTHS = (12, 24)
"""48 bits of time, the port, and an IPv4 or IPv6 address."""


def session_port(text: str) -> Facts:
    """Give the client's port of a login session id: unpadded base64 of time, port and address, little-endian."""
    plain = text.partition(":")[0]
    try:
        packed = binascii.a2b_base64(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return {}
    port = int.from_bytes(packed[_PORT], "little") if len(packed) in _LENGTHS else 0
    return {"source.port": port} if port else {}


_WORD = re.compile(r", (TLS|TSL|secured)(?=[:,]|$)")
_TUNNEL = re.compile(r"(TLS|SSL)v(\d)(?:\.(\d))? with cipher ([A-Za-z0-9_-]{1,64})")


def tunnel(text: str) -> Facts:
    """Give what the TLS word among the elements says: none is clear text; ``secured`` says that the connection is local or comes through a proxy, not how."""
    word = _WORD.search(text)
    if word is None:
        return {"tls.established": False}
    if word[1] == "secured":
        return {}
    facts: Facts = {"tls.established": True}
    protocol = _TUNNEL.search(text, word.end())
    if protocol is not None:
        facts |= {"tls.version": f"{protocol[2]}.{protocol[3] or 0}", "tls.version_protocol": protocol[1].lower(), "tls.cipher": protocol[4]}
    return facts


def clear_text(text: str) -> Facts:
    """Give why a login failed whose elements name neither mechanism nor TLS: the password was not looked at, because it came in clear text."""
    return {} if text.startswith("method=") or _WORD.search(text) is not None else {"mail.auth.reason": "plaintext-disallowed"}


_SLOT = re.compile(r", TLS(?: handshaking)?: ([^<>]+)")
_CAUSE = " ("


def handshake(text: str) -> Facts:
    """Give the cause of a failed handshake. It stands in the reason and behind the TLS word, in some versions in one of them only; the code of the latter is the better one."""
    found = _SLOT.search(text)
    words = "" if found is None else found[1]
    facts = openssl.library_error(f"{text.partition(_CAUSE)[0]}, {words}")
    if words:
        facts.setdefault("event.reason", words)
    if words == "SSL connection closed during handshake":
        facts.setdefault("error.type", "handshake_aborted:eof")
    return facts


_VERDICTS = (
    ("unknown user", "unknown-user"),
    ("user not known", "unknown-user"),
    ("password mismatch", "bad-password"),
    ("invalid credentials", "bad-password"),
    ("allow_nets check failed", "network-not-allowed"),
    ("username character disallowed", "invalid-username"),
    ("master user login attempted", "master-login"),
    ("user found from deny passdb", "account-disabled"),
    ("user disabled", "account-disabled"),
    ("login disabled", "account-disabled"),
    ("expired", "account-expired"),
    ("authorization failed", "not-authorized"),
    ("anonymous logins disabled", "not-authorized"),
    ("invalid base64", "malformed"),
    ("invalid input", "malformed"),
    ("illegal chars", "malformed"),
    ("unsupported auth", "mechanism-unsupported"),
    ("cleartext auth", "plaintext-disallowed"),
    ("plaintext auth", "plaintext-disallowed"),
)
_PASSWORD_WAS_RIGHT = re.compile(r"allow_nets check failed|login disabled, [1-9]")


def verdict(text: str) -> Facts:
    """Give mail.auth.reason of what a daemon says about a login, and mail.auth.password_ok where another rule than the password refused it."""
    words = text.lower()
    facts: Facts = {}
    for word, reason in _VERDICTS:
        if word in words:
            facts["mail.auth.reason"] = reason
            break
    if _PASSWORD_WAS_RIGHT.match(words) is not None:
        facts["mail.auth.password_ok"] = True
    return facts


_REQUEST = re.compile(r"(?P<user>.*),(?P<ip>[0-9A-Fa-f:.]{2,45})(?:,sasl:(?P<mechanism>[^,]{1,64}))?(?:,master)?", re.DOTALL)


_MECHANISMS = frozenset(
    "plain login cram-md5 digest-md5 ntlm apop xoauth2 oauthbearer scram-sha-1 scram-sha-1-plus scram-sha-256 scram-sha-256-plus external gssapi gss-spnego anonymous otp".split()  # noqa: SIM905 - a list of names
)


def request(text: str) -> Facts:
    """Give user, address and mechanism of the brackets behind auth in 2.4, ``user,address,sasl:mechanism``; ``?`` stands for a user that is not known."""
    found = _REQUEST.fullmatch(text)
    address = None if found is None else convert.ip(found["ip"])
    if found is None or address is None:
        return {}
    facts: Facts = {"source.ip": address}
    if found["user"] not in ("", "?"):
        facts["user.name"] = found["user"].lower()
    if found["mechanism"] is not None:
        mechanism = found["mechanism"].lower()
        facts["mail.auth.mechanism"] = mechanism if mechanism in _MECHANISMS else "other"
    return facts


_VERIFICATIONS = {
    "unable to get issuer certificate": "2",
    "unable to get certificate CRL": "3",
    "certificate signature failure": "7",
    "certificate is not yet valid": "9",
    "certificate has expired": "10",
    "CRL has expired": "12",
    "self-signed certificate": "18",
    "self signed certificate": "18",
    "self-signed certificate in certificate chain": "19",
    "self signed certificate in certificate chain": "19",
    "unable to get local issuer certificate": "20",
    "unable to verify the first certificate": "21",
    "certificate chain too long": "22",
    "certificate revoked": "23",
    "invalid CA certificate": "24",
    "unsuitable certificate purpose": "26",
    "unsupported certificate purpose": "26",
    "EE certificate key too weak": "66",
    "CA certificate key too weak": "67",
    "CA signature digest algorithm too weak": "68",
}
_PROBLEMS = {
    "cert_verify_failed:bad_signature": "bad-signature",
    "cert_verify_failed:chain_incomplete": "chain-incomplete",
    "cert_verify_failed:chain_too_long": "chain-too-long",
    "cert_verify_failed:expired": "expired",
    "cert_verify_failed:not_yet_valid": "not-yet-valid",
    "cert_verify_failed:revoked": "revoked",
    "cert_verify_failed:self_signed": "self-signed",
    "cert_verify_failed:weak_key": "weak-key",
    "cert_verify_failed:weak_peer_key": "weak-key",
    "cert_verify_failed:weak_signature": "weak-signature",
    "cert_verify_failed:wrong_purpose": "wrong-usage",
}


def client_certificate(text: str) -> Facts:
    """Give class and problem of a certificate that did not verify. What has no class of its own is untrusted."""
    kind = openssl.verification(_VERIFICATIONS.get(text, "")).get("error.type", "cert_verify_failed")
    return {"error.type": kind, "mail.cert.problem": [_PROBLEMS.get(kind, "untrusted")]}


_OWN_PROBLEMS = (
    ("for a different cert", "key-mismatch"),
    ("No such file", "file-missing"),
    ("Permission denied", "unreadable"),
    ("key too small", "weak-key"),
    ("md too weak", "weak-signature"),
    ("no valid PEM", "unparsable"),
    ("is empty", "unparsable"),
    ("no start line", "unparsable"),
    ("bad base64", "unparsable"),
)


def own_certificate(text: str) -> Facts:
    """Give what is wrong with our own certificate or key; the library's words are no reason, the whole text is."""
    facts = openssl.library_error(text)
    facts.pop("event.reason", None)
    for words, problem in _OWN_PROBLEMS:
        if words in text:
            facts["mail.cert.problem"] = [problem]
            break
    return facts


_VOLUME = re.compile(r"retr=([0-9]{1,18})/([0-9]{1,18}), del=([0-9]{1,18})/")


def pop3_volume(text: str) -> Facts:
    """Give what a POP3 session fetched and deleted, under the names of both protocols: exfiltration and deletion look alike in either."""
    found = _VOLUME.search(text)
    if found is None:
        return {}
    retrieved, size, deleted = map(int, found.groups())
    return {"mail.pop3.retrieved": retrieved, "mail.pop3.retrieved_bytes": size, "mail.pop3.deleted": deleted, "mail.imap.bytes_out": size, "mail.imap.expunged": deleted}


_ERROR = ("event.code", "error.code", "error.message", "error.type", "mail.tls.fault", "mail.tls.alert")

FUNCTIONS: dict[str, Derive] = {
    "dovecot-port": Derive(session_port, ("source.port",)),
    "dovecot-tls": Derive(tunnel, ("tls.established", "tls.version", "tls.version_protocol", "tls.cipher")),
    "dovecot-clear-text": Derive(clear_text, ("mail.auth.reason",)),
    "dovecot-handshake": Derive(handshake, ("event.reason", *_ERROR)),
    "dovecot-verdict": Derive(verdict, ("mail.auth.reason", "mail.auth.password_ok")),
    "dovecot-request": Derive(request, ("source.ip", "user.name", "mail.auth.mechanism")),
    "dovecot-client-certificate": Derive(client_certificate, ("error.type", "mail.cert.problem")),
    "dovecot-pop3-volume": Derive(pop3_volume, ("mail.pop3.retrieved", "mail.pop3.retrieved_bytes", "mail.pop3.deleted", "mail.imap.bytes_out", "mail.imap.expunged")),
    "dovecot-own-certificate": Derive(own_certificate, ("mail.cert.problem", *_ERROR)),
}

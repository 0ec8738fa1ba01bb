"""In: the text of a line, before any shape sees it. Out: the text without secrets, what kinds were taken out, and where.

Every rule begins at a literal and is linear. A mask never hides more than it must: a stranger who writes the words
of one daemon into a line of another hides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.parse.syslog import Opened

MASK = "***"
KINDS = ("password", "password-hash", "auth-argument", "base64")

_GIVEN = "(given password: "
_NEXT = " - trying the next passdb"
_HASHED = re.compile(r"\(SHA1 of given password: ([0-9a-fA-F]{1,40})\)")
_DEBUG_VALUES = re.compile(r"(?:\b|#011)(?:resp|pass|password)=([^\s#,]+)")
_COMPARED = re.compile(r"\b[A-Z][A-Z0-9.-]{0,31}\(")
_PAYLOADS = ("non-SMTP command", "PREGREET", "COMMAND PIPELINING", "improper command pipelining", "request longer than")
_REASON = "authentication failed: "
_USER = ", sasl_username="
_DIALOGUE = re.compile(r"< [^\s\[\]]{1,255}\[[^\s\[\]]{1,64}\](?::[0-9]{1,5})?: ")
_ARGUMENT = re.compile(r"\bAUTH[ \t]+[A-Za-z0-9_-]{1,32}[ \t]+([^\s\\]+)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_BARE_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_VERBS = frozenset(("QUIT", "DATA", "RSET", "NOOP", "STARTTLS", "HELP", "ETRN", "EHLO", "HELO"))

Cut = tuple[int, int, str]
"""Begin and end in the text as it was, and the kind."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text in which each cut is a mask. ``start`` did not move: the envelope holds no secret."""

    text: str
    start: int
    end: int
    kinds: tuple[str, ...] = ()
    password_hash: str | None = None
    cuts: tuple[Cut, ...] = ()

    @property
    def message(self) -> str:
        """What stands behind the tag."""
        return self.text[self.start : self.end]

    def original(self, position: int) -> int:
        """Return where a position of the redacted text stood before."""
        shift = 0
        for begin, end, _ in self.cuts:
            if position + shift <= begin:
                break
            if position + shift < begin + len(MASK):
                return begin
            shift += end - begin - len(MASK)
        return position + shift


def redact_line(opened: Opened) -> Redacted:
    """Mask the secrets of an opened line's message."""
    return redact(opened.text, opened.start, opened.end, opened.product, opened.daemon)


def redact(text: str, start: int, end: int | None = None, product: str | None = None, daemon: str | None = None) -> Redacted:
    """Mask the secrets of ``text[start:end]``; product and daemon choose the rules, None means any."""
    stop = len(text) if end is None else end
    found: list[Cut] = []
    if product in (None, "dovecot") and (daemon is None or daemon.startswith("auth")):
        found += _dovecot(text, start, stop)
    if product != "dovecot":
        found += _postfix(text, start, stop)
    cuts = _disjoint(found)
    if not cuts:
        return Redacted(text, start, stop)
    out, done, removed = [], 0, 0
    for begin, finish, _ in cuts:
        out += [text[done:begin], MASK]
        done, removed = finish, removed + finish - begin - len(MASK)
    out.append(text[done:])
    kinds = {kind for _, _, kind in cuts}
    hashes = [text[begin:finish].lower() for begin, finish, kind in cuts if kind == "password-hash"]
    return Redacted("".join(out), start, stop - removed, tuple(kind for kind in KINDS if kind in kinds), hashes[-1] if hashes else None, cuts)


def _disjoint(found: list[Cut]) -> tuple[Cut, ...]:
    """Leave empty cuts out; of cuts that overlap, the one that begins first takes the others in."""
    out: list[Cut] = []
    for cut in sorted(cut for cut in found if cut[0] < cut[1]):
        if out and cut[0] < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], cut[1]), out[-1][2])
        else:
            out.append(cut)
    return tuple(out)


def _dovecot(text: str, start: int, end: int) -> Iterator[Cut]:
    if (given := text.find(_GIVEN, start, end)) >= 0:
        # the secret may hold a parenthesis: it ends at the last one that the daemon can have written
        begin = given + len(_GIVEN)
        tail = end - len(_NEXT) if text.endswith(_NEXT, begin, end) else end
        close = text.rfind(")", begin, tail)
        yield begin, close if close >= 0 else tail, "password"
    if text.find("SHA1 of given password", start, end) >= 0:
        for match in _HASHED.finditer(text, start, end):
            yield *match.span(1), "password-hash"
    if text.find("resp=", start, end) >= 0 or text.find("pass", start, end) >= 0:
        for match in _DEBUG_VALUES.finditer(text, start, end):
            yield *match.span(1), "password"
    if (differs := text.find(") != '", start, end)) >= 0 and (scheme := _COMPARED.search(text, start, differs)) is not None:
        yield scheme.end(), end, "password"


def _postfix(text: str, start: int, end: int) -> Iterator[Cut]:
    if (reason := text.find(_REASON, start, end)) >= 0:
        begin = reason + len(_REASON)
        user = text.find(_USER, begin, end)
        yield from _runs(text, begin, end if user < 0 else user)
    if (dialogue := _DIALOGUE.match(text, start, end)) is not None:
        yield from _said(text, dialogue.end(), end)
    for words in _PAYLOADS:
        at = text.find(words, start, end)
        if at >= 0:
            yield from _payload(text, at + len(words), end)
            break


def _said(text: str, begin: int, end: int) -> Iterator[Cut]:
    """Mask what a client said in the dialogue of debug_peer_list: an AUTH command's argument, or a lone answer to a challenge."""
    if text[begin : begin + 5].upper() == "AUTH ":
        mechanism = text.find(" ", begin + 5, end)
        if mechanism >= 0:
            yield mechanism + 1, end, "auth-argument"
    elif _BARE_BASE64.fullmatch(text, begin, end) is not None and text[begin:end].upper() not in _VERBS:
        yield begin, end, "base64"


def _payload(text: str, begin: int, end: int) -> Iterator[Cut]:
    """Mask credentials in a stranger's bytes, which stand behind the client's address; the rest is what rules read."""
    bracket = text.find("]", begin, end)
    payload = text.find(": ", max(begin, bracket), end)
    if payload < 0:
        return
    for match in _ARGUMENT.finditer(text, payload, end):
        yield *match.span(1), "auth-argument"
    yield from _runs(text, payload, end)


def _runs(text: str, begin: int, end: int) -> Iterator[Cut]:
    for match in _BASE64.finditer(text, begin, end):
        yield *match.span(), "base64"

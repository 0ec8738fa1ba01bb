"""In: the text of a line, before any shape sees it. Out: the text without secrets, what kinds were taken out, and where.

Every rule begins at a literal and is linear. A mask never hides more than it must: a stranger who writes the words
of one daemon into a line of another hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.parse.loader import Dispatch
    from collector.parse.opened import Opened

MASK = "***"
KINDS = ("password", "password-hash", "auth-argument", "base64")

_GIVEN = "(given password: "
_NEXT = " - trying the next passdb"
_HASHED = re.compile(r"\(SHA1 of given password: ([0-9a-fA-F]{1,40})")
_DEBUG_VALUES = re.compile(r"(?:\b|#011)(?:resp|pass|password)=([^\s#,]+)")
_COMPARED = re.compile(r"\b[A-Z][A-Z0-9.-]{0,31}\(")
_PAYLOADS = (
    *("non-SMTP command", "improper command pipelining", "request longer than", "PREGREET", "NON-SMTP COMMAND"),
    *("COMMAND PIPELINING", "COMMAND TIME LIMIT", "COMMAND COUNT LIMIT", "COMMAND LENGTH LIMIT", "BARE NEWLINE"),
)
_SENDER = re.compile(r"(?: [0-9]{1,9})?(?: after [^\s\[\]]{1,64})? from [^\s\[\]]{0,255}\[[^\s\[\]]{1,64}\](?::[0-9]{1,5})?")
_REASON = "authentication failed: "
_USER = ", sasl_username="
_DIALOGUE = re.compile(r"[<>] [^\s\[\]]{1,255}\[[^\s\[\]]{1,64}\](?::[0-9]{1,5})?: ")
_ARGUMENT = re.compile(r"\bAUTH[ \t]+[A-Za-z0-9_-]{1,32}[ \t]+([^\s\\]+)", re.IGNORECASE)
# smtpd_sasl_glue.c, smtp_sasl_glue.c, xsasl_*.c and maps.c of Postfix, with -v or debug_peer_list.
_SASL_ARGUMENT = re.compile(r"[a-z_]{0,40}sasl_[a-z_]{1,40}: .*?(?:init_response|initial reply|client response|decoded (?:initial )?response):? ", re.DOTALL)
_SASL_PASSWORD = re.compile(r"(?:[a-z_]{0,40}sasl_[a-z_]{1,40}: .*? pass `|[a-z_]{0,40}get_passwd: |maps_find: [a-z]{1,8}_sasl_[a-z_]{1,40}: .*? = )", re.DOTALL)
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


def redact_line(opened: Opened, dispatch: Dispatch | None) -> Redacted:
    """Mask the secrets of an opened line's message by the rules of the product that its program belongs to, whatever the program is called."""
    product, daemon = (None, None) if dispatch is None else (dispatch.product, dispatch.daemon)
    return redact(opened.text, opened.start, opened.end, product, daemon)


def redact(text: str, start: int, end: int | None = None, product: str | None = None, daemon: str | None = None) -> Redacted:
    """Mask the secrets of ``text[start:end]``; product and daemon choose the rules, None means any."""
    stop = len(text) if end is None else end
    found: list[Cut] = []
    if product in (None, "dovecot") and (daemon is None or "auth" in daemon.split("-")):
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


Guard = Callable[[str, int, int], bool]


def guard(product: str, daemon: str | None, may_hold: Callable[[str], bool]) -> Guard | None:
    """Return a cheap test of a text's message: where it says no, and the message's begin (anatomy.HEAD) is not ``doubtful``, ``redact`` takes out nothing.

    ``may_hold`` says which texts the message could hold at all. None: no message of that kind has a secret.
    """
    if product == "dovecot":
        return _dovecot_may if (daemon is None or "auth" in daemon.split("-")) and any(map(may_hold, _OF_DOVECOT)) else None
    held = [words for words in (_REASON, *_PAYLOADS) if may_hold(words)]
    return _pregreet if held == ["PREGREET"] else _postfix_may if held else None


def doubtful(word: str) -> bool:
    """Say whether a message that begins with a word may be one of those that are known by their begin. Without a word: if it is ``<`` or ``>``."""
    return "sasl_" in word or "get_passwd" in word or word == "maps_find"


_OF_DOVECOT = ("pass", "resp=", ") != '")


def _dovecot_may(text: str, _start: int, _end: int) -> bool:
    return "pass" in text or "resp=" in text or ") != '" in text


def _pregreet(text: str, _start: int, _end: int) -> bool:
    return "PREGREET" in text


def _postfix_may(text: str, start: int, end: int) -> bool:
    if "COMMAND" in text or "PREGREET" in text or "MTP command" in text or "command pip" in text or "request longer" in text or "BARE NEWLINE" in text:
        return True
    return _REASON in text and next(_reason(text, start, end), None) is not None


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
        # the secret may hold a parenthesis, and a cut line has no other: the daemon's own is the very last
        begin = given + len(_GIVEN)
        tail = end - len(_NEXT) if text.endswith(_NEXT, begin, end) else end
        tail = begin + len(text[begin:tail].rstrip(" "))
        yield begin, tail - 1 if text.endswith(")", begin, tail) else tail, "password"
    if text.find("SHA1 of given password", start, end) >= 0:
        for match in _HASHED.finditer(text, start, end):
            yield *match.span(1), "password-hash"
    if text.find("resp=", start, end) >= 0 or text.find("pass", start, end) >= 0:
        for match in _DEBUG_VALUES.finditer(text, start, end):
            yield *match.span(1), "password"
    if (differs := text.find(") != '", start, end)) >= 0 and (scheme := _COMPARED.search(text, start, differs)) is not None:
        yield scheme.end(), end, "password"


def _postfix(text: str, start: int, end: int) -> Iterator[Cut]:
    yield from _reason(text, start, end)
    if (dialogue := _DIALOGUE.match(text, start, end)) is not None:
        yield from _said(text, dialogue.end(), end)
    for known, kind in ((_SASL_ARGUMENT, "auth-argument"), (_SASL_PASSWORD, "password")):
        if (said := known.match(text, start, end)) is not None:
            yield said.end(), end, kind
    places = [(at, words) for words in _PAYLOADS if (at := text.find(words, start, end)) >= 0]
    if places:
        at, words = min(places)
        yield from _payload(text, at + len(words), end)


def _reason(text: str, start: int, end: int) -> Iterator[Cut]:
    if (reason := text.find(_REASON, start, end)) >= 0:
        begin = reason + len(_REASON)
        user = text.find(_USER, begin, end)
        yield from _runs(text, begin, end if user < 0 else user)


def _said(text: str, begin: int, end: int) -> Iterator[Cut]:
    """Mask what one side said in the dialogue of debug_peer_list: an AUTH command's argument, or a lone answer to a challenge."""
    if text[begin : begin + 5].upper() == "AUTH ":
        mechanism = text.find(" ", begin + 5, end)
        if mechanism >= 0:
            yield mechanism + 1, end, "auth-argument"
    elif _BARE_BASE64.fullmatch(text, begin, end) is not None and text[begin:end].upper() not in _VERBS:
        yield begin, end, "base64"


def _payload(text: str, begin: int, end: int) -> Iterator[Cut]:
    """Mask credentials in a stranger's bytes, which stand behind the client's address if that is said; the rest is what rules read."""
    sender = _SENDER.match(text, begin, end)
    payload = begin if sender is None else sender.end()
    for match in _ARGUMENT.finditer(text, payload, end):
        yield *match.span(1), "auth-argument"
    yield from _runs(text, payload, end)


def _runs(text: str, begin: int, end: int) -> Iterator[Cut]:
    for match in _BASE64.finditer(text, begin, end):
        yield *match.span(), "base64"

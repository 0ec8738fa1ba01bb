"""In: a text and where ``SERVICE(user)<pid><session>: `` of Dovecot begins. Out: Prefix: its parts, and where it ends.

The user is a stranger's text, and so is much of what stands behind the prefix: message ids, mailboxes, passwords. Both may hold
``)``, ``<`` and ``: ``, so the end of the brackets is a choice, and it is made so that strangers can forge least:

- auth: whoever connects chooses the name, hardly anyone the text. The last ``,address,sasl:mechanism)`` counts that the length
  of a logged name allows.
- Everybody else has an account, and its mail is anybody's: the first ``)`` counts behind which a pid or a session stands, and
  without one (set-ups that log neither) the first ``): ``.
- Where both readings are possible, none is taken: a line that is not understood is seen, a forged one is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Span = tuple[int, int]

_SERVICE = r"(?P<service>[a-z][a-z0-9_-]{0,63})"
_PID = r"(?:<(?P<pid>[0-9]{1,10})>)"
_SESSION = r"(?:<(?P<session>[^<>\s]*)>)"
_ADDRESS = r",[0-9A-Fa-f.:]{2,45}"
_MECHANISM = r",sasl:[^\s,()<>]{1,64}"
# Of a name that authenticates, 64 bytes are logged (auth/auth-common.h, MAX_LOG_USERNAME_LEN). A worker of 2.4 has its pid behind it, one of 2.3 in its brackets.
_FORMS = (
    rf"(?P<service>auth)\((?P<user>.{{0,64}}(?:{_ADDRESS}(?:{_MECHANISM})?|{_MECHANISM})(?:,master)?)\){_PID}?{_SESSION}?: ",
    rf"(?P<service>auth-worker)\((?P<user>.{{0,64}}(?:{_ADDRESS})?{_MECHANISM}(?:,master)?)\){_PID}{_SESSION}?: ",
    rf"{_SERVICE}\((?P<user>.{{0,512}}?)\)(?=<){_PID}?{_SESSION}?: ",
    rf"{_SERVICE}(?:\((?P<user>[^)]*)\))?{_PID}?{_SESSION}?: ",
)
_LEVEL = "(?=(?:Debug|Info|Warning|Error|Fatal|Panic): )"
_SYSLOG = tuple(re.compile(form, re.DOTALL) for form in _FORMS)
_OWN_FILE = tuple(re.compile(form + _LEVEL, re.DOTALL) for form in _FORMS)
_DOUBTFUL_REQUEST = re.compile(r"[0-9]{1,10}\): |.*given password: ", re.DOTALL)
_PID_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Prefix:
    """Spans are indexes into the text; what the prefix does not name is None."""

    service: str
    end: int
    """Where the message begins; where the prefix begins, if it can be read in two ways."""
    user: Span | None = None
    pid: Span | None = None
    session: Span | None = None


def read(text: str, begin: int, end: int, *, own_file: bool = False) -> Prefix | None:
    """Read the prefix at ``begin``; None where there is none. In Dovecot's own file a level word stands behind every one."""
    request, worker, account, plain = (form.match(text, begin, end) for form in (_OWN_FILE if own_file else _SYSLOG))
    match = request or worker or account or plain
    if match is None:
        return None
    if _doubtful(request or worker, account, plain):
        return Prefix(match["service"], begin)
    user, pid, session = (_span(match, part) for part in ("user", "pid", "session"))
    if pid is None and user is not None and _is_pid(match["user"]):
        pid, user = user, None
    return Prefix(match["service"], match.end(), user, pid, session)


def _doubtful(request: re.Match[str] | None, account: re.Match[str] | None, plain: re.Match[str] | None) -> bool:
    if request is not None:
        return _DOUBTFUL_REQUEST.match(request["user"]) is not None
    return account is not None and plain is not None and account.end() != plain.end()


def _is_pid(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _PID_DIGITS


def _span(match: re.Match[str], group: str) -> Span | None:
    return match.span(group) if match[group] else None

"""In: what happens on a mail host, and when. Out: the lines that Postfix, Dovecot and their filters write about it.

The wording is that of Debian 12's daemons with rsyslog's RFC 3339 stamps. Times are seconds of the day. Nothing but ``random.Random.random`` is drawn from:
it gives the same numbers in every version of Python.
"""

from __future__ import annotations

import random
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Thing = TypeVar("Thing")

DAY = datetime(2026, 11, 24, tzinfo=UTC)
HOST = "mx1"
ADDRESS = "192.0.2.1"
RHYTHM = (5, 4, 3, 3, 4, 8, 18, 42, 78, 95, 100, 92, 74, 80, 94, 96, 88, 70, 48, 36, 30, 24, 16, 9)
"""How busy each hour is."""
MODERN = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
OLDER = "TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)"
ANCIENT = "TLSv1 with cipher ECDHE-RSA-AES256-SHA (256/256 bits)"
SIGNED = "key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256"


class Peer(NamedTuple):
    """Another mail server: its name, its address, the domain it sends and receives for."""

    name: str
    address: str
    domain: str

    @property
    def relay(self) -> str:
        """As smtp(8) names it."""
        return f"{self.name}[{self.address}]:25"


class MailHost:
    """Collects lines; sorts them by time at the end."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - a reproducible log, no secret
        self._lines: list[tuple[float, int, str]] = []
        self._pids: set[int] = set()
        self._queued = 0

    def chance(self) -> float:
        """Return a number from 0 to 1."""
        return self._dice.random()

    def pick(self, things: Sequence[Thing]) -> Thing:
        """Return one of them."""
        return things[int(self.chance() * len(things))]

    def moments(self, number: int) -> Iterator[float]:
        """Yield times of the day, as many as wanted, most of them when people work."""
        total, reached, hour = sum(RHYTHM), 0, 0
        for index in range(number):
            wanted = (index + self.chance()) / number * total
            while reached + RHYTHM[hour] < wanted:
                reached, hour = reached + RHYTHM[hour], hour + 1
            yield 3600 * (hour + (wanted - reached) / RHYTHM[hour])

    def every(self, start: float, step: float, times: int) -> Iterator[tuple[int, float]]:
        """Yield numbers and times, about ``step`` seconds apart."""
        for number in range(times):
            yield number, start + step * (number + 0.3 * self.chance())

    def lines(self) -> Iterator[str]:
        """Yield all lines in order of time."""
        for at, _, text in sorted(self._lines):
            yield f"{(DAY + timedelta(seconds=at)).isoformat(timespec='microseconds')} {text}\n"

    def silent(self, since: float, until: float) -> None:
        """Take back what was said in between."""
        self._lines = [line for line in self._lines if not since < line[0] < until]

    def say(self, at: float, program: str, text: str) -> None:
        """Add one line."""
        self._lines.append((at, len(self._lines), f"{HOST} {program}: {text}"))

    def process(self, at: float) -> int:
        """Return a process id that no other process has; later ones are higher."""
        pid = 1400 + int(at * 0.7)
        while pid in self._pids:
            pid += 1
        self._pids.add(pid)
        return pid

    def port(self) -> int:
        """Return a client's port."""
        return 32768 + int(self.chance() * 28000)

    def queue_id(self, at: float) -> str:
        """Return a queue id as Postfix makes it: microseconds, inode."""
        self._queued += 1
        return f"{int(at * 1_000_000) % 1_000_000:05X}2{0x7EB40 + self._queued:05X}"

    def session(self, at: float, address: str) -> str:
        """Return a Dovecot session id, which holds time, port and address of the client."""
        stamp = int((DAY.timestamp() + at) * 1_000_000) & 0xFFFFFFFFFFFF
        packed = stamp.to_bytes(6, "little") + self.port().to_bytes(2, "little") + ip_address(address).packed
        return b64encode(packed).decode().rstrip("=")

    # what Dovecot says

    def login(self, at: float, user: str, address: str, service: str = "imap", tls: str = f"TLS, {MODERN}, ", stays: float = 40) -> None:
        """Log somebody in, and out again."""
        session, pid = self.session(at, address), self.process(at)
        self.say(at, "dovecot", f"{service}-login: Login: user=<{user}>, method=PLAIN, rip={address}, lip={ADDRESS}, mpid={pid}, {tls}session=<{session}>")
        end, read = at + stays * (0.2 + self.chance()), int(self.chance() * 9)
        bodies = f"hdr_count={3 * read} hdr_bytes={900 * read} body_count={read} body_bytes={4800 * read}"
        counters = {
            "imap": f"in={80 + 40 * read} out={700 + 5210 * read} deleted={read // 4} expunged={read // 4} trashed=0 {bodies}",
            "pop3": f"top=0/0, retr={read}/{4911 * read}, del={read}/{read}, size={4911 * read}",
            "managesieve": "bytes=211/340",
        }
        self.say(end, "dovecot", f"{service}({user})<{pid}><{session}>: Disconnected: Logged out {counters[service]}")

    def refused(self, at: float, user: str, address: str, *, service: str = "imap", attempts: int = 1, tls: str = "TLS: Connection closed, ") -> None:
        """Refuse a login."""
        cause = f"(auth failed, {attempts} attempts in {2 * attempts} secs)"
        tail = f"{tls}session=<{self.session(at, address)}>"
        self.say(at, "dovecot", f"{service}-login: Disconnected: Connection closed {cause}: user=<{user}>, method=PLAIN, rip={address}, lip={ADDRESS}, {tail}")

    def handshake_refused(self, at: float, address: str, error: str, service: str = "imap") -> None:
        """Let a client and Dovecot disagree about TLS."""
        cause = f"SSL_accept() failed: {error}"
        who = f"user=<>, rip={address}, lip={ADDRESS}, TLS handshaking: {cause}, session=<{self.session(at, address)}>"
        self.say(at, "dovecot", f"{service}-login: Disconnected: Connection closed: {cause} (no auth attempts in 0 secs): {who}")

    # what Postfix says about mail that comes

    def screened(self, at: float, address: str, verdict: str = "PASS OLD") -> None:
        """Let postscreen look at somebody who connects to port 25."""
        port = self.port()
        self.say(at, "postfix/postscreen[811]", f"CONNECT from [{address}]:{port} to [{ADDRESS}]:25")
        self.say(at + 0.01, "postfix/postscreen[811]", f"{verdict} [{address}]:{port}")

    def inbound(self, at: float, peer: Peer, sender: str, recipient: str, *, redirect: str | None = None) -> None:
        """Take a message, check it, put it into a mailbox."""
        smtpd, qid, client = self.process(at), self.queue_id(at), f"{peer.name}[{peer.address}]"
        self.screened(at, peer.address)
        program, tls = f"postfix/smtpd[{smtpd}]", MODERN if self.chance() < 0.8 else OLDER
        self.say(at + 0.02, program, f"connect from {client}")
        self.say(at + 0.11, program, f"Anonymous TLS connection established from {client}: {tls} {SIGNED}")
        spf = f"identity=mailfrom; client-ip={peer.address}; helo={peer.name}; envelope-from={sender}; receiver=example.org "
        self.say(at + 0.2, f"policyd-spf[{smtpd + 1}]", f": prepend Received-SPF: Pass (mailfrom) {spf}")
        self.say(at + 0.21, program, f"{qid}: client={client}")
        self._cleaned(at + 0.25, qid, peer.domain)
        self.say(at + 0.28, "opendkim[166]", f"{qid}: {peer.name} [{peer.address}] not internal")
        self.say(at + 0.29, "opendkim[166]", f"{qid}: DKIM verification successful")
        self.say(at + 0.3, "opendmarc[171]", f"{qid}: {peer.domain} pass")
        self._active(at + 0.32, qid, sender, 1)
        self.say(at + 0.4, program, f"disconnect from {client} ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7")
        self._saved(at + 0.43, qid, recipient, f"{qid.lower()}@{peer.domain}", redirect)

    def _saved(self, at: float, qid: str, recipient: str, message_id: str, redirect: str | None = None) -> None:
        key = b64encode(qid.encode()).decode().rstrip("=")
        pid = self.process(at)
        if redirect is not None:
            self.say(at, "dovecot", f"lmtp({recipient})<{pid}><{key}>: sieve: msgid=<{message_id}>: redirect action: forwarded to <{redirect}>")
        self.say(at + 0.01, "dovecot", f"lmtp({recipient})<{pid}><{key}>: msgid=<{message_id}>: saved mail to INBOX")
        relay, said = "mx1.example.org[private/dovecot-lmtp]", f"250 2.0.0 <{recipient}> {key} Saved"
        self.say(at + 0.02, f"postfix/lmtp[{pid + 2}]", f"{qid}: to=<{recipient}>, relay={relay}, delay=0.24, delays=0.2/0/0.01/0.03, dsn=2.0.0, status=sent ({said})")
        self.removed(at + 0.03, qid)

    def rejected(self, at: float, client: str, reason: str, recipient: str, sender: str = "info@mailer.example", helo: str = "win10") -> None:
        """Refuse a recipient."""
        program = f"postfix/smtpd[{self.process(at)}]"
        self.say(at, program, f"connect from {client}")
        self.say(at + 0.1, program, f"NOQUEUE: reject: RCPT from {client}: {reason}; from=<{sender}> to=<{recipient}> proto=ESMTP helo=<{helo}>")
        self.say(at + 0.2, program, f"disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")

    # and about mail that goes

    def submitted(self, at: float, user: str, client: str, recipients: int, tls: str = MODERN) -> str:
        """Take a message of somebody who is logged in; return its queue id."""
        program, qid = f"postfix/submission/smtpd[{self.process(at)}]", self.queue_id(at)
        self.say(at, program, f"connect from {client}")
        self.say(at + 0.1, program, f"Anonymous TLS connection established from {client}: {tls} {SIGNED}")
        self.say(at + 0.2, program, f"{qid}: client={client}, sasl_method=PLAIN, sasl_username={user}")
        self._cleaned(at + 0.24, qid, "example.org", signs=True)
        self._active(at + 0.3, qid, user, recipients)
        counters = f"ehlo=2 starttls=1 auth=1 mail=1 rcpt={recipients} data=1 quit=1 commands={recipients + 7}"
        self.say(at + 0.36, program, f"disconnect from {client} {counters}")
        return qid

    def local(self, at: float, user: str, uid: int) -> str:
        """Take a message of a program of the host; return its queue id."""
        qid = self.queue_id(at)
        self.say(at, "postfix/pickup[13920]", f"{qid}: uid={uid} from=<{user}>")
        self._cleaned(at + 0.05, qid, "mx1.example.org", signs=True)
        self._active(at + 0.1, qid, f"{user}@mx1.example.org", 1)
        return qid

    def _cleaned(self, at: float, qid: str, domain: str, *, signs: bool = False) -> None:
        self.say(at, f"postfix/cleanup[{self.process(at)}]", f"{qid}: message-id=<{qid.lower()}@{domain}>")
        if signs:
            self.say(at + 0.02, "opendkim[166]", f"{qid}: DKIM-Signature field added (s=mail, d=example.org)")

    def _active(self, at: float, qid: str, sender: str, recipients: int) -> None:
        self.say(at, "postfix/qmgr[402]", f"{qid}: from=<{sender}>, size={1200 + int(self.chance() ** 3 * 900_000)}, nrcpt={recipients} (queue active)")

    def delivered(self, at: float, qid: str, recipient: str, peer: Peer) -> None:
        """Hand a message to the other server; nothing of it stays."""
        program = f"postfix/smtp[{self.process(at)}]"
        self.say(at, program, f"Trusted TLS connection established to {peer.relay}: {MODERN} {SIGNED}")
        self.attempt(at + 0.6, qid, recipient, peer, "sent", "2.0.0", f"250 2.0.0 Ok: queued as {int(self.chance() * 16**9):09X}")
        self.removed(at + 0.7, qid)

    def attempt(self, at: float, qid: str, recipient: str, peer: Peer, status: str, dsn: str, text: str) -> None:
        """Try one recipient of a message."""
        program = f"postfix/smtp[{self.process(at)}]"
        self.say(at, program, f"{qid}: to=<{recipient}>, relay={peer.relay}, delay=1.3, delays=0.1/0/0.7/0.5, dsn={dsn}, status={status} ({text})")

    def removed(self, at: float, qid: str) -> None:
        """Take a message out of the queue."""
        self.say(at, "postfix/qmgr[402]", f"{qid}: removed")

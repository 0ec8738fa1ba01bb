"""In: nothing. Out: bad-day.log on stdout: a day of a small mail host, with everything that `mailvigil demo` finds in it.

Run `python deploy/demo/generate.py > deploy/demo/bad-day.log` after a change. Documentation addresses and example domains only; the same output every time.
"""

from __future__ import annotations

import random
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

DAY = datetime(2026, 11, 24, tzinfo=UTC)
HOST = "mx1"
OFFICE = "198.51.100.20"
NAMES = "alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil"
USERS = [f"{name}@example.org" for name in NAMES.split()]


class Log:
    """Collects lines with their times; sorts them at the end."""

    def __init__(self) -> None:
        self.dice = random.Random(20261124)  # noqa: S311 - a reproducible demo, no secret
        self.lines: list[tuple[datetime, int, str]] = []
        self.pid = 1000
        self.queued = 0

    def say(self, at: datetime, program: str, text: str) -> None:
        """Add one line."""
        self.lines.append((at, len(self.lines), f"{at.isoformat(timespec='microseconds')} {HOST} {program}: {text}"))

    def process(self) -> int:
        """Return the next process id."""
        self.pid += 1
        return self.pid

    def queue_id(self) -> str:
        """Return the next queue id."""
        self.queued += 1
        return f"{0x4A0000000 + self.queued * 7919:09X}"

    def session(self, at: datetime, address: str) -> str:
        """Return a Dovecot session id that names the client's true port and address."""
        stamp = int(at.timestamp() * 1_000_000) & 0xFFFFFFFFFFFF
        raw = stamp.to_bytes(6, "little") + self.dice.randrange(32768, 60999).to_bytes(2, "little") + ip_address(address).packed
        return b64encode(raw).decode().rstrip("=")

    def login(self, at: datetime, user: str, address: str, service: str = "imap-login") -> None:
        """Add a good login."""
        tail = f"TLS, session=<{self.session(at, address)}>"
        self.say(at, "dovecot", f"{service}: Login: user=<{user}>, method=PLAIN, rip={address}, lip=192.0.2.1, mpid={self.process()}, {tail}")

    def refused(self, at: datetime, user: str, address: str, attempts: int = 1, tls: str = "TLS, ") -> None:
        """Add a failed login."""
        cause = f"(auth failed, {attempts} attempts in {2 * attempts} secs)"
        tail = f"{tls}session=<{self.session(at, address)}>"
        self.say(at, "dovecot", f"imap-login: Disconnected: Connection closed {cause}: user=<{user}>, method=PLAIN, rip={address}, lip=192.0.2.1, {tail}")

    def inbound(self, at: datetime, client: str, address: str, sender: str, recipient: str) -> None:
        """Add a message that came in and was delivered."""
        smtpd, qid = self.process(), self.queue_id()
        step = timedelta(milliseconds=40)
        self.say(at, f"postfix/smtpd[{smtpd}]", f"connect from {client}[{address}]")
        self.say(at + step, f"postfix/smtpd[{smtpd}]", f"{qid}: client={client}[{address}]")
        self._message(at + 2 * step, qid, sender, 1)
        at += 4 * step
        self.say(at, f"postfix/smtpd[{smtpd}]", f"disconnect from {client}[{address}] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7")
        said = "250 2.0.0 Saved"
        relay = "relay=mx1.example.org[private/dovecot-lmtp]"
        self.say(at + step, f"postfix/lmtp[{self.process()}]", f"{qid}: to=<{recipient}>, {relay}, delay=0.2, delays=0.1/0/0/0.1, dsn=2.0.0, status=sent ({said})")
        self.say(at + 2 * step, "postfix/qmgr[401]", f"{qid}: removed")

    def _message(self, at: datetime, qid: str, sender: str, recipients: int) -> None:
        self.say(at, f"postfix/cleanup[{self.process()}]", f"{qid}: message-id=<{qid.lower()}.{self.queued}@{sender.rpartition('@')[2] or HOST}>")
        self.say(at + timedelta(milliseconds=20), "postfix/qmgr[401]", f"{qid}: from=<{sender}>, size={self.dice.randrange(1200, 90000)}, nrcpt={recipients} (queue active)")

    def submitted(self, at: datetime, user: str, address: str, recipients: int) -> str:
        """Add a message of a logged-in user; return its queue id."""
        smtpd, qid = self.process(), self.queue_id()
        self.say(at, f"postfix/submission/smtpd[{smtpd}]", f"connect from unknown[{address}]")
        self.say(at + timedelta(milliseconds=30), f"postfix/submission/smtpd[{smtpd}]", f"{qid}: client=unknown[{address}], sasl_method=PLAIN, sasl_username={user}")
        self._message(at + timedelta(milliseconds=60), qid, user, recipients)
        counters = f"ehlo=2 starttls=1 auth=1 mail=1 rcpt={recipients} data=1 quit=1 commands={recipients + 7}"
        self.say(at + timedelta(milliseconds=120), f"postfix/submission/smtpd[{smtpd}]", f"disconnect from unknown[{address}] {counters}")
        return qid

    def outbound(self, at: datetime, qid: str, recipient: str, status: str, dsn: str, text: str, relay: str) -> None:
        """Add a try to deliver to another host."""
        self.say(at, f"postfix/smtp[{self.process()}]", f"{qid}: to=<{recipient}>, relay={relay}, delay=1.3, delays=0.1/0/0.7/0.5, dsn={dsn}, status={status} ({text})")


def ordinary_day(log: Log) -> None:
    """Mail comes in, people log in, a few mails go out."""
    for number in range(140):
        at = DAY + timedelta(seconds=21600 + number * 300 + log.dice.random() * 200)
        log.inbound(at, f"mail{number % 7}.example.net", f"198.51.100.{40 + number % 7}", f"news{number % 9}@example.net", log.dice.choice(USERS))
    for number in range(160):
        at = DAY + timedelta(seconds=25200 + number * 210 + log.dice.random() * 150)
        log.login(at, log.dice.choice(USERS), OFFICE if number % 3 else f"203.0.113.{200 + number % 6}", log.dice.choice(["imap-login", "imap-login", "pop3-login"]))
    for number in range(24):
        at = DAY + timedelta(seconds=28800 + number * 1100)
        qid = log.submitted(at, log.dice.choice(USERS), OFFICE, 1)
        log.outbound(at + timedelta(seconds=1), qid, f"partner{number}@example.com", "sent", "2.0.0", "250 2.0.0 Ok: queued as 4C81A2", "mx.example.com[192.0.2.50]:25")
        log.say(at + timedelta(seconds=2), "postfix/qmgr[401]", f"{qid}: removed")
    log.refused(DAY + timedelta(hours=9, minutes=4), USERS[4], OFFICE)
    log.login(DAY + timedelta(hours=9, minutes=5), USERS[4], OFFICE)


def scanner(log: Log) -> None:
    """Somebody looks around: other protocols, broken handshakes, relay tests, made-up recipients."""
    at, address = DAY + timedelta(hours=2, minutes=13), "203.0.113.66"
    for number in range(6):
        smtpd = log.process()
        then = at + timedelta(seconds=9 * number)
        log.say(then, f"postfix/smtps/smtpd[{smtpd}]", f"connect from unknown[{address}]")
        log.say(then + timedelta(milliseconds=90), f"postfix/smtps/smtpd[{smtpd}]", f"SSL_accept error from unknown[{address}]: -1")
        cause = "error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2220:"
        log.say(then + timedelta(milliseconds=91), f"postfix/smtps/smtpd[{smtpd}]", f"warning: TLS library problem: {cause}")
        log.say(then + timedelta(milliseconds=92), f"postfix/smtps/smtpd[{smtpd}]", f"lost connection after CONNECT from unknown[{address}]")
        log.say(then + timedelta(milliseconds=93), f"postfix/smtps/smtpd[{smtpd}]", f"disconnect from unknown[{address}] commands=0/0")
    for number in range(4):
        rejected(log, at + timedelta(minutes=4, seconds=11 * number), address, f"554 5.7.1 <probe{number}@example.com>: Relay access denied", f"probe{number}@example.com")
    for number, name in enumerate(("admin", "info", "sales", "office", "test", "root", "backup", "shop", "service", "hr", "press", "it")):
        text = f"550 5.1.1 <{name}@example.org>: Recipient address rejected: User unknown in virtual mailbox table"
        rejected(log, at + timedelta(minutes=9, seconds=4 * number), "203.0.113.67", text, f"{name}@example.org")


def rejected(log: Log, at: datetime, address: str, text: str, recipient: str) -> None:
    """Add a refused recipient."""
    smtpd = log.process()
    log.say(at, f"postfix/smtpd[{smtpd}]", f"connect from unknown[{address}]")
    tail = f"from=<x@example.net> to=<{recipient}> proto=ESMTP helo=<win10>"
    log.say(at + timedelta(milliseconds=50), f"postfix/smtpd[{smtpd}]", f"NOQUEUE: reject: RCPT from unknown[{address}]: {text}; {tail}")
    log.say(at + timedelta(milliseconds=70), f"postfix/smtpd[{smtpd}]", f"disconnect from unknown[{address}] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")


def guessers(log: Log) -> None:
    """One address tries one account; one tries many; many try one; at last somebody gets in."""
    at = DAY + timedelta(hours=3, minutes=40)
    for number in range(14):
        log.refused(at + timedelta(seconds=17 * number), "bob@example.org", "203.0.113.9")
    at = DAY + timedelta(hours=4, minutes=20)
    for number, user in enumerate(USERS[:12]):
        log.refused(at + timedelta(seconds=61 * number), user, "203.0.113.31")
    at = DAY + timedelta(hours=5, minutes=2)
    for number in range(11):
        log.refused(at + timedelta(seconds=140 * number), "peggy@example.org", f"203.0.113.{100 + 7 * number}")
    at = DAY + timedelta(hours=6, minutes=31)
    for number in range(6):
        log.refused(at + timedelta(seconds=45 * number), "carol@example.org", "203.0.113.77")
    log.login(at + timedelta(minutes=6), "carol@example.org", "203.0.113.77")


def takeover(log: Log) -> None:
    """Who got in sends mail to many strangers, and a provider slows us down."""
    at = DAY + timedelta(hours=6, minutes=52)
    for number in range(30):
        then = at + timedelta(seconds=20 * number)
        qid = log.submitted(then, "carol@example.org", "203.0.113.77", 25)
        for recipient in range(3):
            name = f"victim{number * 3 + recipient}@example.com"
            said = "host mx.example.com[192.0.2.50] said: 421 4.7.28 Our system has detected an unusual rate of unsolicited mail (in reply to end of DATA command)"
            log.outbound(then + timedelta(seconds=2 + recipient), qid, name, "deferred", "4.7.28", said, "mx.example.com[192.0.2.50]:25")


def tls_trouble(log: Log) -> None:
    """Our certificate has expired; a partner's has a wrong name, another one offers no TLS; an old printer speaks TLS 1.0."""
    at = DAY + timedelta(hours=8, minutes=1)
    for number in range(9):
        address = f"198.51.100.{100 + number}"
        then = at + timedelta(seconds=50 * number)
        cause = "SSL_accept() failed: error:0A000415:SSL routines::sslv3 alert certificate expired: SSL alert number 45"
        text = f"imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip={address}, lip=192.0.2.1, TLS handshaking: {cause}"
        log.say(then, "dovecot", f"{text}, session=<{log.session(then, address)}>")
    at = DAY + timedelta(hours=10, minutes=15)
    for number in range(3):
        then = at + timedelta(minutes=12 * number)
        qid, smtp = log.submitted(then, "alice@example.org", OFFICE, 1), log.process()
        peer = "mx.partner.example[192.0.2.77]:25"
        log.say(then + timedelta(seconds=1), f"postfix/smtp[{smtp}]", f"server certificate verification failed for {peer}: num=62:hostname mismatch")
        answer = "dsn=4.7.5, status=deferred (Server certificate not verified)"
        log.say(then + timedelta(seconds=1.1), f"postfix/smtp[{smtp}]", f"{qid}: to=<office@partner.example>, relay={peer}, delay=1.1, delays=0.1/0/0.9/0.1, {answer}")
        qid = log.submitted(then + timedelta(seconds=30), "dave@example.org", OFFICE, 1)
        text = "TLS is required, but was not offered by host mx.supplier.example[192.0.2.88]"
        log.outbound(then + timedelta(seconds=31), qid, "orders@supplier.example", "deferred", "4.7.4", text, "mx.supplier.example[192.0.2.88]:25")
    then, smtpd = DAY + timedelta(hours=11, minutes=45), log.process()
    log.say(then, f"postfix/submission/smtpd[{smtpd}]", "connect from printer.example.org[198.51.100.33]")
    text = "Anonymous TLS connection established from printer.example.org[198.51.100.33]: TLSv1 with cipher ECDHE-RSA-AES256-SHA (256/256 bits)"
    log.say(then + timedelta(milliseconds=80), f"postfix/submission/smtpd[{smtpd}]", text)
    log.say(then + timedelta(milliseconds=400), f"postfix/submission/smtpd[{smtpd}]", "disconnect from printer.example.org[198.51.100.33] ehlo=2 starttls=1 quit=1 commands=4")
    then = DAY + timedelta(hours=12, minutes=20)
    tail = f"session=<{log.session(then, '203.0.113.150')}>"
    log.say(then, "dovecot", f"imap-login: Login: user=<frank@example.org>, method=PLAIN, rip=203.0.113.150, lip=192.0.2.1, mpid={log.process()}, {tail}")


def main() -> None:
    """Print the day."""
    log = Log()
    for part in (ordinary_day, scanner, guessers, takeover, tls_trouble):
        part(log)
    sys.stdout.writelines(f"{line}\n" for _, _, line in sorted(log.lines))


if __name__ == "__main__":
    main()

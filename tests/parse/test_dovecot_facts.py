"""What parts of Dovecot's lines say."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parse import dovecot_facts as facts

ADDRESSES = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))


@given(st.binary(min_size=6, max_size=6), st.integers(1, 65535), ADDRESSES)
def test_a_session_id_is_a_witness_of_the_port(time, port, address):
    session = base64.b64encode(time + port.to_bytes(2, "little") + address).decode().rstrip("=")
    assert facts.session_port(session) == {"source.port": port}
    assert facts.session_port(f"{session}:P1") == {"source.port": port}


@pytest.mark.parametrize("session", ["", "x", "MBqaFh95BWtHAgAAsaje+g", "TnYT7gJhAADLAHEH", "*" * 16, "TnYT7gJhEsTLAHEHA", "ünïcode"])
def test_what_is_no_session_of_a_login_has_no_port(session):
    assert facts.session_port(session) == {}


@pytest.mark.parametrize(
    ("elements", "wanted"),
    [
        ("rip=203.0.113.7, lip=192.0.2.1", {"tls.established": False}),
        ("rip=203.0.113.7, lip=192.0.2.1, TLS", {"tls.established": True}),
        ("method=PLAIN, rip=203.0.113.7, TSL", {"tls.established": True}),
        ("rip=203.0.113.7, TLS: Connection closed", {"tls.established": True}),
        ("rip=203.0.113.7, secured", {}),
        (
            "rip=203.0.113.7, TLS: Connection closed, TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
            {"tls.established": True, "tls.version": "1.3", "tls.version_protocol": "tls", "tls.cipher": "TLS_AES_256_GCM_SHA384"},
        ),
        (
            "rip=203.0.113.7, TLS, TLSv1 with cipher ECDHE-RSA-AES256-SHA (256/256 bits)",
            {"tls.established": True, "tls.version": "1.0", "tls.version_protocol": "tls", "tls.cipher": "ECDHE-RSA-AES256-SHA"},
        ),
        ("rip=203.0.113.7, TLS, SSLv3 with cipher RC4-SHA (128/128 bits)", {"tls.established": True, "tls.version": "3.0", "tls.version_protocol": "ssl", "tls.cipher": "RC4-SHA"}),
    ],
)
def test_the_tls_word(elements, wanted):
    assert facts.tunnel(elements) == wanted


@pytest.mark.parametrize(
    ("elements", "refused"),
    [("rip=203.0.113.7, lip=192.0.2.1", True), ("method=PLAIN, rip=203.0.113.7", False), ("rip=203.0.113.7, TLS", False), ("rip=203.0.113.7, secured", False)],
)
def test_a_failure_without_mechanism_and_tls_was_clear_text(elements, refused):
    assert facts.clear_text(elements) == ({"mail.auth.reason": "plaintext-disallowed"} if refused else {})


UNKNOWN_CA = "SSL_accept() failed: error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert number 48"
WRONG = "SSL_accept() failed: error:0A00010B:SSL routines::wrong version number"


@pytest.mark.parametrize(
    ("reason", "slot", "kind", "words"),
    [
        (UNKNOWN_CA, f"handshaking: {UNKNOWN_CA}", "peer_rejected_our_cert:unknown_ca", "tlsv1 alert unknown ca"),
        (WRONG, "handshaking: SSL_accept() syscall failed: Invalid argument", "not_tls:wrong_version_number", "wrong version number"),
        (
            "SSL_accept() syscall failed: Invalid argument",
            "handshaking: SSL_accept() syscall failed: Invalid argument",
            "handshake_failed:reason_lost",
            "SSL_accept() syscall failed: Invalid argument",
        ),
        ("", "handshaking: Connection closed", "handshake_aborted:eof", "Connection closed"),
        ("", "handshaking: SSL connection closed during handshake", "handshake_aborted:eof", "SSL connection closed during handshake"),
        (
            "read(size=1026) failed: Connection reset by peer",
            "handshaking: read(size=1026) failed: Connection reset by peer",
            "handshake_aborted:reset",
            "read(size=1026) failed: Connection reset by peer",
        ),
        ("", "handshaking", None, None),
    ],
)
def test_the_cause_of_a_failed_handshake(reason, slot, kind, words):
    found = facts.handshake(f"Disconnected: Connection closed: {reason} (no auth attempts in 0 secs): user=<>, rip=203.0.113.7, lip=192.0.2.1, TLS {slot}")
    if kind is None:
        assert found == {"error.type": "handshake_aborted:eof"}
    else:
        assert (found["error.type"], found["event.reason"]) == (kind, words)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Password mismatch", "bad-password"),
        ("Authentication failure (password mismatch?)", "bad-password"),
        ("unknown user", "unknown-user"),
        ("User not known to the underlying authentication module", "unknown-user"),
        ("User found from deny passdb", "account-disabled"),
        ("user disabled, 1 attempts in 2 secs", "account-disabled"),
        ("password expired", "account-expired"),
        ("User account has expired", "account-expired"),
        ("Invalid base64 data in initial response", "malformed"),
        ("invalid input", "malformed"),
        ("login user: Master user login attempted without master passdbs", "master-login"),
        ("Unsupported authentication mechanism.", "mechanism-unsupported"),
        ("Cleartext authentication disabled", "plaintext-disallowed"),
        ("something new", None),
    ],
)
def test_words_of_a_verdict(text, reason):
    assert facts.verdict(text).get("mail.auth.reason") == reason


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("allow_nets check failed: IP 203.0.113.7 not in allowed networks", True),
        ("login disabled, 1/1 successful auths in 0 secs", True),
        ("login disabled, 0/1 successful auths in 0 secs", None),
        ("user disabled, 1 attempts in 2 secs", None),
        ("Password mismatch", None),
    ],
)
def test_a_right_password_that_was_refused(text, right):
    assert facts.verdict(text).get("mail.auth.password_ok") == right


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Alice@example.org,203.0.113.7,sasl:PLAIN", {"user.name": "alice@example.org", "source.ip": "203.0.113.7", "mail.auth.mechanism": "plain"}),
        ("?,2001:db8::7,sasl:plain", {"source.ip": "2001:db8::7", "mail.auth.mechanism": "plain"}),
        ("alice,203.0.113.7,sasl:x-new,master", {"user.name": "alice", "source.ip": "203.0.113.7", "mail.auth.mechanism": "other"}),
        ("alice,203.0.113.7", {"user.name": "alice", "source.ip": "203.0.113.7"}),
        ("a,192.0.2.8,sasl:plain,203.0.113.7,sasl:login", {"user.name": "a,192.0.2.8,sasl:plain", "source.ip": "203.0.113.7", "mail.auth.mechanism": "login"}),
        ("alice", {}),
        ("alice,300.0.113.7,sasl:plain", {}),
    ],
)
def test_the_brackets_of_an_auth_request(text, wanted):
    assert facts.request(text) == wanted


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("certificate has expired", "cert_verify_failed:expired", "expired"),
        ("self signed certificate", "cert_verify_failed:self_signed", "self-signed"),
        ("self-signed certificate in certificate chain", "cert_verify_failed:untrusted_root", "untrusted"),
        ("unable to get local issuer certificate", "cert_verify_failed:untrusted_issuer", "untrusted"),
        ("unable to verify the first certificate", "cert_verify_failed:chain_incomplete", "chain-incomplete"),
        ("unsuitable certificate purpose", "cert_verify_failed:wrong_purpose", "wrong-usage"),
        ("certificate revoked", "cert_verify_failed:revoked", "revoked"),
        ("something new", "cert_verify_failed", "untrusted"),
    ],
)
def test_a_clients_certificate(text, kind, problem):
    assert facts.client_certificate(text) == {"error.type": kind, "mail.cert.problem": [problem]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Can't load SSL private key (ssl_key setting): Key is for a different cert than ssl_cert", "key-mismatch"),
        ("ssl_cert: Can't open file /etc/dovecot/mx.pem: No such file or directory", "file-missing"),
        ("ssl_server_key_file: open(/etc/dovecot/mx.key) failed: Permission denied", "unreadable"),
        ("Can't load SSL certificate (ssl_cert setting): The certificate is empty", "unparsable"),
    ],
)
def test_our_own_certificate(text, problem):
    assert facts.own_certificate(text) == {"mail.cert.problem": [problem]}


def test_a_library_code_says_more_about_our_own_certificate():
    found = facts.own_certificate("Can't load SSL certificate (ssl_cert setting): error:0A00018F:SSL routines::ee key too small")
    assert (found["error.type"], found["error.code"], found["mail.cert.problem"]) == ("server_cert_config", "0A00018F", ["weak-key"])
    assert "event.reason" not in found


def test_a_pop3_volume_goes_by_both_names():
    assert facts.pop3_volume("top=0/0, retr=25/798585, del=3/25, size=798135") == {
        "mail.pop3.retrieved": 25,
        "mail.pop3.retrieved_bytes": 798585,
        "mail.pop3.deleted": 3,
        "mail.imap.bytes_out": 798585,
        "mail.imap.expunged": 3,
    }
    assert facts.pop3_volume("top=0/0") == {}


@pytest.mark.parametrize("name", facts.FUNCTIONS)
@given(text=st.text(max_size=200))
def test_any_text_gives_only_what_the_function_says_it_gives(name, text):
    derive = facts.FUNCTIONS[name]
    assert set(derive.function(text)) <= set(derive.gives)


def test_every_value_is_in_its_closed_list(catalogue):
    reasons = {reason for _, reason in facts._VERDICTS}
    assert reasons <= set(catalogue.fields["mail.auth.reason"].values)
    assert set(catalogue.fields["mail.auth.mechanism"].values) >= facts._MECHANISMS
    assert {*facts._PROBLEMS.values(), *(problem for _, problem in facts._OWN_PROBLEMS), "untrusted"} <= set(catalogue.fields["mail.cert.problem"].values)
    assert set(facts._PROBLEMS) <= set(catalogue.fields["error.type"].values)

"""What a TLS line of Postfix says about protocol, cause and certificate."""

import pytest

from collector.parse import postfix_tls as tls


@pytest.mark.parametrize(("text", "version", "protocol"), [("TLSv1.3", "1.3", "tls"), ("TLSv1", "1.0", "tls"), ("SSLv3", "3.0", "ssl")])
def test_a_protocol_is_name_and_version(text, version, protocol):
    assert tls.protocol(text) == {"tls.version": version, "tls.version_protocol": protocol}


@pytest.mark.parametrize("text", ["DTLSv1.2", "TLSv", "unknown"])
def test_an_unknown_protocol_says_nothing(text):
    assert tls.protocol(text) == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [("lost connection", "handshake_aborted:eof"), ("Connection reset by peer", "handshake_aborted:reset"), ("Connection timed out", None)],
)
def test_an_end_or_a_reset_is_a_cause_of_its_own(text, kind):
    found = tls.handshake_end(text)
    assert (found["event.reason"], found.get("error.type")) == (text, kind)


@pytest.mark.parametrize("text", ["-1", "0"])
def test_a_number_is_no_cause(text):
    assert tls.handshake_end(text) == {}


def test_the_library_speaks_by_its_code():
    found = tls.library("error:0A000415:SSL routines::sslv3 alert certificate expired:../ssl/record/rec_layer_s3.c:1601:SSL alert number 45:")
    assert (found["error.type"], found["error.code"], found["mail.tls.alert"], found["mail.tls.fault"]) == ("peer_rejected_our_cert:expired", "0A000415", 45, "ours")
    assert found["event.reason"] == "sslv3 alert certificate expired"


def test_words_without_a_code_are_of_no_class():
    assert tls.library("something else") == {"event.reason": "something else", "error.type": "other"}


@pytest.mark.parametrize(
    ("text", "problem", "kind", "number"),
    [
        ("certificate has expired", "expired", "cert_verify_failed:expired", None),
        ("self-signed certificate", "self-signed", "cert_verify_failed:self_signed", None),
        ("certificate not yet valid", "not-yet-valid", "cert_verify_failed:not_yet_valid", None),
        ("not designated for use as a server certificate", "wrong-usage", "cert_verify_failed:wrong_purpose", None),
        ("certificate chain longer than limit(9)", "chain-too-long", "cert_verify_failed:chain_too_long", None),
        ("untrusted issuer /CN=certificate has expired", "untrusted", "cert_verify_failed:untrusted_issuer", None),
        ("not trusted by local or TLSA policy", "untrusted", None, None),
        ("num=62:hostname mismatch", "name-mismatch", "cert_verify_failed:name_mismatch", 62),
        ("num=65:no matching DANE TLSA records", "tlsa-mismatch", "cert_verify_failed:dane_no_match", 65),
        ("num=68:CA signature digest algorithm too weak", "weak-signature", "cert_verify_failed:weak_signature", 68),
        ("num=9999:what", "untrusted", "cert_verify_failed", 9999),
    ],
)
def test_a_certificate_that_does_not_verify_has_a_problem(text, problem, kind, number):
    found = tls.client_certificate(text)
    assert (found["mail.cert.problem"], found.get("error.type"), found.get("mail.tls.verify_code")) == ([problem], kind, number)
    assert found["event.reason"] == text.removeprefix(f"num={number}:")


def test_the_issuer_of_a_server_is_told():
    assert tls.server_certificate("untrusted issuer /C=DE/CN=X")["tls.server.issuer"] == "/C=DE/CN=X"
    assert "tls.server.issuer" not in tls.client_certificate("untrusted issuer /C=DE/CN=X")


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        ("key at index 1 in /etc/x.chain does not match next certificate", "/etc/x.chain", ["key-mismatch"]),
        ("RSA private key in /etc/x.key does not match public key in /etc/x.pem", "/etc/x.key", ["key-mismatch"]),
        ("error opening chain file: /etc/x.chain: No such file or directory", "/etc/x.chain", ["file-missing"]),
        ("error opening chain file: /etc/x.chain: Permission denied", "/etc/x.chain", ["unreadable"]),
        ('cannot get RSA certificate from file "/etc/x.pem": disabling TLS support', "/etc/x.pem", ["unreadable"]),
        ("No private key found in /etc/x.chain", "/etc/x.chain", ["unparsable"]),
        ("error loading private keys and certificates from: /etc/x.chain: disabling TLS support", "/etc/x.chain", None),
        ("No server certs available. TLS won't be enabled", None, None),
    ],
)
def test_our_own_certificate_that_does_not_load(text, path, problem):
    found = tls.certificate_load(text)
    assert (found["event.reason"], found.get("file.path"), found.get("mail.cert.problem")) == (text, path, problem)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import content
from collector.model import json
from collector.parse.openssl import library_error, verification


def test_an_alert_about_our_certificate_is_our_fault():
    assert library_error("error:0A000412:SSL routines::ssl/tls alert bad certificate:../ssl/record/rec_layer_s3.c:1586:SSL alert number 42:") == {
        "event.code": "0A000412",
        "error.code": "0A000412",
        "error.message": "error:0A000412:SSL routines::ssl/tls alert bad certificate",
        "event.reason": "ssl/tls alert bad certificate",
        "error.type": "peer_rejected_our_cert:bad",
        "mail.tls.fault": "ours",
        "mail.tls.alert": 42,
    }


@pytest.mark.parametrize(
    ("text", "name", "alert"),
    [
        ("error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:s3_pkt.c:1256:SSL alert number 48:", "peer_rejected_our_cert:unknown_ca", 48),
        ("error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2226:", "no_shared_cipher", None),
        ("error:0A00018F:SSL routines::ee key too small", "server_cert_config", None),
        ("error:0a00010b:SSL routines::wrong version number", "not_tls:wrong_version_number", None),
        ("error:0A000126:SSL routines::unexpected eof while reading", "handshake_aborted:eof", None),
        ("error:0A0C0103:SSL routines::internal error", "other", None),
        ("error:0A000FFF:SSL routines::what", "other", None),
        ("error:02001002:system library:fopen:No such file or directory", "other", None),
    ],
)
def test_a_class_is_read_from_the_code(text, name, alert):
    found = library_error(text)
    assert (found["error.type"], found.get("mail.tls.alert")) == (name, alert)


def test_the_words_do_not_matter():
    assert library_error("error:0A000415:SSL routines::certificate is wonderful")["error.type"] == "peer_rejected_our_cert:expired"


def test_of_several_codes_the_last_one_known_counts():
    text = "error:0A0C0103:SSL routines::internal error, error:0A000139:SSL routines::record layer failure+SSL_accept() failed: error:0A00010B:SSL routines::wrong version number"
    assert library_error(f"SSL_accept() failed: {text}")["error.code"] == "0A00010B"
    assert library_error("error:0A00010B:SSL routines::a, error:0A0C0103:SSL routines::b")["error.code"] == "0A00010B"
    assert library_error("error:0A0C0103:SSL routines::a, error:0A0C0104:SSL routines::b")["error.code"] == "0A0C0103"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Connection closed", "handshake_aborted:eof"),
        ("lost connection", "handshake_aborted:eof"),
        ("read(size=576) failed: Connection reset by peer", "handshake_aborted:reset"),
        ("SSL_accept() syscall failed: Invalid argument", "handshake_failed:reason_lost"),
    ],
)
def test_some_failures_have_no_code(text, name):
    assert library_error(text) == {"error.type": name}


def test_what_is_no_error_gives_nothing():
    assert library_error("all is well") == {}


@pytest.mark.parametrize(("text", "expected"), [("10", "cert_verify_failed:expired"), ("62", "cert_verify_failed:name_mismatch"), ("99", "cert_verify_failed")])
def test_a_verification_number_has_a_class(text, expected):
    assert verification(text) == {"mail.tls.verify_code": int(text), "error.type": expected}


def test_verification_that_went_well_is_no_error():
    assert verification("0") == {"mail.tls.verify_code": 0}


@pytest.mark.parametrize("text", ["", "x", "-1", "12345", "\u0662"])
def test_what_is_no_verification_number_gives_nothing(text):
    assert verification(text) == {}


def test_every_class_of_the_table_is_in_the_vocabulary(catalogue):
    table = json.loads(content.package_text("parse/openssl.json"))
    types, faults = catalogue.fields["error.type"].values, catalogue.fields["mail.tls.fault"].values
    assert {row["class"] for row in table["ssl_reason"].values()} <= set(types)
    assert {row["side"] for row in table["ssl_reason"].values()} <= set(faults)
    assert set(table["x509_verify"].values()) - {"ok"} <= set(types)


@given(st.text(alphabet="error:0A14CF9 SLroutines+,\n", max_size=200))
def test_any_text_is_read(text):
    assert set(library_error(text)) <= {"event.code", "error.code", "error.message", "event.reason", "error.type", "mail.tls.fault", "mail.tls.alert"}

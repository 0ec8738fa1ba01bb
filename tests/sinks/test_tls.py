"""The one way in which sinks trust a peer."""

import ssl

import pytest

from collector.errors import SinkRefused
from collector.sinks.tls import context
from tests.support import certificates

PIN = "ab" * 32


def test_without_a_word_the_cas_of_the_system_and_the_name_are_checked():
    made = context(None, None)
    assert (made.verify_mode, made.check_hostname, made.minimum_version) == (ssl.CERT_REQUIRED, True, ssl.TLSVersion.TLSv1_2)


def test_a_fingerprint_alone_leaves_the_check_to_who_connects():
    made = context(None, PIN)
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_NONE, False)


def test_a_ca_is_checked_with_or_without_a_fingerprint(tmp_path):
    ca = str(certificates.make(tmp_path).ca)
    for fingerprint in (None, PIN):
        made = context(ca, fingerprint)
        assert made.verify_mode == ssl.CERT_REQUIRED
        assert len(made.get_ca_certs()) == 1


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_ca_that_cannot_be_read_is_refused_with_what_to_do(tmp_path, text):
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SinkRefused, match="cannot be read") as caught:
        context(str(path), None)
    assert "PEM" in caught.value.hint

import pytest

from collector.report.classes import CLASSES, FAILED, LOGINS, MAIL, REFUSED, REST, TLS, UNDELIVERED, class_of


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("auth-failure", FAILED), ("auth-success", LOGINS), ("auth-verify", REST), ("smtp-auth-detail", REST),
        ("smtp-reject", REFUSED), ("smtp-pregreet", REFUSED), ("smtp-lost-connection", REFUSED), ("smtp-connect", REST),
        ("tls-handshake-failed", TLS), ("tls-policy-failed", TLS), ("tls-established", REST),
        ("delivery-sent", MAIL), ("queue-active", MAIL), ("delivery-deferred", UNDELIVERED), ("delivery-bounced", UNDELIVERED),
        ("unparsed-line", REST), ("other", REST),
    ],
)  # fmt: skip
def test_what_an_action_is(action, expected, catalogue):
    assert class_of(action, catalogue) is expected


def test_every_action_has_a_class_and_every_class_an_action(catalogue):
    assert {class_of(action, catalogue) for action in catalogue.actions} == set(CLASSES)

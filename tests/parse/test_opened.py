import pytest

from collector.model.record import Position, Record, SourceInfo
from collector.parse.opened import Opened, Origin

SOURCE = SourceInfo("mail")


def opened(message, product="postfix"):
    origin = Origin(SOURCE, "rfc3339", program=product, product=product)
    return Opened(Record(SOURCE, b"", 0, Position((), b"")), f"head {message}", 5, 5 + len(message), None, origin)


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("warning: x", "warning"),
        ("4F9D427EC13: fatal: x", "fatal"),
        ("4XbQJ72Rk1z9Tm4: error: x", "error"),
        ("panic: x", "panic"),
        ("NOQUEUE: warning: x", None),
        ("x warning: x", None),
        ("warning:", None),
    ],
)
def test_a_level_word_is_looked_for_when_somebody_asks(message, level):
    assert opened(message).level == level
    assert opened(message).message == message


def test_what_nobody_wrote_has_no_level():
    assert opened("warning: x", None).level is None


def test_dovecots_name_is_its_service():
    assert Origin(SOURCE, "rfc3339", program="dovecot", product="dovecot").name == "dovecot"
    assert Origin(SOURCE, "dovecot", product="dovecot", daemon="imap").name == "dovecot/imap"


def test_origins_are_the_same_if_all_that_is_said_is():
    one, same, other = (Origin(SOURCE, "rfc3339", program="a", product="a", pid=pid) for pid in (1, 1, 2))
    assert one.facts == same.facts != other.facts

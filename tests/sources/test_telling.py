from collector.sources.rotation import Problem
from collector.sources.telling import Telling


def test_a_state_is_told_when_it_changes():
    telling = Telling("/var/log/mail.log")
    telling.well()
    telling.unwell("gone")
    telling.unwell("still gone")
    telling.well()
    telling.well()
    assert [(fact.fields["mail.agent.state"], fact.fields["event.outcome"], fact.fields["event.reason"]) for fact in telling.drain()] == [
        ("lost", "failure", "gone"),
        ("ok", "success", "/var/log/mail.log is read again"),
    ]
    assert telling.drain() == ()


def test_what_is_not_known_is_left_out():
    telling = Telling("/var/log/mail.log")
    telling.gap("lost")
    telling.gap("lost", b"\x01" * 16, 0)
    telling.tamper(Problem.SHRUNK, "cut", None, 7)
    first, second, third = telling.drain()
    assert first.fields == {"log.file.path": "/var/log/mail.log", "event.reason": "lost"}
    assert (second.fields["mail.log.lineage"], second.fields["mail.log.lost_bytes"]) == ("01" * 16, 0)
    assert third.action == "log-tamper"
    assert third.fields == {"log.file.path": "/var/log/mail.log", "mail.log.problem": "shrunk", "event.reason": "cut", "mail.log.lost_bytes": 7}

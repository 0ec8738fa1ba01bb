from collector.parse.explain import Tried, explain

HEAD = "2026-11-24T10:00:00+00:00 mx1 "


def test_a_line_that_is_taken_is_explained_from_envelope_to_events(engine, record):
    engine.read(engine.open(record(f"{HEAD}postfix/submission/smtpd[12]: connect from a.example[203.0.113.9]")))
    found = explain(engine, record(f"{HEAD}postfix/submission/smtpd[12]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x, sasl_username=Bob"))
    assert (found.verdict, found.service, found.shape) == ("taken", "postfix/smtpd", "postfix.smtpd.sasl-failure")
    assert found.place == "0.yaml:17:5"
    assert found.envelope == {
        "envelope": "rfc3339", "time": 1_795_514_400_000, "host": "mx1", "program": "postfix/submission/smtpd", "product": "postfix",
        "service": "submission", "daemon": "smtpd", "pid": 12, "level": "warning", "repeat": 1,
    }  # fmt: skip
    assert found.message.startswith("warning: unknown")
    assert found.parts == {"source.ip": "203.0.113.9", "user.name": "Bob"}
    assert found.tried == (Tried("postfix.smtpd.connect", "literal", "connect from"),)
    assert [event.get("user.name") for event in found.events] == ["bob"]
    assert found.lent == {"source.domain": "a.example"}


def test_a_line_that_no_shape_takes_says_where_each_failed(engine, record):
    found = explain(engine, record(f"{HEAD}postfix/smtpd[12]: connect from nowhere"))
    assert (found.verdict, found.shape, found.parts, found.lent) == ("unparsed", None, {}, {})
    assert [(tried.shape.rpartition(".")[2], tried.failed) for tried in found.tried] == [("connect", "regex"), ("sasl-failure", "literal"), ("disconnect", "literal")]
    assert [event.shape.action for event in found.events] == ["unparsed-line"]


def test_lines_that_give_no_event_say_why(engine, record):
    assert explain(engine, record(f"{HEAD}sshd[1]: x")).verdict == "irrelevant"
    found = explain(engine, record(f"{HEAD}dovecot: imap-login: Debug: x"))
    assert (found.verdict, found.service, found.events) == ("debug", "dovecot/imap-login", ())


def test_a_line_without_an_envelope_is_raw(engine, record):
    found = explain(engine, record("what is this"))
    assert (found.verdict, found.envelope, found.service, found.tried) == ("unparsed", {"envelope": "raw", "repeat": 1}, None, ())


def test_a_secret_is_in_no_part_of_it(engine, record):
    found = explain(engine, record(f"{HEAD}dovecot: auth: x (given password: hunter2)"))
    assert found.redacted == ("password",)
    assert "hunter2" not in repr(found)

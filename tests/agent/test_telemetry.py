import io

from collector.agent.telemetry import Telemetry
from collector.model.alert import Fact


def told(fact, **options):
    stream = io.StringIO()
    telemetry = Telemetry(stream, **options)
    telemetry.tell(fact)
    return stream.getvalue(), telemetry


def test_a_fact_is_one_line_and_one_count():
    text, telemetry = told(Fact("agent-health", {"mail.agent.subject": "sink file", "mail.agent.state": "ok", "event.outcome": "success"}), stamps=False)
    assert text == "level='info' event='agent-health' mail_agent_subject='sink file' mail_agent_state='ok'\n"
    assert telemetry.counts == {"agent-health": 1}


def test_failures_are_warnings():
    assert "level='warning'" in told(Fact("agent-health", {"event.outcome": "failure"}))[0]
    assert "level='warning'" in told(Fact("log-gap", {}))[0]


def test_attackers_text_cannot_forge_a_line_or_move_the_cursor():
    text, _ = told(Fact("agent-health", {"event.reason": "a\nlevel='info' event='x'\x1b[2J\u202e"}), stamps=False)
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_fault_of_the_program_is_an_error():
    stream = io.StringIO()
    telemetry = Telemetry(stream)
    telemetry.fault("feeder", ValueError("x\ny"))
    assert "level='error'" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_where_nobody_listens_any_more_the_work_goes_on():
    stream = io.StringIO()
    telemetry = Telemetry(stream)
    stream.close()
    telemetry.tell(Fact("agent-health", {}))
    telemetry.fault("feeder", ValueError("x"))
    assert telemetry.counts == {"agent-health": 1, "fault": 1, "unsaid": 2}

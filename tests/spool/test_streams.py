from collector.spool.streams import kind, own, urgency


def test_alerts_have_a_table_of_their_own_and_what_is_on_trial_has_not():
    assert kind("logs-mail.alert-default") == "alert"
    assert kind("logs-mail.alert_test-default") == "document"
    assert kind("logs-mail.postfix-default") == "document"


def test_alerts_come_first_then_the_agent_then_the_others():
    names = ["logs-mail.postfix-a", "logs-mail.agent-a", "logs-mail.dovecot-a", "logs-mail.alert-b", "logs-mail.alert_test-a"]
    assert sorted(names, key=urgency) == ["logs-mail.alert-b", "logs-mail.agent-a", "logs-mail.alert_test-a", "logs-mail.dovecot-a", "logs-mail.postfix-a"]
    assert [name for name in names if own(name)] == ["logs-mail.agent-a"]

"""What became of a message, in numbers and in another server's words."""

import pytest

from collector.parse import postfix_delivery as delivery


def test_delays_are_four_numbers_in_their_order():
    found = delivery.delays("0.09/0/0.14/2")
    assert found == {"postfix.delays.queue_before": 0.09, "postfix.delays.qmgr": 0.0, "postfix.delays.connect": 0.14, "postfix.delays.transmit": 2.0}


def test_delays_that_are_none_say_nothing():
    assert delivery.delays("1/./x/2/3") == {}


@pytest.mark.parametrize(
    ("text", "asked", "level"),
    [("may:none", "may", "none"), ("none", "none", "none"), ("dane", "dane", None), ("secure:encrypt?/!requiretls:x", "secure", None), ("may?", "may", None)],
)
def test_the_level_that_was_asked_for_and_clear_text(text, asked, level):
    found = delivery.tls_feature(text)
    assert (found["mail.tls.requested"], found.get("mail.tls.level")) == (asked, level)


@pytest.mark.parametrize("relay", ["127.0.0.1[127.0.0.1]:10024", "localhost[::1]:10024", "127.0.0.1:10024"])
def test_mail_for_a_program_on_this_host_is_handed_off(relay):
    assert delivery.handoff(relay) == {"mail.delivery.handoff": True}


@pytest.mark.parametrize("relay", ["mx.example.net[203.0.113.9]:25", "localhost[127.0.1.10]:25", "none", "127.0.0.1[203.0.113.9]:25"])
def test_mail_for_another_host_is_not(relay):
    assert delivery.handoff(relay) == {}


PEER = "mx.example.net[203.0.113.9]"


@pytest.mark.parametrize(
    ("text", "code", "command"),
    [
        ("250 2.0.0 Ok", 250, None),
        (f"host {PEER} said: 550 5.1.1 <b>: 421 no (in reply to RCPT TO command)", 550, "rcpt"),
        (f"host {PEER}:25 refused to talk to me: 554 5.7.1 go away", 554, None),
        (f"host {PEER} said: 452 4.3.1 full (in reply to end of DATA command)", 452, "data"),
        (f"TLS is required, but host {PEER} refused to start TLS: 454 4.7.0 no", 454, None),
        (f"SASL authentication failed; server {PEER} said: 535 5.7.8 Error", 535, None),
        (f"connect to {PEER}:25: said: 550 x", None, None),
        ("delivered to mailbox", None, None),
        (f"host {PEER} said: 550 no (in reply to FOO command)", 550, None),
    ],
)
def test_the_reply_stands_where_the_daemon_says_it_does(text, code, command):
    found = delivery.delivery_text(text)
    assert (found["event.reason"], found.get("mail.smtp.reply_code"), found.get("mail.smtp.command")) == (text, code, command)


def test_the_next_queue_id_is_read_from_an_acceptance_only():
    assert delivery.delivery_text("250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 8B90C1D2E3")["mail.queue.next_id"] == "8B90C1D2E3"
    assert "mail.queue.next_id" not in delivery.delivery_text(f"host {PEER} said: 550 queued as 8B90C1D2E3")


def test_a_reply_alone_gives_its_enhanced_code():
    found = delivery.remote_reply("550 5.7.1 blocked, not 4.7.1 (in reply to RCPT TO command)")
    assert (found["mail.smtp.reply_code"], found["mail.dsn"], found["mail.smtp.command"]) == (550, "5.7.1", "rcpt")
    assert "mail.dsn" not in delivery.remote_reply("550 no 5.7.1")

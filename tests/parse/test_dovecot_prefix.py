import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parse.dovecot_prefix import read


def parts(text, **how):
    found = read(text, 0, len(text), **how)
    if found is None:
        return None
    said = {name: text[slice(*span)] for name in ("user", "pid", "session") if (span := getattr(found, name)) is not None}
    return found.service, said, text[found.end :]


@pytest.mark.parametrize(
    ("text", "service", "said", "message"),
    [
        ("imap-login: Login: user=<a>", "imap-login", {}, "Login: user=<a>"),
        ("imap(bob)<12><abc>: Disconnected", "imap", {"user": "bob", "pid": "12", "session": "abc"}, "Disconnected"),
        ("imap(bob)<abc>: x", "imap", {"user": "bob", "session": "abc"}, "x"),
        ("lmtp(bob)<12><>: x", "lmtp", {"user": "bob", "pid": "12"}, "x"),
        ("imap(123)<12><abc>: x", "imap", {"user": "123", "pid": "12", "session": "abc"}, "x"),
        ("lmtp(291): Connect from local", "lmtp", {"pid": "291"}, "Connect from local"),
        ("lmtp(291, bob): x", "lmtp", {"user": "291, bob"}, "x"),
        ("imap(bob): x", "imap", {"user": "bob"}, "x"),
        ("auth(bob)<s1>: x", "auth", {"user": "bob", "session": "s1"}, "x"),
        ("auth(?,192.0.2.1,sasl:plain): x", "auth", {"user": "?,192.0.2.1,sasl:plain"}, "x"),
        ("auth(bob,2001:db8::1,sasl:plain,master)<s>: x", "auth", {"user": "bob,2001:db8::1,sasl:plain,master", "session": "s"}, "x"),
        ("auth(bob,192.0.2.1)<s>: x", "auth", {"user": "bob,192.0.2.1", "session": "s"}, "x"),
        ("auth-worker(bob,192.0.2.1,sasl:login)<9><s>: request [1]: x", "auth-worker", {"user": "bob,192.0.2.1,sasl:login", "pid": "9", "session": "s"}, "request [1]: x"),
        ("auth-worker(80180): pam(alice,192.0.2.1,<s>): x", "auth-worker", {"pid": "80180"}, "pam(alice,192.0.2.1,<s>): x"),
    ],
)
def test_a_prefix_names_service_user_pid_and_session(text, service, said, message):
    assert parts(text) == (service, said, message)
    assert parts(text.replace(message, f"Info: {message}"), own_file=True) == (service, said, f"Info: {message}")


@pytest.mark.parametrize("text", ["", "no prefix", "Imap: x", "imap(bob", "imap(bob)x", "imap(bob)<1>x"])
def test_what_is_no_prefix(text):
    assert parts(text) is None


def test_in_the_own_file_a_level_word_stands_behind():
    assert parts("imap-login: Login: x", own_file=True) is None
    assert parts("imap(a): b)<1><s>: Info: x", own_file=True) == ("imap", {"user": "a): b", "pid": "1", "session": "s"}, "Info: x")


@pytest.mark.parametrize(
    "user", ["x): Debug: ", "x): ldap: connect failed", "a)b", "x)<s>: sql: y", "x,198.51.100.1,sasl:plain)<s>: sql: unknown user", "x): passwd-file(ceo,198.51.100.1): y"]
)
@pytest.mark.parametrize("prefix", ["auth({},192.0.2.1,sasl:plain)<abc>: ", "auth({},192.0.2.1)<abc>: ", "auth({},192.0.2.1,sasl:plain): "])
def test_who_authenticates_forges_no_message_and_no_address(user, prefix):
    service, said, message = parts(prefix.format(user) + "sql: Password mismatch")
    assert (service, message) == ("auth", "sql: Password mismatch")
    assert said["user"].startswith(f"{user},192.0.2.1")


def test_a_worker_of_24_is_read_alike():
    assert parts("auth-worker(x): ldap: failed,192.0.2.1,sasl:plain)<9><s>: request [1]: sql: x")[1]["user"] == "x): ldap: failed,192.0.2.1,sasl:plain"


def test_what_stands_behind_the_longest_name_is_no_name():
    text = f"auth(bob,192.0.2.1,sasl:plain)<s>: plain: Username character disallowed {'.' * 64} (username: a,198.51.100.1,sasl:plain)<s>: sql: Password mismatch)"
    assert parts(text)[1] == {"user": "bob,192.0.2.1,sasl:plain", "session": "s"}


@pytest.mark.parametrize("text", ["imap(a)b)<12><s>: Disconnected", "imap(a) b<c)<12><s>: Disconnected", "imap(a)<x)<12><s>: Disconnected"])
def test_an_account_may_hold_brackets(text):
    assert parts(text) == ("imap", {"user": text[5:].partition(")<12>")[0], "pid": "12", "session": "s"}, "Disconnected")


def test_a_message_id_forges_no_account():
    assert parts("lmtp(bob)<12><s>: msgid=<x)<13><t>: Error: y>: saved mail to INBOX")[1:] == (
        {"user": "bob", "pid": "12", "session": "s"},
        "msgid=<x)<13><t>: Error: y>: saved mail to INBOX",
    )
    assert parts("lmtp(bob): msgid=<x): Error: y>: saved mail to INBOX")[1:] == ({"user": "bob"}, "msgid=<x): Error: y>: saved mail to INBOX")


@pytest.mark.parametrize(
    "text",
    [
        "lmtp(bob): msgid=<x)<13><t>: Error: y>: saved mail to INBOX",
        "imap(x): Debug: y)<12><s>: Disconnected",
        "auth(x): Debug: y)<s>: Password mismatch",
        "auth(123): ldap: failed,192.0.2.1,sasl:plain)<s>: sql: Password mismatch",
        "auth-worker(80180): pam(x,198.51.100.1,sasl:plain)<1><s>: sql: Password mismatch,192.0.2.1): unknown user",
        "auth(a,192.0.2.1,sasl:plain): sql: unknown user (given password: ,198.51.100.1,sasl:plain)<s>: x)",
    ],
)
def test_of_two_possible_readings_none_is_taken(text):
    assert parts(text) == (text.partition("(")[0], {}, text)


PIECES = ["imap", "auth", "auth-worker", "(", ")", "<12>", "<s>", ": ", ",192.0.2.1", ",sasl:plain", "Info: ", "a", "given password: "]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=14).map("".join), st.booleans())
def test_any_text_is_read(text, own_file):
    found = read(text, 0, len(text), own_file=own_file)
    if found is not None:
        assert text.startswith(found.service)
        assert 0 <= found.end <= len(text)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=64))
def test_whatever_the_name_is_the_address_is_the_daemons_or_nothing_is_read(user):
    line = f"auth({user},192.0.2.1,sasl:plain)<abc>: sql: Password mismatch"
    _, said, message = parts(line)
    assert (said, message) in (({"user": f"{user},192.0.2.1,sasl:plain", "session": "abc"}, "sql: Password mismatch"), ({}, line))

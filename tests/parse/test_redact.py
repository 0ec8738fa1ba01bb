import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parse.anatomy import HEAD
from collector.parse.redact import doubtful, guard, redact, redact_line
from collector.parse.syslog import open_record


def masked(text, **rules):
    found = redact(text, 0, **rules)
    return found.text, found.kinds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(a,192.0.2.1): Password mismatch (given password: secret)", "f(a,192.0.2.1): Password mismatch (given password: ***)"),
        ("f(a): unknown user (given password: se)cr(et) - trying the next passdb", "f(a): unknown user (given password: ***) - trying the next passdb"),
        ("f(a): x (given password: a) - trying the next passdb) y)", "f(a): x (given password: ***)"),
        ("f(a): x (given password: cut", "f(a): x (given password: ***"),
        ("f(a): x (given password: a)restofsecret", "f(a): x (given password: ***"),
        ("f(a): x (given password: a) b", "f(a): x (given password: ***"),
        ("f(a): x (given password: secret)  - trying the next passdb", "f(a): x (given password: ***)  - trying the next passdb"),
        ("client in: AUTH 1 PLAIN service=imap resp=AGFsaWNlAHg=", "client in: AUTH 1 PLAIN service=imap resp=***"),
        ("client in: AUTH#0111#011PLAIN#011resp=AGFsaWNlAHg=#011x", "client in: AUTH#0111#011PLAIN#011resp=***#011x"),
        ("query: user=bob, password=secret, x", "query: user=bob, password=***, x"),
        ("pam(bob): CRYPT(sec)ret) != '$1$abc'", "pam(bob): CRYPT(***"),
    ],
)
def test_passwords_of_the_auth_process(text, expected):
    assert masked(text, product="dovecot", daemon="auth") == (expected, ("password",))


def test_a_password_hash_moves_out_of_the_text():
    found = redact("f(a): Password mismatch (SHA1 of given password: 36AfEb) - trying the next passdb", 0, product="dovecot", daemon="auth-worker")
    assert found.text == "f(a): Password mismatch (SHA1 of given password: ***) - trying the next passdb"
    assert (found.kinds, found.password_hash) == (("password-hash",), "36afeb")


def test_a_hash_of_a_cut_line_is_masked():
    text, kinds = masked("f(a): Password mismatch (SHA1 of given password: 36afe", product="dovecot", daemon="auth")
    assert (text, kinds) == ("f(a): Password mismatch (SHA1 of given password: ***", ("password-hash",))


def test_of_several_hashes_the_daemons_is_the_last():
    found = redact("f(x (SHA1 of given password: dead)): unknown user (SHA1 of given password: beef)", 0, product="dovecot", daemon="auth")
    assert "dead" not in found.text
    assert found.password_hash == "beef"


@pytest.mark.parametrize("daemon", ["imap-login", "imap", "lmtp"])
def test_a_user_name_cannot_hide_what_stands_behind_it(daemon):
    text = "Disconnected (auth failed, 1 attempts): user=<x (given password: y PREGREET >, rip=192.0.2.8, session=<KLFxPARhTbN/EAEB>"
    assert masked(text, product="dovecot", daemon=daemon) == (text, ())


@pytest.mark.parametrize(
    ("text", "expected", "kinds"),
    [
        ("< a[192.0.2.1]: AUTH PLAIN AGFsaWNlAHg=", "< a[192.0.2.1]: AUTH PLAIN ***", ("auth-argument",)),
        ("< a[192.0.2.1]:25: auth login Ym9i", "< a[192.0.2.1]:25: auth login ***", ("auth-argument",)),
        ("< a[192.0.2.1]: c2VjcmV0", "< a[192.0.2.1]: ***", ("base64",)),
        ("< a[192.0.2.1]: AUTH LOGIN", "< a[192.0.2.1]: AUTH LOGIN", ()),
        ("> a[192.0.2.1]:587: AUTH PLAIN AGFsaWNlAHg=", "> a[192.0.2.1]:587: AUTH PLAIN ***", ("auth-argument",)),
        ("> a[192.0.2.1]:587: c2VjcmV0", "> a[192.0.2.1]:587: ***", ("base64",)),
        ("> a[192.0.2.1]: 250-AUTH PLAIN LOGIN", "> a[192.0.2.1]: 250-AUTH PLAIN LOGIN", ()),
        ("xsasl_dovecot_server_first: sasl_method PLAIN, init_response AGFs", "xsasl_dovecot_server_first: sasl_method PLAIN, init_response ***", ("auth-argument",)),
        ("smtpd_sasl_authenticate: sasl_method PLAIN, init_response AGFs", "smtpd_sasl_authenticate: sasl_method PLAIN, init_response ***", ("auth-argument",)),
        ("xsasl_cyrus_client_first: uncoded initial reply: ?bob?secret", "xsasl_cyrus_client_first: uncoded initial reply: ***", ("auth-argument",)),
        ("xsasl_cyrus_server_next: decoded response: bob secret", "xsasl_cyrus_server_next: decoded response: ***", ("auth-argument",)),
        ("xsasl_cyrus_client_get_passwd: secret", "xsasl_cyrus_client_get_passwd: ***", ("password",)),
        ("smtp_sasl_passwd_lookup: host `a' user `b' pass `s3'cr et'", "smtp_sasl_passwd_lookup: host `a' user `b' pass `***", ("password",)),
        ("maps_find: smtp_sasl_password_maps: hash:/etc/x(0,lock): a = bob:secret", "maps_find: smtp_sasl_password_maps: hash:/etc/x(0,lock): a = ***", ("password",)),
        ("NON-SMTP COMMAND from [192.0.2.1]:3 after CONNECT: AUTH PLAIN AGFs", "NON-SMTP COMMAND from [192.0.2.1]:3 after CONNECT: AUTH PLAIN ***", ("auth-argument",)),
        ("COMMAND TIME LIMIT from [192.0.2.1]:3 after AUTH PLAIN AGFs", "COMMAND TIME LIMIT from [192.0.2.1]:3 after AUTH PLAIN ***", ("auth-argument",)),
        ("COMMAND COUNT LIMIT from [192.0.2.1]:3 after AUTH PLAIN AGFs", "COMMAND COUNT LIMIT from [192.0.2.1]:3 after AUTH PLAIN ***", ("auth-argument",)),
        ("COMMAND LENGTH LIMIT from [192.0.2.1]:3 after AUTH PLAIN AGFs", "COMMAND LENGTH LIMIT from [192.0.2.1]:3 after AUTH PLAIN ***", ("auth-argument",)),
        ("BARE NEWLINE from [2001:db8::1]:3 after AUTH PLAIN AGFs", "BARE NEWLINE from [2001:db8::1]:3 after AUTH PLAIN ***", ("auth-argument",)),
        ("COMMAND PIPELINING from [192.0.2.1]:3 after AUTH PLAIN AGFs: QUIT", "COMMAND PIPELINING from [192.0.2.1]:3 after AUTH PLAIN *** QUIT", ("auth-argument",)),
        ("warning: a[192.0.2.1]: request longer than 2048: AUTH PLAIN AGFs ]", "warning: a[192.0.2.1]: request longer than 2048: AUTH PLAIN *** ]", ("auth-argument",)),
        ("PREGREET 9 after 0 from [192.0.2.1]:9: AUTH PLAIN AGFs non-SMTP command", "PREGREET 9 after 0 from [192.0.2.1]:9: AUTH PLAIN *** non-SMTP command", ("auth-argument",)),
        ("< a[192.0.2.1]: QUIT", "< a[192.0.2.1]: QUIT", ()),
        ("< a[192.0.2.1]: EHLO x", "< a[192.0.2.1]: EHLO x", ()),
        ("PREGREET 28 after 0 from [192.0.2.1]:9: AUTH PLAIN AGFsaWNlAHg=\\r\\n", "PREGREET 28 after 0 from [192.0.2.1]:9: AUTH PLAIN ***\\r\\n", ("auth-argument",)),
        ("COMMAND PIPELINING from [2001:db8::1]:25 after EHLO: AGFsaWNlAHBhc3N3b3Jk\\r\\n", "COMMAND PIPELINING from [2001:db8::1]:25 after EHLO: ***\\r\\n", ("base64",)),
        (
            "warning: non-SMTP command from averylongname0123456789[192.0.2.1]: GET /index.html HTTP/1.1",
            "warning: non-SMTP command from averylongname0123456789[192.0.2.1]: GET /index.html HTTP/1.1",
            (),
        ),
        ("improper command pipelining after EHLO from a[::1]: AUTH LOGIN Ym9i", "improper command pipelining after EHLO from a[::1]: AUTH LOGIN ***", ("auth-argument",)),
        ("warning: a[192.0.2.1]: request longer than 2048: AUTH PLAIN AAAA", "warning: a[192.0.2.1]: request longer than 2048: AUTH PLAIN ***", ("auth-argument",)),
        ("warning: a[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", "warning: a[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", ()),
        (
            "warning: a[192.0.2.1]: SASL PLAIN authentication failed: AGFsaWNlAHBhc3N3b3Jk, sasl_username=abcdefghijklmnopqrstuvwxyz",
            "warning: a[192.0.2.1]: SASL PLAIN authentication failed: ***, sasl_username=abcdefghijklmnopqrstuvwxyz",
            ("base64",),
        ),
    ],
)
def test_credentials_in_what_clients_sent_to_postfix(text, expected, kinds):
    assert masked(text, product="postfix", daemon="smtpd") == (expected, kinds)


@pytest.mark.parametrize("program", ["auth", "auth-worker", "dovecot-auth"])
@pytest.mark.parametrize("said", ["(given password: s3cret)", "(SHA1 of given password: 36afeb)"])
def test_rules_are_those_of_the_product_whatever_the_program_is_called(load, record, program, said):
    parsers = load("parser: dovecot.auth\nprogram: [auth, auth-worker, dovecot-auth]\n")
    opened = open_record(record(f"2026-11-24T10:00:00+00:00 mx1 {program}: passwd-file(alice,192.0.2.1): Password mismatch {said}"))
    found = redact_line(opened, parsers.lookup(opened.name))
    assert "s3cret" not in found.text
    assert "36afeb" not in found.text


def test_without_a_product_every_rule_holds():
    assert masked("x (given password: y)") == ("x (given password: ***)", ("password",))
    assert masked("PREGREET 1 after 0 from [192.0.2.1]:1: AUTH PLAIN x") == ("PREGREET 1 after 0 from [192.0.2.1]:1: AUTH PLAIN ***", ("auth-argument",))


def test_what_stands_before_the_message_stays_and_its_end_moves():
    found = redact("(given password: a) (given password: secret) ]", 20, 44, product="dovecot", daemon="auth")
    assert found.text == "(given password: a) (given password: ***) ]"
    assert (found.start, found.text[found.start : found.end]) == (20, "(given password: ***)")


def test_positions_lead_back_to_the_line():
    text = "x (SHA1 of given password: 36afeb) y (SHA1 of given password: 1) z"
    found = redact(text, 0, product="dovecot", daemon="auth")
    for letter in "xyz":
        assert found.original(found.text.index(letter)) == text.index(letter)
    assert [text[begin:end] for begin, end, _ in found.cuts] == ["36afeb", "1"]


WORDS = [
    *("(given password: ", ")", " - trying the next passdb", "(SHA1 of given password: ", "ab12", "resp=", ") != '", "CRYPT("),
    *("AUTH PLAIN ", "PREGREET", "]: ", "< a[1]: ", "A" * 20),
]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5))).map("".join), st.sampled_from([None, "dovecot", "postfix"]))
def test_any_text_is_read_and_reading_it_again_changes_nothing(text, product):
    found = redact(text, 0, product=product)
    assert 0 <= found.end <= len(found.text)
    assert redact(found.text, 0, product=product).text == found.text
    for position in range(len(found.text) + 1):
        assert 0 <= found.original(position) <= len(text)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=30, max_size=40), st.sampled_from(["", " - trying the next passdb", " x)"]))
def test_a_given_password_is_never_left(secret, tail):
    found = redact(f"file(a,192.0.2.1): Password mismatch (given password: {secret}){tail}", 0, product="dovecot", daemon="auth")
    assert secret not in found.text


PIECES = [
    *WORDS, *("authentication failed: ", ", sasl_username=", "non-SMTP command from a[1]: ", "improper command pipelining"),
    *("request longer than 9", "BARE NEWLINE ", "COMMAND TIME LIMIT ", "xsasl_cyrus_client_first: uncoded initial reply: x", "a_get_passwd: x"),
    *("maps_find: x_sasl_y: z = w", "> a[1]: AUTH PLAIN x", "E7AF727ECA9: ", "password=x", "pass", "Password mismatch", "command"),
]  # fmt: skip


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=6).map("".join),
    st.sampled_from([("dovecot", None), ("dovecot", "auth"), ("dovecot", "auth-worker"), ("dovecot", "imap-login"), ("postfix", "smtpd"), ("postfix", None), ("opendkim", None)]),
    st.integers(0, 3),
)
def test_where_the_guard_sees_nothing_nothing_is_taken_out(text, rules, start):
    product, daemon = rules
    cheap = guard(product, daemon, lambda words: words in text)
    start = min(start, len(text))
    if (cheap is None or not cheap(text, start, len(text))) and not (product != "dovecot" and (doubtful(HEAD.match(text, start)[2]) or text[start : start + 1] in ("<", ">"))):
        assert redact(text, start, None, product, daemon).cuts == ()


@pytest.mark.parametrize(
    "line",
    [
        "disconnect from a[192.0.2.1] ehlo=1 commands=1",
        "connect from a[192.0.2.1]",
        "warning: a[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_an_ordinary_line_is_not_looked_at_twice(line):
    assert not guard("postfix", "smtpd", lambda _: True)(line, 0, len(line))

"""Values that a field never has, and those that look odd and are none of them."""

from datetime import date

import pytest

from collector.detect.values import fault
from tests.support.detection import catalogue


def found(line, value):
    name, *modifiers = line.split("|")
    ways = [one for one in modifiers if one != "cased"]
    return fault(name, catalogue().fields[name], ways[0] if ways else "", value, cased="cased" in modifiers)


@pytest.mark.parametrize(
    ("line", "value", "says", "hint"),
    [
        ("source.port", "abc", "source.port (long) is never abc", "plain digits"),
        ("source.port", "055", "is never 055", "plain digits"),
        ("source.port", "55x*", "is never 55x*", "plain digits"),
        ("source.port", 25.5, "is never 25.5", "plain digits"),
        ("source.port", True, "is never true", "plain digits"),
        ("source.port|startswith", "a", "is never a", "plain digits"),
        ("mail.cert.days_left", float("nan"), "is never nan", "plain digits"),
        ("tls.established", 1, "true or false, never 1", "without quotes"),
        ("tls.established", "yes", "true or false, never yes", "without quotes"),
        ("tls.established|contains", "true", "true or false", "without quotes"),
        ("tls.established|gt", 0, "neither more nor less", "numbers"),
        ("source.ip", "300.1.1.1", "300.1.1.1 is no address", "IPv4 or IPv6"),
        ("source.ip", 5, "5 is no address", "IPv4 or IPv6"),
        ("source.ip", "192.0.2.0/24", "is no address", "source.ip|cidr: 192.0.2.0/24"),
        ("source.ip", "2001:0db8::7", "source.ip is never 2001:0db8::7", "short form: 2001:db8::7"),
        ("source.ip", "::ffff:192.0.2.7", "is never ::ffff:192.0.2.7", "short form: 192.0.2.7"),
        ("source.ip", "mx*", "no part of an address", "source.ip|cidr"),
        ("source.ip|endswith", ".example", "no part of an address", "source.ip|cidr"),
        ("source.ip|lt", 5, "neither more nor less", "numbers"),
        ("source.port|cidr", "192.0.2.0/24", "holds no addresses", "type ip"),
        ("@timestamp|hour", 25, "hour is never 25", "between 0 and 23"),
        ("@timestamp|month", 0, "month is never 0", "between 1 and 12"),
        ("@timestamp|day", 1.5, "day is never 1.5", "between 1 and 31"),
        ("user.name|minute", 5, "user.name (keyword) is no time", "type date"),
        ("@timestamp", "2026-11-24T10:00:00.000Z", "equals no text", "@timestamp|hour"),
        ("file.mtime", date(2027, 1, 31), "is never 2027-01-31", "T10:00:00.000Z"),
        ("file.mtime", "2026-11-24T10:00:00Z", "is never 2026-11-24T10:00:00Z", "T10:00:00.000Z"),
        ("file.mtime|gt", 5, "neither more nor less", "numbers"),
        ("user.name|cased", "Bob", "is never Bob", "events hold bob"),
        ("tls.server.hash.sha256|cased|startswith", "ab", "is never ab", "events hold AB"),
        ("user.domain", "ex\u00e4mple.org", "is never ex\u00e4mple.org", "xn--exmple-cua.org"),
        ("user.domain|endswith", "example.org.", "is never example.org.", "events hold example.org"),
        ("tls.version", 1.1, "holds text, and 1.1 is a number", "in quotes"),
        ("tls.version|startswith", 1.0, "holds text", "in quotes"),
        ("mail.auth.password_hash", "367674", "never leaves the host", "exists"),
        ("mail.auth.password_hash|re", "^3", "never leaves the host", "exists"),
    ],
)
def test_a_value_that_is_never_there(line, value, says, hint):
    message, advice = found(line, value)
    assert says in message
    assert hint in advice


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("source.port", 25),
        ("source.port", "25"),
        ("source.port", 25.0),
        ("source.port", "55*"),
        ("mail.cert.days_left", "-0.5"),
        ("mail.cert.days_left", 0.5),
        ("tls.established", False),
        ("tls.established", "True"),
        ("source.ip", "2001:DB8::7"),
        ("source.ip", "192.0.2.*"),
        ("source.ip|endswith", ".7"),
        ("source.ip|cidr", "2001:db8::/32"),
        ("source.ip|re", "^192"),
        ("user.name|gt", 5),
        ("source.address|cidr", "192.0.2.0/24"),
        ("@timestamp|hour", 0),
        ("@timestamp|gte", 0),
        ("file.mtime", "2026-11-24T10:00:00.000Z"),
        ("file.mtime|startswith", "2026-11"),
        ("user.name", "Bob"),
        ("user.name", 25),
        ("user.domain", "Example.ORG"),
        ("tls.server.hash.sha256|cased|startswith", "AB"),
        ("tls.version", "1.10"),
        ("dovecot.session|cased", "TnYT7gJhEsTLAHEH"),
    ],
)
def test_a_value_that_may_be_there(line, value):
    assert found(line, value) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import content
from collector.model import catalogue as vocabulary
from collector.parse.convert import fits, normal
from collector.parse.derive import FUNCTIONS, reply, seconds

CATALOGUE = vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@pytest.mark.parametrize(("text", "expected"), [("18", 18_000_000_000), ("2.000", 2_000_000_000), ("0.01", 10_000_000), ("0.123456789", 123_456_789)])
def test_seconds_become_nanoseconds(text, expected):
    assert seconds(text) == {"event.duration": expected}


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "1234567890", "1.", ".5", "\u0661"])
def test_what_is_no_number_of_seconds_gives_nothing(text):
    assert seconds(text) == {}


@pytest.mark.parametrize(
    ("text", "code", "dsn"),
    [
        ("550 5.1.1 <x@example.org>: user unknown", 550, "5.1.1"),
        ("550-5.1.1 x", 550, "5.1.1"),
        ("450 try later", 450, None),
        ("554", 554, None),
        ("4.7.1 greylisted", None, "4.7.1"),
        ("250 2.0.0.1 x", 250, None),
        ("5501 x", None, None),
        ("150 x", None, None),
        ("", None, None),
    ],
)
def test_a_reply_has_a_code_and_an_enhanced_one(text, code, dsn):
    found = reply(text)
    assert (found.get("mail.smtp.reply_code"), found.get("mail.dsn")) == (code, dsn)


def test_every_function_gives_parts_or_fields_that_exist():
    for name, derive in FUNCTIONS.items():
        assert derive.gives, name
        for given_name in derive.gives:
            assert given_name.startswith("_") or given_name in CATALOGUE.fields, f"{name}: {given_name}"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@given(text=st.one_of(st.text(max_size=60), st.text(alphabet="0123456789=/.,:;<>()[] abcdefERROR-_@\"'", max_size=120)))
def test_every_function_reads_any_text_and_keeps_its_word(name, text):
    derive = FUNCTIONS[name]
    found = derive.function(text)
    assert set(found) <= set(derive.gives)
    for field, value in found.items():
        if not field.startswith("_"):
            definition = CATALOGUE.fields[field]
            parts = [normal(definition.normaliser, part) if isinstance(part, str) else part for part in (value if isinstance(value, list) else [value])]
            assert fits(definition, parts if isinstance(value, list) else parts[0]), f"{field}: {value!r}"

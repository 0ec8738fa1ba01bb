"""What parts of filters' lines say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parse import filter_facts as facts


@pytest.mark.parametrize(
    ("result", "wanted"),
    [("pass", "success"), ("Pass", "success"), ("Fail", "failure"), ("softfail", "failure"), ("Permerror", "failure"), ("none", None), ("Neutral", None), ("temperror", None)],
)
def test_a_result_has_an_outcome_only_if_it_decides(result, wanted):
    assert facts.outcome(result).get("event.outcome") == wanted


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("key retrieval failed (s=a, d=example.org): 'a._domainkey.example.org' record not found", "permerror"),
        ("key retrieval failed (s=a, d=example.org): 'a._domainkey.example.org' failed to parse", "permerror"),
        ("key revoked", "permerror"),
        ("key retrieval failed (s=a, d=example.org): 'a._domainkey.example.org' query timed out", "temperror"),
    ],
)
def test_a_key_that_could_not_be_had(text, result):
    found = facts.key_error(text)
    assert found["mail.dkim.result"] == result
    assert ("event.outcome" in found) == (result == "permerror")


@pytest.mark.parametrize("name", facts.FUNCTIONS)
@given(text=st.text(max_size=100))
def test_any_text_gives_only_what_the_function_says_it_gives(name, text):
    derive = facts.FUNCTIONS[name]
    assert set(derive.function(text)) <= set(derive.gives)

"""JSON in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_goes_in_comes_out(value):
    assert json.loads(json.dumps(value)) == value
    assert json.loads(json.pretty(value)) == value


def test_mappings_keep_their_order_and_one_line():
    assert json.dumps({"b": 1, "a": [True, None, "ü\n"]}) == '{"b":1,"a":[true,null,"ü\\n"]}'.encode()
    assert json.pretty({"b": 1}) == b'{\n  "b": 1\n}'


@pytest.mark.parametrize("text", [b"", b"{", b"{'a': 1}", b"NaN", b'"\xff"', b"1 2"])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        json.loads(text)


def test_what_is_serialised_for_a_moment_is_the_same():
    assert json.scratch({"c": "\u2028"}) == '{"c":"\u2028"}'.encode()
    for value in ({"a": [1, None, True], "c": "\u2028"}, "x", []):
        assert json.scratch(value) == json.dumps(value)

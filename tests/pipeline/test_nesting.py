"""Dotted names become objects, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from collector.pipeline.nesting import nest
from tests.support.detection import catalogue


def test_dotted_names_become_objects():
    assert nest({"a.b.c": 1, "a.b.d": [2], "e": None, "a.f": {}}) == {"a": {"b": {"c": 1, "d": [2]}, "f": {}}, "e": None}


def test_no_name_of_the_catalogue_is_a_leaf_here_and_an_object_there():
    names = catalogue().fields.keys()
    assert {name for name in names if any(other.startswith(f"{name}.") for other in names)} == set()
    nest(dict.fromkeys(names, 1))


@given(st.sets(st.sampled_from(sorted(catalogue().fields)), min_size=1))
def test_nesting_loses_nothing(names):
    def flat(value, prefix=""):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}{key}.") if isinstance(inner, dict) else [(prefix + key, inner)]

    given_fields = {name: number for number, name in enumerate(sorted(names))}
    assert dict(flat(nest(given_fields))) == given_fields

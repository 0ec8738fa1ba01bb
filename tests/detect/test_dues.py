"""Things fall due in order of time, whatever was said about them before."""

from hypothesis import given
from hypothesis import strategies as st

from collector.detect import dues
from collector.detect.dues import Dues


def test_in_order_of_time_then_of_name():
    held = Dues()
    for token, due in ((("b",), 5), (("a",), 5), (("c",), 1), (("d",), 9)):
        held.set(token, due)
    assert list(held.until(5)) == [(1, ("c",)), (5, ("a",)), (5, ("b",))]
    assert len(held._due) == 1


def test_what_is_set_while_settling_takes_part():
    held = Dues()
    held.set(("a",), 1)
    seen = []
    for due, token in held.until(3):
        seen.append((due, token))
        held.set(("a",), due + 1)
    assert seen == [(1, ("a",)), (2, ("a",)), (3, ("a",))]


def test_forgetting_a_kind_leaves_the_others():
    held = Dues()
    held.set(("episode", "x"), 1)
    held.set(("absence", "x"), 2)
    held.forget("episode")
    assert list(held.until(9)) == [(2, ("absence", "x"))]


OPERATIONS = st.lists(st.tuples(st.sampled_from(["set", "drop", "until"]), st.sampled_from("abc"), st.integers(0, 30)), max_size=60)


@given(OPERATIONS)
def test_like_a_dict_that_is_searched(operations):
    held, model = Dues(), {}
    for what, name, number in operations:
        if what == "set":
            held.set((name,), number)
            model[name] = number
        elif what == "drop":
            held.drop((name,))
            model.pop(name, None)
        else:
            expected = sorted((due, (one,)) for one, due in model.items() if due <= number)
            assert list(held.until(number)) == expected
            model = {one: due for one, due in model.items() if due > number}
        assert held._due == {(one,): due for one, due in model.items()}
        assert held.next == min((due for due, _ in held._heap), default=dues.NEVER)


def test_dropped_entries_do_not_pile_up():
    held = Dues()
    for number in range(20 * dues._SLACK):
        held.set((str(number % 7),), number)
        held.drop((str(number % 7),))
    assert len(held._heap) <= dues._SLACK + 2

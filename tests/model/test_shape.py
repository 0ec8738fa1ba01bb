"""Shapes are compared by identity."""

import dataclasses

import pytest

from collector.model.shape import Carried, Shape


def test_two_shapes_that_read_alike_are_two():
    one, two = (Shape("postfix.smtpd.connect", "smtp-connect", "postfix") for _ in range(2))
    assert one != two
    assert len({one: 1, two: 2}) == 2


def test_a_shape_does_not_change_and_shares_nothing_by_default():
    one, two = (Shape("a", "b", "c") for _ in range(2))
    assert one.static is not two.static
    assert one.fields is not two.fields
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.action = "other"


def test_carried_fields_are_values():
    assert Carried("ip", sure=True) == Carried("ip", sure=True) != Carried("ip", sure=False)

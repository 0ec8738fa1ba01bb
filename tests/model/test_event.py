"""Events: three layers of fields, read as one."""

import pytest

from collector.model.event import Event
from collector.model.shape import Shape

SHAPE = Shape("dovecot.login.login", "auth-success", "dovecot", {"event.action": "auth-success", "network.direction": "inbound"})
TAG = {"host.name": "mx1", "network.direction": "outbound", "process.pid": 7}


def event(**dynamic):
    return Event("0" * 32, 1795514400000, SHAPE, {name.replace("_", "."): value for name, value in dynamic.items()}, TAG)


def test_a_field_is_found_in_the_event_then_the_shape_then_the_tag():
    one = event(user_name="alice", process_pid=9)
    assert one.get("user.name") == "alice"
    assert one.get("process.pid") == 9
    assert one.get("network.direction") == "inbound"
    assert one.get("host.name") == "mx1"
    assert one.get("source.ip") is None


def test_false_and_zero_are_values():
    one = event(tls_established=False, process_pid=0)
    assert one.get("tls.established") is False
    assert one.get("process.pid") == 0


def test_the_merged_fields_agree_with_get_and_are_a_copy():
    one = event(user_name="alice", process_pid=9)
    merged = one.fields
    assert merged == {"host.name": "mx1", "network.direction": "inbound", "process.pid": 9, "event.action": "auth-success", "user.name": "alice"}
    assert all(one.get(name) == value for name, value in merged.items())
    merged["host.name"] = "evil"
    assert (one.get("host.name"), TAG["host.name"]) == ("mx1", "mx1")


def test_an_event_is_light():
    with pytest.raises(AttributeError):
        event().note = "slots only"
    assert "dovecot.login.login" in repr(event())

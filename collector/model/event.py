"""In: a shape and its dynamic fields. Out: Event, flat dotted ECS names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.model.shape import Shape


class Event:
    """One thing that happened. Light on purpose: what all events of a shape or of a process share is not copied.

    ``id`` is event.id (32 hex digits), ``time`` ms since the epoch (the line's own stamp, never clamped), ``tag`` what
    every line of one source, host, program and pid carries; it is shared and never written to.
    """

    __slots__ = ("dynamic", "id", "shape", "tag", "time")

    def __init__(self, id: str, time: int, shape: Shape, dynamic: dict[str, Any], tag: Mapping[str, Any]) -> None:  # noqa: A002 - event.id
        """Keep the parts; nothing is copied."""
        self.id = id
        self.time = time
        self.shape = shape
        self.dynamic = dynamic
        self.tag = tag

    def get(self, name: str) -> Any:
        """Return one field's value, None where the event does not carry it."""
        value = self.dynamic.get(name)
        if value is None:
            value = self.shape.static.get(name)
            if value is None:
                value = self.tag.get(name)
        return value

    @property
    def fields(self) -> dict[str, Any]:
        """All fields merged: a copy, for people and tests."""
        return {**self.tag, **self.shape.static, **self.dynamic}

    def __repr__(self) -> str:
        """Name the shape, the id and the dynamic fields."""
        return f"Event({self.shape.name}, {self.id}, {self.time}, {self.dynamic!r})"

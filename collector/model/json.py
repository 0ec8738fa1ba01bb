"""In: plain values. Out: JSON bytes, and back. The only door for orjson."""

from __future__ import annotations

from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """Serialise; mappings keep their order. Lone surrogates cannot occur: sources decode with backslashreplace."""
    # A copy: orjson's own bytes keep the room they were written in, several times their length.
    return bytes(memoryview(orjson.dumps(value)))


def scratch(value: Any) -> bytes:
    """Serialise for a moment: for bytes that are copied into others at once."""
    return orjson.dumps(value)


def pretty(value: Any) -> bytes:
    """Serialise for people: two blanks of indentation."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def loads(data: bytes | str) -> Any:
    """Parse; raises ValueError for what is no JSON."""
    return orjson.loads(data)

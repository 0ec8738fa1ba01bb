"""A strict reader of syslog: frames (RFC 5425, RFC 6587) and messages (RFC 5424), grammar for grammar. Whatever is not exactly right raises."""

import re
from dataclasses import dataclass

_HEADER = re.compile(
    rb"<(0|[1-9][0-9]{0,2})>1 "
    rb"(-|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})) "
    rb"([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) "
)
_NAME = rb"[!#-<>-\\^-~]{1,32}"
_ID = re.compile(rb"\[(" + _NAME + rb")")
_PARAM = re.compile(rb" (" + _NAME + rb')="((?:[^"\\\]]|\\["\\\]])*)"')


@dataclass(frozen=True)
class Message:
    facility: int
    severity: int
    timestamp: str
    host: str
    app: str
    process: str
    msgid: str
    data: dict
    """SD-ID -> {PARAM-NAME: value}."""
    text: str


def parse(raw):
    header = _HEADER.match(raw)
    assert header, raw[:200]
    priority = int(header[1])
    assert priority <= 191
    data, end = _structured(raw, header.end())
    rest = raw[end:]
    assert rest == b"" or rest.startswith(b" "), rest[:50]
    assert not rest.startswith(b" \xef\xbb\xbf"), "a BOM"
    text = rest[1:].decode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f]", text), "a control character"
    return Message(priority // 8, priority % 8, *(part.decode("ascii") for part in header.groups()[1:]), data, text)


def _structured(raw, at):
    if raw[at : at + 1] == b"-":
        return {}, at + 1
    data = {}
    while element := _ID.match(raw, at):
        name, params = element[1].decode("ascii"), {}
        assert name not in data
        at = element.end()
        while param := _PARAM.match(raw, at):
            value = re.sub(rb'\\(["\\\]])', rb"\1", param[2]).decode("utf-8")
            assert not re.search("[\x00-\x1f\x7f-\x9f]", value), "a control character"
            assert params.setdefault(param[1].decode("ascii"), value) is value, "a name that stands twice"
            at = param.end()
        assert raw[at : at + 1] == b"]", raw[at : at + 50]
        data[name] = params
        at += 1
    assert data, raw[at : at + 50]
    return data, at


def counted(buffer):
    """Take whole frames of octet counting off a buffer; (messages, rest)."""
    found = []
    while head := re.match(rb"([1-9][0-9]{0,9}) ", buffer):
        end = head.end() + int(head[1])
        if len(buffer) < end:
            return found, buffer
        found.append(bytes(buffer[head.end() : end]))
        buffer = buffer[end:]
    assert re.fullmatch(rb"(?:[1-9][0-9]{0,9})?", buffer), buffer[:50]
    return found, buffer


def terminated(buffer):
    """Take whole lines off a buffer; (messages, rest)."""
    *found, rest = bytes(buffer).split(b"\n")
    return found, rest

"""In: networks and their records. Out: the bytes of a MaxMind database (MaxMind DB File Format Specification 2.0), documentation networks only."""

import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"
TEXT, DOUBLE, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 3, 5, 6, 7, 9, 11
EMPTY = None

COUNTRIES = {
    "192.0.2.0/24": {"country": {"iso_code": "AT"}, "location": {"latitude": 48.2, "longitude": 16.37}},
    "203.0.113.0/24": {"country": {"iso_code": "BR"}},
    "2001:db8::/32": {"country": {"iso_code": "NZ"}},
}
SYSTEMS = {
    "203.0.113.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Carrier"},
    "2001:db8:7::/48": {"autonomous_system_number": 64501},
}


def _head(kind, size):
    assert size < 285
    small, rest = (size, b"") if size < 29 else (29, bytes((size - 29,)))
    return (bytes((kind << 5 | small,)) if kind < 8 else bytes((small, kind - 7))) + rest


def _value(value, kind=None):
    if isinstance(value, str):
        return _head(TEXT, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _head(DOUBLE, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        size = {UINT16: 2, UINT32: 4, UINT64: 8}[kind or UINT32]
        return _head(kind or UINT32, size) + value.to_bytes(size, "big")
    if isinstance(value, dict):
        return _head(MAP, len(value)) + b"".join(_value(name) + _value(one) for name, one in value.items())
    return _head(ARRAY, len(value)) + b"".join(map(_value, value))


def _tree(networks):
    """Return the nodes of a binary tree over 128 bits; a child is a node's number, a record, or EMPTY."""
    nodes = [[EMPTY, EMPTY]]
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        shift = 96 if network.version == 4 else 0
        bits = f"{int(network.network_address):0128b}"[: shift + network.prefixlen]
        place = 0
        for bit in map(int, bits[:-1]):
            if nodes[place][bit] is EMPTY:
                nodes[place][bit] = len(nodes)
                nodes.append([EMPTY, EMPTY])
            place = nodes[place][bit]
        nodes[place][int(bits[-1])] = record
    return nodes


def database(networks, kind):
    """Return a database; ``kind`` is its type, for example ``GeoLite2-ASN``."""
    nodes, data, tree = _tree(networks), b"", b""
    for node in nodes:
        for child in node:
            if child is EMPTY:
                number = len(nodes)
            elif isinstance(child, int):
                number = child
            else:
                number = len(nodes) + 16 + len(data)
                data += _value(child)
            tree += number.to_bytes(3, "big")
    about = b"".join(
        _value(name) + _value(value, size)
        for name, value, size in (
            ("binary_format_major_version", 2, UINT16), ("binary_format_minor_version", 0, UINT16), ("build_epoch", 1_795_521_600, UINT64),
            ("database_type", kind, None), ("description", {"en": "documentation networks"}, None), ("ip_version", 6, UINT16),
            ("languages", ["en"], None), ("node_count", len(nodes), UINT32), ("record_size", 24, UINT16),
        )
    )  # fmt: skip
    return tree + bytes(16) + data + MARKER + _head(MAP, 9) + about

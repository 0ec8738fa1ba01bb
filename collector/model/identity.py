"""In: what a thing is. Out: its id, the same in every run (delivery: ``create`` with it, 409 means delivered).

Every id is blake2b-128, keyed with the install secret: an unkeyed hash of a raw line would let a redacted password be
guessed offline. Parts are length-prefixed, so that no two tuples read alike.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

REPLAY_KEY = b"mailvigil replay: a constant key"
"""Replay and tests give the same ids everywhere; they are never sent."""

FIRST_LINE = 65536
"""How much of the first line a lineage covers."""

_LINEAGES = 256
_SHORT = 4096
_LENGTHS = [number.to_bytes(4, "big") for number in range(_SHORT)]
_ORDINALS = [_LENGTHS[2] + number.to_bytes(2, "big") for number in range(100)]
"""The ordinals of a line's events, packed."""


def _pack(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def lineage(first_line: bytes) -> bytes:
    """Hash a file's first complete line (without its line end and the NULs before it): content, not inode, not clock.

    The file, its copy and its .gz are one lineage.
    """
    return blake2b(first_line[:FIRST_LINE], digest_size=16).digest()


class Identity:
    """Makes ids. ``key`` is the install secret (at most 64 bytes); agent.id follows from it."""

    def __init__(self, key: bytes = REPLAY_KEY) -> None:
        """Derive agent.id, which thereby survives a lost spool together with the ids."""
        self._key = key
        self.agent_id = str(UUID(bytes=blake2b(b"agent.id", key=key, digest_size=16).digest()))
        self._seed = blake2b(_pack(self.agent_id.encode()), key=key, digest_size=16)
        self._lineages: dict[bytes, blake2b] = {}
        self._values = blake2b(b"value", key=key, digest_size=8)

    def _id(self, kind: bytes, *parts: bytes) -> str:
        state = self._seed.copy()
        state.update(_pack(kind, *parts))
        return state.hexdigest()

    def line(self, identity: tuple[bytes, ...], raw: bytes, ordinal: int) -> str:
        """Return the id of the ``ordinal``-th event of a record; ``identity`` is Position.identity.

        Of a line of a file it is remembered by lineage how the hash begins; the rest goes in at once.
        """
        if len(identity) == 2 and ordinal < len(_ORDINALS) and len(raw) < _SHORT:  # noqa: PLR2004 - lineage and offset
            lineage, offset = identity
            state = (self._lineages.get(lineage) or self._begun(lineage)).copy()
            state.update(_LENGTHS[len(offset)] + offset + _LENGTHS[len(raw)] + raw + _ORDINALS[ordinal])
            return state.hexdigest()
        return self._id(b"line", *identity, raw, ordinal.to_bytes(2, "big"))

    def _begun(self, lineage: bytes) -> blake2b:
        if len(self._lineages) >= _LINEAGES:
            self._lineages.clear()
        state = self._lineages[lineage] = self._seed.copy()
        state.update(_pack(b"line", lineage))
        return state

    def alert(self, rule: str, version: int, episode: tuple[str, ...], opening: str, step: str) -> str:
        """Return an alert's id. ``rule`` is the uuid, ``episode`` the values of ``suppress.by``, ``opening`` the id of the opening event (absence: its due time)."""
        return self._id(b"alert", rule.encode(), b"%d" % version, _pack(*(part.encode() for part in episode)), opening.encode(), step.encode())

    def own(self, action: str, time: int, detail: bytes) -> str:
        """Return the id of a collector's own event; ``detail`` is what tells it from others of that action and ms."""
        return self._id(b"own", action.encode(), time.to_bytes(8, "big", signed=True), detail)

    def value(self, value: str) -> bytes:
        """Return 8 keyed bytes for a value that a window counts: fixed in size and of no use to who steals the spool."""
        state = self._values.copy()
        state.update(value.encode("utf-8", "backslashreplace"))
        return state.digest()

"""In: the state directory, settings. Out: figures of spool, sources and sinks, as plain values for JSON and for tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.agent import assembly
from collector.model.moment import iso
from collector.sources import place
from collector.spool.ballast import disk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.config.settings import Settings
    from collector.spool.reader import Reader, Statistics

_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def size(number: int) -> str:
    """Return ``1.5 MiB``."""
    return next((f"{number / one:.1f} {unit}" for unit, one in _UNITS if number >= one), f"{number} B")


def when(time: int | None) -> str | None:
    """Return the time as JSON has it."""
    return None if time is None else iso(time)


def spool(reader: Reader, folder: Path, settings: Settings) -> dict[str, Any]:
    """Return what waits, against which limits, and what the files take."""
    found, limits = reader.statistics(), assembly.limits(settings)
    free, whole = disk(folder)
    held = _held(found, {spec.name for _, spec in assembly.sinks(settings) if spec.required})
    return {
        "commits": found.seq,
        "runs": found.run,
        "waiting_bytes": held,
        "max_bytes": limits.max_bytes,
        "full_percent": round(100 * held / limits.max_bytes, 1),
        "overflow": limits.overflow,
        "disk": {"free": free, "wanted": limits.free_wanted(whole), "ballast": (folder / "ballast").exists()},
        "files": {"database": found.file_bytes, "unused": found.free_bytes, "log": _bytes(folder / "spool.db-wal")},
        "documents": {"rows": found.document_rows, "bytes": found.document_bytes},
        "alerts": found.alerts,
        "dead_letters": {"count": found.dead_letters, "bytes": found.dead_letter_bytes, "max_bytes": limits.dead_letter_bytes, "oldest": when(found.oldest_dead_letter)},
        "waiting": [{"sink": one.sink, "stream": one.stream, "documents": one.documents, "bytes": one.bytes, "oldest": when(one.oldest)} for one in found.waiting],
        "memory": {owner: {"since_lap": since, "lap": lap} for owner, (since, lap) in found.memory.items()},
    }


def _held(found: Statistics, required: set[str]) -> int:
    """Return what counts against the limit: of each stream what the slowest required sink has not passed."""
    longest: dict[str, int] = {}
    for one in found.waiting:
        if one.sink in required:
            longest[one.stream] = max(longest.get(one.stream, 0), one.bytes)
    return sum(longest.values())


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def sources(reader: Reader, said: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where each source stands; what the agent said of it is null while no agent has said anything."""
    positions = {name: token for name, token, _ in reader.positions()}
    return [
        {"name": name, **_place(name, positions.get(name)), "at_end": said.get(name, {}).get("at_end"), "error": said.get(name, {}).get("error")}
        for name in sorted({*positions, *said})
    ]


def _place(name: str, token: bytes | None) -> dict[str, int | None]:
    """Return the offset, and how many bytes of the file at that path lie behind it; null where that cannot be known."""
    where = place.unpack(token) if token else None
    if where is None:
        return {"offset": None, "behind": None}
    try:
        status = Path(name).stat()
    except OSError:
        return {"offset": where.spot.offset, "behind": None}
    same = (status.st_dev, status.st_ino) == (where.file.device, where.file.inode) and status.st_size >= where.spot.offset
    return {"offset": where.spot.offset, "behind": status.st_size - where.spot.offset if same else None}


def sinks(reader: Reader, waiting: Iterable[dict[str, Any]], health: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each sink with what waits for it, and the last that was said of it."""
    rows, states = list(waiting), {one["name"]: one for one in health if one["subject"] == "sink"}
    return [
        {
            "name": sink.sink,
            "state": states.get(sink.sink, {}).get("state", "ok"),
            "reason": states.get(sink.sink, {}).get("reason"),
            "since": when(states.get(sink.sink, {}).get("time")),
            "passed": sink.seq,
            "documents": sum(one["documents"] for one in rows if one["sink"] == sink.sink),
            "bytes": sum(one["bytes"] for one in rows if one["sink"] == sink.sink),
            "oldest": min((one["oldest"] for one in rows if one["sink"] == sink.sink and one["oldest"]), default=None),
            "last_delivery": when(sink.moved),
        }
        for sink in reader.sinks()
    ]

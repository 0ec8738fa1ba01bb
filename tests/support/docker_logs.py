"""In: what containers write. Out: lines of a json-file log, as Docker's daemon writes them: cut at 16 KiB."""

from datetime import UTC, datetime

from collector.model import json

PART = 16 * 1024


def parts(text, time_ms, stream="stdout"):
    """The lines of the file for a line of a container that ends with a newline, or for one that does not."""
    text = text if isinstance(text, str) else text.decode()
    stamp = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "000000Z")
    pieces = [text[at : at + PART] for at in range(0, len(text), PART)] or [""]
    return [json.dumps({"log": piece, "stream": stream, "time": stamp}) for piece in pieces]


def line(text, time_ms, stream="stdout"):
    """One line of the file."""
    [only] = parts(text, time_ms, stream)
    return only

"""In: a log of the lab (RFC 3339) and a number of lines. Out: a log of that length in which no cache is warm by repetition.

Every round through the lab's log has its own times, client addresses, ports, pids, queue ids, message ids, sessions and users.
"""

import re
from datetime import datetime, timedelta

_STAMP = re.compile(r"[0-9T:.-]+\+00:00")
_CLIENT = re.compile(r"\b127\.([2-9]|[1-9][0-9]{1,2})\.([0-9]+)\.([0-9]+)\b")
_PORT = re.compile(r"(?<=\]):([0-9]{4,5})\b")
_PID = re.compile(r"(?<=[a-z]\[)[0-9]+(?=\]: )|(?<=\)<)[0-9]+(?=><)|(?<=mpid=)[0-9]+")
_QUEUE_ID = re.compile(r"\b[0-9A-F]{5}(?=[0-9A-F]{6}\b)")
_USER = re.compile(r"\b([a-z]+[0-9]*)(?=@(?:lab|partner|spammer)\.example)")
_MESSAGE_ID = re.compile(r"(?<=<)[0-9]{14}(?=\.)")
_SESSION = re.compile(r"(?<=<)[A-Za-z0-9+/]{3}(?=[A-Za-z0-9+/]{11,}>)")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def replicate(lines, number):
    """Yield ``number`` lines made of ``lines``."""
    stamped = [(datetime.fromisoformat(match[0]), line[match.end() :]) for line in lines if (match := _STAMP.match(line))]
    begin = stamped[0][0]
    period = max(time for time, _ in stamped) - begin + timedelta(seconds=5)
    for n in range(number):
        time, rest = stamped[n % len(stamped)]
        turn = n // len(stamped)
        yield (time + turn * period).isoformat(timespec="microseconds") + (_varied(rest, turn) if turn else rest)


def _varied(rest, turn):
    mixed = (turn * 2654435761) & 0xFFFFF
    session = "".join(_ALPHABET[(mixed >> shift) & 63] for shift in (0, 6, 12))
    rest = _CLIENT.sub(lambda match: f"127.{match[1]}.{(int(match[2]) + turn) % 256}.{(int(match[3]) + 3 * turn) % 254 + 1}", rest)
    rest = _PID.sub(lambda match: str((int(match[0]) + 7919 * turn) % 4_000_000), rest)
    rest = _QUEUE_ID.sub(f"{mixed:05X}", rest)
    rest = _USER.sub(lambda match: f"{match[1]}{turn % 23}", rest)
    rest = _MESSAGE_ID.sub(lambda match: str(int(match[0]) + turn), rest)
    rest = _SESSION.sub(session, rest)
    return _PORT.sub(lambda match: f":{1024 + (int(match[1]) + 31 * turn) % 64000}", rest)

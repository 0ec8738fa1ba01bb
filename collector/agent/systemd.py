"""In: states of the service. Out: what systemd is told of them (sd_notify(3)), where it listens.

``NOTIFY_SOCKET`` says where; without it nothing is said.
"""

from __future__ import annotations

import os
import socket
import time


def notify(*states: str) -> None:
    """Send states such as ``READY=1`` as one message; a text in one of them is cut to its first line."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    message = "\n".join((state.splitlines() or [""])[0] for state in states)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.send(message.encode("utf-8", "replace"))
        except OSError:
            return


def reloading() -> None:
    """Say that settings are read again; ``READY=1`` ends it. The stamp lets a unit of ``Type=notify-reload`` tell reloads apart."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watched() -> bool:
    """Say whether systemd wants to hear that this process is alive (sd_watchdog_enabled(3))."""
    return bool(os.environ.get("WATCHDOG_USEC")) and os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())

"""Chromium without a window, over the DevTools protocol's pipe: what a page looks like, what it asks for, what it complains about."""

import base64
import json
import os
import select
import subprocess
from contextlib import contextmanager
from itertools import count

from tests.support import debian

PACKAGE = "chromium-headless-shell"
DEADLINE = 60
"""Seconds within which the browser must answer."""
NO_HOST_SERVICES = {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "DBUS_SYSTEM_BUS_ADDRESS": "disabled:"}


class Page:
    """One page. ``requests`` are the addresses it asked for, ``complaints`` what its console said and what was blocked."""

    def __init__(self, process, sending, receiving):
        self._process, self._sending, self._receiving = process, sending, receiving
        self._numbers = count(1)
        self._unread = b""
        self._session = None
        self.requests, self.complaints, self._loaded = [], [], False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Ask, and return the answer; what happens in between is noted."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": self._session} if self._session else {})
        os.write(self._sending, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self):
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._receiving], [], [], DEADLINE)
            assert ready, "the browser does not answer"
            read = os.read(self._receiving, 1 << 20)
            assert read, f"the browser ended with {self._process.wait()}"
            self._unread += read
        first, _, self._unread = self._unread.partition(b"\0")
        message = json.loads(first)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(parameters["args"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"])
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def open(self, url, width, height=900, *, dark=False, media="screen"):
        """Show an address in a window of that size and wait until it is loaded."""
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._loaded = False
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._next()

    def resize(self, width, height):
        """Give the window another size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def ask(self, expression):
        """Return the value of an expression; the page's own policy does not bind the debugger."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self):
        """Return a PNG of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextmanager
def page(fonts=None):
    """Start a browser and give a page of it; ``fonts`` names a package of fonts that it shall have besides the host's."""
    unpacked = debian.unpack(PACKAGE)
    environment = unpacked.environment | NO_HOST_SERVICES
    if fonts is not None:
        environment["XDG_DATA_HOME"] = str(debian.unpack(fonts).program("usr/share"))
    to_browser, sending = os.pipe()
    receiving, from_browser = os.pipe()
    program = unpacked.program("usr/lib/chromium/chromium-headless-shell")
    command = f'exec "$0" --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["/bin/bash", "-c", command, str(program)],
        env=environment, pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Page(process, sending, receiving)
    finally:
        os.close(sending)
        process.terminate()
        process.wait(DEADLINE)
        os.close(receiving)

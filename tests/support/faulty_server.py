"""An HTTP server for faults only: what it answers, and how badly, is put down beforehand, one entry a request."""

import contextlib
import gzip
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from collector.model import json

CREATED = {"status": 201}
MANY = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}}
THERE = {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "document already exists"}}
_NO_IP = {"type": "illegal_argument_exception", "reason": "'x' is not an IP string"}
BAD = {"status": 400, "error": {"type": "document_parsing_exception", "reason": "failed to parse", "caused_by": _NO_IP}}


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def ids(self):
        lines = gzip.decompress(self.body).split(b"\n")[:-1]
        return [json.loads(line)["create"]["_id"] for line in lines[0::2]]


@dataclass
class Reply:
    """``early``: answered before the body is read. ``cut``: so many bytes of the body are kept back, then the connection ends."""

    status: int = 200
    body: bytes = b""
    mime: str = "application/json"
    early: bool = False
    cut: int = 0


def items(*outcomes, errors=True):
    return Reply(200, json.dumps({"errors": errors, "items": [{"create": outcome} for outcome in outcomes]}))


def error(status, kind, reason):
    return Reply(status, json.dumps({"error": {"root_cause": [], "type": kind, "reason": reason}, "status": status}))


RESET = "reset"
"""The connection is reset after the request was read."""
SILENCE = "silence"
"""No answer, until the server is closed."""


@dataclass
class FaultyServer:
    """``script`` holds what the next requests meet; an entry may be a function of the request. Behind its end all is well."""

    script: list = field(default_factory=list)
    requests: list = field(default_factory=list)

    def __post_init__(self):
        self.over = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def port(self):
        return self._http.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def wrap(self, context):
        """Speak TLS."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    def answer(self, request):
        self.requests.append(request)
        entry = self.script.pop(0) if self.script else (lambda request: items(*[CREATED] * len(request.ids), errors=False))
        return entry(request) if callable(entry) else entry


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 20

    def handle_error(self, request, client_address):
        """A peer that hangs up is what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def _serve(self):
        owner = self.server.owner
        early = owner.script and isinstance(owner.script[0], Reply) and owner.script[0].early
        body = b"" if early else self.rfile.read(int(self.headers.get("content-length", 0)))
        reply = owner.answer(Request(self.command, self.path, dict(self.headers), body))
        if reply == SILENCE:
            owner.over.wait(30)
            self.close_connection = True
        elif reply == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        else:
            self._reply(reply)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - names of http.server

    def _reply(self, reply):
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.mime)
        self.send_header("Content-Length", str(len(reply.body)))
        if reply.early:
            self.send_header("Connection", "close")  # what is still in the pipe would be read as the next request
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) - reply.cut])
        if reply.cut or reply.early:
            self.close_connection = True
        if reply.early:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while self.connection.recv(65536):
                    pass

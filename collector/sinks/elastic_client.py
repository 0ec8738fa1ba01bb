"""In: requests as bytes. Out: answers as bytes. The only door for elastic_transport; imported by who sends, it costs 0.2 s.

Plain MIME types and bodies passed through untouched, so that one client talks to Elasticsearch 7 to 9 and to OpenSearch; no
sniffing, no request but those asked for. What the library raises becomes SinkUnavailable or SinkRefused here.
"""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from elastic_transport import ConnectionTimeout, JsonSerializer, NodeConfig, Serializer, SerializerCollection, TlsError, Transport, TransportError, Urllib3HttpNode
from urllib3 import HTTPSConnectionPool

from collector.errors import SinkRefused, SinkUnavailable
from collector.sinks import tls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logging.getLogger("elastic_transport").setLevel(logging.CRITICAL)  # what there is to tell is in the exceptions

_FINGERPRINT = "_mailvigil_fingerprint"
_AWAY = "check that the server runs and can be reached from here; what waits is kept"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body, whatever they are."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to talk to. ``authorization`` is the header's value, ``timeout`` in seconds.

    ``fingerprint``: SHA-256 of the server's own certificate in hexadecimal digits; with it the certificate's name does not
    matter, and without ``ca_file`` nothing else is checked.
    """

    hosts: Sequence[str]
    authorization: str | None = None
    ca_file: str | None = None
    fingerprint: str | None = None
    timeout: float = 60.0


class ElasticClient:
    """Asks one of the hosts; where one cannot be reached, the next. Opens nothing before the first request."""

    def __init__(self, peer: Peer) -> None:
        """Raise SinkRefused for certificates that cannot be read."""
        self._headers = {"authorization": peer.authorization} if peer.authorization else {}
        nodes = [_node_config(host, peer) for host in peer.hosts]
        self._transport = Transport(nodes, node_class=_Node, max_retries=len(nodes) - 1, retry_on_status=(), retry_on_timeout=False, meta_header=False)
        self._transport.serializers = _Always({"application/json": _Verbatim()})

    def request(self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer of any status.

        Raises SinkUnavailable where none came (it may have been done all the same), SinkRefused where none can be asked for.
        """
        try:
            answer = self._transport.perform_request(method, target, body=body, headers={**self._headers, **(headers or {})})
        except TlsError as error:
            raise SinkUnavailable(f"no TLS connection: {error}", hint="check ca_file, ssl_assert_fingerprint and the name in the server's certificate") from error
        except ConnectionTimeout as error:
            raise SinkUnavailable("the server did not answer in time", hint=_AWAY) from error
        except TransportError as error:
            raise SinkUnavailable(f"the connection failed: {error}", hint=_AWAY) from error
        except ValueError as error:
            raise SinkRefused(f"no request can be made: {error}", hint="check hosts, api_key, username and password for stray characters") from error
        return Answer(answer.meta.status, answer.body)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()


def api_key(key: str) -> str:
    """Return the authorization of an API key, given as ``id:key`` or encoded already."""
    return f"ApiKey {_base64(key) if ':' in key else key}"


def basic(username: str, password: str) -> str:
    """Return the authorization of a user (RFC 7617, UTF-8)."""
    return f"Basic {_base64(f'{username}:{password}')}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


class _Verbatim(JsonSerializer):
    """A stored body is gzip already, and a proxy's answer may be anything."""

    def dumps(self, data: bytes) -> bytes:
        return data

    def loads(self, data: bytes) -> bytes:
        return data


class _Always(SerializerCollection):
    """One serializer whatever the MIME type."""

    def get_serializer(self, mimetype: str | None) -> Serializer:  # noqa: ARG002 - the base class's signature
        return self.default_serializer


class _Node(Urllib3HttpNode):
    """Trusts the given CA alone, pins the server's own certificate, or both.

    The base class adds the public CAs to a private one; with a fingerprint it checks nothing else and accepts that of any
    certificate in a chain that it did not verify. So it is not told of the fingerprint.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        if config.scheme == "https":
            fingerprint = config._extras[_FINGERPRINT]  # noqa: SLF001 - the library's place for what others add
            self.pool = HTTPSConnectionPool(
                config.host, config.port, timeout=config.request_timeout, maxsize=1, block=True, ssl_context=config.ssl_context, assert_fingerprint=fingerprint
            )


def _node_config(host: str, peer: Peer) -> NodeConfig:
    url = urlsplit(host)
    secured: dict[str, Any] = {"ssl_context": tls.context(peer.ca_file, peer.fingerprint), "_extras": {_FINGERPRINT: peer.fingerprint}} if url.scheme == "https" else {}
    return NodeConfig(url.scheme, str(url.hostname), int(url.port or 0), path_prefix=url.path.rstrip("/"), request_timeout=peer.timeout, connections_per_node=1, **secured)

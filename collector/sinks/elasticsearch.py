"""In: parcels. Out: documents in data streams of Elasticsearch or OpenSearch, each once within a backing index.

A parcel's blob goes out as it lies in the spool. Each document is a ``create`` with its own id: 409 means that it is there
already, so a parcel whose answer was lost is simply sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from collector.errors import SinkRefused, SinkUnavailable
from collector.model.document import Delivery, Parcel
from collector.model.strict_yaml import Strict
from collector.sinks import bulk
from collector.sinks.base import Fingerprint, Secret, degraded, reveal
from collector.sinks.bulk import Step, Verdict

if TYPE_CHECKING:
    from collector.model.alert import Fact
    from collector.sinks.elastic_client import Answer, ElasticClient

TEMPLATE = "logs-mail"
"""The index template without which a server would make plain indices of what is meant for data streams."""

_FILTER = "filter_path=errors,items.*.status,items.*.error,items.*.failure_store"
_HEADERS = {"content-type": "application/x-ndjson", "content-encoding": "gzip", "accept": "application/json"}
_JSON = {"accept": "application/json"}


def _host(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.port is None:
        raise ValueError(f"{text!r} is no host: write scheme, name and port, as in https://es1.example.org:9200")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("a host holds scheme, name, port and perhaps a path; who logs in stands in api_key, or in username and password")
    return text


class ElasticsearchOptions(Strict):
    """``[sink.elasticsearch]``; OpenSearch takes the same."""

    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(min_length=1, description="Addresses of the servers with scheme and port; where one is away the next is asked")
    api_key: Secret | None = Field(None, description='API key, "id:key" or encoded; it needs auto_configure and create_doc on logs-mail.*-* and nothing more')
    username: str | None = Field(None, description="User, where there is no API key")
    password: Secret | None = Field(None, description="That user's password")
    ca_file: str | None = Field(None, description="PEM file of the only CA to trust; without it the system's CAs are trusted")
    ssl_assert_fingerprint: Fingerprint | None = Field(None, description="SHA-256 of the server's own certificate, instead of a CA or besides it")
    timeout: float = Field(60.0, gt=0, description="Seconds to wait for an answer")

    @model_validator(mode="after")
    def _one_way_in(self) -> ElasticsearchOptions:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.api_key is not None and self.username is not None:
            raise ValueError("api_key or username and password, not both")
        tls = [name for name in ("ca_file", "ssl_assert_fingerprint") if getattr(self, name) is not None]
        if tls and not any(host.startswith("https:") for host in self.hosts):
            raise ValueError(f"{tls[0]} is of no use where no host begins with https:")
        return self


class ElasticsearchSink:
    """Sends to one cluster. Keeps a connection, and whether the server takes ``require_data_stream``."""

    def __init__(self, name: str, options: ElasticsearchOptions) -> None:
        """Connect to nothing yet."""
        self.name = name
        self._options = options
        self._client: ElasticClient | None = None
        self._strict = True
        self._template_known = False
        self._facts: list[Fact] = []

    def resume(self, stream: str, token: bytes | None) -> None:
        """Need nothing: what the server has it says with 409."""

    def send(self, parcel: Parcel) -> Delivery:
        """See Sink. Halves what is too big or badly formed until a single document is to blame."""
        waiting = [parcel]
        taken: list[tuple[Parcel, Verdict]] = []
        try:
            while waiting:
                piece = waiting.pop()
                verdict = self._bulk(piece)
                if verdict.step is Step.SPLIT and piece.count > 1:
                    waiting.extend(reversed(bulk.halves(piece)))
                elif verdict.step is Step.LENIENT:
                    self._strict = False
                    waiting.append(piece)
                else:
                    taken.append((piece, verdict))
        except SinkRefused:
            self.close()
            raise
        return _delivery(taken)

    def facts(self) -> tuple[Fact, ...]:
        """See Sink."""
        told, self._facts = tuple(self._facts), []
        return told

    def close(self) -> None:
        """Hang up. The next send reads CA and secrets again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _bulk(self, piece: Parcel) -> Verdict:
        """Send one request; raises what stops the whole parcel."""
        if not self._strict:
            self._look_for_template()
        target = f"/{piece.stream}/_bulk?{'require_data_stream=true&' if self._strict else ''}{_FILTER}"
        answer = self._request("POST", target, piece.blob, _HEADERS)
        verdict = bulk.verdict(answer.status, answer.body, piece.count)
        if verdict.step is Step.UNAVAILABLE:
            raise SinkUnavailable(verdict.reason, hint=verdict.hint)
        if verdict.step is Step.REFUSED or (verdict.step is Step.LENIENT and not self._strict):
            raise SinkRefused(f"{piece.stream}: {verdict.reason}", hint=verdict.hint)
        return verdict

    def _look_for_template(self) -> None:
        """Once: without the template and without require_data_stream a server silently makes plain indices."""
        if self._template_known:
            return
        answer = self._request("GET", f"/_index_template/{TEMPLATE}", None, _JSON)
        if answer.status in (401, 403):
            warning = f"the server does not take require_data_stream, and the key may not read the index template {TEMPLATE}: if it is missing, plain indices are made"
            self._facts.append(degraded(self.name, warning))
        elif answer.status == 404:  # noqa: PLR2004 - an HTTP status
            raise SinkRefused(f"there is no index template {TEMPLATE}", hint="install it before anything is sent")
        elif answer.status != 200:  # noqa: PLR2004 - an HTTP status
            raise SinkUnavailable(f"HTTP {answer.status} when asked for the index template {TEMPLATE}")
        self._template_known = True

    def _request(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self._client is None:
            self._client = _connect(self._options)
        return self._client.request(method, target, body, headers)


def _connect(options: ElasticsearchOptions) -> ElasticClient:
    from collector.sinks.elastic_client import ElasticClient, Peer, api_key, basic  # noqa: PLC0415 - 0.2 s that only who sends pays

    authorization = None
    if options.api_key is not None:
        authorization = api_key(reveal(options.api_key))
    elif options.username is not None and options.password is not None:
        authorization = basic(options.username, reveal(options.password))
    return ElasticClient(Peer(options.hosts, authorization, options.ca_file, options.ssl_assert_fingerprint, options.timeout))


def _delivery(taken: list[tuple[Parcel, Verdict]]) -> Delivery:
    """Turn places into ids; a parcel is unpacked only if something in it was not delivered."""
    again: set[str] = set()
    rejected: list[tuple[str, str]] = []
    for piece, verdict in taken:
        if verdict.step is Step.SPLIT:
            rejected.append((bulk.documents(piece)[0].id, verdict.reason))
        elif verdict.again or verdict.rejected:
            ids = [document.id for document in bulk.documents(piece)]
            again.update(ids[place] for place in verdict.again)
            rejected.extend((ids[place], reason) for place, reason in verdict.rejected)
    duplicates = sum(verdict.duplicates for _, verdict in taken)
    return Delivery(frozenset(again), tuple(rejected), duplicates=duplicates, failure_store=sum(verdict.failure_store for _, verdict in taken))

"""The whole agent against real servers: nothing lost, nothing twice, whatever happens to cursor, spool, document or server."""

import json
import sqlite3

import pytest

from collector.agent import assembly
from collector.config.load import load
from collector.spool.store import Spool
from tests.support.lab import LAB, plain_lines

pytestmark = pytest.mark.real

LOG = LAB / "bookworm-syslog-default/rsyslog-rfc3339.log.gz"


class Host:
    """A mail host with one log, a file sink and a server."""

    def __init__(self, folder, server, namespace, lines=1500):
        self.folder, self.server, self.namespace = folder, server, namespace
        self.log = folder / "mail.log"
        self.log.write_text("".join(f"{line}\n" for line in plain_lines(LOG)[:lines]))
        self.state = folder / "state"

    def once(self, *, deadline=60, out="out"):
        config = self.folder / "mailvigil.toml"
        config.write_text(
            f'namespace = "{self.namespace}"\nhost = "mx1"\nstate_dir = "{self.state}"\ncontent_dir = "{self.folder}/none"\n'
            f'[[source.file]]\npath = "{self.log}"\n[sink.file]\npath = "{self.folder / out}"\n'
            f'[sink.elasticsearch]\nhosts = ["{self.server.url}"]\n[rules]\nbf_ip = {{ threshold = 3 }}\nagent_stopped = {{ enabled = false }}\n'
        )
        settings = load(config, {}).settings
        return assembly.agent(settings, assembly.settled_content(settings), once=True).once(deadline)

    def in_file(self, out="out"):
        """The documents of the file sink, the agent's own left out."""
        return {d["event"]["id"]: d for f in (self.folder / out).glob("*.ndjson") if "mail.agent" not in f.name for d in map(json.loads, f.read_text().splitlines())}

    def on_server(self):
        hits = self.server.documents(f"logs-mail.*-{self.namespace}")
        found = [hit["_source"] for hit in hits if "mail.agent" not in hit["_index"]]
        by_id = {document["event"]["id"]: document for document in found}
        assert len(by_id) == len(found)
        return by_id


@pytest.fixture
def host(tmp_path, server, namespace):
    return Host(tmp_path, server, namespace)


def test_a_log_is_shipped_and_read_back_and_a_cursor_set_back_makes_no_doubles(host):
    (host.folder / "blocked").write_text("a file where a folder should be: documents stay in the spool")
    assert host.once(deadline=10, out="blocked") == 6
    first = host.on_server()
    assert len(first) > 1500
    assert any(document["event"]["kind"] == "alert" for document in first.values())
    with sqlite3.connect(host.state / "spool.db") as db:
        assert db.execute("update cursor set seq = 0 where sink = 'elasticsearch'").rowcount > 0
    db.close()
    assert host.once() == 0
    assert host.on_server().keys() == first.keys()
    assert host.in_file() == first


def test_a_lost_spool_with_the_same_secret_reads_every_line_again_and_the_server_counts_the_same(host):
    assert host.once() == 0
    before = host.on_server()
    for file in host.state.glob("spool.db*"):
        file.unlink()
    assert host.once(out="again") == 0
    assert host.on_server() == before
    assert host.in_file("again") == before
    told = [json.loads(line) for file in (host.folder / "again").glob("*mail.agent*") for line in file.read_text().splitlines()]
    assert {"sink-restarted", "agent-health"} <= {document["event"]["action"] for document in told}
    assert "delivery-duplicate" not in {document["event"]["action"] for document in told}


def test_a_refused_document_is_a_dead_letter_with_the_servers_reason(host):
    body = {
        "index_patterns": [f"logs-mail.postfix-{host.namespace}"],
        "priority": 300,
        "data_stream": {},
        "template": {"mappings": {"properties": {"postfix": {"properties": {"status": {"type": "date"}}}}}},
    }
    status, answer = host.server.call("PUT", f"/_index_template/odd-{host.namespace}", body)
    assert status == 200, answer
    assert host.once() == 0
    whole, stored = host.in_file(), host.on_server()
    refused = {one for one, document in whole.items() if "status" in document.get("postfix", {})}
    assert refused
    assert stored.keys() == whole.keys() - refused
    with Spool.read(host.state) as spool:
        letters = spool.dead_letters(10_000)
    assert {letter.document_id for letter in letters} == refused
    assert all("postfix.status" in letter.reason for letter in letters)
    told = [json.loads(line) for file in (host.folder / "out").glob("*mail.agent*") for line in file.read_text().splitlines()]
    assert any(document["event"]["action"] == "agent-health" and "were refused" in document["event"]["reason"] for document in told)


def test_a_server_that_dies_and_comes_back_gets_everything(host):
    host.server.kill()
    try:
        assert host.once(deadline=2) == 6
        assert len(host.in_file()) > 1500
    finally:
        host.server.start()
    assert host.once() == 0
    assert host.on_server() == host.in_file()

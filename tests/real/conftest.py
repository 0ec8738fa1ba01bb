"""Real servers, once a session: started when the first test wants one, all that the session will want at the same time."""

import contextlib
import itertools

import pytest

from tests.support import certificates
from tests.support.elastic_servers import Elasticsearch, OpenSearch, StrictElasticsearch

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def _launched(request, tmp_path_factory):
    """Servers by fixture name: made and launched, not yet ready. What cannot be made is skipped where it is asked for."""
    kinds = {
        "elasticsearch": Elasticsearch,
        "opensearch": OpenSearch,
        "strict_elasticsearch": lambda: StrictElasticsearch(certificates.make(tmp_path_factory.mktemp("tls"))),
    }
    wanted = {name for item in request.session.items for name in _wanted(item) if name in kinds}
    with contextlib.ExitStack() as stack:

        def launch(name):
            server = kinds[name]()
            stack.callback(server.close)
            server.launch()
            return server

        servers = {}
        for name in sorted(wanted):
            with contextlib.suppress(pytest.skip.Exception, pytest.fail.Exception):
                servers[name] = launch(name)

        def ready(name):
            server = servers[name] if name in servers else servers.setdefault(name, launch(name))
            server.ready()
            return server

        yield ready


def _wanted(item):
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return {*item.fixturenames, *(value for value in parameters if isinstance(value, str))}


@pytest.fixture(scope="session")
def elasticsearch(_launched):
    server = _launched("elasticsearch")
    server.put_template()
    return server


@pytest.fixture(scope="session")
def opensearch(_launched):
    server = _launched("opensearch")
    server.put_template()
    return server


@pytest.fixture(scope="session")
def strict_elasticsearch(_launched):
    server = _launched("strict_elasticsearch")
    server.put_template()
    return server


@pytest.fixture(params=["elasticsearch", "opensearch"])
def server(request):
    """Both, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def namespace():
    """A namespace of the test's own: streams cannot be emptied, names are for nothing."""
    return f"test{next(_numbers)}"

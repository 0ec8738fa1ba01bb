"""The house is kept by tests: floors, strangers, purity, doors, mirror, names."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "collector"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py" and "_content" not in p.parts)

FLOORS = {
    "errors": 1,
    "content": 2, "model": 2, "evidence": 2,
    "sources": 3, "parse": 3, "detect": 3, "spool": 3, "sinks": 3, "probes": 3, "notify": 3,
    "pipeline": 4, "config": 4, "stack": 4, "report": 4,
    "agent": 5,
    "cli": 6,
}  # fmt: skip
PURE = ("model", "evidence", "parse", "detect", "pipeline")
IMPURE_IMPORTS = {"os", "pathlib", "time", "random", "socket", "threading", "sqlite3", "logging", "structlog", "subprocess", "tempfile", "secrets", "uuid.uuid4"}
IMPURE_NAMES = {"hash", "open", "print", "input"}
IMPURE_METHODS = {"now", "utcnow", "today", "uuid4"}
DOORS = {
    "orjson": "model/json.py",
    "yaml": "model/strict_yaml.py",
    "pygrok": "parse/grok.py",
    "watchdog": "sources/wake.py",
    "sqlite3": "spool/database.py",
    "elasticsearch": "sinks/elastic_client.py",
    "elastic_transport": "sinks/elastic_client.py",
    "maxminddb": "agent/geo.py",
    "structlog": "agent/telemetry.py",
    "rich": "cli/output.py",
    "jinja2": "report/html.py",
}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "mixins"}


def imports(path):
    """Yield (module, line) of every import, TYPE_CHECKING ones too: a floor is a floor."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def room(module):
    return module.split(".")[1] if module.startswith("collector.") and module.count(".") else None


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward_and_stations_are_strangers(path):
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module, line in imports(path):
        there = room(module)
        if there is None or there == here or there not in FLOORS:
            continue
        assert FLOORS[there] < FLOORS[here] or (FLOORS[there] == FLOORS[here] == 2), f"{path.name}:{line}: {here} imports {there}"


@pytest.mark.parametrize("path", [p for p in MODULES if p.relative_to(PACKAGE).parts[0] in PURE], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_middle_is_pure(path):
    for module, line in imports(path):
        assert module.split(".")[0] not in IMPURE_IMPORTS, f"{path.name}:{line}: {module}"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called, banned = (node.func.id, IMPURE_NAMES) if isinstance(node.func, ast.Name) else (getattr(node.func, "attr", ""), IMPURE_METHODS)
            assert called not in banned, f"{path.name}:{node.lineno}: {called}()"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_library_has_one_door(path):
    here = str(path.relative_to(PACKAGE))
    for module, line in imports(path):
        door = DOORS.get(module.split(".")[0])
        assert door is None or door == here, f"{here}:{line}: {module} belongs to {door}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_has_its_test(path):
    inside = path.relative_to(PACKAGE)
    assert (ROOT / "tests" / inside.parent / f"test_{inside.name}").is_file()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_first_line_says_what_goes_in_and_out(path):
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert doc.startswith("In: "), path
    assert "Out: " in doc.split("\n\n")[0], path


def test_no_room_for_everything():
    bad = [p for p in (*PACKAGE.rglob("*"), *(ROOT / "tests").rglob("*")) if p.stem in BANNED_NAMES]
    assert bad == []


def test_broad_excepts_stand_in_two_places_only():
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))):
                found.add(str(path.relative_to(PACKAGE)))
    assert found <= {"agent/agent.py", "cli/main.py"}

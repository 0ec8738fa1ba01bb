"""From the checkout to a command: sdist, wheel made of the sdist alone, installed where nothing else of the project is."""

import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import collector
from collector import content

ROOT = content.root()
FOLDERS = ("collector", "parsers", "rules", "deploy", "docs", "tests", "changelog.d", ".ci")
FILES = ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "pyproject.toml", "requirements.lock", "requirements.build", ".gitignore")


def call(*command, cwd):
    """Run without what could find the checkout: no environment but the path of the system's own programs."""
    return subprocess.run([str(part) for part in command], cwd=cwd, env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "TZ": "UTC"}, capture_output=True, text=True, check=True)


def build(target, source, out):
    call(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", out, cwd=source)
    [made] = out.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return made


def files_of_the_checkout():
    found = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {str(path.relative_to(ROOT)) for path in found} | set(FILES)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [inside] = folder.iterdir()
    return inside


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A fresh environment with the wheel; its dependencies are those of the running one, which is no editable install there."""
    venv = tmp_path_factory.mktemp("host") / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    python = venv / "bin" / "python"
    call(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir", wheel, cwd=venv.parent)
    own = call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=venv.parent).stdout.strip()
    Path(own, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def mailvigil(python, tmp_path):
    return lambda *arguments: call(python.parent / "mailvigil", *arguments, cwd=tmp_path).stdout


def test_the_sdist_holds_all_that_builds_tests_and_explains_the_project(unpacked):
    before = files_of_the_checkout()
    inside = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert sorted(name for name in before - inside if (ROOT / name).exists()) == []
    assert sorted(name for name in inside - before - {"PKG-INFO"} if not (ROOT / name).exists()) == []


def test_the_wheel_holds_the_package_and_its_content_and_nothing_else(names):
    assert {name.partition("/")[0] for name in names} == {"collector", f"mailvigil-{collector.__version__}.dist-info"}
    for folder, pattern in (("parsers", "*.yaml"), ("parsers", "*.grok"), ("rules", "*.yaml"), ("rules", "*.md"), ("deploy/demo", "*.log")):
        wanted = {f"collector/_content/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob(pattern)}
        assert wanted
        assert wanted <= names
    assert {"collector/model/fields.yaml", "collector/model/actions.yaml", "collector/parse/openssl.json", "collector/report/page.html.j2", "collector/report/page.css"} <= names
    assert [name for name in names if "test" in name.rpartition("/")[2] and name.endswith(".py") and not name.endswith("rule_tests.py")] == []


def test_the_metadata_names_licence_readme_and_what_it_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"mailvigil-{collector.__version__}.dist-info/METADATA").decode())
        assert f"mailvigil-{collector.__version__}.dist-info/licenses/LICENSE" in archive.namelist()
    assert (metadata["Name"], metadata["License-Expression"], metadata["Requires-Python"]) == ("mailvigil", "Apache-2.0", ">=3.11")
    assert metadata.get_payload() == (ROOT / "README.md").read_text("utf-8")
    assert {re.match(r"[\w-]+", requirement)[0] for requirement in metadata.get_all("Requires-Dist") if "extra ==" not in requirement} == {
        "elasticsearch", "jinja2", "orjson", "pydantic", "pygrok", "pyyaml", "rich", "structlog", "tzdata", "watchdog",
    }  # fmt: skip


def test_the_installed_package_is_the_one_that_runs(python, tmp_path):
    place = call(python, "-c", "import collector; print(collector.__file__)", cwd=tmp_path).stdout.strip()
    assert place.startswith(str(python.parent.parent))


def test_version(mailvigil):
    assert mailvigil("--version") == f"mailvigil {collector.__version__}\n"


def test_the_demo_runs_from_any_folder_and_writes_its_report_there(mailvigil, tmp_path):
    shown = mailvigil("demo")
    assert "PB-CERT-02" in tmp_path.joinpath("demo-report.html").read_text("utf-8")
    assert "bf_ip" in shown
    assert "PB-CERT-02" in shown


def test_the_content_of_the_wheel_loads(mailvigil):
    assert "log_silence" in mailvigil("rules", "list")
    assert mailvigil("parsers", "test").endswith(" 0 failures\n")
    assert "taken by postfix.smtpd.connect (parsers/postfix/smtpd.yaml:" in mailvigil("explain", "Nov 24 10:00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.7]")

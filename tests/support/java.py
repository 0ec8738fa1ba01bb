"""Java and Maven for real servers: found, or said what to install."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".cache"


def missing(what):
    """Skip, and say to a newcomer why; where everything must be there, fail."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"real servers are not tested: {what}")


def jdk(oldest, for_what):
    """The home of the oldest JDK that is new enough."""
    found = {}
    for home in _homes():
        release = home / "release"
        version = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', release.read_text()) if release.is_file() else None
        if version and (home / "bin/javac").exists():
            found.setdefault(int(version[1]), home)
    fitting = [version for version in found if version >= oldest]
    if not fitting:
        there = f"found: {', '.join(map(str, sorted(found)))}" if found else "none found"
        missing(f"{for_what} needs a JDK {oldest} or newer ({there}); install one (Debian: default-jdk-headless, or a Temurin JDK) or set JAVA_HOME")
    return found[min(fitting)]


def _homes():
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    if shutil.which("java"):
        yield Path(shutil.which("java")).resolve().parents[1]
    for folder in (Path("/usr/lib/jvm"), Path("/opt"), Path.home() / ".sdkman/candidates/java", Path("/opt/java")):
        yield from sorted(folder.iterdir()) if folder.is_dir() else ()


def fetched(name, *goals, pom=None):
    """A folder of the cache that Maven filled with ``goals`` ({} is the folder); it is there whole or not at all."""
    folder = CACHE / name
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        missing("Maven is needed to fetch them; install it (Debian: maven)")
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        Path(work, "pom.xml").write_text(pom or _POM.format(dependency=""))
        inside = Path(work, "fetched")
        inside.mkdir()
        command = [maven, "-B", "-q", *(goal.format(inside) for goal in goals)]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            missing(f"Maven could not fetch {name}: {done.stdout[-500:]}{done.stderr[-500:]}")
        with contextlib.suppress(OSError):  # another process was quicker, and its folder is whole
            inside.rename(folder)
    return folder


def artifact(group, name, version):
    """A project that depends on one artifact and what that needs."""
    return _POM.format(dependency=f"<dependencies><dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency></dependencies>")


_POM = (
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    "<groupId>org.example</groupId><artifactId>test-servers</artifactId><version>1</version>{dependency}</project>"
)

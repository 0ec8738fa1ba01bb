"""Programs of Debian packages, unpacked into .cache/debian: nothing is installed, and no service of the host is touched."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "debian"
LISTS = Path("/var/lib/apt/lists")


class Unpacked:
    """A folder that holds the files of a package and of whatever it needs that the host lacks."""

    def __init__(self, root):
        self.root = root

    def program(self, path):
        """Return the path of a program, for example ``usr/sbin/rsyslogd``."""
        return self.root / path

    @property
    def environment(self):
        """Return the environment in which its programs find their libraries."""
        found = sorted({str(file.parent) for file in self.root.rglob("*.so*")})
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(found)}


def unpack(name, *further):
    """Return the files of packages; skips where that cannot be (no Debian, no apt, no network), and fails there in CI."""
    root = CACHE / name
    ready = root / ".ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(root, ignore_errors=True)
            try:
                _fetch(root, (name, *further))
            except (OSError, subprocess.CalledProcessError) as error:
                reason = f"{name} cannot be had from Debian's packages: {getattr(error, 'stderr', None) or error}"
                if os.environ.get("CI"):
                    raise AssertionError(reason) from error
                pytest.skip(reason)
            ready.touch()
    return Unpacked(root)


def _fetch(root, names):
    """Download packages and what the host lacks of their dependencies, and unpack them side by side."""
    archives = root / "archives"
    (archives / "partial").mkdir(parents=True)
    if os.geteuid() == 0 and not any(LISTS.glob("*Packages*")):
        _run("apt-get", "update", "--quiet")
    options = ("-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1")
    _run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "--download-only", "--reinstall", *options, *names)
    for archive in archives.glob("*.deb"):
        _run("dpkg-deb", "--extract", str(archive), str(root))
    shutil.rmtree(archives)


def _run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})

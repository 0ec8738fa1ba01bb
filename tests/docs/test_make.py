"""Every target of the Makefile is explained, and does what it says: in a copy of the tree, with the programs of this environment but no way to change it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.markdown import ROOT, command_lines, name, pages

MAKEFILE = ROOT / "Makefile"
TARGETS = dict(re.findall(r"^([a-z-]+):[^#\n]*## (.+)$", MAKEFILE.read_text("utf-8"), re.MULTILINE))
NARROW = {"test": "tests/test_errors.py", "test-fast": "tests/test_errors.py", "golden": "tests/golden/test_golden.py -k demo"}
"""What stands for all tests here: the whole suite within itself would never end."""
TOO_MUCH = {"bench": "tests.bench", "lock": "uv pip compile", "picture": "docs/picture.py"}
"""Minutes of load, the package index, Debian's packages: what they would run is looked at instead."""


PROGRAM = """#!/bin/sh
case " $* " in *" pip "*) echo "no test installs anything" >&2; exit 97;; esac
exec "{program}" "$@"
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Copy the tree; ``bin`` beside it holds what the targets call, and cannot install: an editable install from here would take over the environment."""
    copy = tmp_path_factory.mktemp("make") / "tree"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".cache", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__", "build", "dist", "lab"))
    programs = copy.parent / "bin"
    programs.mkdir()
    for program in ("python", "mailvigil", "ruff", "mypy"):
        (programs / program).write_text(PROGRAM.format(program=Path(sys.executable).with_name(program)))
        (programs / program).chmod(0o755)
    (copy.parent / "ready").touch()  # newer than what it is made of: the copies keep their times
    return copy


def make(tree, *targets, options=(), **variables):
    """Run make; variables on its command line reach the makes that it starts, options such as --old-file do not."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "MAKE", "MFLAGS"))}
    places = {"PYTHONPATH": str(tree), "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache")}
    command = ["make", "--no-print-directory", f"BIN={tree.parent / 'bin'}", f"READY={tree.parent / 'ready'}", "PYTHON=false", *options, *targets]
    return subprocess.run(command, cwd=tree, env=kept | places | variables, capture_output=True, text=True, check=False, timeout=300)


def test_nothing_here_can_install(tree):
    (tree.parent / "ready").rename(tree.parent / "away")
    try:
        assert make(tree, "demo").returncode != 0
    finally:
        (tree.parent / "away").rename(tree.parent / "ready")
    done = subprocess.run([tree.parent / "bin" / "python", "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (97, "no test installs anything\n")


def test_every_target_is_explained_in_both_places():
    explained = {line.text.split()[1] for line in command_lines(ROOT / "CONTRIBUTING.md") if line.text.startswith("make ")}
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE.read_text("utf-8"), re.MULTILINE)[1].split())
    assert set(TARGETS) == phony == explained


@pytest.mark.parametrize("path", [path for path in pages() if "make " in path.read_text("utf-8")], ids=name)
def test_every_target_that_is_named_is_there(path):
    assert set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE)) <= set(TARGETS)


def test_help_lists_them(tree):
    assert dict(line.split("\t") for line in make(tree, "help").stdout.splitlines()) == TARGETS
    assert make(tree).stdout == make(tree, "help").stdout


@pytest.mark.parametrize("target", sorted(set(TARGETS) - set(TOO_MUCH) - {"help", "clean"}))
def test_a_target_works(tree, target):
    done = make(tree, target, PYTEST_ADDOPTS=f"-p no:cacheprovider {NARROW.get(target, '')}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("target", "what"), TOO_MUCH.items())
def test_a_target_that_is_too_much_for_a_test_says_what_it_would_run(tree, target, what):
    done = make(tree, target, options=["--dry-run"])
    assert done.returncode == 0, done.stderr
    assert what in done.stdout


def test_docs_changes_nothing_that_is_committed(tree):
    assert make(tree, "docs").returncode == 0
    for path in (ROOT / "docs" / "reference").iterdir():
        assert (tree / "docs" / "reference" / path.name).read_bytes() == path.read_bytes()


def test_clean_removes_what_was_made_and_nothing_else(tree):
    for folder in (".venv", "build", "dist", ".cache"):
        (tree / folder).mkdir(exist_ok=True)
    before = {path.name for path in tree.iterdir()}
    assert make(tree, "clean").returncode == 0
    assert before - {path.name for path in tree.iterdir()} == {".venv", "build", "dist", ".cache"}

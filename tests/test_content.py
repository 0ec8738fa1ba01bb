"""Where content lies, and what cannot be read."""

import os
from pathlib import Path

import pytest

from collector import content
from collector.errors import ContentError


def test_the_checkout_holds_the_shipped_content():
    root = content.root()
    assert (root / "parsers" / "README.md").is_file()
    assert (root / "rules" / "README.md").is_file()


def test_content_inside_the_package_comes_first(tmp_path, monkeypatch):
    (tmp_path / "package" / "_content" / "parsers").mkdir(parents=True)
    monkeypatch.setattr(content, "_PACKAGE", tmp_path / "package")
    assert content.root() == tmp_path / "package" / "_content"


def test_shipped_files_come_before_those_of_overlays_each_sorted(tmp_path, monkeypatch):
    for folder, names in {"shipped": ["b.yaml", "a/z.yaml", "a/note.txt"], "first": ["0.yaml"], "second": []}.items():
        (tmp_path / folder / "parsers").mkdir(parents=True)
        for name in names:
            path = tmp_path / folder / "parsers" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"parser: {name}")
    monkeypatch.setattr(content, "root", lambda: tmp_path / "shipped")
    found = list(content.texts("parsers", "*.yaml", [tmp_path / "first", tmp_path / "second", tmp_path / "absent"]))
    assert found == [
        ("parser: a/z.yaml", "parsers/a/z.yaml"),
        ("parser: b.yaml", "parsers/b.yaml"),
        ("parser: 0.yaml", str(tmp_path / "first" / "parsers" / "0.yaml")),
    ]


def test_a_file_of_an_overlay_is_never_taken_for_a_shipped_one(tmp_path, monkeypatch):
    (tmp_path / "rules" / "traffic").mkdir(parents=True)
    (tmp_path / "rules" / "traffic" / "own.yaml").write_text("title: mine")
    monkeypatch.chdir(tmp_path)
    assert list(content.texts("rules", "own.yaml", [Path()])) == [("title: mine", "./rules/traffic/own.yaml")]


def test_a_file_that_is_no_utf_8_is_named(tmp_path, monkeypatch):
    (tmp_path / "parsers").mkdir()
    (tmp_path / "parsers" / "latin.yaml").write_bytes(b"name: M\xfcller")
    monkeypatch.setattr(content, "root", lambda: tmp_path / "nowhere")
    with pytest.raises(ContentError, match=r"latin\.yaml: cannot be read"):
        list(content.texts("parsers", "*.yaml", [tmp_path]))


def test_overlaid_files_can_be_left_out_and_are_told_from_shipped_ones(tmp_path):
    (tmp_path / "rules.d").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / "rules.d" / name).write_text("title: mine")
    a, b = content.overlaid("rules", "*.yaml", [tmp_path])
    assert list(content.overlaid("rules", "*.yaml", [tmp_path], {str(a)})) == [b]
    found = [name for _, name in content.texts("rules", "*.yaml", [tmp_path], {str(a)})]
    assert [name for name in found if content.is_overlaid(name)] == [str(b)]
    assert content.is_overlaid("./mine/rules/x.yaml")


def test_a_folder_that_may_not_be_read_is_no_empty_one(tmp_path, monkeypatch):
    folder = tmp_path / "rules.d"
    folder.mkdir()
    walk = os.walk

    def refused(top, onerror):
        onerror(PermissionError(13, "Permission denied", str(top)))
        return walk(top)

    monkeypatch.setattr(os, "walk", refused)
    with pytest.raises(ContentError, match="cannot be read: Permission denied") as caught:
        list(content.overlaid("rules", "*.yaml", [tmp_path], {str(tmp_path / "rules")}))
    assert caught.value.at.file == str(folder)
    assert list(content.overlaid("rules", "*.yaml", [tmp_path], {str(tmp_path / "rules"), str(folder)})) == []


def test_a_file_of_the_package_that_is_missing_is_named():
    with pytest.raises(ContentError, match=r"no-such\.yaml: cannot be read"):
        content.package_text("model/no-such.yaml")
    assert content.package_text("model/fields.yaml").startswith("# The ONE list")

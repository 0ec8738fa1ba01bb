import re

import pytest

from tests.support.markdown import ROOT, anchors, links, name, pages

OUTSIDE = re.compile(r"https://(?:www\.elastic\.co/docs/|sigmahq\.io|attack\.mitre\.org/|www\.rfc-editor\.org/)")


@pytest.mark.parametrize("path", pages(), ids=name)
def test_every_link_leads_somewhere(path):
    for target, anchor in links(path):
        if "://" in target:
            assert OUTSIDE.match(target), target
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_every_page_of_docs_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        waiting += [(path.parent / target).resolve() for target, _ in links(path) if target and "://" not in target]
    assert [name(path) for path in pages() if path.is_relative_to(ROOT / "docs") and path not in reached] == []

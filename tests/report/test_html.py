import re
from html.parser import HTMLParser

import pytest

from collector.report import html
from collector.report.summary import summarise
from tests.support import browser

VOID = {"meta"}
LOADS = {"src", "srcset", "data", "action", "formaction", "poster", "background", "ping", "xlink:href", "style"}


class Reader(HTMLParser):
    """What stands in a page: (tag, attributes), text, and whether all tags close."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="session")
def page(bad_day):
    return html.page(bad_day[2], "A bad day")


def test_the_page_is_whole_and_runs_and_loads_nothing(page):
    read = Reader(page)
    assert read.open == []
    assert not {"script", "iframe", "object", "embed", "link", "img", "base", "form"} & {tag for tag, _ in read.tags}
    assert not [attributes for _, attributes in read.tags if LOADS & attributes.keys() or any(name.startswith("on") for name in attributes)]
    assert {attributes["href"][0] for _, attributes in read.tags if "href" in attributes} == {"#"}
    assert not re.search(r"url\(|@import|https?:", page)
    [policy] = [attributes["content"] for tag, attributes in read.tags if tag == "meta" and attributes.get("http-equiv")]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_every_link_leads_somewhere_and_every_name_is_given_once(page):
    read = Reader(page)
    names = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(names) == len(set(names))
    led = {attributes["href"][1:] for _, attributes in read.tags if "href" in attributes}
    led |= {name for _, attributes in read.tags for name in attributes.get("aria-labelledby", "").split()}
    assert led <= set(names)


def test_pictures_say_what_they_show_and_tables_have_headings(page):
    read = Reader(page)
    pictures = [attributes for tag, attributes in read.tags if tag == "svg"]
    assert all(one.get("aria-hidden") == "true" or (one.get("role") == "img" and one["aria-labelledby"]) for one in pictures)
    assert all("scope" in attributes for tag, attributes in read.tags if tag == "th")
    assert [tag for tag, _ in read.tags].count("caption") == [tag for tag, _ in read.tags].count("table")
    assert ("html", {"lang": "en"}) in read.tags


def test_the_page_tells_every_alert_with_evidence_and_steps(page, bad_day):
    said = " ".join(" ".join(Reader(page).text).split())
    for alert in bad_day[2].alerts:
        assert alert.title in said
        assert all(" ".join(line.split()) in said for line in alert.evidence)
        assert alert.playbook.id in said


def test_names_of_attackers_stay_text(hostile_day):
    read = Reader(html.page(hostile_day, "<b>title</b>"))
    tags = {tag for tag, _ in read.tags}
    assert not {"script", "b:"} & tags
    assert "alert(1)" not in [name for _, attributes in read.tags for name in attributes]
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    said = "".join(read.text)
    assert "<script>alert(1)</script>" in said
    assert "{{ 7 * 7 }} {% raw %}" in said
    assert "\u202e" not in said
    assert "\\u202e" in said


def test_a_page_about_nothing_says_so(catalogue):
    said = " ".join(Reader(html.page(summarise({}, (), catalogue), "Nothing")).text)
    assert "No rule had anything to say." in said
    assert "0 alerts of 0 rules" in " ".join(said.split())


@pytest.mark.parametrize(("ms", "clock", "day"), [(1_795_478_824_000, "00:07", "24 Nov 2026")])
def test_times_are_utc(ms, clock, day):
    assert (html.clock(ms), html.day(ms)) == (clock, day)


def test_what_lasts_longer_than_a_day_is_dated(page, catalogue):
    week = Reader(html.page(summarise({(hour, "event.action", "auth-failure"): 1 for hour in (498_000, 498_160)}, (), catalogue), "A week")).text
    assert len({text for text in week if re.fullmatch(r"[0-9]+ [A-Z][a-z]{2}", text)}) >= 4
    assert not re.search(r"> *[0-9]+ Nov <", page)


WIDEST = """[...document.querySelectorAll("body *")]
  .filter(one => !one.closest("svg") && one.getBoundingClientRect().right > innerWidth + 0.5)
  .map(one => one.outerHTML.slice(0, 200))"""
FAINT = """(() => {
  const numbers = color => color.match(/[0-9.]+/g).slice(0, 3).map(one => one / 255);
  const linear = one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const light = color => numbers(color).map(linear).reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = one => getComputedStyle(one).backgroundColor === "rgba(0, 0, 0, 0)" ? ground(one.parentElement) : getComputedStyle(one).backgroundColor;
  const says = one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const contrast = one => {
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  return [...document.querySelectorAll("body *")].filter(one => !one.closest("svg") && says(one) && contrast(one) < 4.5).map(one => one.outerHTML.slice(0, 120));
})()"""
"""Text whose contrast is below what WCAG asks for at level AA."""


@pytest.fixture(scope="module")
def chromium():
    with browser.page() as opened:
        yield opened


@pytest.mark.real
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("which", ["bad_day", "hostile_day"])
def test_in_a_browser_nothing_overflows_complains_or_leaves_the_page(which, dark, width, request, chromium, tmp_path):
    given = request.getfixturevalue(which)
    file = tmp_path / "report.html"
    file.write_text(html.page(given[2] if which == "bad_day" else given, "A bad day").replace("<details", "<details open"), "utf-8")
    before, complained = len(chromium.requests), len(chromium.complaints)
    chromium.open(file.as_uri(), width, dark=dark)
    assert chromium.ask("innerWidth") == width
    assert chromium.ask(WIDEST) == []
    assert chromium.ask("document.documentElement.scrollWidth") <= width
    assert chromium.ask("document.scripts.length + document.images.length") == 0
    assert chromium.ask("getComputedStyle(document.body).color") == ("rgb(230, 234, 236)" if dark else "rgb(27, 35, 41)")
    assert chromium.ask(FAINT) == []
    assert chromium.requests[before:] == [file.as_uri()]
    assert chromium.complaints[complained:] == []


@pytest.mark.real
def test_in_a_browser_the_policy_stops_what_would_run_or_load(page, chromium, tmp_path):
    """The two tests above would see it: a script and a picture that somebody smuggled in."""
    file = tmp_path / "report.html"
    file.write_text(page.replace("<main>", '<main><script>document.title = "run"</script><img src="https://evil.example/x.png">'), "utf-8")
    complained = len(chromium.complaints)
    chromium.open(file.as_uri(), 1280)
    assert chromium.ask("document.title") == "A bad day"
    assert len(chromium.complaints) > complained


@pytest.mark.real
def test_on_paper_everything_is_open_and_light(page, chromium, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page, "utf-8")
    chromium.open(file.as_uri(), 900, dark=True, media="print")
    assert chromium.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert chromium.ask("Math.min(...[...document.querySelectorAll('.alert .body')].map(one => one.getBoundingClientRect().height))") > 50

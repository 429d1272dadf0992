"""summary.html in a real browser: it renders, its table can be searched, sorted and paged, hostile
names stay text, and it is usable without a mouse, without sight, without JavaScript and on paper."""

import re
import time

import pytest

PAGES = ["covered.html", "missing.html", "large.html"]
HOSTILE = ["<script>alert(1)</script>", '=HYPERLINK("http://x")', "<img src=x onerror=alert(1)>"]


def rows(page, column=None):
    """The cells of the table of findings, or those of one column."""
    cells = page.locator("#table tbody tr").evaluate_all("rows => rows.map((row) => [...row.cells].map((cell) => cell.innerText))")
    return [row[column] for row in cells] if column is not None else cells


def result(page):
    return page.inner_text("#result")


def search(page, words):
    """Types, and waits until the table has answered."""
    before = result(page)
    page.fill("#search", words)
    deadline = time.monotonic() + 20
    while result(page) == before and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    return result(page)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_renders_in_light_and_dark_without_a_complaint(open_page, name, scheme):
    page = open_page(name, color_scheme=scheme)
    assert page.title().startswith("Rollcall 2026-01-31: ")
    assert len(rows(page)) == 50
    assert page.locator("svg rect").count() >= 9
    background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(17, 21, 27)") == (scheme == "dark")


def test_what_was_not_covered_is_first_and_in_sight(open_page):
    page = open_page("missing.html")
    heading = page.locator("main h2").first
    assert heading.inner_text() == "3 of 40 accounts not covered"
    box = heading.bounding_box()
    assert box["y"] < 300, "in sight without scrolling"
    assert float(re.match(r"[\d.]+", heading.evaluate("e => getComputedStyle(e).fontSize"))[0]) > 20
    assert open_page("covered.html").locator("main h2").first.inner_text() == "All 40 accounts are covered"


def test_search_finds_what_has_all_the_words(open_page):
    page = open_page("missing.html")
    answer = search(page, "Team 019 access-key-stale")
    found = rows(page)
    for row in found:
        assert all(word in " ".join(row) for word in ("Team", "019", "access-key-stale"))
    assert any(row[2] == "Team 019" for row in found)
    assert f"of {len(found)} findings" in answer
    assert search(page, "nobody has this name") == "No finding matches."
    assert rows(page) == []
    search(page, "")
    assert len(rows(page)) == 50


def test_filters_narrow_the_table(open_page):
    page = open_page("missing.html")
    page.select_option("#severity", label="low")
    assert set(rows(page, 0)) == {"low"}
    page.select_option("#rule", label="two-active-keys")
    assert set(rows(page, 5)) == {"two-active-keys"}
    page.select_option("#severity", label="all")
    page.select_option("#rule", label="all")
    for status, word in [("new", "new"), ("ongoing", "ongoing"), ("unverified", "ongoing, not verified")]:
        page.select_option("#status", status)
        shown = set(rows(page, 10))
        assert word in shown and all(word.split(",")[0] in text for text in shown), shown


@pytest.mark.parametrize("column", range(11))
def test_every_column_sorts_both_ways(open_page, column):
    page = open_page("missing.html")
    page.select_option("#size", "500")
    header = page.locator("#table th").nth(column)
    severities = ["critical", "high", "medium", "low"]

    def key(text):
        if column == 0:
            return severities.index(text)
        return int(text.replace(",", "")) if column in (7, 8) else text

    page.select_option("#status", "all")
    for direction, reverse in [("ascending", False), ("descending", True)]:
        header.get_by_role("button").click()
        assert header.get_attribute("aria-sort") == direction
        values = [key(text) for text in rows(page, column) if text or column not in (7, 8)]
        assert values == sorted(values, reverse=reverse)
    assert page.locator("#table th[aria-sort]").count() == 1


def test_pages_turn_to_the_last(open_page):
    page = open_page("covered.html")
    assert page.inner_text("#page") == "Page 1 of 3"
    assert page.locator("#previous").is_disabled()
    first = rows(page)
    page.click("#next")
    assert rows(page) != first and "51 to 100" in result(page)
    page.click("#next")
    assert page.locator("#next").is_disabled()
    page.click("#previous")
    page.click("#previous")
    assert rows(page) == first


def test_hostile_names_stay_text(open_page):
    page = open_page("missing.html")
    page.select_option("#status", "all")
    for name in HOSTILE:
        search(page, name)
        assert name in rows(page, 3), "as a user"
    for name in HOSTILE[:3]:
        assert name in page.locator("body").inner_text(), "as an account"
    assert page.locator("img, iframe, object, embed, base").count() == 0
    assert page.locator("script").count() == 2
    assert page.locator("main b").count() == 0


def test_fifty_thousand_findings_do_not_freeze_it(open_page):
    page = open_page("large.html")
    assert "of 50,000 findings" in result(page)
    assert page.locator("#table tbody tr").count() == 50, "a page of them is in the document"
    assert re.search(r"The worst 50,000 of \d\d\d?,\d\d\d findings are in this page", page.inner_text("#all"))
    # Generous: this is about freezing for minutes, not about milliseconds.
    start = time.monotonic()
    search(page, "anna access-key-stale")
    page.locator("#table th").nth(3).get_by_role("button").click()
    page.click("#next")
    assert time.monotonic() - start < 20


def test_it_works_with_the_keyboard_alone(open_page):
    page = open_page("missing.html")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.focus("#search")
    before = result(page)
    page.keyboard.type("high")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert result(page) != before
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"severity", "rule", "status", "size", "Severity", "User", "Status", "next"} <= reached
    page.locator("#table th").nth(3).get_by_role("button").focus()
    page.keyboard.press("Space")
    assert page.locator("#table th").nth(3).get_attribute("aria-sort") == "ascending"


def test_everything_has_a_name_for_a_screen_reader(open_page):
    page = open_page("missing.html")
    levels = page.evaluate("() => [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), levels
    for control in page.locator("input, select").all():
        assert control.evaluate("e => e.labels.length") == 1
    for table in page.locator("table").all():
        assert table.locator("th[scope=col]").count() > 1
    for section in page.locator("section").all():
        title = section.get_attribute("aria-labelledby")
        assert page.locator(f"#{title}").count() == 1
    assert page.locator("#result").get_attribute("role") == "status"
    plot = page.get_by_role("img")
    assert plot.count() == 1
    described = plot.get_attribute("aria-labelledby").split()
    assert all(page.locator(f"#{part}").text_content() for part in described)
    assert page.locator("html").get_attribute("lang") == "en"


# WCAG 2's contrast of text against the nearest background that is not transparent.
CONTRAST = """() => {
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const background = (element) => {
    for (; element; element = element.parentElement) {
      const color = numbers(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility() || element.disabled) continue;
    const style = getComputedStyle(element);
    const color = numbers(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [luminance(color), luminance(background(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""


@pytest.mark.parametrize("name", ["covered.html", "missing.html"])
@pytest.mark.parametrize("media", ["light", "dark", "print"])
def test_all_text_has_enough_contrast(open_page, name, media):
    page = open_page(name, color_scheme="dark" if media == "dark" else "light")
    if media == "print":
        page.emulate_media(media="print")
    assert page.evaluate(CONTRAST) == []


def test_colour_never_carries_meaning_alone(open_page):
    page = open_page("missing.html")
    for severity in page.locator(".severity").all()[:60]:
        assert severity.inner_text() in ("critical", "high", "medium", "low")
        glyph = severity.evaluate("e => getComputedStyle(e, '::before').content")
        assert glyph[1] in "◆▲●○", glyph


def test_it_reads_without_javascript(open_page):
    page = open_page("missing.html", java_script_enabled=False)
    assert page.locator("#table tbody tr").count() == 100
    assert not page.locator("#controls").is_visible() and not page.locator("#pager").is_visible()
    assert "need JavaScript" in page.locator("noscript").inner_text()


def test_it_prints_every_part_and_no_controls(open_page, tmp_path):
    page = open_page("missing.html")
    page.pdf(path=tmp_path / "summary.pdf", prefer_css_page_size=True)
    assert (tmp_path / "summary.pdf").stat().st_size > 50_000
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#table tbody tr").count() == 500
    assert re.fullmatch(r"The first 500 of \d+ findings; findings.csv has them all\.", result(page))
    assert not page.locator("#controls").is_visible() and not page.locator("nav").is_visible()
    for section in page.locator("section").all():
        assert section.is_visible()
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator("#table tbody tr").count() == 50


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_no_page_is_wider_than_the_window(open_page, width):
    page = open_page("missing.html", viewport={"width": width, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width

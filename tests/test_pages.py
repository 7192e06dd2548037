"""The rendered book as a reader sees it: opened from the disk in a real browser, without network."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from chapters import chapters, listed
from playwright.sync_api import Browser, Page, Route

from fitnets_lib.durations import in_words
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.real_runs import ROWS
from tests.helpers import prose

PAGES = [Path(name).name for name in listed(CHECKOUT)]
CHAPTERS = [path.stem for path in chapters(CHECKOUT)]
NUMBERED = [name for name in CHAPTERS if name[:2].isdigit()]
"""Those that train and have exercises; an appendix does neither."""

# Contrast (WCAG 2) of each visible text with the ground it stands on; returns the texts below 4.5.
CONTRAST = """
() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walker = document.createTreeWalker(document.querySelector('article'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const aside = '.headerlink, mjx-assistive-mml, script, style, button';
    if (!text || !node.checkVisibility() || node.closest(aside)) continue;
    const a = light(parse(getComputedStyle(node).color)), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.slice(0, 40)}`);
  }
  return bad;
}
"""


@pytest.fixture(scope="module")
def html(smoke_home: Path) -> Path:
    return smoke_home / "_build" / "html"


@pytest.fixture
def trouble() -> list[str]:
    return []


@pytest.fixture(params=["light", "dark", "phone"])
def view(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Browser, trouble: list[str], view: str) -> Iterator[Page]:
    """An empty page; requests to the network are refused and noted, and so is all that the console complains of.

    Its reader wants no motion: on a busy machine a button was judged while its colours were still changing.
    """
    context = browser.new_context(
        viewport={"width": 390 if view == "phone" else 1280, "height": 900},
        color_scheme="dark" if view == "dark" else "light",
        reduced_motion="reduce",
    )

    def refuse(route: Route) -> None:
        trouble.append(route.request.url)
        route.abort()

    context.route(re.compile("^https?://"), refuse)
    page = context.new_page()
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(f"failed: {request.url}"))
    yield page
    context.close()


def read(page: Page, html: Path, name: str) -> None:
    page.goto((html / "book" / f"{name}.html").as_uri())
    page.evaluate("window.MathJax && MathJax.startup.promise")


def barriers(page: Page, colours: bool = True) -> list[str]:
    """What axe-core finds on the page that is serious or critical for somebody, with the first place of each."""
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": colours}}}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']}, {len(one['nodes'])} times: {one['nodes'][0]['html'][:200]}: {one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_legible_without_barriers_and_fits_in_every_view(
    page: Page, html: Path, name: str, trouble: list[str], view: str
) -> None:
    read(page, html, name)
    assert trouble == []
    images = page.eval_on_selector_all("article img", "all => all.map(i => [i.src, i.alt, i.naturalWidth])")
    assert [src for src, _, width in images if width == 0] == []
    assert [src for src, alt, _ in images if len(alt.split()) < 5] == []
    assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if view == "dark" else "light")
    assert page.evaluate(CONTRAST) == []
    assert barriers(page, colours=view != "phone") == []  # those of a phone are those of the light view
    assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")
    grounds = page.eval_on_selector_all(
        "article figure img", "all => all.map(i => getComputedStyle(i).backgroundColor)"
    )
    assert view != "dark" or set(grounds) <= {"rgb(255, 255, 255)"}


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_a_table_that_goes_on_to_the_right_fades_out_until_it_is_scrolled_to_its_end(page: Page, html: Path) -> None:
    read(page, html, "06_what_failed")
    look = """all => all.map(one => [one.scrollWidth > one.clientWidth, getComputedStyle(one).maskImage])"""
    tables = page.locator(".pst-scrollable-table-container")
    fades = "linear-gradient(to left, rgba(0, 0, 0, 0), rgb(0, 0, 0) {})"
    before = tables.evaluate_all(look)
    assert {goes_on for goes_on, _ in before} == {True, False}
    assert all(mask == fades.format("24px" if goes_on else "0px") for goes_on, mask in before)
    tables.evaluate_all("all => all.forEach(one => one.scrollLeft = one.scrollWidth)")
    page.wait_for_timeout(200)
    assert {mask for _, mask in tables.evaluate_all(look)} == {fades.format("0px")}


@pytest.mark.parametrize("view", ["light"], indirect=True)
@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_are_drawn_without_network(page: Page, html: Path, name: str, trouble: list[str]) -> None:
    read(page, html, name)
    source = prose(name)
    written = page.locator(".math").count()
    assert written >= len(re.findall(r"\$[^$]+\$", source)) + source.count("```{math}") > 0
    assert page.locator(".math mjx-container").count() == written
    assert page.locator("mjx-merror").count() == 0
    assert not re.search(r"\\\(|\\\[|\\frac|\$", page.locator("article").inner_text())
    assert trouble == []


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_search_works_from_the_disk_and_there_is_one_search_box(page: Page, html: Path, trouble: list[str]) -> None:
    page.goto((html / "book" / "intro.html").as_uri())
    assert page.locator("button.search-button-field:visible, input[type=search]:visible").count() == 1
    page.goto((html / "search.html").as_uri() + "?q=regressor")
    page.locator("ul.search li a", has_text="Hint training").first.wait_for()  # they come one after the other
    assert "Hint training" in page.locator("ul.search").inner_text()
    assert trouble == []


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_the_first_page_leads_to_the_book(page: Page, html: Path) -> None:
    page.goto((html / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")


@pytest.mark.parametrize("name", PAGES)
def test_internal_links_and_anchors_resolve(html: Path, name: str) -> None:
    path = html / "book" / f"{name}.html"
    broken = []
    for link in re.findall(r'<a [^>]*href="([^"]+)"', path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link) or link == "#":
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.is_file() or (anchor and f'id="{anchor}"' not in target.read_text(encoding="utf-8")):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("view", ["light"], indirect=True)
@pytest.mark.parametrize("name", CHAPTERS)
def test_the_values_papermill_injected_and_the_solutions_are_folded_away(page: Page, html: Path, name: str) -> None:
    read(page, html, name)
    injected = page.locator(".tag_injected-parameters")
    assert injected.count() == 1
    assert not injected.locator("pre").is_visible()
    solutions = page.locator(".solution.dropdown section")
    assert solutions.count() >= (3 if name in NUMBERED else 0)
    assert not any(solution.is_visible() for solution in solutions.all())


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_every_table_of_the_build_is_on_its_page_cell_by_cell(page: Page, html: Path, smoke_home: Path) -> None:
    tables: dict[str, str] = {}
    for name in CHAPTERS:
        executed = nbformat.read(smoke_home / "_build" / "executed" / "smoke" / f"{name}.ipynb", as_version=4)
        outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
        kept = [output.metadata["fitnets"]["file"] for output in outputs if "fitnets" in output.get("metadata", {})]
        tables |= {Path(file).stem: name for file in kept if Path(file).parent.name != "evidence"}  # that is not shown
    files = sorted((smoke_home / "results" / "smoke").glob("*.csv"))
    assert {file.stem for file in files} == tables.keys()
    for file in sorted(files, key=lambda file: tables[file.stem]):
        if Path(page.url).stem != tables[file.stem]:
            read(page, html, tables[file.stem])
        shown = page.eval_on_selector_all(
            f"#tab-{file.stem.replace('_', '-')} tr",
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))",
        )
        with file.open(encoding="utf-8", newline="") as lines:
            assert shown == list(csv.reader(lines)), file.name


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_a_smoke_build_says_on_every_chapter_that_its_numbers_mean_nothing(page: Page, html: Path) -> None:
    for name in NUMBERED:
        read(page, html, name)
        assert "its numbers mean nothing" in page.locator(".admonition.warning").first.inner_text()


CAPTION_ENDS = """all => all.map(caption => {
    const text = document.createRange();
    text.selectNodeContents(caption);
    return [text.getBoundingClientRect().right, caption.closest("table").getBoundingClientRect().right];
})"""


@pytest.mark.parametrize("view", ["phone"], indirect=True)
def test_captions_of_tables_wider_than_a_phone_end_within_it(page: Page, html: Path) -> None:
    read(page, html, "09_benchmarks")
    ends = page.eval_on_selector_all(".bd-article table caption", CAPTION_ENDS)
    assert max(table for _, table in ends) > 390
    assert max(text for text, _ in ends) <= 390


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_the_check_of_barriers_sees_them(page: Page) -> None:
    page.set_content('<html lang="en"><title>t</title><main><img src="a.png"><button></button><p>fine</p></main>')
    assert [line.split(",")[0] for line in barriers(page)] == ["button-name", "image-alt"]


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_the_check_of_contrast_sees_pale_text(page: Page) -> None:
    page.set_content('<article><p style="color: #999">pale</p><p style="color: #666">dark enough</p></article>')
    assert [line.split(": ")[1] for line in page.evaluate(CONTRAST)] == ["pale"]


def test_the_listed_pages_are_those_of_the_table_of_contents() -> None:
    toc = (CHECKOUT / "_toc.yml").read_text(encoding="utf-8")
    assert re.findall(r"book/(\w+)", toc) == PAGES


@pytest.mark.parametrize("view", ["light"], indirect=True)
def test_the_status_page_tells_of_every_chapter_what_its_executed_copy_keeps(
    page: Page, html: Path, smoke_home: Path
) -> None:
    read(page, html, "status")
    rows = page.eval_on_selector_all(
        "#tab-status-chapters tbody tr",
        "all => all.map(row => [row.querySelector('a').getAttribute('href'), ...[...row.cells].map(c => c.innerText)])",
    )
    for name, (link, _, preset, seeds, device, took, at, executed) in zip(CHAPTERS, rows, strict=True):
        copy = nbformat.read(smoke_home / "_build" / "executed" / "smoke" / f"{name}.ipynb", as_version=4)
        kept = copy.metadata["fitnets"]
        assert link == f"{name}.html"
        assert [preset, seeds, device] == ["smoke", f"0 to {kept['parameters']['seeds'] - 1}", "cpu"]
        assert took == in_words(kept["seconds"])
        assert f"{at.replace(' ', 'T')}+00:00" == kept["at"]
        assert executed == "in this build"
    assert page.locator("#tab-status-records tbody tr").count() == len(ROWS)

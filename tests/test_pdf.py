"""The printed book: the smoke build as one PDF, read back."""

from __future__ import annotations

import re
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pdf
import pytest
from bs4 import BeautifulSoup
from chapters import chapters, listed
from pypdf import PdfReader
from pypdf.generic import ArrayObject, Destination, DictionaryObject, PdfObject

from fitnets_lib.paths import CHECKOUT
from tests.helpers import prose

PAGES = [page for page in listed(CHECKOUT) if page not in pdf.UNPRINTED]
ABOUT = "From a test.\nA second line."


@pytest.fixture(scope="module")
def html(smoke_home: Path) -> Path:
    return smoke_home / "_build" / "html"


@pytest.fixture(scope="module")
def printed(html: Path, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    out = tmp_path_factory.mktemp("printed") / "book.pdf"
    try:  # in a thread of its own, since playwright may be at work in this one
        with ThreadPoolExecutor(1) as other:
            sheets = other.submit(pdf.write, html, PAGES, CHECKOUT / "_config.yml", ABOUT, out).result()
    except pdf.NoBrowser:
        pytest.skip("no chromium or google-chrome on this machine")
    reader = PdfReader(out, strict=True)
    assert len(reader.pages) == sheets
    assert not list(html.rglob("*.whole.html"))
    return reader


@pytest.fixture(scope="module")
def texts(printed: PdfReader) -> list[str]:
    """The text of each sheet, without what a line break changes; its number, painted first, is taken off."""
    first, *rest = (squeezed(page.extract_text()) for page in printed.pages)
    assert all(text.startswith(str(number)) for number, text in enumerate(rest, start=2))
    return [first, *(text.removeprefix(str(number)) for number, text in enumerate(rest, start=2))]


@pytest.fixture(scope="module")
def titles(html: Path) -> list[str]:
    """The title of each page, in order."""
    found = []
    for name in PAGES:
        article = pdf.article(html, name, [])
        assert article.h1 is not None
        found.append(squeezed(article.h1.get_text()))
    return found


@pytest.fixture(scope="module")
def begins(printed: PdfReader) -> list[int]:
    """The sheet, counted from 1, on which each page begins."""
    places = pdf.sheets(printed)
    return [places[Path(name).name] for name in PAGES]


def squeezed(text: str) -> str:
    """`text` without what a line break changes."""
    return re.sub(r"\s+", "", text)


def dictionary(found: PdfObject | None) -> DictionaryObject:
    whole = None if found is None else found.get_object()
    assert isinstance(whole, DictionaryObject)
    return whole


def test_the_title_page_comes_first_and_has_no_number(texts: list[str]) -> None:
    title = squeezed("FitNets: hints for thin deep nets")
    assert texts[0].startswith(title)
    assert texts[0].endswith(squeezed(ABOUT))


def test_the_contents_name_the_sheet_on_which_each_page_begins(
    texts: list[str], titles: list[str], begins: list[int]
) -> None:
    assert texts[1].startswith("Contents")
    assert len(titles) == len(PAGES) == len(set(titles))
    numbers = []
    for title in titles:
        (number,) = re.findall(rf"{re.escape(title)}(\d+)", texts[1])
        assert title in texts[int(number) - 1]
        numbers.append(int(number))
    assert numbers == sorted(set(numbers))
    assert numbers == begins


def test_the_number_stands_at_the_foot_of_a_sheet(printed: PdfReader) -> None:
    margin = 18 / 25.4 * 72
    for number in (1, 2, len(printed.pages) // 2, len(printed.pages)):
        below: list[str] = []

        def visit(text: str, outer: list[float], inner: list[float], *_: object, below: list[str] = below) -> None:
            if text.strip() and outer[5] + outer[3] * inner[5] < margin:
                below.append(text.strip())

        printed.pages[number - 1].extract_text(visitor_text=visit)
        assert [text for text in below if text.isdigit()] == ([str(number)] if number > 1 else [])


def test_there_are_as_many_sheets_as_such_a_book_may_have(texts: list[str], titles: list[str]) -> None:
    assert 2 * len(titles) < len(texts) < 20 * len(titles)
    assert all(len(text) > 3 for text in texts), "none is empty"


def test_formulas_are_drawn_and_none_is_left_as_tex(printed: PdfReader, texts: list[str], begins: list[int]) -> None:
    assert not re.search(r"\\\(|\\\[|\\frac|\\mathcal", "".join(texts))
    starts = dict(zip(PAGES, zip(begins, [*begins[1:], len(texts) + 1], strict=True), strict=True))
    with_formulas = [chapter for chapter in chapters(CHECKOUT) if "```{math}" in prose(chapter.stem)]
    assert len(with_formulas) > 5
    for chapter in with_formulas:
        first, end = starts[f"book/{chapter.stem}"]
        used = {name for page in printed.pages[first - 1 : end - 1] for name in fonts(page)}
        assert any("MathJax_Math-Italic" in name for name in used), chapter


def fonts(page: DictionaryObject) -> dict[str, Set[str]]:
    """The fonts of a sheet by name, each with the keys of what describes it."""
    found: dict[str, Set[str]] = {}
    for font in dictionary(dictionary(page["/Resources"]).get("/Font", DictionaryObject())).values():
        described = dictionary(font)
        if "/DescendantFonts" in described:
            descendants = described["/DescendantFonts"].get_object()
            assert isinstance(descendants, ArrayObject)
            described = dictionary(descendants[0])
        descriptor = dictionary(described["/FontDescriptor"])
        found[str(descriptor["/FontName"])] = described.keys() | descriptor.keys()
    return found


def test_every_font_is_in_the_file(printed: PdfReader) -> None:
    for page in printed.pages:
        for name, keys in fonts(page).items():
            assert {"/FontFile", "/FontFile2", "/FontFile3", "/CharProcs"} & keys, name


def test_links_lead_within_the_book_or_to_the_web(printed: PdfReader) -> None:
    names, kinds = printed.named_destinations.keys(), set()
    for page in printed.pages:
        for annotation in map(dictionary, page.get("/Annots", [])):
            if "/Dest" in annotation:
                kinds.add("within")
                assert str(annotation["/Dest"]).removeprefix("/") in {name.removeprefix("/") for name in names}
            else:
                assert str(dictionary(annotation["/A"])["/URI"]).startswith(("https://", "http://"))
    assert "within" in kinds


def test_the_outline_has_every_page_with_its_sections(printed: PdfReader, titles: list[str]) -> None:
    pages = [squeezed(str(entry.title)) for entry in printed.outline if isinstance(entry, Destination)]
    assert pages[-len(titles) :] == titles
    assert sum(isinstance(entry, list) for entry in printed.outline) > len(titles) / 2


def test_solutions_are_printed_and_what_belongs_to_the_screen_is_not(texts: list[str], html: Path) -> None:
    whole, solutions = "".join(texts), 0
    for chapter in chapters(CHECKOUT):
        for solution in pdf.article(html, f"book/{chapter.stem}", []).select(".solution"):
            text = solution.select_one("section")
            assert text is not None
            longest = max(text.stripped_strings, key=len)
            assert squeezed(longest) in whole or longest.startswith("\\(")  # formulas are glyphs
            solutions += 1
    assert solutions > 20
    for said in ("Showcode", "Hidecode", "Clicktoshow", "Details", "Previous", "Skiptomain"):
        assert said not in whole


def test_anchors_and_links_are_made_unique_and_what_leads_elsewhere_is_text(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "one.html").write_text(
        "<article>"
        '<section id="exercises"><h1>One<a class="headerlink" href="#x">#</a></h1>'
        '<a href="two.html#deep">a</a><a href="two.html">b</a><a href="#exercises">c</a>'
        '<a href="https://example.org/">d</a><a href="../genindex.html">e</a>'
        '<div class="tag_hide-cell"><details class="hide"><summary>Show</summary>folded</details></div></section>'
        '<section id="s"><div class="tag_hide-input"><details class="hide">code</details>shown</div></section>'
        "</article>"
    )
    found = pdf.article(tmp_path, "book/one", ["book/one", "book/two"])
    assert [link["href"] for link in found.select("a")] == [
        "#two--deep",
        "#two",
        "#one--exercises",
        "https://example.org/",
    ]
    assert [part["id"] for part in BeautifulSoup(str(found), "html.parser").select("[id]")] == [
        "one",
        "one--exercises",
        "one--s",
    ]
    assert found.get_text() == "Oneabcdefoldedshown"


def test_without_a_browser_pdf_is_refused_in_one_line_before_anything_runs(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(pdf, "BROWSERS", ())
    monkeypatch.setattr(pdf, "CHANNELS", (None,))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path / "home"))
    with ThreadPoolExecutor(1) as other:
        assert other.submit(build.main, ["--preset", "smoke", "--pdf"]).result() == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "--pdf needs playwright with Chromium, Google Chrome or Edge" in said.err
    assert said.out == ""
    assert not (tmp_path / "home").exists()

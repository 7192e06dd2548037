"""The rendered pages as one PDF: joined into one document, printed by a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
CHANNELS = ("chrome", "msedge", None)
"""Where playwright looks if none of these is on the path; None: where it installs."""

# What belongs to the screen. Code that a page folds away stays there as well, except in
# exercises, whose solutions are printed.
DROPPED = (
    "script, button, .headerlink, details.hide > summary, .tag_injected-parameters, "
    "section:not([id$=exercises]) > .tag_hide-input > details.hide, "
    "section:not([id$=exercises]) > .tag_hide-cell > details.hide"
)
UNPRINTED = ("book/api",)
"""Pages that nobody reads on paper."""

SHORT = 20
"""Rows up to which a table stays on one sheet."""

PRINT: dict[str, Any] = {
    "prefer_css_page_size": True,
    "print_background": True,
    "outline": True,
    "tagged": True,
}
NUMBER = """
numbers => document.querySelectorAll('[data-sheet]').forEach(
  place => place.textContent = numbers[place.dataset.sheet] ?? ''
)
"""


class NoBrowser(RuntimeError):
    """There is no browser to print with; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "--pdf needs playwright with Chromium, Google Chrome or Edge, and found "
            "none: install one of them, or run `python -m playwright install chromium`"
        )


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window.

    Raises:
        NoBrowser: if there is none that starts.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NoBrowser from error
    there = [path for name in BROWSERS if (path := shutil.which(name)) is not None]
    ways: list[dict[str, Any]] = [{"executable_path": path} for path in there]
    ways += [{"channel": channel} for channel in CHANNELS]
    with sync_playwright() as playwright:
        for way in ways:
            try:
                found = playwright.chromium.launch(**way)
            except Error:
                continue
            break
        else:
            raise NoBrowser
        try:
            yield found
        finally:
            found.close()


def write(html: Path, pages: Sequence[str], config: Path, about: str, out: Path) -> int:
    """Prints rendered pages into one PDF: a title page, contents, the pages in order.

    Args:
        html: the folder of the rendered book.
        pages: their names within it, without suffix, such as `book/intro`.
        config: `_config.yml`, for title and author.
        about: what the title page says of this build, as plain text.
        out: the PDF.

    Returns:
        How many sheets it has.

    Raises:
        NoBrowser: if there is none that starts.
    """
    described = yaml.safe_load(config.read_text(encoding="utf-8"))
    front = [described["title"], described["author"], *about.splitlines()]
    whole = (
        html / f"{pages[0]}.whole.html"
    )  # beside the pages, where links to images hold
    whole.write_text(joined(html, pages, front), encoding="utf-8")
    try:
        with browser() as chromium:
            context = chromium.new_context(color_scheme="light")
            context.route(re.compile("^https?://"), lambda route: route.abort())
            sheet = context.new_page()
            sheet.goto(whole.as_uri())
            sheet.evaluate("window.MathJax && MathJax.startup.promise")
            sheet.evaluate("document.fonts.ready.then(() => null)")
            # Printed twice: where chapters begin is known only then. The contents take
            # the same room with these numbers in them.
            sheet.pdf(path=out, **PRINT)
            sheet.evaluate(NUMBER, sheets(PdfReader(out)))
            sheet.pdf(path=out, **PRINT)
    finally:
        whole.unlink()
    return len(PdfReader(out).pages)


def sheets(reader: PdfReader) -> dict[str, int]:
    """The sheet, counted from 1, on which each anchor that is linked to stands."""
    found = {}
    for name, destination in reader.named_destinations.items():
        number = reader.get_destination_page_number(destination)
        if number is not None:
            found[name.removeprefix("/")] = number + 1
    return found


def joined(html: Path, pages: Sequence[str], front: Sequence[str]) -> str:
    """One HTML document of a title page, contents and all pages, with links within it.

    Args:
        html: the folder of the rendered book.
        pages: their names within it.
        front: the title, then the other lines of the title page.
    """
    articles = [article(html, name, pages) for name in pages]
    entries = []
    for one in articles:
        heading, name = one.h1, one["id"]
        assert heading is not None, "every page has a title"
        link = f'<a href="#{name}">{heading.decode_contents()}</a>'
        entries.append(f'<li>{link}<span data-sheet="{name}"></span></li>')
    title, *lines = map(escape, front)
    body = (
        f'<main class="title-page"><h1>{title}</h1>'
        f"{''.join(f'<p>{line}</p>' for line in lines)}</main>"
        '<nav class="printed-contents"><h1>Contents</h1>'
        f"<ol>{''.join(entries)}</ol></nav>{''.join(map(str, articles))}"
    )
    page = (html / f"{pages[0]}.html").read_text(encoding="utf-8")
    head = BeautifulSoup(page, "html.parser").head
    assert head is not None
    styles = head.select("link[rel=stylesheet]")
    scripts = [one for one in head.select("script") if "mathjax" in str(one).lower()]
    up = "../" * pages[0].count("/")
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>{title}</title>'
        f"{''.join(map(str, [*styles, *scripts]))}"
        f'<link rel="stylesheet" href="{up}_static/print.css"></head>'
        f"<body>{body}</body></html>"
    )


def article(html: Path, name: str, pages: Sequence[str]) -> Tag:
    """The text of one page, its anchors made unique in the book, its folds opened."""
    path = html / f"{name}.html"
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    found = soup.find("article")
    assert isinstance(found, Tag), f"{path} has no article"
    for part in found.select(DROPPED):
        part.decompose()
    for cell in found.select("div.cell"):
        if not cell.get_text(strip=True) and cell.img is None:
            cell.decompose()
    for fold in found.select("details"):
        fold.name = "div"
    for table in found.select("table"):
        if len(table.select("tr")) <= SHORT:
            table["class"] = " ".join([*table.get_attribute_list("class"), "short"])
    own = Path(name).name
    for part in found.select("[id]"):
        part["id"] = f"{own}--{part['id']}"
    found["id"] = own
    for link in found.select("a[href]"):
        target = _within(str(link["href"]), own, {Path(page).name for page in pages})
        if target is None:
            link.unwrap()
        else:
            link["href"] = target
    return found


def _within(href: str, own: str, pages: set[str]) -> str | None:
    """Where a link leads in the joined document; None if it leads to none of it."""
    if re.match(r"https?:|mailto:", href):
        return href
    file, _, anchor = href.partition("#")
    page = file.removesuffix(".html") if file else own
    if page not in pages:
        return None
    return f"#{page}--{anchor}" if anchor else f"#{page}"

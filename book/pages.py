"""Pages: the book laid out with its executed chapters, rendered by Jupyter Book."""

from __future__ import annotations

import re
import shutil
import subprocess  # nosec B404  its one command is written out below
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import yaml
from chapters import Failed

# What the theme writes into each page that a page opened from the disk must not have:
# fonts preloaded as if from another site, which a browser refuses (they load without),
# and Thebe, written twice, which needs a server to run code in the page.
UNWANTED = re.compile(
    r'<link rel="preload" as="font"[^>]*>\s*'
    r"|<script>const THEBE_JS_URL.*?</script>\s*"
    r'|<script[^>]*src="[^"]*sphinx-thebe\.js[^"]*"></script>\s*'
)


def stage(
    root: Path, executed: list[Path], site: Path, generated: Mapping[str, str]
) -> None:
    """Lays out the book in `site`, with executed chapters in place of the notebooks.

    Args:
        root: the folder of the book's `_config.yml`.
        executed: the executed chapters.
        site: where to lay it out; what is there is removed.
        generated: the text that stands for each name in `{{ name }}` on a page.
    """
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(
        root / "book",
        site / "book",
        ignore=shutil.ignore_patterns("*.ipynb", "__pycache__", "*.py"),
    )
    shutil.copy(root / "_toc.yml", site / "_toc.yml")
    config = with_home(yaml.safe_load((root / "_config.yml").read_text("utf-8")))
    config["sphinx"]["config"]["myst_substitutions"] |= generated
    (site / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for chapter in executed:
        nbformat.write(_shown(chapter), site / "book" / chapter.name)


def _shown(executed: Path) -> nbformat.NotebookNode:
    """An executed chapter without the marks that evidence leaves for the builder."""
    notebook: nbformat.NotebookNode = nbformat.read(executed, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if not _is_evidence(out)]
    return notebook


def _is_evidence(output: nbformat.NotebookNode) -> bool:
    file = output.get("metadata", {}).get("fitnets", {}).get("file", "")
    return Path(file).parent.name == "evidence"


def with_home(config: dict[str, Any]) -> dict[str, Any]:
    """`config` with the buttons that the address allows, and a sentence on it."""
    address = config["repository"]["url"]
    sentence = (
        "This book has no public address yet: buttons for it and for Colab are off."
    )
    if address:
        sentence = (
            f"The sources are at <{address}>; chapters open on Colab from the top."
        )
        # Jupyter Book would make the theme's options out of its own settings, but the
        # options that `_config.yml` gives take the place of all that it makes.
        theme = config["sphinx"]["config"].setdefault("html_theme_options", {})
        theme |= {
            "use_repository_button": True,
            "use_issues_button": True,
            "repository_url": address,
            "repository_branch": "main",
            "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        }
    config["sphinx"]["config"]["myst_substitutions"] = {"home": sentence}
    return config


def render(site: Path) -> Path:
    """Renders `site` with Jupyter Book, warnings counting as errors.

    Returns:
        The first page.

    Raises:
        Failed: with what Jupyter Book printed.
    """
    done = _jupyter_book(site, "-W", "-n", "--keep-going")
    built = site / "_build" / "html"
    if done.returncode != 0 or not (built / "index.html").is_file():
        raise Failed(f"Jupyter Book stopped:\n{done.stdout}{done.stderr}")
    for page in built.rglob("*.html"):
        text = UNWANTED.sub("", page.read_text(encoding="utf-8"))
        # The bibliography is a list, so what is in it are list items.
        text = text.replace('role="doc-biblioentry"', 'role="listitem"')
        page.write_text(text, encoding="utf-8")
    html = site.parent / "html"
    if html.exists():
        shutil.rmtree(html)  # what cannot be removed must not pass for the new book
    shutil.move(built, html)
    return html / "index.html"


def check_links(site: Path) -> None:
    """Asks the web for each page that the book in `site` links to.

    Raises:
        Failed: naming the links that lead nowhere.
    """
    done = _jupyter_book(site, "--builder", "linkcheck")
    found = site / "_build" / "html" / "output.txt"
    if not found.is_file():
        raise Failed(f"Jupyter Book stopped:\n{done.stdout}{done.stderr}")
    lines = found.read_text(encoding="utf-8").splitlines()
    broken = [line for line in lines if "[broken]" in line]
    if broken:
        raise Failed("\n".join(["These links lead nowhere:", *broken]))


def _jupyter_book(site: Path, *options: str) -> subprocess.CompletedProcess[str]:
    # The package has no `python -m`, and our extension lies here.
    start = (
        f"import sys; sys.path.append({str(Path(__file__).parent)!r}); "
        "from jupyter_book.cli.main import main; main()"
    )
    command = [sys.executable, "-c", start, "build", str(site), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # nosec B603  no shell, our Python

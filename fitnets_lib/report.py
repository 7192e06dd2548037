"""Numbers, sentences and tables as a page shows them; every one of them is made from results.

A table is written to `results/<preset>/` as CSV and shown as it was written. On a rendered page it is numbered and can
be referred to; in Jupyter and on Colab the same output is an ordinary table. Evidence, a row for each run or
measurement to eight digits, is what the score card judges the claims by (`claims.py`).
"""

from __future__ import annotations

from html import escape

import pandas as pd
from IPython.display import Markdown, display

from fitnets_lib import files, paths, sealed
from fitnets_lib.settings import PRESETS


def table(frame: pd.DataFrame, name: str, caption: str, preset: str) -> None:
    """Writes `frame` to `results/<preset>/<name>.csv` and shows it with a caption that can stand alone.

    Args:
        frame: what to show, ready to be read: text, or numbers rounded as they should appear.
        name: of the file; pages refer to the table as `tab-<name>`.
        caption: one or two sentences in MyST Markdown.
        preset: whose result this is.
    """
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    files.write(paths.results(preset) / f"{name}.csv", content)
    kept = {"file": f"{preset}/{name}.csv", "sha256": files.digest(content)}  # a build checks that it is unchanged
    plain = f"<p>{escape(caption)}</p>{frame.to_html(index=False)}"
    bundle = {"text/markdown": _numbered(frame, name, caption), "text/html": plain, "text/plain": frame.to_string()}
    display(bundle, raw=True, metadata={"fitnets": kept})


def evidence(frame: pd.DataFrame, name: str, preset: str) -> None:
    """Writes `frame` to `results/<preset>/evidence/<name>.csv`, for the score card; shows nothing.

    Args:
        frame: a row for each run or measurement: columns that say what it is (such as depth and recipe), its seed, and
            what was measured. No seconds: evidence is the same in every build.
        name: of the table, as claims name it.
        preset: whose result this is.
    """
    with files.alone(paths.evidence(preset) / name):  # as where a row's tables are written
        content = sealed.write(paths.evidence(preset) / f"{name}.csv", frame)
    kept = {"file": f"{preset}/evidence/{name}.csv", "sha256": files.digest(content)}
    display({"application/papermill.record/text/plain": "''"}, raw=True, metadata={"fitnets": kept})


def _numbered(frame: pd.DataFrame, name: str, caption: str) -> str:
    """`frame` as a MyST table directive."""

    def row(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    lines = [row(list(map(str, frame.columns))), row(["---"] * len(frame.columns))]
    lines += [row([str(cell) for cell in record]) for record in frame.itertuples(index=False)]
    return f"````{{table}} {caption}\n:name: tab-{name}\n\n" + "\n".join(lines) + "\n````\n"


def say(text: str) -> None:
    """Shows a paragraph of Markdown that was put together from results."""
    display(Markdown(text))


def glue(name: str, value: str) -> None:
    """Keeps `value` under `name` for other pages, which show it by MyST-NB's `glue:text` role."""
    display(
        {"application/papermill.record/text/plain": repr(value)},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
    )


def scale(preset: str, data: str, seeds: int, epochs: int, device: str, seconds: float) -> None:
    """Shows what the results of a chapter are made of, and warns where they are only good for testing."""
    assert preset in PRESETS
    lines = (
        f"Preset `{preset}`: data set `{data}`, {seeds} seeds, {epochs} epochs a run in all, on `{device}`, "
        f"{seconds / 60:.1f} minutes of {'processor time' if device == 'cpu' else 'time'} "
        "for the training of all runs shown here."
    )
    if preset == "smoke":
        say(f":::{{warning}}\n{lines} This preset only shows that the chapter runs; its numbers mean nothing.\n:::")
    else:
        say(f":::{{note}}\n{lines}\n:::")

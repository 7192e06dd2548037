"""The reference page: every module of the library, in the order in which data flow."""

from __future__ import annotations

from pathlib import Path

GROUPS: dict[str, tuple[str, ...]] = {
    "What all others use": (
        "errors",
        "paths",
        "files",
        "source",
        "randomness",
        "precision",
        "threads",
    ),
    "Data": (
        "arrays",
        "embedded",
        "idx",
        "cifar",
        "cifar_classes",
        "svhn",
        "aflw",
        "preprocessing",
        "augmentation",
        "data",
        "data_cards",
        "shapes",
    ),
    "Networks": (
        "maxout",
        "networks",
        "variants",
        "residual",
        "initialisation",
        "paper_networks",
        "architectures",
        "complexity",
        "timing",
    ),
    "Losses and recipes": ("losses", "annealing", "regressors", "terms", "recipes"),
    "Training": (
        "rmsprop",
        "optimisation",
        "training_settings",
        "shelf",
        "teacher_cache",
        "divergence",
        "outcomes",
        "training",
        "curriculum",
        "paced",
        "diagnostics",
        "features",
    ),
    "Runs": (
        "checkpoints",
        "fits",
        "specification",
        "runs",
        "sweep",
        "experiments",
        "courses",
        "gaps",
        "records",
        "remade",
        "real_settings",
        "real_runs",
        "paper_runs",
        "durations",
        "speeds",
    ),
    "Results and claims": (
        "statistics",
        "results",
        "sealed",
        "printed",
        "printed_results",
        "side_by_side",
        "left_alone",
        "trials",
        "claims",
        "verdicts",
    ),
    "Pages": (
        "settings",
        "report",
        "plots",
        "error_bars",
        "by_start",
        "pictures",
        "overview",
    ),
    "Kernels": (
        "kernels",
        "kernels.maxout",
        "kernels.hint",
        "kernels.distillation",
        "kernels.eager",
    ),
}
"""Modules by what they are about; one that is not named here comes last on the page."""


def modules(package: Path) -> list[str]:
    """The modules of `package` by their names within it, such as `kernels.hint`."""
    names = [
        path.relative_to(package).with_suffix("").parts
        for path in sorted(package.rglob("*.py"))
    ]
    whole = [".".join(part for part in name if part != "__init__") for name in names]
    return [name for name in whole if name not in ("", "__main__")]


def page(package: Path) -> str:
    """The text that stands for `{{ api }}` in `book/api.md`."""
    there = modules(package)
    named = {name for names in GROUPS.values() for name in names}
    rest = {"Others": tuple(name for name in there if name not in named)}
    text = []
    for title, names in {**GROUPS, **rest}.items():
        found = [name for name in names if name in there]
        text += [f"## {title}\n"] if found else []
        text += [_section(f"{package.name}.{name}") for name in found]
    return "\n".join(text)


def _section(module: str) -> str:
    directive = f"```{{eval-rst}}\n.. automodule:: {module}\n```"
    return f"### {module.partition('.')[2]}\n\n{directive}\n"

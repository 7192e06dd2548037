"""What a host of the code would run: valid by its public schema, calling what a reader calls, with few permissions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fitnets_lib.paths import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def workflow(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # `on` stays a word
    return found


def commands(workflow: dict[str, Any]) -> list[str]:
    return [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]


def test_there_are_five() -> None:
    assert [path.stem for path in WORKFLOWS] == ["audit", "book", "colab", "links", "test"]


def test_they_are_valid_by_the_schema_of_their_kind() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_schema_refuses_what_is_no_workflow(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("name: bad\non: push\njobs:\n  one:\n    steps: all\n")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, str(tmp_path / "bad.yml")], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_a_workflow_may_read_and_only_the_publishing_job_may_write(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    writers = {name for name, job in workflow["jobs"].items() if "write" in job.get("permissions", {}).values()}
    assert writers <= {"publish"}


def test_a_workflow_ends_and_does_not_run_twice_at_once(workflow: dict[str, Any]) -> None:
    assert workflow["concurrency"]["group"]
    assert all("timeout-minutes" in job for name, job in workflow["jobs"].items() if name != "publish")


def test_actions_are_githubs_own_and_pinned_to_one_commit(workflow: dict[str, Any]) -> None:
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert len(set(used)) == len({action.split("@")[0] for action in used})


def test_what_is_made_is_a_target_of_the_makefile(workflow: dict[str, Any]) -> None:
    targets = set(re.findall(r"^(\w+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for command in commands(workflow) for name in re.findall(r"\bmake (\w+)", command)} <= targets


def test_files_that_are_named_exist(workflow: dict[str, Any]) -> None:
    for command in commands(workflow):
        for name in re.findall(r"[\w./\\-]+\.(?:py|txt|sh)\b", command):
            assert (CHECKOUT / name.replace("\\", "/").removeprefix("/content/source/")).is_file(), name


def test_colab_executes_every_chapter_and_leaves_torch_and_numpy_alone() -> None:
    script = CHECKOUT / ".github" / "colab.sh"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    text = script.read_text(encoding="utf-8")
    assert "for chapter in ../book/*.ipynb" in text
    assert "--no-deps" in text
    assert not re.search(r"install[^\n]*(?:torch|numpy)", text)
    preset, *_ = re.findall(r"-f (\S+)", text)
    assert (CHECKOUT / preset.removeprefix("../")).is_file()


def test_the_book_is_published_only_where_it_is_switched_on() -> None:
    book = yaml.load((CHECKOUT / ".github" / "workflows" / "book.yml").read_text("utf-8"), yaml.BaseLoader)
    assert book["jobs"]["publish"]["if"].startswith("vars.PUBLISH_BOOK == 'yes' && ")
    assert book["jobs"]["publish"]["needs"] == "build"
    assert "`PUBLISH_BOOK`" in (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_oldest_python_is_tested_and_on_windows_what_the_readme_says() -> None:
    test = yaml.load((CHECKOUT / ".github" / "workflows" / "test.yml").read_text("utf-8"), yaml.BaseLoader)
    pythons = test["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={pythons[0]}"' in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for step in test["jobs"]["windows"]["steps"]:
        if "run" in step:
            by_hand = step["run"].replace("\\", "/").replace(".venv/Scripts/", ".venv/bin/")
            assert by_hand.replace("smoke", "embedded") in readme


def test_what_is_audited_is_what_is_locked_for_the_oldest_and_the_newest_python() -> None:
    audit, test = (
        yaml.load((CHECKOUT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"), yaml.BaseLoader)
        for name in ("audit", "test")
    )
    job = audit["jobs"]["packages"]
    assert job["strategy"]["matrix"] == test["jobs"]["linux"]["strategy"]["matrix"]
    (command,) = [step["run"] for step in job["steps"] if "run" in step]
    (lock,) = re.findall(r"--requirement (\S+)", command)
    assert (CHECKOUT / lock).is_file() and audit["on"]["push"]["paths"] == [lock]


def test_the_weekly_ones_are_weekly() -> None:
    for name in ("audit", "colab", "links"):
        workflow = yaml.load((CHECKOUT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"), yaml.BaseLoader)
        (when,) = workflow["on"]["schedule"]
        assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", when["cron"])

"""Which chapters are under way at once, and what happens when one fails."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import waves

from fitnets_lib.paths import CHECKOUT


@pytest.fixture
def chapters(tmp_path: Path) -> list[Path]:
    """Six chapters: the second takes times, the fifth reads the evidence of others, the sixth records."""
    said: list[dict[str, Any]] = [{}, {"alone": True}, {}, {}, {"reads": ["evidence"]}, {"reads": ["records"]}]
    found = []
    for number, own in enumerate(said, start=1):
        found.append(tmp_path / f"{number}.ipynb")
        found[-1].write_text(json.dumps({"metadata": {"fitnets": own} if own else {}}))
    return found


def test_who_takes_times_is_alone_and_who_reads_evidence_comes_after_all_before_it(chapters: list[Path]) -> None:
    assert [[path.stem for path in wave] for wave in waves.waves(chapters)] == [["1"], ["2"], ["3", "4"], ["5"], ["6"]]


def test_chapters_of_a_wave_are_under_way_at_once_and_are_given_back_in_order(chapters: list[Path]) -> None:
    together = threading.Barrier(2, timeout=10)

    def do(chapter: Path) -> str:
        if chapter.stem in ("3", "4"):
            together.wait()  # breaks unless the other comes as well
        return chapter.stem

    assert waves.each(chapters, do, at_a_time=2) == ["1", "2", "3", "4", "5", "6"]


def test_when_one_fails_who_is_under_way_finishes_and_no_other_begins(chapters: list[Path]) -> None:
    begun, over, beside, failed = [], [], threading.Event(), threading.Event()

    def do(chapter: Path) -> None:
        begun.append(chapter.stem)
        if chapter.stem == "3":
            assert beside.wait(10)  # on a busy machine the failure may come before the neighbour
            failed.set()
            raise ValueError("no")
        if chapter.stem == "4":
            beside.set()
            assert failed.wait(10)
        over.append(chapter.stem)

    with pytest.raises(ValueError, match="no"):
        waves.each(chapters, do, at_a_time=2)
    assert sorted(begun) == ["1", "2", "3", "4"]
    assert sorted(over) == ["1", "2", "4"]


def test_in_the_book_the_chapter_that_times_networks_is_alone_and_the_score_card_waits_for_the_rest() -> None:
    book = [CHECKOUT / "book" / f"{name}.ipynb" for name in ("01_why_thin_and_deep", "02_curriculum", "12_score_card")]
    assert waves.waves(book) == [[path] for path in book]


def test_a_thread_that_is_free_when_another_fails_begins_nothing_either(tmp_path: Path) -> None:
    chapters = [tmp_path / f"{number}.ipynb" for number in (1, 2, 3, 4)]
    for chapter in chapters:
        chapter.write_text(json.dumps({"metadata": {}}))
    begun, failed = [], threading.Event()

    def do(chapter: Path) -> None:
        begun.append(chapter.stem)
        if chapter.stem == "2":
            failed.set()
            raise ValueError("no")
        assert failed.wait(10)
        time.sleep(0.1)  # so that the thread of the chapter that failed comes for the next one first

    for _ in range(5):
        begun.clear()
        failed.clear()
        with pytest.raises(ValueError, match="no"):
            waves.each(chapters, do, at_a_time=2)
        assert sorted(begun) == ["1", "2"]

"""Chapters side by side, so that no processor waits while one draws figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_EXCEPTION,
    CancelledError,
    ThreadPoolExecutor,
    wait,
)
from pathlib import Path
from threading import Event
from typing import TypeVar

from chapters import says
from jupyter_core.utils import ensure_event_loop

AT_A_TIME = min(2, os.cpu_count() or 1)
"""Chapters under way at once; what they train is spread over all processors besides."""

Found = TypeVar("Found")


def waves(sources: Sequence[Path]) -> list[list[Path]]:
    """Chapters that may be under way at once, in the order of the book.

    One that takes times, `{"fitnets": {"alone": true}}` in its metadata, has the
    machine to itself. One that reads the evidence of others waits for all before it.
    """
    found: list[list[Path]] = [[]]
    for chapter in sources:
        said = says(chapter)
        if said.get("alone") or "evidence" in said.get("reads", []):
            found += [[chapter], []]
        else:
            found[-1].append(chapter)
    return [wave for wave in found if wave]


def each(
    sources: Sequence[Path], do: Callable[[Path], Found], at_a_time: int = AT_A_TIME
) -> list[Found]:
    """What `do` gives for each chapter, in their order, as many at a time as may be.

    When one fails, those under way are finished, and no other is begun.
    """
    found: list[Found] = []
    for wave in waves(sources):
        pool, failed = ThreadPoolExecutor(at_a_time), Event()
        under_way = [pool.submit(_begun, do, chapter, failed) for chapter in wave]
        wait(under_way, return_when=FIRST_EXCEPTION)  # Ctrl-C leaves here at once
        pool.shutdown(cancel_futures=True)
        found += [one.result() for one in under_way]
    return found


def _begun(do: Callable[[Path], Found], chapter: Path, failed: Event) -> Found:
    """What `do` gives; another thread may be here before the pool is told of a failure.

    Closes the event loop in which papermill waits for the kernel in this thread.
    """
    if failed.is_set():
        raise CancelledError
    loop = ensure_event_loop()
    try:
        return do(chapter)
    except BaseException:
        failed.set()
        raise
    finally:
        loop.close()

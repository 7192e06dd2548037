from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fitnets_lib.threads import one_thread, processor, same_algorithms


def fail_inside() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
        raise ValueError("on purpose")


def test_inside_there_is_one_thread_and_afterwards_as_many_as_before_even_after_an_error() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(ValueError, match="on purpose"):
            fail_inside()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_inside_convolutions_have_one_algorithm_and_full_precision_and_outside_what_they_had() -> None:
    def chosen() -> tuple[bool, bool, bool]:
        cudnn = torch.backends.cudnn
        return cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32

    before = chosen()
    with same_algorithms():
        assert chosen() == (True, False, False)
        assert torch.backends.cudnn.enabled
    assert chosen() == before


def test_the_processor_is_named_with_the_instructions_that_torch_uses() -> None:
    name, _, instructions = processor().rpartition(", ")
    assert instructions == torch.backends.cpu.get_cpu_capability()
    told = Path("/proc/cpuinfo")
    if told.is_file() and "model name" in told.read_text():
        assert f": {name}\n" in told.read_text()
    assert name

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from fitnets_lib.precision import Precision, fastest
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD
from fitnets_lib.specification import specification
from fitnets_lib.training import train
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, run, same_bits

FLAGS = Path("/proc/cpuinfo")
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@pytest.mark.skipif(not FLAGS.is_file(), reason="the processor is asked through Linux")
def test_bfloat16_is_chosen_where_the_processor_says_that_it_has_it() -> None:
    flags = FLAGS.read_text().split()
    assert (fastest("cpu") == "bfloat16") == ("avx512_bf16" in flags or "amx_tile" in flags)


@pytest.mark.parametrize(("avx", "amx"), [(False, False), (True, False), (False, True)])
def test_either_kind_of_instructions_will_do(avx: bool, amx: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert fastest("cpu") == ("bfloat16" if avx or amx else "float32")


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_is_asked_for_instructions_and_not_for_emulation(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or there)
    assert fastest("cuda") == ("bfloat16" if there else "float32")


def test_training_in_bfloat16_keeps_weights_in_single_precision_and_comes_near() -> None:
    taught, quick = lessons(), replace(QUICK, epochs=4)
    students, curves = [], []
    for precision in PRECISIONS:
        training = replace(quick, precision=precision)
        student, curve = train(STUDENT, TEACHER, HINT_THEN_KD, training, taught, seed=0)
        students.append(student)
        curves.append([row.train_loss for row in curve])
    assert {p.dtype for p in students[1].parameters()} == {torch.float32}
    assert curves[1] == pytest.approx(curves[0], rel=0.05)
    assert not same_bits(*students)


def test_the_products_are_done_in_the_precision_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, taught = set[torch.dtype](), lessons()
    forward = torch.nn.Conv2d.forward

    def watched(self: torch.nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        found = forward(self, x)
        if not found.is_meta:  # shapes are tried out without numbers
            seen.add(found.dtype)
        return found

    monkeypatch.setattr(torch.nn.Conv2d, "forward", watched)
    for precision, dtype in zip(PRECISIONS, (torch.float32, torch.bfloat16), strict=True):
        seen.clear()
        training = replace(QUICK, epochs=1, precision=precision)
        train(STUDENT, None, BACKPROP, training, taught, seed=0)
        assert seen == {dtype}


def test_the_precision_is_part_of_what_a_run_is() -> None:
    single = run(BACKPROP)
    half = replace(single, training=replace(single.training, precision="bfloat16"))
    assert specification(half)["training"]["precision"] == "bfloat16"
    assert single.name != half.name

"""The numbers in which training computes: single precision, or bfloat16 where the hardware multiplies it faster."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]
"""float32 throughout; or bfloat16 in convolutions and products (autocast, channels last), with weights in float32.

The logits are a product too, so they are in bfloat16. Losses are then computed in float32 again, with one exception:
on a CPU, autocast leaves the student's log-softmax in the teacher's term of the KD loss in bfloat16.
"""


def fastest(device: str) -> Precision:
    """bfloat16 where `device` ("cpu" or "cuda") has instructions for it, float32 where it would be emulated."""
    return "bfloat16" if _multiplies_bfloat16(device) else "float32"


def _multiplies_bfloat16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()

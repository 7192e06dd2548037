"""Triton kernels for operations on which FitNets spend memory traffic; plain torch is their reference and runs on CPUs.

The modules here import Triton, which comes with torch for GPUs, so they are imported where a kernel is wanted and not
before. Each registers a `torch.library` operator that autograd, autocast and torch.compile know, on tensors of any
device: on a CPU it runs in Triton's interpreter (TRITON_INTERPRET=1), which is how the kernels are tested. Outside
torch.compile the same functions are called without the operator, whose checks take longer than a kernel.
"""

from __future__ import annotations

import importlib.util
from functools import cache

from torch import Tensor


def serve(*tensors: Tensor) -> bool:
    """Whether the kernels can take these tensors: all on a GPU, in a torch that has Triton."""
    return all(tensor.is_cuda for tensor in tensors) and _has_triton()


@cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None

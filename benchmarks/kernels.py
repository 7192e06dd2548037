"""Time and memory of each Triton kernel on a GPU, forward and backward, beside plain torch and torch.compile.

    python benchmarks/kernels.py --out benchmarks/records/kernels-gpu.json

Maps are random, of the sizes that layers of the paper's CIFAR-10 teacher and of FitNet 1 have before pooling, at a
batch of 128. Before anything is timed, value and gradient of all three are compared with plain torch's in double
precision. A time is the median of many calls, each with the cache emptied before it; a time on the device is that of
a call recorded as a CUDA graph and replayed, which leaves out the time that Python takes to launch it; memory is the
most that a call takes beyond its inputs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import plain
import record
import torch
import triton
from torch import Tensor

from fitnets_lib.kernels import distillation, hint, maxout
from fitnets_lib.networks import Conv, Network, shapes
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.timing import seconds

TEACHER, STUDENT = NETWORKS["cifar10/teacher"], NETWORKS["cifar10/fitnet1"]
PIECES = 2
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """One operation on one input, as the kernel computes it and as plain torch does."""

    what: str
    input: Tensor
    kernel: Function
    plain: Function
    """The same by plain torch, for an input in any precision."""


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds, memory in MiB, errors relative to double precision."""

    what: str
    precision: str
    kernel_ms: float
    plain_ms: float
    compiled_ms: float
    kernel_device_ms: float
    plain_device_ms: float
    compiled_device_ms: float
    kernel_mib: float
    plain_mib: float
    kernel_error: float
    plain_error: float


def before_maxout(network: Network, layer: int, batch: int, random: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Random linear pieces of a convolution, before pooling, channels innermost as in training in bfloat16."""
    conv = network.layers[layer - 1]
    assert isinstance(conv, Conv)
    unpooled = (*network.layers[: layer - 1], replace(conv, pool=None), *network.layers[layer:])
    channels, height, width = shapes(replace(network, layers=unpooled))[layer - 1]
    layout = torch.channels_last if dtype == torch.bfloat16 else torch.contiguous_format
    pieces = torch.randn(batch, channels * conv.pieces, height, width, generator=random)
    return pieces.to(device(), dtype).contiguous(memory_format=layout)


def device() -> str:
    """A GPU if there is one; the kernels then run on it, and else in Triton's interpreter."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def plain_maxout(z: Tensor) -> Tensor:
    """Maxout by torch's `max` over a view."""
    return plain.MaxPieces(PIECES).forward(z)


def cases(batch: int, dtype: torch.dtype) -> Iterator[Case]:
    """Maxout over a small and a large map, the hint loss behind a regressor, KD of ten and of a hundred classes."""
    random = torch.Generator().manual_seed(0)
    for name, network in (("FitNet 1", STUDENT), ("the teacher", TEACHER)):
        z = before_maxout(network, 1, batch, random, dtype)
        yield Case(f"maxout, layer 1 of {name}", z, partial(maxout.maxout, pieces=PIECES), plain_maxout)
    z = before_maxout(TEACHER, TEACHER.middle, batch, random, dtype)
    u_h = plain_maxout(before_maxout(TEACHER, TEACHER.middle, batch, random, dtype)).float()
    yield Case(
        "hint loss, with the regressor’s maxout",
        z,
        lambda z: hint.hint_loss(u_h, z, PIECES),
        lambda z: plain.hint_loss(u_h, plain_maxout(z)),
    )
    for classes in (10, 100):
        a_s, a_t = (torch.randn(batch, classes, generator=random).to(device()) for _ in range(2))
        labels = torch.randint(0, classes, (batch,), generator=random).to(device())
        yield Case(
            f"KD loss, {classes} classes",
            a_s.to(dtype),
            partial(kernel_kd, a_t=a_t, labels=labels),
            partial(plain_kd, a_t=a_t, labels=labels),
        )


def kernel_kd(a_s: Tensor, a_t: Tensor, labels: Tensor) -> Tensor:
    """Equation 2 by the kernel."""
    return distillation.kd_loss(a_s, a_t, labels, temperature=3, lam=4)


def plain_kd(a_s: Tensor, a_t: Tensor, labels: Tensor) -> Tensor:
    """Equation 2 by plain torch, in single precision at least."""
    wide = a_s.double() if a_s.dtype == torch.float64 else a_s.float()
    return plain.kd_loss(wide, a_t.to(wide.dtype), labels)


def forward_and_backward(function: Function, z: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The value, and the gradient with respect to `z` of its sum weighted by `weights`."""
    value = function(z)
    (gradient,) = torch.autograd.grad(value, z, weights.to(value.dtype))
    return value, gradient


def row(case: Case, dtype: torch.dtype) -> Row:
    """Checks the kernel, plain torch and torch.compile against double precision, then times them."""
    z = case.input.detach().requires_grad_()
    exact_z = case.input.detach().double().requires_grad_()
    with torch.no_grad():
        value = case.plain(z)
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(1)).to(z.device)
    exact = forward_and_backward(case.plain, exact_z, weights)
    compiled: Function = torch.compile(case.plain) if z.is_cuda else case.plain
    calls = [partial(forward_and_backward, f, z, weights) for f in (case.kernel, case.plain, compiled)]
    errors = [relative_error(call(), exact) for call in calls]
    times = [timer(call) for timer in (milliseconds, device_milliseconds) for call in calls]
    memory = [mebibytes(call) for call in calls[:2]]
    return Row(case.what, str(dtype).removeprefix("torch."), *times, *memory, *errors[:2])


def relative_error(found: tuple[Tensor, Tensor], exact: tuple[Tensor, Tensor]) -> float:
    """The larger of the relative errors of value and gradient.

    Raises:
        ArithmeticError: if an error is so large that it is not the same function.
    """
    pairs = zip(found, exact, strict=True)
    worst = max(float(((one.double() - other).norm() / other.norm()).detach()) for one, other in pairs)
    if not worst < 0.02:
        raise ArithmeticError(f"relative error {worst}: this is not the same function")
    return worst


def milliseconds(call: Callable[[], object]) -> float:
    """Median time of many calls. Without a GPU, the time of one call, which shows only that the call works."""
    if torch.cuda.is_available():
        return float(triton.testing.do_bench(call, warmup=25, rep=200, return_mode="median"))
    return 1e3 * seconds(call)


def device_milliseconds(call: Callable[[], object]) -> float:
    """Median time of a call recorded once and replayed, without its launch by Python; NaN where that fails."""
    if not torch.cuda.is_available():
        return float("nan")
    try:
        return float(triton.testing.do_bench_cudagraph(call, return_mode="median"))
    except RuntimeError as error:
        print(f"not recorded: {error}", flush=True)
        return float("nan")


def mebibytes(call: Callable[[], object]) -> float:
    """Peak memory of a call on the GPU, beyond what was in use before it, in MiB; 0 without a GPU."""
    if not torch.cuda.is_available():
        return 0.0
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    call()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def copied(mebibytes_: int = 512) -> float:
    """Speed of a copy within the device's memory, in GB a second, reads and writes added up."""
    source = torch.randn(mebibytes_ * 2**18, device=device())
    target = torch.empty_like(source)
    return 2 * source.nbytes / milliseconds(lambda: target.copy_(source)) / 1e6


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; with --out also writes a JSON file of the machine and the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--copy", type=int, default=512, help="MiB that are copied to measure the memory")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    machine = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "Triton’s interpreter",
        "torch": torch.__version__,
        "triton": triton.__version__,
        "batch": given.batch,
        "copy, GB a second": round(copied(given.copy)),
    }
    print(machine, flush=True)
    rows = []
    for dtype in (torch.float32, torch.bfloat16):
        for case in cases(given.batch, dtype):
            rows.append(asdict(row(case, dtype)))
            print(rows[-1], flush=True)
            if given.out:  # after each row, so that what is measured is kept if the time runs out
                record.write(given.out, {"machine": machine, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())

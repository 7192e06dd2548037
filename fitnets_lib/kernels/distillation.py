"""The KD loss (equation 2) and its gradient in one pass over the logits, for every `Fidelity`."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fitnets_lib.kernels.eager import eager, value_alone, wider
from fitnets_lib.losses import PAPER, Fidelity


@triton.jit
def _log_softmax(logits, mask):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    centred = logits - tl.max(tl.where(mask, logits, float("-inf")))
    return centred - tl.log(tl.sum(tl.where(mask, tl.exp(centred), 0.0)))


@triton.jit
def _forward(student, teacher, labels, partial, gradient, classes, tau, own, weight, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Loss of one example and its gradient with respect to the example's logits."""
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < classes
    wide = gradient.dtype.element_ty
    a_s = tl.load(student + row * classes + columns, mask=mask, other=0.0).to(wide)
    a_t = tl.load(teacher + row * classes + columns, mask=mask, other=0.0).to(wide)
    log_p, log_soft = _log_softmax(a_s, mask), _log_softmax(a_s / own, mask)
    target = tl.where(mask, tl.exp(_log_softmax(a_t / tau, mask)), 0.0)
    hard = columns == tl.load(labels + row)
    loss = -tl.sum(tl.where(hard, log_p, 0.0)) - weight * tl.sum(tl.where(mask, target * log_soft, 0.0))
    slope = tl.exp(log_p) - tl.where(hard, 1.0, 0.0) + weight / own * (tl.exp(log_soft) - target)
    tl.store(partial + row, loss)
    tl.store(gradient + row * classes + columns, slope, mask=mask)


def _forwards(
    student: Tensor, teacher: Tensor, labels: Tensor, tau: float, own: float, weight: float
) -> tuple[Tensor, Tensor]:
    wide = wider(student.dtype)
    batch, classes = student.shape
    partial = torch.empty(batch, dtype=wide, device=student.device)
    gradient = torch.empty((batch, classes), dtype=wide, device=student.device)
    if batch:
        block = triton.next_power_of_2(classes)
        given = (student.contiguous(), teacher.contiguous(), labels.contiguous())
        _forward[(batch,)](*given, partial, gradient, classes, tau, own, weight, BLOCK=block)
    return partial.sum() / batch, gradient


_kd = torch.library.custom_op("fitnets::kd", _forwards, mutates_args=())


@_kd.register_fake
def _(student: Tensor, teacher: Tensor, labels: Tensor, tau: float, own: float, weight: float) -> tuple[Tensor, Tensor]:
    wide = wider(student.dtype)
    return student.new_empty((), dtype=wide), student.new_empty(student.shape, dtype=wide)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:  # noqa: ANN401
    ctx.dtype = inputs[0].dtype
    ctx.save_for_backward(output[1])


def _gradient(ctx: Any, loss: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
    (slope,) = ctx.saved_tensors
    return (slope * (loss / max(len(slope), 1))).to(ctx.dtype), None, None, None, None, None


_kd.register_autograd(_gradient, setup_context=value_alone(_keep))
_eager = eager(_forwards, _keep, _gradient)


def kd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    lam: float,
    fidelity: Fidelity = PAPER,
) -> Tensor:
    """`losses.kd_loss` as one kernel, in single precision (double where the student's logits are).

    No gradient reaches the teacher. Arguments as those of `losses.kd_loss`.

    Raises:
        ValueError: if the shapes do not go together.
    """
    if teacher_logits.shape != student_logits.shape or labels.shape != student_logits.shape[:1]:
        shapes = [tuple(t.shape) for t in (student_logits, teacher_logits, labels)]
        raise ValueError(f"logits of student and teacher and labels of shapes {shapes} do not go together")
    own, factor = fidelity.weights(temperature)
    given = (student_logits, teacher_logits.detach(), labels, temperature, own, lam * factor)
    loss: Tensor = _kd(*given)[0] if torch.compiler.is_compiling() else _eager(*given)
    return loss

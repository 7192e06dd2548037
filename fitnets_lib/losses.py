"""The paper's losses, as functions of tensors (equations 1 to 3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """H(y_true, P_S): cross-entropy with the labels, in nats, averaged over the batch.

    Args:
        logits: (batch, classes).
        labels: (batch,), class numbers.
    """
    return F.cross_entropy(logits, labels)


def softened(logits: Tensor, temperature: float) -> Tensor:
    """P^tau = softmax(a / tau), equation 1; over the last dimension, which sums to 1."""
    return F.softmax(logits / temperature, dim=-1)


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """H(P_T^tau, P_S^tau): cross-entropy between the softened outputs, in nats, averaged over the batch.

    Both sides are softened and there is no factor tau squared, as the paper writes it (equation 2).
    """
    targets = softened(teacher_logits, temperature)
    return -(targets * F.log_softmax(student_logits / temperature, dim=1)).sum(dim=1).mean()


def kd_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, lam: float) -> Tensor:
    """L_KD = H(y_true, P_S) + lambda H(P_T^tau, P_S^tau), equation 2."""
    return classification_loss(student_logits, labels) + lam * distillation_loss(
        student_logits, teacher_logits, temperature
    )


def hint_loss(hint: Tensor, regressed: Tensor) -> Tensor:
    """L_HT = 1/2 || u_h(x) - r(v_g(x)) ||^2, equation 3, averaged over the batch.

    Args:
        hint: u_h(x), the teacher's hint map, (batch, channels, height, width).
        regressed: r(v_g(x)), what the regressor makes of the student's guided map, the same shape.

    Raises:
        ValueError: if the shapes differ; broadcasting would compare every pixel with every other.
    """
    if hint.shape != regressed.shape:
        raise ValueError(f"hint map {tuple(hint.shape)} and regressed map {tuple(regressed.shape)} differ in shape")
    return 0.5 * (hint - regressed).square().flatten(1).sum(dim=1).mean()

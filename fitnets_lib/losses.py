"""The paper's losses, as functions of tensors (equations 1 to 3)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from fitnets_lib import kernels


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


@dataclass(frozen=True)
class Fidelity:
    """How the teacher's term of the KD loss treats the temperature.

    Attributes:
        name: what tables call it.
        student_softened: whether the student's output is softened too when it is compared with the teacher's.
        tau_squared: whether the term is multiplied by tau squared, so that its gradient keeps its size as tau grows.
    """

    name: str
    student_softened: bool
    tau_squared: bool

    def weights(self, temperature: float) -> tuple[float, float]:
        """The student's own temperature, and the factor on the term."""
        return (temperature if self.student_softened else 1.0), (temperature**2 if self.tau_squared else 1.0)


PAPER = Fidelity("paper", student_softened=True, tau_squared=False)
"""Both sides softened, no factor: as the paper writes it (section 2.1, equation 2)."""
OFFICIAL = Fidelity("official", student_softened=False, tau_squared=False)
"""As the released `KDCost` works: the student is softened only while the graph is built, not when the graph runs."""
MODERN = Fidelity("modern", student_softened=True, tau_squared=True)
"""Both sides softened, times tau squared: Hinton et al. (2015), and most libraries since."""


def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float, fidelity: Fidelity = PAPER
) -> Tensor:
    """H(P_T^tau, P_S^tau): cross-entropy between the softened outputs, in nats, averaged over the batch.

    Args:
        student_logits: a_S, (batch, classes).
        teacher_logits: a_T, (batch, classes).
        temperature: tau.
        fidelity: whose reading of the temperature.

    Raises:
        ValueError: if the shapes differ; broadcasting would give every image one teacher's answer.
    """
    if student_logits.shape != teacher_logits.shape:
        shapes = f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        raise ValueError(f"logits of student and teacher differ in shape: {shapes}")
    targets = softened(teacher_logits, temperature)
    own, factor = fidelity.weights(temperature)
    return -factor * (targets * F.log_softmax(student_logits / own, dim=1)).sum(dim=1).mean()


def kd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    lam: float,
    fidelity: Fidelity = PAPER,
) -> Tensor:
    """L_KD = H(y_true, P_S) + lambda H(P_T^tau, P_S^tau), equation 2; on a GPU, loss and gradient in one pass.

    Args:
        student_logits: a_S, (batch, classes).
        teacher_logits: a_T, (batch, classes).
        labels: (batch,), class numbers.
        temperature: tau.
        lam: lambda, the weight of the teacher's term.
        fidelity: whose reading of the temperature.

    Raises:
        ValueError: if the shapes do not go together.
    """
    if kernels.serve(student_logits, teacher_logits, labels):
        from fitnets_lib.kernels.distillation import kd_loss as kernel

        return kernel(student_logits, teacher_logits, labels, temperature, lam, fidelity)
    return classification_loss(student_logits, labels) + lam * distillation_loss(
        student_logits, teacher_logits, temperature, fidelity
    )


def hint_loss(hint: Tensor, regressed: Tensor) -> Tensor:
    """L_HT = 1/2 || u_h(x) - r(v_g(x)) ||^2, equation 3, averaged over the batch.

    Args:
        hint: u_h(x), the teacher's hint map, (batch, channels, height, width).
        regressed: r(v_g(x)), what the regressor makes of the student's guided map, the same shape.

    Raises:
        ValueError: if the shapes differ; broadcasting would compare every pixel with every other.
    """
    return _half_squares(hint, regressed).flatten(1).sum(dim=1).mean()


def released_hint_loss(hint: Tensor, regressed: Tensor) -> Tensor:
    """Equation 3 as the released `HintCost` reduces it: summed over the rows of the maps, averaged over all the rest.

    Its tensors are laid out (channels, rows, columns, batch), and it sums over axis 1. The value is `hint_loss` divided
    by channels times columns: at equal learning rates the steps differ, unless the optimiser ignores the loss's scale.

    Args:
        hint: u_h(x), (batch, channels, height, width).
        regressed: r(v_g(x)), the same shape.

    Raises:
        ValueError: if the shapes differ.
    """
    return _half_squares(hint, regressed).sum(dim=2).mean()


def _half_squares(hint: Tensor, regressed: Tensor) -> Tensor:
    if hint.shape != regressed.shape:
        raise ValueError(f"hint map {tuple(hint.shape)} and regressed map {tuple(regressed.shape)} differ in shape")
    return 0.5 * (hint - regressed).square()

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from fitnets_lib.losses import (
    MODERN,
    OFFICIAL,
    PAPER,
    Fidelity,
    classification_loss,
    distillation_loss,
    hint_loss,
    kd_loss,
    released_hint_loss,
    softened,
)

Floats = NDArray[np.float64]
logits = arrays(np.float64, (4, 5), elements=st.floats(-20, 20))
temperatures = st.floats(0.5, 50)


def tensor(array: Floats) -> torch.Tensor:
    return torch.from_numpy(array)


@given(logits, temperatures)
def test_softened_outputs_are_the_softmax_of_logits_over_the_temperature(a: Floats, tau: float) -> None:
    np.testing.assert_allclose(softened(tensor(a), tau).numpy(), softmax(a / tau, axis=1), rtol=1e-9, atol=1e-15)


@given(logits, temperatures, temperatures)
def test_a_higher_temperature_lowers_the_largest_probability(a: Floats, one: float, other: float) -> None:
    cold, hot = sorted((one, other))
    assert (softened(tensor(a), hot).max(dim=1).values <= softened(tensor(a), cold).max(dim=1).values + 1e-12).all()


@given(logits, logits, temperatures, st.floats(0, 10))
def test_kd_loss_is_equation_2(a_s: Floats, a_t: Floats, tau: float, lam: float) -> None:
    labels = np.array([0, 1, 4, 2])
    label_term = -log_softmax(a_s, axis=1)[np.arange(4), labels].mean()
    teacher_term = -(softmax(a_t / tau, axis=1) * log_softmax(a_s / tau, axis=1)).sum(axis=1).mean()
    found = kd_loss(tensor(a_s), tensor(a_t), torch.from_numpy(labels), tau, lam)
    assert float(found) == pytest.approx(label_term + lam * teacher_term, rel=1e-9, abs=1e-12)


def test_without_the_teacher_kd_is_classification() -> None:
    a, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    assert torch.equal(kd_loss(a, -a, labels, 3.0, 0.0), classification_loss(a, labels))


@given(logits, logits, temperatures)
def test_the_gradient_of_the_teachers_term_is_the_gap_of_softened_outputs_over_tau(
    a_s: Floats, a_t: Floats, tau: float
) -> None:
    student = tensor(a_s).requires_grad_()
    distillation_loss(student, tensor(a_t), tau).backward()
    by_hand = (softmax(a_s / tau, axis=1) - softmax(a_t / tau, axis=1)) / tau / 4
    assert student.grad is not None
    np.testing.assert_allclose(student.grad.numpy(), by_hand, rtol=1e-7, atol=1e-12)


def test_the_teachers_term_is_least_where_the_student_agrees() -> None:
    a_t = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    student = a_t.clone().requires_grad_()
    distillation_loss(student, a_t, 3.0).backward()
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-15


def test_hint_loss_is_half_the_squared_norm_averaged_over_the_batch() -> None:
    hint = torch.zeros(2, 1, 1, 2)
    regressed = torch.tensor([[[[3.0, 4.0]]], [[[0.0, 2.0]]]])
    assert float(hint_loss(hint, regressed)) == (25 / 2 + 4 / 2) / 2


def test_hint_loss_is_zero_only_for_equal_maps() -> None:
    hint = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    other = hint.clone()
    other[1, 2, 3, 3] += 0.01
    assert hint_loss(hint, hint) == 0
    assert hint_loss(hint, other) > 0


def test_hint_loss_agrees_with_finite_differences() -> None:
    maps = [torch.randn(2, 2, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in (0, 1)]
    hint, regressed = maps[0], maps[1].requires_grad_()
    assert torch.autograd.gradcheck(lambda r: hint_loss(hint, r), (regressed,))


def test_maps_that_would_be_broadcast_are_refused_with_both_shapes() -> None:
    right = r"^hint map \(2, 3, 4, 4\) and regressed map \(2, 3, 1, 1\) differ in shape$"
    with pytest.raises(ValueError, match=right):
        hint_loss(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 1, 1))


@given(logits, logits, temperatures)
def test_the_official_reading_leaves_the_student_unsoftened(a_s: Floats, a_t: Floats, tau: float) -> None:
    by_hand = -(softmax(a_t / tau, axis=1) * log_softmax(a_s, axis=1)).sum(axis=1).mean()
    assert float(distillation_loss(tensor(a_s), tensor(a_t), tau, OFFICIAL)) == pytest.approx(by_hand, rel=1e-9)


@given(logits, logits, temperatures)
def test_the_modern_reading_is_the_papers_times_tau_squared(a_s: Floats, a_t: Floats, tau: float) -> None:
    paper, modern = (float(distillation_loss(tensor(a_s), tensor(a_t), tau, f)) for f in (PAPER, MODERN))
    assert modern == pytest.approx(tau**2 * paper, rel=1e-9)


@given(logits, logits)
def test_at_temperature_1_all_readings_agree(a_s: Floats, a_t: Floats) -> None:
    readings = {float(distillation_loss(tensor(a_s), tensor(a_t), 1.0, f)) for f in (PAPER, OFFICIAL, MODERN)}
    assert max(readings) == pytest.approx(min(readings), rel=1e-12)


@given(logits, logits, temperatures)
def test_the_gradients_of_the_official_and_the_modern_reading_by_hand(a_s: Floats, a_t: Floats, tau: float) -> None:
    targets = softmax(a_t / tau, axis=1)
    by_hand = {
        OFFICIAL: (softmax(a_s, axis=1) - targets) / 4,
        MODERN: tau * (softmax(a_s / tau, axis=1) - targets) / 4,
    }
    for fidelity, expected in by_hand.items():
        student = tensor(a_s).requires_grad_()
        distillation_loss(student, tensor(a_t), tau, fidelity).backward()
        assert student.grad is not None
        np.testing.assert_allclose(student.grad.numpy(), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("fidelity", [PAPER, OFFICIAL, MODERN], ids=lambda f: f.name)
def test_the_gradient_of_kd_agrees_with_finite_differences(fidelity: Fidelity) -> None:
    student = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    teacher = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 4, 2])
    assert torch.autograd.gradcheck(lambda a: kd_loss(a, teacher, labels, 3.0, 2.5, fidelity), (student,))


def test_the_released_hint_loss_sums_over_rows_and_averages_over_all_the_rest() -> None:
    # The released tensors are (channels, rows, columns, batch), and the cost sums over axis 1.
    hint, regressed = (np.random.default_rng(seed).normal(size=(3, 2, 4, 5)) for seed in (0, 1))
    batch_last = (0.5 * (hint - regressed) ** 2).transpose(1, 2, 3, 0)
    by_hand = batch_last.sum(axis=1).mean()
    assert float(released_hint_loss(tensor(hint), tensor(regressed))) == pytest.approx(by_hand, rel=1e-12)


def test_the_released_hint_loss_is_the_papers_over_channels_times_columns() -> None:
    hint, regressed = (torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    assert float(hint_loss(hint, regressed) / released_hint_loss(hint, regressed)) == pytest.approx(2 * 5, rel=1e-5)
    with pytest.raises(ValueError, match="differ in shape"):
        released_hint_loss(hint, regressed[:, :1])


def test_each_reading_of_the_temperature_has_the_name_that_tables_call_it_by() -> None:
    assert [fidelity.name for fidelity in (PAPER, OFFICIAL, MODERN)] == ["paper", "official", "modern"]


def test_what_is_softened_is_the_last_dimension_whatever_the_others_are() -> None:
    a = torch.zeros(2, 3, 4)
    assert torch.equal(softened(a, 2.0), torch.full((2, 3, 4), 1 / 4))


@pytest.mark.parametrize("shape", [(1, 10), (4, 1), (10,), (3, 10)])
def test_logits_that_would_be_broadcast_are_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    student, teacher, labels = torch.zeros(4, 10), torch.zeros(shape), torch.zeros(4, dtype=torch.long)
    said = re.escape(f"differ in shape: (4, 10) and {shape}")
    with pytest.raises(ValueError, match=said):
        distillation_loss(student, teacher, 3.0)
    with pytest.raises(ValueError, match=said):
        kd_loss(student, teacher, labels, 3.0, 4.0)

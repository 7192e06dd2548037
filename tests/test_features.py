from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from fitnets_lib.features import linear_cka, probe, unexplained
from fitnets_lib.randomness import generator

X = torch.randn(30, 4, 2, 2, generator=generator(0, "x"), dtype=torch.float64)
Y = torch.randn(30, 7, generator=generator(0, "y"), dtype=torch.float64)


def test_features_are_wholly_like_themselves_turned_shifted_and_stretched() -> None:
    turn, _ = torch.linalg.qr(torch.randn(16, 16, generator=generator(0, "turn"), dtype=torch.float64))
    assert linear_cka(X, 3 * X.flatten(1) @ turn + 5) == pytest.approx(1)
    assert linear_cka(X, 1e-12 * X) == pytest.approx(1)


def test_likeness_is_the_published_formula_by_features() -> None:
    x, y = (a.flatten(1).numpy() - a.flatten(1).numpy().mean(axis=0) for a in (X, Y))
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(X, Y) == pytest.approx(expected) == pytest.approx(linear_cka(Y, X))
    assert 0 < expected < 1


def test_two_features_at_a_right_angle_have_no_likeness() -> None:
    one, other = torch.tensor([[1.0], [-1], [1], [-1]]), torch.tensor([[1.0], [1], [-1], [-1]])
    assert linear_cka(one, other) == pytest.approx(0)


def test_what_cannot_be_likened_is_refused() -> None:
    with pytest.raises(ValueError, match="30 and of 29 images"):
        linear_cka(X, Y[:29])
    with pytest.raises(ValueError, match="the same for all images"):
        linear_cka(X, torch.ones(30, 2))


def test_a_perfect_regressor_leaves_nothing_and_one_that_sees_nothing_everything() -> None:
    assert unexplained(X, X) == 0
    assert unexplained(X, X.mean(dim=0, keepdim=True).expand_as(X)) == pytest.approx(1)
    half = X.mean(dim=0) + (X - X.mean(dim=0)) / 2  # half of every deviation, so a quarter of the squares
    assert unexplained(X, half) == pytest.approx(0.25)


@given(st.floats(1e-9, 1e9))
def test_the_probe_is_ridge_regression_on_the_labels_and_blind_to_scale(scale: float) -> None:
    labels = torch.arange(30) % 3
    flat = X.flatten(1).numpy()
    strength = 1e-3 * np.square(flat - flat.mean(axis=0)).sum(axis=1).mean()
    oracle = Ridge(alpha=strength).fit(flat, np.eye(3)[labels])
    held_out = torch.randn(200, 16, generator=generator(1, "x"), dtype=torch.float64)
    truth = torch.tensor(oracle.predict(held_out.numpy()).argmax(axis=1))
    assert probe(scale * X, labels, scale * held_out, truth) == 100
    assert probe(scale * X, labels, scale * held_out, (truth + 1) % 3) == 0

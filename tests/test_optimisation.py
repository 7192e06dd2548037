from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from fitnets_lib.networks import Dense, build
from fitnets_lib.optimisation import PAPER_CIFAR, PAPER_MNIST, MaxNorm, limit_norms, rmsprop
from fitnets_lib.variants import with_norms
from tests.helpers import QUICK, STUDENT


def test_the_papers_choices_on_cifar_are_those_of_appendix_a_1() -> None:
    assert (PAPER_CIFAR.learning_rate, PAPER_CIFAR.batch, PAPER_CIFAR.spread) == (0.005, 128, 0.005)
    assert (PAPER_CIFAR.epochs, PAPER_CIFAR.patience, PAPER_CIFAR.each_stage) == (500, 100, True)
    assert PAPER_CIFAR.retrain
    assert PAPER_CIFAR.convolution_scale * PAPER_CIFAR.learning_rate == pytest.approx(0.00025)
    assert PAPER_CIFAR.max_norm == MaxNorm(convolutions=0.9, hidden=1.9, output=1.9365)


def test_the_papers_choices_on_mnist_are_those_of_appendix_a_2() -> None:
    assert (PAPER_MNIST.learning_rate, PAPER_MNIST.convolution_scale, PAPER_MNIST.retrain) == (0.0005, 1.0, False)
    assert (PAPER_MNIST.epochs, PAPER_MNIST.patience, PAPER_MNIST.each_stage) == (500, 100, True)
    assert (PAPER_MNIST.batch, PAPER_MNIST.spread, PAPER_MNIST.floor) == (128, 0.005, 1e-5)


def test_convolutions_and_only_they_learn_at_the_scaled_rate() -> None:
    student, heads = build(STUDENT), nn.ModuleList([nn.Conv2d(2, 2, 2), nn.Linear(3, 4)])
    training = replace(QUICK, learning_rate=0.01, convolution_scale=0.05, floor=1e-5)
    rates = {p: group.rate for group in rmsprop(training, student, heads).groups for p in group.parameters}
    everything = [*student.modules(), *heads.modules()]
    assert len(rates) == len([p for part in (student, heads) for p in part.parameters()])
    for layer in everything:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            expected = 0.0005 if isinstance(layer, nn.Conv2d) else 0.01
            assert all(rates[p] == pytest.approx(expected) for p in layer.parameters())


def test_rmsprop_divides_by_the_root_of_the_mean_square_plus_the_floor() -> None:
    layer = nn.Linear(1, 1, bias=False)
    optimiser = rmsprop(replace(QUICK, learning_rate=0.1, floor=0.5), nn.Sequential(layer), nn.ModuleList())
    with torch.no_grad():
        layer.weight.fill_(1.0)
    weight, mean_square = 1.0, 0.0
    for gradient in (2.0, -1.0, 0.5):
        layer.weight.grad = torch.full((1, 1), gradient)
        optimiser.step()
        mean_square = 0.9 * mean_square + 0.1 * gradient**2
        weight -= 0.1 * gradient / (mean_square**0.5 + 0.5)
        assert layer.weight.item() == pytest.approx(weight, rel=1e-6)


def test_weights_longer_than_allowed_are_shrunk_to_the_limit_and_shorter_ones_left() -> None:
    hidden, last, kernel = nn.Linear(2, 2), nn.Linear(2, 1), nn.Conv2d(1, 2, (1, 2))
    output = nn.Sequential(last)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4]]))
        last.weight.copy_(torch.tensor([[6.0, 8.0]]))
        kernel.weight.copy_(torch.tensor([[[[0.0, 2.0]]], [[[0.0, 0.5]]]]))
    limit_norms(MaxNorm(convolutions=1.0, hidden=2.5, output=5.0), output, nn.Sequential(hidden, output), kernel)
    assert torch.allclose(hidden.weight, torch.tensor([[1.5, 2.0], [0.3, 0.4]]))
    assert torch.allclose(last.weight, torch.tensor([[3.0, 4.0]]))
    assert torch.allclose(kernel.weight.flatten(1), torch.tensor([[0.0, 1.0], [0.0, 0.5]]))


def test_a_norm_learns_at_the_rate_of_its_layer_and_has_no_largest_length() -> None:
    student = build(with_norms(replace(STUDENT, layers=(*STUDENT.layers[:-1], Dense(4, pieces=2), Dense(10)))))
    training = replace(QUICK, learning_rate=0.01, convolution_scale=0.05)
    optimiser = rmsprop(training, student, nn.ModuleList())
    rates = {p: group.rate for group in optimiser.groups for p in group.parameters}
    assert rates.keys() == set(student.parameters())
    norms = [layer for layer in student.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(norms) == 4
    for norm in norms:
        expected = 0.0005 if isinstance(norm, nn.BatchNorm2d) else 0.01
        assert [rates[p] for p in norm.parameters()] == pytest.approx([expected] * 2)
    before = [p.clone() for norm in norms for p in norm.parameters()]
    limit_norms(MaxNorm(1e-3, 1e-3, 1e-3), student[-1], student)
    assert all(torch.equal(*both) for both in zip(before, [p for n in norms for p in n.parameters()], strict=True))

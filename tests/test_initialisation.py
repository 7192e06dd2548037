from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from fitnets_lib.errors import BadInput
from fitnets_lib.initialisation import GLOROT, HE, LayerSequential, Start, Uniform, second_moment
from fitnets_lib.networks import Conv, Convolution, Dense, FullyConnected, Network, build, digits_student, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, JOINT_LABEL_HINT_AND_KD, Recipe
from fitnets_lib.specification import specification
from fitnets_lib.training import train
from fitnets_lib.variants import with_norms, with_shortcuts
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, run, same_bits

STARTS = [Uniform(0.005), Uniform(None), HE, GLOROT, LayerSequential()]
IMAGES = lessons().train.split.images


def drawn(start: Start, network: Network = STUDENT, seed: int = 0) -> nn.Sequential:
    module = build(network)
    start.draw(module, generator(seed, "student"))
    return module


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [(1, 1.0), (2, 1.0), (3, 1 + math.sqrt(3) / (2 * math.pi)), (4, 1 + math.sqrt(3) / math.pi)],
)
def test_the_second_moment_of_a_maxout_is_that_of_the_largest_of_normal_numbers(pieces: int, expected: float) -> None:
    # One and two pieces by hand (E max^2 + E min^2 = 2); three and four are known in closed form (order statistics).
    assert second_moment(pieces) == pytest.approx(expected, rel=1e-9)


def test_the_second_moment_is_what_a_million_draws_have() -> None:
    z = np.random.default_rng(0).standard_normal((10**6, 5))
    assert second_moment(5) == pytest.approx((z.max(axis=1) ** 2).mean(), rel=5e-3)
    assert second_moment(2, relu=True) == pytest.approx((z[:, :2].max(axis=1).clip(0) ** 2).mean(), rel=5e-3)


def test_a_relu_halves_the_second_moment_as_he_et_al_have_it() -> None:
    assert second_moment(1, relu=True) == pytest.approx(0.5, rel=1e-9)


MAXOUT, RELU = Convolution(20, Conv(30, kernel=5)), Convolution(20, Conv(60, kernel=5, pieces=1, relu=True))
DENSE, LAST = FullyConnected(200, Dense(50, pieces=2)), FullyConnected(200, Dense(100))


@pytest.mark.parametrize(
    ("start", "layer", "variance"),
    [
        (HE, MAXOUT, 1 / (20 * 25)),
        (HE, RELU, 2 / (20 * 25)),  # 2 / fan in, He et al. (2015), equation 10
        (HE, DENSE, 1 / 200),
        (HE, LAST, 1 / 200),
        (GLOROT, MAXOUT, 2 / (20 * 25 + 30 * 25)),  # 2 / (n_in + n_out), Glorot and Bengio (2010), equation 12
        (GLOROT, DENSE, 2 / (200 + 50)),
        (GLOROT, LAST, 2 / (200 + 100)),
    ],
)
def test_the_weights_have_the_variance_of_the_closed_formula(
    start: Start, layer: Convolution | FullyConnected, variance: float
) -> None:
    start.draw(layer, generator(1, "weights"))
    weight, bias = layer.linear.weight.detach(), layer.linear.bias
    assert weight.var().item() == pytest.approx(variance, rel=5 * (2 / weight.numel()) ** 0.5)  # five standard errors
    assert abs(weight.mean().item()) < 5 * (variance / weight.numel()) ** 0.5
    assert bias is not None and (bias == 0).all()


def moments(start: Start, pieces: int, depth: int = 12) -> tuple[float, float]:
    """How many times one layer of a stack enlarges the signal's second moment, and the gradient's."""
    stack = nn.Sequential(*(FullyConnected(200, Dense(200, pieces=pieces)) for _ in range(depth)))
    up, down = [], []
    for seed in range(4):
        start.draw(stack, generator(seed, "stack"))
        x = torch.randn(64, 200, generator=generator(seed, "signal"), requires_grad=True)
        out = stack(x)
        (gradient,) = torch.autograd.grad(out, x, torch.randn(out.shape, generator=generator(seed, "back")))
        up.append(out.square().mean().item())
        down.append(gradient.square().mean().item())
    return float(np.mean(up)) ** (1 / depth), float(np.mean(down)) ** (1 / depth)


@pytest.mark.parametrize("start", [HE, GLOROT])
def test_with_two_pieces_signal_and_gradient_keep_their_size_through_layers_of_equal_width(start: Start) -> None:
    up, down = moments(start, pieces=2)
    assert up == pytest.approx(1, abs=0.05)
    assert down == pytest.approx(1, abs=0.05)


def test_with_four_pieces_the_scaled_rule_keeps_the_signal_while_the_gradient_shrinks() -> None:
    up, down = moments(HE, pieces=4)
    assert up == pytest.approx(1, abs=0.1)
    assert down < 0.8  # 1 / second_moment(4) = .64 for one layer; above that the winning pieces' weights point at x


def test_torchs_default_rule_leaves_a_third_of_the_second_moment_in_each_layer() -> None:
    # U(-b, b) has variance b^2 / 3, and b^2 = 1 / fan in; the bias is as large as one more weight.
    up, _ = moments(Uniform(None), pieces=2, depth=1)
    assert up == pytest.approx((1 + 1 / 200) / 3, rel=0.05)


def linear_maps(module: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def orthonormal(module: nn.Module) -> bool:
    found = []
    for layer in linear_maps(module):
        rows = layer.weight.detach().flatten(1)
        narrow = rows if len(rows) <= rows.shape[1] else rows.T
        found.append(torch.allclose(narrow @ narrow.T, torch.eye(len(narrow)), atol=1e-5))
    return all(found)


def test_layer_sequential_weights_are_orthonormal_before_they_are_fitted() -> None:
    assert orthonormal(drawn(LayerSequential()))
    assert not orthonormal(drawn(HE))


def linear_outputs(student: nn.Sequential, images: torch.Tensor) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    hooks = [layer.register_forward_hook(lambda *seen: found.append(seen[2])) for layer in linear_maps(student)]
    with torch.no_grad():
        student.eval()(images)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(
    "network", [STUDENT, digits_student(25), with_shortcuts(digits_student(11))], ids=lambda network: network.name
)
def test_after_fitting_every_layers_output_has_variance_1_on_the_images(network: Network) -> None:
    student = drawn(LayerSequential(), network)
    before = [layer.weight.clone() for layer in linear_maps(student)]
    LayerSequential().fit(student, IMAGES[:32])
    outputs = linear_outputs(student, IMAGES[:32])
    assert len(outputs) == len(network.layers)
    assert [float(out.var(correction=0)) for out in outputs] == pytest.approx([1.0] * len(outputs), abs=1e-3)
    for layer, weight in zip(linear_maps(student), before, strict=True):  # a multiple of what it was
        factors = layer.weight / weight
        assert torch.allclose(factors, factors.flatten()[0].expand_as(factors), rtol=1e-3)


def test_fitting_leaves_norms_in_their_first_state() -> None:
    network = with_norms(STUDENT)
    student = drawn(LayerSequential(), network)
    LayerSequential().fit(student, IMAGES[:32])
    first = {name: value for name, value in build(network).state_dict().items() if ".norm." in name}
    assert first
    assert all(torch.equal(student.state_dict()[name], value) for name, value in first.items())


def test_images_that_do_not_differ_cannot_be_fitted_to() -> None:
    with pytest.raises(BadInput, match=r"deviation after layer 1 = 0.0: above 0: images that differ"):
        LayerSequential().fit(drawn(LayerSequential()), torch.zeros(4, 1, 8, 8))


def test_only_the_layer_sequential_start_looks_at_images() -> None:
    for start in STARTS:
        student, untouched = drawn(start), drawn(start)
        start.fit(student, IMAGES[:8])
        assert same_bits(student, untouched) is not isinstance(start, LayerSequential)


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_first_weights_depend_on_the_seed_alone_and_norms_begin_anew(start: Start) -> None:
    network = with_norms(STUDENT)
    used = drawn(start, network)
    used(IMAGES[:8])  # moves the running means
    start.draw(used, generator(0, "student"))
    torch.manual_seed(5)
    assert same_bits(used, drawn(start, network))
    assert not same_bits(used, drawn(start, network, seed=1))


@pytest.mark.parametrize("start", STARTS, ids=str)
@pytest.mark.parametrize("recipe", [HINT_THEN_KD, JOINT_LABEL_HINT_AND_KD], ids=lambda recipe: recipe.name)
@pytest.mark.usefixtures("held_lambda")
def test_every_start_begins_students_regressors_and_classifiers(start: Start, recipe: Recipe) -> None:
    training = replace(QUICK, start=start, epochs=16, learning_rate=3e-3)
    _, curve = train(STUDENT, TEACHER, recipe, training, lessons(), 0)
    for stage in range(1, len(recipe.stages) + 1):
        losses = [row.train_loss for row in curve if row.stage == stage]
        assert losses[-1] < losses[0]


def test_the_start_is_fitted_to_the_first_batch_of_the_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[torch.Tensor] = []
    seen: list[torch.Tensor] = []
    fit, forward = LayerSequential.fit, Convolution.forward

    def fit_and_tell(self: LayerSequential, student: nn.Sequential, images: torch.Tensor) -> None:
        given.append(images)
        fit(self, student, images)
        monkeypatch.setattr(Convolution, "forward", forward_and_tell)

    def forward_and_tell(self: Convolution, x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return forward(self, x)

    monkeypatch.setattr(LayerSequential, "fit", fit_and_tell)
    for recipe in (BACKPROP, HINT_THEN_KD):
        monkeypatch.setattr(Convolution, "forward", forward)
        train(STUDENT, TEACHER, recipe, replace(QUICK, start=LayerSequential()), lessons(), seed=3)
        assert given[-1].shape == (QUICK.batch, 1, 8, 8)
        assert torch.equal(given[-1], seen[0])
        seen.clear()
    assert torch.equal(given[0], given[1])  # the same weights for every recipe


def test_without_another_rule_the_start_is_the_spread_and_specifications_stay_as_they_were() -> None:
    module = build(STUDENT)
    initialise(module, 0.005, generator(0, "student"))
    assert same_bits(module, drawn(replace(QUICK, spread=0.005).first_weights))
    assert "start" not in specification(QUICK)


def test_another_start_is_another_run() -> None:
    names = {
        run(BACKPROP, training=replace(QUICK, start=start)).name for start in (None, HE, GLOROT, LayerSequential())
    }
    assert len(names) == 4

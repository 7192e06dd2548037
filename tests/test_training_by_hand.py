"""The training loop beside the same steps written out with plain torch: hint then KD, as Algorithm 1 has it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitnets_lib.initialisation import GLOROT, HE, LayerSequential, Start, Uniform
from fitnets_lib.networks import build, initialise
from fitnets_lib.optimisation import MaxNorm, Training
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import HINT_THEN_KD, JOINT_LABEL_HINT_AND_KD, Recipe
from fitnets_lib.training import Progress, StageRun, train
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, same_bits

SEED, BATCH, EPOCHS = 3, 16, 2
LESSONS = lessons()
TRAINING = Training(
    epochs=EPOCHS,
    patience=EPOCHS,
    batch=BATCH,
    spread=0.1,
    learning_rate=0.004,
    convolution_scale=0.5,
    floor=1e-3,
    max_norm=MaxNorm(convolutions=0.25, hidden=0.3, output=0.2),
    each_stage=True,
)
Loss = Callable[[Tensor, Tensor, float], Tensor]


def shorten(layer: nn.Conv2d | nn.Linear) -> None:
    """No unit of a convolution has weights longer than .25, none of the output longer than .2."""
    with torch.no_grad():
        for unit in layer.weight:
            unit.mul_(min(1.0, (0.25 if isinstance(layer, nn.Conv2d) else 0.2) / unit.norm().item()))


def stage_by_hand(number: int, trained: nn.ModuleList, loss: Loss) -> list[tuple[float, float, dict[str, Tensor]]]:
    """For each epoch the loss on the training images, that on the validation images, and the weights after it."""
    layers = [layer for layer in trained.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    rates = [
        {"params": list(layer.parameters()), "lr": 0.004 * (0.5 if isinstance(layer, nn.Conv2d) else 1.0)}
        for layer in layers
    ]
    optimiser = torch.optim.RMSprop(rates, alpha=0.9, eps=1e-3)
    images, labels = LESSONS.train.split.images, LESSONS.train.split.labels
    held_out, found = LESSONS.validation.split, []
    for epoch, lam in enumerate((4.0, 1.0)):  # lambda falls from 4 to 1 over the stage
        order = torch.randperm(len(images), generator=generator(SEED, "shuffle", number, epoch))
        losses = []
        for batch in order.split(BATCH):
            step = loss(images[batch], labels[batch], lam)
            optimiser.zero_grad()
            step.backward()
            optimiser.step()
            for layer in layers:
                shorten(layer)
            losses.append(step.item())
        with torch.no_grad():
            judged = float(loss(held_out.images, held_out.labels, lam))
        found.append((sum(losses) / len(losses), judged, copy.deepcopy(trained.state_dict())))
    return found


def test_two_stages_of_three_batches_an_epoch_end_where_plain_torch_does() -> None:
    teacher, student = build(TEACHER), build(STUDENT)
    (regressor,) = HINT_THEN_KD.stages[0].loss.heads(STUDENT, TEACHER)
    assert regressor is not None
    initialise(teacher, None, generator(0, "teacher"))
    initialise(student, 0.1, generator(SEED, "student"))
    initialise(regressor, 0.1, generator(SEED, "head", 1, 0))

    def hint(images: Tensor, labels: Tensor, lam: float) -> Tensor:
        distance = teacher[:2](images).detach() - regressor(student[:2](images))
        squares: Tensor = 0.5 * distance.square().flatten(1).sum(dim=1)
        return squares.mean()

    def kd(images: Tensor, labels: Tensor, lam: float) -> Tensor:
        softened = torch.softmax(teacher(images).detach() / 3, dim=1)
        return F.cross_entropy(student(images), labels) + lam * F.cross_entropy(student(images) / 3, softened)

    first = stage_by_hand(1, nn.ModuleList([student[:2], regressor]), hint)
    assert first[1][1] < first[0][1], "the last epoch is the best, so that stage 2 goes on from it"
    second = stage_by_hand(2, nn.ModuleList([student]), kd)

    kept: list[Progress] = []
    _, curve = train(
        STUDENT, TEACHER, HINT_THEN_KD, TRAINING, LESSONS, SEED, save=lambda p: kept.append(copy.deepcopy(p))
    )
    for (train_loss, judged, weights), row, progress in zip(first + second, curve, kept, strict=True):
        assert row.train_loss == pytest.approx(train_loss, rel=1e-5)
        assert row.validation_loss == pytest.approx(judged, rel=1e-5)
        ours = {name.removeprefix("student."): v for name, v in progress.tensors.items() if name.startswith("student.")}
        for name, values in weights.items():
            place, inner = name.split(".", 1)
            if place == "0":
                torch.testing.assert_close(ours[inner], values, rtol=1e-4, atol=1e-6)
            else:
                torch.testing.assert_close(progress.tensors[f"head.0.{inner}"], values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("start", [Uniform(0.005), HE, GLOROT, LayerSequential()], ids=str)
@pytest.mark.parametrize("recipe", [HINT_THEN_KD, JOINT_LABEL_HINT_AND_KD], ids=lambda recipe: recipe.name)
def test_regressors_and_classifiers_begin_by_the_rule_of_the_student_from_the_seeds_own_numbers(
    start: Start, recipe: Recipe
) -> None:
    stage, training = recipe.stages[0], replace(QUICK, start=start)
    run = StageRun(1, stage, 1, training, build(STUDENT), STUDENT, TEACHER, SEED)
    made = stage.loss.heads(STUDENT, TEACHER)
    for place, head in enumerate(made):
        if head is not None:
            start.draw(head, generator(SEED, "head", 1, place))
            assert same_bits(head, run.heads[place])
    assert any(head is not None for head in made)


def test_under_the_papers_start_a_regressor_begins_with_small_random_weights_and_no_bias() -> None:
    run = StageRun(1, HINT_THEN_KD.stages[0], 1, replace(QUICK, spread=0.005), build(STUDENT), STUDENT, TEACHER, SEED)
    biases = [p for name, p in run.heads.named_parameters() if name.endswith("bias")]
    (weight,) = (p for name, p in run.heads.named_parameters() if name.endswith("weight"))
    assert biases and all((bias == 0).all() for bias in biases)
    assert 0.004 < weight.abs().max() <= 0.005
    assert weight.unique().numel() > weight.numel() / 2

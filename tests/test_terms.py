from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from fitnets_lib import losses
from fitnets_lib.annealing import Linear
from fitnets_lib.errors import BadInput
from fitnets_lib.losses import OFFICIAL, hint_loss, released_hint_loss
from fitnets_lib.networks import Conv, Convolution, Dense, Network, shapes
from fitnets_lib.recipes import classification, hint, kd, label_hint, label_hints
from fitnets_lib.regressors import Shape, fully_connected_regressor
from fitnets_lib.terms import Classification, Distillation, Hint, LabelHint, LabelHints, Loss, Seen, Term
from tests.helpers import STUDENT, TEACHER


def seen(epoch: int = 0, layers: int = 4) -> Seen:
    """A batch of two images, as it is seen in one of five epochs."""
    random = torch.Generator().manual_seed(0)
    return Seen(
        student=STUDENT,
        teacher=TEACHER,
        labels=torch.tensor([3, 7]),
        maps=tuple(torch.randn(2, *shape, generator=random) for shape in shapes(STUDENT)[:layers]),
        teacher_logits=torch.randn(2, 10, generator=random),
        hints={layer: torch.randn(2, *shapes(TEACHER)[layer - 1], generator=random) for layer in (1, 2)},
        epoch=epoch,
        epochs=5,
    )


def test_the_logits_are_the_last_map_and_absent_while_only_lower_layers_are_computed() -> None:
    whole = seen()
    assert whole.logits is whole.maps[3]
    assert seen(layers=2).logits is None


@pytest.mark.parametrize(("epoch", "lam"), [(0, 4.0), (2, 2.5), (4, 1.0)])
def test_lambda_falls_from_4_to_1_at_temperature_3(epoch: int, lam: float) -> None:
    batch = seen(epoch)
    assert batch.logits is not None and batch.teacher_logits is not None
    by_hand = losses.kd_loss(batch.logits, batch.teacher_logits, batch.labels, temperature=3, lam=lam)
    assert torch.allclose(kd(batch, [None]), by_hand)


def test_a_distillation_term_can_take_another_reading_of_the_temperature() -> None:
    batch, term = seen(), Distillation(5.0, Linear(2.0, 2.0), OFFICIAL)
    assert batch.logits is not None and batch.teacher_logits is not None
    by_hand = losses.kd_loss(batch.logits, batch.teacher_logits, batch.labels, 5.0, 2.0, OFFICIAL)
    assert torch.equal(term(batch, None), by_hand)


def test_losses_add_and_take_weights() -> None:
    batch = seen()
    loss = hint + 0.5 * (kd + classification)
    heads = loss.heads(STUDENT, TEACHER)
    parts = [part(batch, [head]).item() for part, head in zip((hint, kd, classification), heads, strict=True)]
    assert loss(batch, heads).item() == pytest.approx(parts[0] + 0.5 * parts[1] + 0.5 * parts[2], rel=1e-6)


def test_only_hints_bring_a_head() -> None:
    heads = (kd + hint + classification + label_hint + label_hints).heads(STUDENT, TEACHER)
    assert [head is None for head in heads] == [True, False, True, False, False]


def test_the_head_of_a_hint_is_a_regressor_with_the_hint_layers_pieces() -> None:
    regressor = Hint().head(STUDENT, TEACHER)
    assert isinstance(regressor, Convolution)
    hint_layer = TEACHER.layers[TEACHER.middle - 1]
    assert isinstance(hint_layer, Conv)
    assert regressor.pieces == hint_layer.pieces
    assert regressor(torch.zeros(1, *STUDENT.middle_shape)).shape[1:] == TEACHER.middle_shape


@pytest.mark.parametrize(("guided", "layer"), [(None, None), (2, 2), (1, 2), (3, 1), (1, 1)])
@pytest.mark.parametrize("loss", [hint_loss, released_hint_loss])
def test_the_hint_term_compares_the_regressed_map_of_its_layers(
    guided: int | None, layer: int | None, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    term, batch = Hint(guided, layer, regressor=fully_connected_regressor, loss=loss), seen()
    head = term.head(STUDENT, TEACHER)
    by_hand = loss(batch.hints[layer or 2], head(batch.maps[(guided or 2) - 1]))
    assert torch.equal(term(batch, head), by_hand)
    assert term.hint_layers(TEACHER) == {layer or 2}


def test_a_label_hint_is_the_cross_entropy_of_a_linear_classifier_on_the_guided_layer() -> None:
    batch, term = seen(layers=2), LabelHint()
    head = term.head(STUDENT, None)
    weight, bias = head.parameters()
    by_hand = torch.nn.functional.cross_entropy(batch.maps[1].flatten(1) @ weight.T + bias, batch.labels)
    assert torch.allclose(term(batch, head), by_hand)


def test_label_hints_are_one_classifier_on_each_hidden_layer() -> None:
    batch = seen()
    (head,) = label_hints.heads(STUDENT, None)
    assert isinstance(head, torch.nn.ModuleList)
    assert len(head) == 3
    by_hand = sum(
        torch.nn.functional.cross_entropy(own(there), batch.labels).item()
        for own, there in zip(head, batch.maps[:3], strict=True)
    )
    assert label_hints(batch, [head]).item() == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize(
    ("term", "teacher", "message"),
    [
        (Hint(), None, "teacher = None: a teacher's description"),
        (Distillation(), None, "teacher = None: a teacher of the 10 classes of tiny student"),
        (Hint(guided=4), TEACHER, "layer of tiny student = 4: the number of a hidden layer, 1 to 3"),
        (Hint(hint=3), TEACHER, "layer of tiny teacher = 3: the number of a hidden layer, 1 to 2"),
        (LabelHint(guided=0), TEACHER, "layer of tiny student = 0: the number of a hidden layer"),
        (
            Distillation(),
            Network("few", (1, 8, 8), (Conv(2), Dense(3)), 1),
            "teacher = 'few with 3 classes': a teacher of the 10 classes",
        ),
        (
            Hint(),
            Network("large", (1, 8, 8), (Conv(2), Conv(2, padding=0), Dense(10)), 2),
            "hint side = 6: at most 4",
        ),
        (
            Hint(hint=2),
            Network("dense", (1, 8, 8), (Conv(2), Dense(5, pieces=2), Dense(10)), 1),
            "hint layer of dense = 2: the number of a convolutional layer",
        ),
    ],
)
def test_networks_that_a_term_cannot_serve_are_refused(term: Term, teacher: Network | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Loss.of(term).fits(STUDENT, teacher)


def too_large(guided: Shape, hint: Shape, layer: Conv) -> torch.nn.Module:
    return Convolution(guided[0], replace(layer, channels=hint[0], kernel=1, padding=0, pool=None))


def transposed(guided: Shape, hint: Shape, layer: Conv) -> torch.nn.Module:
    return torch.nn.Sequential(too_large(guided, hint, layer), torch.nn.ConvTranspose2d(hint[0], hint[0], 2, padding=1))


def test_a_regressor_that_does_not_give_the_hints_map_is_refused_before_training() -> None:
    # The guided map of the tiny student is 2 x 4 x 4, the hint of the tiny teacher 3 x 3 x 3.
    with pytest.raises(BadInput, match=r"what the regressor gives = \(3, 4, 4\): \(3, 3, 3\), the shape of the hint"):
        Loss.of(Hint(regressor=too_large)).fits(STUDENT, TEACHER)


def test_a_regressor_with_weights_that_would_be_neither_drawn_nor_trained_is_refused() -> None:
    with pytest.raises(BadInput, match=r"parameter of the regressor = '1\.weight': a weight of the library's"):
        Loss.of(Hint(regressor=transposed)).fits(STUDENT, TEACHER)


@pytest.mark.parametrize(
    ("term", "highest"),
    [
        (Classification(), 4),
        (Distillation(), 4),
        (Hint(), 2),
        (Hint(guided=1), 1),
        (LabelHint(3), 3),
        (LabelHints(), 1),
    ],
    ids=lambda value: type(value).__name__,  # a hint's repr has an address, which differs between workers
)
def test_a_term_says_up_to_which_layer_it_looks(term: Term, highest: int) -> None:
    assert term.highest(STUDENT) == highest  # of four layers, the second is the middle

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fitnets_lib import data, gaps, recipes
from fitnets_lib.courses import course
from fitnets_lib.optimisation import Training
from fitnets_lib.runs import Store, execute
from tests.helpers import run

QUICK = Training(epochs=4, patience=4, batch=500, spread=None)


def frame(losses: dict[tuple[str, int], list[float]]) -> pd.DataFrame:
    """Epochs with these training losses; after epoch e, 10 e % right in training and 9 e % in validation."""
    rows = [
        (5, recipe, seed, epoch, loss, 10.0 * epoch, 9.0 * epoch)
        for (recipe, seed), run_losses in losses.items()
        for epoch, loss in enumerate(run_losses, start=1)
    ]
    return pd.DataFrame(rows, columns=list(gaps.COLUMNS))


def test_runs_of_a_seed_are_compared_where_their_losses_are_nearest_to_the_lowest_that_all_reach() -> None:
    # Seed 0: KD never gets below 1.0; hints come nearest to that in their second epoch (.9), not in their best (.2).
    found = gaps.at_equal_loss(frame({("KD", 0): [2.0, 1.0, 1.1], ("hints", 0): [1.8, 0.9, 0.2]}))
    assert found.set_index("recipe")["epoch"].to_dict() == {"KD": 2, "hints": 2}
    assert found["gap"].tolist() == pytest.approx([20 - 18] * 2)


def test_each_seed_has_a_level_of_its_own() -> None:
    losses = {("KD", 0): [1.0], ("hints", 0): [1.1, 0.1], ("KD", 1): [2.0, 0.3], ("hints", 1): [1.0, 0.35, 0.1]}
    found = gaps.at_equal_loss(frame(losses)).set_index(["recipe", "seed"])["epoch"]
    assert found.to_dict() == {("KD", 0): 1, ("hints", 0): 1, ("KD", 1): 2, ("hints", 1): 2}


def test_the_method_that_fits_worst_is_taken_at_its_own_best_epoch() -> None:
    found = gaps.at_equal_loss(frame({("a", 0): [3.0, 0.5, 0.4], ("b", 0): [2.0, 1.5, 1.9], ("c", 0): [9.0, 1.6]}))
    assert found.set_index("recipe")["epoch"].to_dict() == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize("recipe", [recipes.BACKPROP, recipes.HINT_THEN_KD], ids=lambda r: r.name)
def test_each_epoch_with_an_output_has_its_fit_to_the_training_images_and_the_curves_validation_accuracy(
    recipe: recipes.Recipe, tmp_path: Path
) -> None:
    store, followed = Store(tmp_path), run(recipe, training=QUICK)
    found = gaps.by_epoch([followed], store)
    logits, labels = course(followed, store).train.double().numpy(), data.load("digits").train.labels.numpy()
    right = np.exp(np.take_along_axis(logits, labels[None, :, None], axis=2)[..., 0]) / np.exp(logits).sum(axis=2)
    assert found["training loss"].tolist() == pytest.approx((-np.log(right)).mean(axis=1).tolist(), rel=1e-5)
    hits = 100 * (logits.argmax(axis=2) == labels).mean(axis=1)
    assert found["training accuracy"].tolist() == pytest.approx(hits.tolist())
    errors = [row.validation_error for row in execute(followed, store).curve if row.validation_error is not None]
    assert found["validation accuracy"].tolist() == pytest.approx([100 - 100 * error for error in errors])
    assert found["epoch"].tolist() == list(range(1, len(errors) + 1))
    assert set(found["recipe"]) == {recipe.name} and set(found["depth"]) == {len(followed.network.layers)}


def test_the_fit_is_that_of_the_kept_network_in_one_of_the_epochs(tmp_path: Path) -> None:
    store, followed = Store(tmp_path), run(recipes.KD, training=QUICK)
    found, train = gaps.by_epoch([followed], store), data.load("digits").train
    with torch.no_grad():
        logits = store.network(followed)(train.images)
    hits = 100 * float((logits.argmax(dim=1) == train.labels).double().mean())
    assert hits in [pytest.approx(one) for one in found["training accuracy"]]

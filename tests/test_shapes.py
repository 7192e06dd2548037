from __future__ import annotations

import pytest
import torch

from fitnets_lib import shapes
from fitnets_lib.data import Split
from fitnets_lib.errors import BadInput
from fitnets_lib.randomness import generator


@pytest.mark.parametrize("easy", [True, False])
def test_images_have_one_shape_on_a_ground_and_lie_between_minus_one_and_one(easy: bool) -> None:
    split = shapes.draw(60, easy, generator(0, "shapes"))
    assert split.images.shape == (60, 1, 32, 32)
    assert split.images.abs().max() <= 1.0
    assert all(len(image.unique()) == 2 for image in split.images)
    assert set(split.labels.tolist()) == {0, 1, 2}
    levels = torch.stack([image.unique() for image in split.images])
    assert (levels[:, 1] - levels[:, 0]).min() >= 0.5 - 1e-6


def area_and_spread(split: Split, label: int) -> list[tuple[float, float]]:
    """Area of each shape, and the ratio of the longest to the shortest of its two main axes."""
    found: list[tuple[float, float]] = []
    for image in split.images[split.labels == label]:
        corner = image[0, 0, 0]
        y, x = (image[0] != corner).nonzero().double().T
        axes = torch.linalg.eigvalsh(torch.cov(torch.stack([x, y]))).sqrt()
        found.append((len(x), float(axes[1] / axes[0])))
    return found


@pytest.mark.parametrize("label", [0, 1, 2])
def test_easy_shapes_are_as_wide_as_long_and_hard_ones_are_not(label: int) -> None:
    easy, hard = (area_and_spread(shapes.draw(90, kind, generator(1, "shapes")), label) for kind in (True, False))
    # Equal second moments are what a square, a circle and an equilateral triangle share; pixels blur it a little.
    assert max(ratio for _, ratio in easy) < 1.1
    hard_ratios = [ratio for _, ratio in hard]
    assert sorted(hard_ratios)[len(hard_ratios) // 2] > 1.15


def test_a_circle_has_the_area_of_a_circle() -> None:
    areas = [area for area, _ in area_and_spread(shapes.draw(300, True, generator(2, "shapes")), 1)]
    assert min(areas) > 3.1 * 6**2 * 0.95
    assert max(areas) < 3.15 * 11**2 * 1.05


def test_the_same_generator_gives_the_same_shapes() -> None:
    one, other = (shapes.draw(5, False, generator(3, "shapes")) for _ in range(2))
    assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)


def test_no_images_are_refused() -> None:
    with pytest.raises(BadInput, match="count = 0: at least 1 image"):
        shapes.draw(0, True, generator(0, "shapes"))

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib.augmentation import NONE, Augmentation, Views
from fitnets_lib.errors import BadInput


def numbered(count: int = 3, height: int = 4, width: int = 5) -> torch.Tensor:
    return torch.arange(1.0, 1 + count * 2 * height * width).view(count, 2, height, width)


@given(st.integers(0, 3), st.integers(0, 10**6))
def test_each_image_is_cut_and_flipped_as_its_view_says(pad: int, seed: int) -> None:
    images, augmentation = numbered(), Augmentation(flip=True, pad=pad)
    views = augmentation.draw(3, torch.Generator().manual_seed(seed))
    found = augmentation(images, views)
    for number in range(3):
        image = images[number].flip(2) if views.flipped[number] else images[number]
        framed = torch.zeros(2, 4 + 2 * pad, 5 + 2 * pad)
        framed[:, pad : pad + 4, pad : pad + 5] = image
        row, column = views.shift[number].tolist()
        assert torch.equal(found[number], framed[:, row : row + 4, column : column + 5])


def test_a_shift_by_the_padding_leaves_the_image_where_it_is() -> None:
    images = numbered()
    views = Views(torch.zeros(3, dtype=torch.bool), torch.full((3, 2), 2))
    assert torch.equal(Augmentation(pad=2)(images, views), images)


def test_half_of_the_images_are_flipped_and_all_cuts_are_equally_likely() -> None:
    views = Augmentation(flip=True, pad=1).draw(30_000, torch.Generator().manual_seed(0))
    assert views.flipped.float().mean().item() == pytest.approx(0.5, abs=0.02)
    for axis in (0, 1):
        shares = torch.bincount(views.shift[:, axis], minlength=3) / 30_000
        assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_without_augmentation_images_stay_as_they_are() -> None:
    images = numbered()
    assert torch.equal(NONE(images, NONE.draw(3, torch.Generator())), images)


def test_only_flips_can_be_enumerated() -> None:
    assert [Augmentation(flip, pad).enumerable for flip in (False, True) for pad in (0, 4)] == [True, False] * 2


def test_a_negative_padding_is_refused() -> None:
    with pytest.raises(BadInput, match="pad = -1"):
        Augmentation(pad=-1)

from __future__ import annotations

import numpy as np
import torch

from fitnets_lib.pictures import grid


def test_every_image_is_in_the_grid_with_its_text_and_empty_places_stay_empty() -> None:
    images = torch.arange(5 * 4.0).view(5, 1, 2, 2)
    figure = grid(images, ["a", "b", "c", "d", "e"], columns=3)
    assert len(figure.axes) == 6
    shown = [np.asarray(axis.images[0].get_array()).tolist() for axis in figure.axes if axis.images]
    assert shown == [image[0].tolist() for image in images]
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d", "e", ""]
    assert not any(axis.axison for axis in figure.axes)

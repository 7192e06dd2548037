from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from fitnets_lib.pictures import feature_maps, grid, heat_map


def test_every_image_is_in_the_grid_with_its_text_and_empty_places_stay_empty() -> None:
    images = torch.arange(5 * 4.0).view(5, 1, 2, 2)
    figure = grid(images, ["a", "b", "c", "d", "e"], columns=3)
    assert len(figure.axes) == 6
    shown = [np.asarray(axis.images[0].get_array()).tolist() for axis in figure.axes if axis.images]
    assert shown == [image[0].tolist() for image in images]
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d", "e", ""]
    assert not any(axis.axison for axis in figure.axes)


def test_rows_of_feature_maps_have_their_own_scale_unless_they_share_one() -> None:
    rows = {
        "a": torch.tensor([[[0.0, 1.0]], [[2.0, 3.0]]]),
        "b": torch.tensor([[[0.0, 9.0]]]),
        "c": torch.ones(1, 2, 2),
    }
    figure = feature_maps(rows, shared=[("a", "b")])
    assert len(figure.axes) == 6
    limits = [axis.images[0].get_clim() for axis in figure.axes if axis.images]
    assert limits[:3] == [(0, 9)] * 3
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == ["a", "b", "c"]
    alone = feature_maps(rows)
    assert alone.axes[0].images[0].get_clim() == (0, 3)


def test_a_heat_map_shows_every_number_that_there_is_and_names_its_axes() -> None:
    table = pd.DataFrame([[1.0, np.nan], [3.0, 4.25]], index=["low", "high"], columns=[1, 2])
    table.index.name, table.columns.name = "guided", "hint"
    figure = heat_map(table, "accuracy (%)", digits=1)
    axis = figure.axes[0]
    assert {text.get_position(): text.get_text() for text in axis.texts} == {
        (0, 0): "1.0",
        (0, 1): "3.0",
        (1, 1): "4.2",
    }
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "2"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["low", "high"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("hint", "guided")
    assert figure.axes[1].get_ylabel() == "accuracy (%)"


def test_the_ink_of_a_number_stands_out_from_its_ground() -> None:
    texts = heat_map(pd.DataFrame([[0.0, 10.0]]), "points").axes[0].texts
    assert [text.get_color() for text in texts] == ["black", "white"]

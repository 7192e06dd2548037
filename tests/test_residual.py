from __future__ import annotations

from typing import Any

import pytest

from fitnets_lib.complexity import cost
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Conv, Dense
from fitnets_lib.residual import residual_network


def test_a_residual_network_of_6_n_plus_2_layers_has_n_pairs_of_convolutions_in_each_of_three_groups() -> None:
    for depth, n in ((20, 3), (56, 9)):
        network = residual_network(depth)
        first, *hidden, logits = network.layers
        assert len(network.layers) == depth
        assert [layer.channels for layer in hidden if isinstance(layer, Conv)] == [
            channels for channels in (8, 16, 32) for _ in range(2 * n)
        ]
        assert (network.middle, network.middle_shape, logits) == (1 + 4 * n, (16, 8, 8), Dense(10))
        assert all(isinstance(layer, Conv) and layer.norm and layer.relu and layer.pieces == 1 for layer in hidden)
        shortcuts = [isinstance(layer, Conv) and layer.residual for layer in (first, *hidden)]
        assert shortcuts == [False] + [False, True] * 3 * n


def test_a_residual_network_of_20_layers_costs_what_is_counted_by_hand() -> None:
    stem, first = 27 * 8 * 32**2, 6 * 72 * 8 * 32**2
    second, third = (72 * 16 + 5 * 144 * 16) * 16**2, (144 * 32 + 5 * 288 * 32) * 8**2
    assert cost(residual_network(20)).multiplications == stem + first + second + third + 32 * 10


@pytest.mark.parametrize("depth", [2, 19, 21, 206, 20.0, True])
def test_a_residual_network_of_another_depth_is_refused(depth: Any) -> None:
    with pytest.raises(BadInput, match=rf"depth of a residual network = {depth}"):
        residual_network(depth)

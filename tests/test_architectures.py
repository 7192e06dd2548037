from __future__ import annotations

import pytest

from fitnets_lib.architectures import layers, pairs, table
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Network
from fitnets_lib.paper_networks import HINT_PAIRS, NETWORKS


def rows(network: Network) -> list[list[str]]:
    return [list(map(str, row)) for row in layers(network).to_numpy().tolist()]


def test_the_cifar_teacher_is_the_one_of_the_released_maxout_configuration() -> None:
    maxout = "convolution, maxout"
    assert rows(NETWORKS["cifar10/teacher"]) == [
        ["1", maxout, "96", "8 × 8", "4", "2", "4 × 4 / 2", "96 × 16 × 16", ""],
        ["2", maxout, "192", "8 × 8", "3", "2", "4 × 4 / 2", "192 × 7 × 7", "hint"],
        ["3", maxout, "192", "5 × 5", "3", "2", "2 × 2 / 2", "192 × 5 × 5", ""],
        ["4", "fully connected", "500", "–", "–", "5", "–", "500", ""],
        ["5", "softmax", "10", "–", "–", "–", "–", "10", ""],
    ]


def test_equal_neighbours_share_a_line_and_all_nineteen_layers_of_fitnet_4_are_there() -> None:
    found = rows(NETWORKS["cifar10/fitnet4"])
    assert [row[0] for row in found] == ["1 to 3", "4", "5", "6 to 10", "11", "12 to 16", "17", "18", "19"]
    assert [row[-1] for row in found] == ["", "", "", "", "guided", "", "", "", ""]
    assert found[4][1:8] == ["convolution, maxout", "80", "3 × 3", "1", "2", "2 × 2 / 2", "80 × 8 × 8"]


def test_faces_networks_have_relus_and_a_sigmoid() -> None:
    found = rows(NETWORKS["aflw/teacher"])
    assert found[0] == ["1", "convolution, ReLU", "128", "3 × 3", "0", "–", "2 × 2 / 2", "128 × 7 × 7", ""]
    assert found[2][7:] == ["512 × 2 × 2", "hint"]
    assert found[3] == ["4", "sigmoid", "1", "–", "–", "–", "–", "1", ""]


def test_networks_stand_one_below_the_other_each_named_once() -> None:
    one, other = NETWORKS["mnist/teacher"], NETWORKS["mnist/fitnet"]
    both = table([one, other])
    assert len(both) == len(layers(one)) + len(layers(other))
    assert [name for name in both["network"] if name] == ["mnist/teacher", "mnist/fitnet"]
    assert both.iloc[0]["network"] == "mnist/teacher"


def test_the_pairs_have_the_kernels_and_weights_that_follow_from_the_maps() -> None:
    found = {row["student"]: row for row in pairs(HINT_PAIRS).to_dict("records")}
    four, digit, face = found["cifar10/fitnet4"], found["mnist/fitnet"], found["aflw/fitnet1"]
    assert (four["hint layer"], four["guided layer"]) == ("2 of 5", "11 of 19")
    assert (four["regressor’s kernel"], four["weights a piece"]) == ("2 × 2", "61,440")
    assert (digit["regressor’s kernel"], digit["weights a piece"]) == ("1 × 1", "768")
    assert (face["hint map"], face["guided map"], face["regressor’s kernel"]) == ("512 × 2 × 2", "32 × 6 × 6", "5 × 5")


def test_a_hint_map_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadInput, match="hint side = 10"):
        pairs([("svhn/teacher", "svhn/fitnet-by-text")])

from __future__ import annotations

import pytest
import torch

from fitnets_lib.networks import Conv, Dense, Network, shapes
from fitnets_lib.paper_networks import HINT_PAIRS, NETWORKS
from fitnets_lib.regressors import convolutional_parameters, convolutional_regressor, kernel_size

CIFAR = [name for name in NETWORKS if name.startswith("cifar10/") and name != "cifar10/teacher"]


def widths(network: Network) -> list[int]:
    return [layer.channels for layer in network.layers if isinstance(layer, Conv)]


def test_the_cifar_teachers_maps_have_the_sides_of_the_original() -> None:
    # paper.md, section 3: 33 -> 16, 15 -> 7, 9 -> 5.
    assert [shape[1] for shape in shapes(NETWORKS["cifar10/teacher"])[:3]] == [16, 7, 5]
    assert [shape[1] for shape in shapes(NETWORKS["svhn/teacher"])[:3]] == [18, 10, 6]
    assert [shape[1] for shape in shapes(NETWORKS["mnist/teacher"])[:3]] == [10, 4, 3]


@pytest.mark.parametrize("name", CIFAR)
def test_every_cifar_student_is_guided_at_an_8_by_8_map_by_a_2_by_2_regressor(name: str) -> None:
    teacher, student = NETWORKS["cifar10/teacher"], NETWORKS[name]
    assert student.middle_shape[1:] == (8, 8)
    assert kernel_size(student.middle_shape[1], teacher.middle_shape[1]) == 2
    hint_layer = teacher.layers[teacher.middle - 1]
    assert isinstance(hint_layer, Conv)
    regressor = convolutional_regressor(student.middle_shape, teacher.middle_shape, hint_layer)
    assert regressor(torch.zeros(1, *student.middle_shape)).shape == (1, 192, 7, 7)
    assert shapes(student)[len(widths(student)) - 1][1:] == (1, 1)


def test_the_fitnets_have_the_convolutions_of_table_7() -> None:
    assert [len(widths(NETWORKS[f"cifar10/fitnet{n}"])) for n in (1, 2, 3, 4)] == [9, 9, 11, 17]
    assert [NETWORKS[f"cifar10/fitnet{n}"].middle for n in (1, 2, 3, 4)] == [6, 6, 8, 11]
    assert widths(NETWORKS["cifar10/fitnet4"]) == [32, 32, 32, 48, 48, *[80] * 6, *[128] * 6]


def test_the_depth_studys_guided_layers_are_those_of_table_6() -> None:
    for budget in ("30M", "107M"):
        assert [NETWORKS[f"cifar10/depth-{budget}-{depth}"].middle for depth in (5, 7, 9, 11)] == [2, 4, 5, 7]


def test_the_mnist_pair_meets_at_4_by_4() -> None:
    assert NETWORKS["mnist/fitnet"].middle_shape == (16, 4, 4)
    assert NETWORKS["mnist/teacher"].middle_shape == (48, 4, 4)
    assert all(layer.pieces == 2 for layer in NETWORKS["mnist/fitnet"].layers if isinstance(layer, Conv))


def test_every_network_on_32_by_32_has_a_maxout_layer_of_5_pieces_before_the_softmax() -> None:
    for name, network in NETWORKS.items():
        if name.startswith(("cifar", "svhn")):
            hidden, softmax = network.layers[-2:]
            assert isinstance(hidden, Dense) and isinstance(softmax, Dense)
            assert (hidden.pieces, softmax.pieces) == (5, 1)
            assert hidden.units == (400 if name == "svhn/teacher" else 500)
            assert softmax.units == (100 if name.startswith("cifar100") else 10)


def test_no_convolutional_regressor_fits_the_svhn_hint_that_the_configuration_suggests() -> None:
    # paper.md, section 2: the second layer's 10 x 10 map is larger than the student's 8 x 8.
    assert NETWORKS["svhn/teacher"].middle_shape[1] > NETWORKS["svhn/fitnet-by-text"].middle_shape[1]


@pytest.mark.parametrize("data", ["aflw", "faces"])
def test_the_face_networks_are_those_of_appendix_a_4(data: str) -> None:
    teacher, *students = (NETWORKS[f"{data}/{name}"] for name in ("teacher", "fitnet1", "fitnet2"))
    assert teacher.image == (3 if data == "aflw" else 1, 16, 16)
    assert widths(teacher) == [128, 512, 512]
    assert [widths(student) for student in students] == [[16] + [32] * 6, [32] + [64] * 6]
    assert [shape[1:] for shape in shapes(teacher)[:3]] == [(7, 7), (6, 6), (2, 2)]  # 14 pooled to 7, then 6, then 2
    assert teacher.middle == 3
    for student in students:
        assert student.middle == 5
        assert student.middle_shape[1:] == (6, 6)
        assert kernel_size(6, 2) == 5
    for network in (teacher, *students):
        assert all(layer.relu and layer.pieces == 1 for layer in network.layers if isinstance(layer, Conv))
        assert network.layers[-1] == Dense(1, sigmoid=True)
        assert network.classes == 2


def test_a_hint_pair_is_a_student_with_the_teacher_of_its_data_and_their_maps_can_be_bridged() -> None:
    assert ("mnist/teacher", "mnist/fitnet") in HINT_PAIRS
    assert (
        len(HINT_PAIRS) == 16
    )  # CIFAR-10: four students, one in two readings, eight of the depth study; MNIST 1, AFLW 2
    # From 8 x 8 to 7 x 7, from 4 x 4 to 4 x 4, from 6 x 6 to 2 x 2: kernels of side 2, 1 and 5; k^2 O_h for each O_g.
    hint = {"cifar10": 2**2 * 192, "mnist": 1**2 * 48, "aflw": 5**2 * 512}
    for teacher, student in HINT_PAIRS:
        network = NETWORKS[student]
        guided = network.layers[network.middle - 1]
        assert isinstance(guided, Conv)
        found = convolutional_parameters(network.middle_shape, NETWORKS[teacher].middle_shape)
        assert found == hint[student.split("/")[0]] * guided.channels


def test_the_depth_studys_widths_are_those_of_table_6() -> None:
    widths = {
        "30M": ([64, 64, 64], [16, 32, 32, 64, 64], [16, 32, 32, 32, 32, 48, 64], [16] * 3 + [32] * 3 + [48, 48, 64]),
        "107M": (
            [128, 128, 128],
            [32, 64, 80, 80, 128],
            [32, 32, 64, 80, 80, 96, 128],
            [16, 32, 32, 48, 64, 80, 96, 96, 128],
        ),
    }
    for budget, by_depth in widths.items():
        for depth, wanted in zip((5, 7, 9, 11), by_depth, strict=True):
            layers = NETWORKS[f"cifar10/depth-{budget}-{depth}"].layers
            assert [layer.channels for layer in layers if isinstance(layer, Conv)] == wanted

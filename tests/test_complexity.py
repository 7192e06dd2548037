from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fitnets_lib.complexity import as_counted, cost
from fitnets_lib.networks import Conv, Dense, Network, Pool, build, digits_student
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.variants import with_norms, with_shortcuts

# The paper's printed figures (Tables 3, 4 and 5), each with the precision it is printed in.
PRINTED = [
    ("cifar10/teacher", 5, 9e6, 0.5e6, 725e6),
    ("cifar10/fitnet1", 11, 250e3, 0.5e3, 30e6),
    ("cifar10/fitnet2", 11, 862e3, 0.5e3, 108e6),
    ("cifar10/fitnet3", 13, 1.6e6, 0.05e6, 392e6),
    ("cifar10/fitnet4", 19, 2.5e6, 0.05e6, 382e6),
    ("svhn/teacher", 5, 4.9e6, 0.05e6, None),
    ("svhn/fitnet-by-text", 13, 1.5e6, 0.05e6, None),
    ("mnist/teacher", 4, 361e3, 0.5e3, None),
    ("mnist/fitnet", 7, 30e3, 0.5e3, None),
]


@pytest.mark.parametrize(("name", "layers", "parameters", "precision", "multiplications"), PRINTED)
def test_the_papers_figures_come_out(
    name: str, layers: int, parameters: float, precision: float, multiplications: float | None
) -> None:
    found = cost(NETWORKS[name])
    assert found.layers == layers
    assert abs(found.parameters - parameters) <= precision
    if multiplications is not None:
        assert abs(found.multiplications - multiplications) <= 0.5e6


def test_fitnet_3_as_printed_does_not_give_the_counts_printed_for_it() -> None:
    # Two pieces of 3 x 3 weights for each pair of channels: 18. Printed are 1.6M weights and 392M multiplications.
    as_printed = 3 * 32 + 32 * 48 + 48 * 64 + 64 * 64  # pairs of channels at 32 x 32 places
    mended = 3 * 64 + 3 * 64 * 64
    second, third = 64 * 80 + 3 * 80 * 80, 80 * 128 + 2 * 128 * 128  # at 16 x 16 and at 8 x 8
    above = 128 * 500 * 2 + 500 * 10
    for name, first, millions in (("fitnet3-as-printed", as_printed, 324), ("fitnet3", mended, 392)):
        found = cost(NETWORKS[f"cifar10/{name}"])
        assert found.parameters == 18 * (first + second + third) + above
        assert found.multiplications == 18 * (first * 32**2 + second * 16**2 + third * 8**2) + above
        assert round(found.multiplications / 1e6) == millions
    assert 18 * (as_printed + second + third) + above < 1.55e6 < 18 * (mended + second + third) + above


@pytest.mark.parametrize(("name", "budget"), [("30M", 30e6), ("107M", 107e6)])
def test_the_depth_study_keeps_to_its_budgets_within_a_tenth(name: str, budget: float) -> None:
    for depth in (5, 7, 9, 11):
        found = cost(NETWORKS[f"cifar10/depth-{name}-{depth}"])
        assert found.layers == depth
        assert found.multiplications == pytest.approx(budget, rel=0.1)


@pytest.mark.parametrize(("student", "printed", "width"), [("fitnet1", 15, 32), ("fitnet2", 2.5, 64)])
def test_the_ratios_printed_for_faces_do_not_come_out(student: str, printed: float, width: int) -> None:
    # Claim A3: 15 and 2.5 times fewer multiplications than the teacher (section 3.4); as described they are others.
    # Unpadded from 16 x 16. The teacher's maps: 14 pooled to 7, 6, 2. A student's: 14, 12, 10, 8, 6, 4, 2.
    teacher = 3 * 9 * 128 * 14**2 + 128 * 4 * 512 * 6**2 + 512 * 25 * 512 * 2**2 + 512 * 2 * 2
    half = width // 2  # the first layer's
    thin = 3 * 9 * half * 14**2 + half * 9 * width * 12**2 + width * 2 * 2
    thin += sum(width * 9 * width * side**2 for side in (10, 8, 6, 4, 2))
    ratio = cost(NETWORKS["aflw/teacher"]).multiplications / cost(NETWORKS[f"aflw/{student}"]).multiplications
    assert ratio == pytest.approx(teacher / thin, rel=1e-9)
    assert abs(ratio - printed) > 0.5


def test_a_network_counted_by_hand() -> None:
    layers = (Conv(2, kernel=3, padding=0, pieces=3, pool=Pool(2, 2)), Dense(4, pieces=5), Dense(3))
    network = Network("small", (1, 6, 6), layers, middle=1)
    # Full: convolution 9 * 6 weights at 4 * 4 places; dense 8 * 20; softmax 4 * 3. Biases 6, 20, 3.
    full = cost(network, "full")
    assert (full.parameters, full.multiplications) == (54 + 6 + 160 + 20 + 12 + 3, 54 * 16 + 160 + 12)
    # Paper: no biases, two pieces where there are more.
    paper = cost(network)
    assert (paper.parameters, paper.multiplications) == (36 + 64 + 12, 36 * 16 + 64 + 12)
    assert [layer.pieces for layer in as_counted(network).layers] == [2, 2, 1]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_full_count_is_what_the_built_network_has_and_what_torch_counts(name: str) -> None:
    network = NETWORKS[name]
    module, found = build(network), cost(network, "full")
    assert found.parameters == sum(p.numel() for p in module.parameters())
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module(torch.zeros(1, *network.image))
    assert 2 * found.multiplications == counter.get_total_flops()


def test_the_lower_layers_can_be_counted_alone() -> None:
    # Layer 1: 3 x 3 x 1 x 4 weights at 6 x 6 places; layer 2: 3 x 3 x 2 x 6 at 6 x 6 places.
    network = Network("two", (1, 6, 6), (Conv(2), Conv(3), Dense(10)), 1)
    assert [cost(network, up_to=layer).multiplications for layer in (1, 2)] == [36 * 36, 36 * 36 + 108 * 36]
    assert cost(network, up_to=2).layers == 2
    assert cost(network, up_to=3) == cost(network)


def test_a_norm_counts_a_scale_and_a_shift_in_place_of_a_bias_and_a_shortcut_nothing() -> None:
    # Convolutions: 9 * 4 and 9 * 2 * 4 weights with 4 + 4 beside them where normed; dense 72 * 10 with 10 biases.
    plain = Network("two", (1, 6, 6), (Conv(2), Conv(2), Dense(10)), 1)
    assert cost(plain, "full").parameters == 36 + 4 + 72 + 4 + 720 + 10
    assert cost(with_norms(plain), "full").parameters == 36 + 8 + 72 + 8 + 720 + 10
    assert cost(with_shortcuts(plain), "full") == cost(plain, "full")
    assert cost(with_norms(plain), "full").multiplications == cost(plain, "full").multiplications
    for variant in (with_norms(digits_student(11)), with_shortcuts(with_norms(digits_student(11)))):
        module = build(variant).eval()
        assert cost(variant, "full").parameters == sum(p.numel() for p in module.parameters())
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            module(torch.zeros(1, *variant.image))
        assert 2 * cost(variant, "full").multiplications == counter.get_total_flops()

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import (
    DIGITS_TEACHER,
    Conv,
    Convolution,
    Dense,
    FullyConnected,
    Network,
    Pool,
    build,
    digits_student,
    initialise,
    shapes,
)
from fitnets_lib.randomness import generator


@settings(max_examples=30)
@given(
    st.integers(4, 12),
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3), st.integers(0, 3)),
        min_size=1,
        max_size=4,
    ),
    st.data(),
)
def test_the_computed_shapes_are_those_of_the_built_modules(
    side: int, described: list[tuple[int, int, int, int, int]], drawn: st.DataObject
) -> None:
    layers: list[Conv | Dense] = []
    for channels, kernel, padding, pieces, pool in described:
        stride = drawn.draw(st.integers(1, pool)) if pool else 0
        layers.append(Conv(channels, kernel, padding, pieces, Pool(pool, stride) if pool else None))
    try:
        network = Network("drawn", (1, side, side), (*layers, Dense(5, pieces=2), Dense(3)), middle=1)
    except BadInput:
        return
    x = torch.zeros(2, 1, side, side)
    for module, shape in zip(build(network), shapes(network), strict=True):
        x = module(x)
        assert tuple(x.shape[1:]) == shape


def test_a_pooling_window_may_hang_over_the_border_as_in_the_original() -> None:
    # The paper's CIFAR-10 teacher: 33 x 33 pixels pooled 4/2 give 16 x 16 (paper.md, section 3).
    layers = (Conv(1, kernel=8, padding=4, pool=Pool(4, 2)), Dense(2))
    assert shapes(Network("cifar", (3, 32, 32), layers, middle=1))[0] == (1, 16, 16)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Conv(0), Dense(2)), r"net, layer 1, channels = 0: a whole number of at least 1"),
        ((Conv(2, kernel=11), Dense(2)), r"net, layer 1, kernel = 11: at most 10"),
        ((Conv(2), Conv(2, pool=Pool(9, 1)), Dense(2)), r"net, layer 2, pool = 9: at most 8"),
        ((Conv(2, pool=Pool(2, 3)), Dense(2)), r"net, layer 1, pool stride = 3: 1 to 2"),
        ((Dense(2), Conv(2), Dense(2)), r"net, layer 2 = .*cannot follow a fully connected layer"),
        ((Conv(2), Dense(0)), r"net, layer 2, units = 0"),
        ((Conv(2), Dense(2, pieces=0)), r"net, layer 2, pieces = 0"),
        ((Conv(2),), r"net.layers = .*the last layer is a Dense"),
        ((), r"net.layers = .*the last layer is a Dense"),
        ((Conv(2), Dense(1, sigmoid=True), Dense(2)), r"net, layer 2, sigmoid = .*the last layer, with one unit"),
        ((Conv(2), Dense(2, sigmoid=True)), r"net, layer 2, sigmoid = .*the last layer, with one unit"),
    ],
)
def test_an_ill_formed_network_is_refused_with_the_layer_named(layers: tuple[Conv | Dense, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Network("net", (1, 8, 8), layers, middle=1)


@pytest.mark.parametrize("middle", [0, 2, 3, -1])
def test_the_middle_is_a_hidden_layer(middle: int) -> None:
    with pytest.raises(BadInput, match=rf"net.middle = {middle}: the number of a hidden layer, 1 to 1"):
        Network("net", (1, 8, 8), (Conv(2), Dense(2)), middle=middle)


@pytest.mark.parametrize("depth", range(5, 26))
def test_a_digits_student_has_as_many_layers_as_asked_and_is_guided_at_a_4_by_4_map(depth: int) -> None:
    student = digits_student(depth)
    assert len(student.layers) == depth
    assert len([layer for layer in student.layers if isinstance(layer, Conv)]) == depth - 2
    assert student.middle_shape == (12, 4, 4)
    assert student.classes == 10


def test_the_blocks_of_the_11_layer_digits_student_are_three_convolutions_each() -> None:
    widths = [layer.channels for layer in digits_student(11).layers if isinstance(layer, Conv)]
    assert widths == [8] * 3 + [12] * 3 + [16] * 3
    assert digits_student(11).middle == 6


@pytest.mark.parametrize("depth", [4, 0, -1, True, 5.0, "7"])
def test_a_digits_student_that_cannot_be_is_refused_by_its_depth(depth: int) -> None:
    with pytest.raises(BadInput, match=r"depth = .* at least 5 layers"):
        digits_student(depth)


def test_the_digits_hint_is_one_pixel_smaller_than_the_guided_map_as_on_cifar() -> None:
    assert DIGITS_TEACHER.middle_shape == (64, 3, 3)
    assert DIGITS_TEACHER.middle == 2


def weights(seed: int, spread: float | None, purpose: str = "student") -> list[torch.Tensor]:
    module = build(digits_student(5))
    initialise(module, spread, generator(seed, purpose))
    return [p.detach() for p in module.parameters()]


def test_the_papers_initialisation_is_uniform_within_its_spread_with_biases_at_zero() -> None:
    drawn = torch.cat([p.flatten() for p in weights(0, 0.005) if p.dim() > 1])
    assert drawn.abs().max() <= 0.005
    assert drawn.abs().max() > 0.0049
    assert drawn.std() == pytest.approx(0.005 / 3**0.5, rel=0.05)
    assert all((p == 0).all() for p in weights(0, 0.005) if p.dim() == 1)


def test_the_default_initialisation_is_torchs_rule_for_layers() -> None:
    for weight, bias in zip(weights(0, None)[::2], weights(0, None)[1::2], strict=True):
        bound = weight[0].numel() ** -0.5
        assert 0.8 * bound < weight.abs().max() <= bound
        assert 0 < bias.abs().max() <= bound


def test_initial_weights_depend_on_seed_and_purpose_alone() -> None:
    torch.manual_seed(1)
    first = weights(3, 0.005)
    torch.manual_seed(2)
    again, other_seed, other_purpose = weights(3, 0.005), weights(4, 0.005), weights(3, 0.005, "head")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other_seed[0])
    assert not torch.equal(first[0], other_purpose[0])


def test_drawing_weights_leaves_torchs_global_generator_alone() -> None:
    before = torch.get_rng_state()
    module = torch.nn.Linear(2, 2)
    torch.set_rng_state(before)
    initialise(module, None, generator(0, "x"))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_slice_of_a_network_shares_its_weights() -> None:
    student = build(digits_student(5))
    front = student[:2]
    assert next(front.parameters()) is next(student.parameters())


def test_the_softmax_of_a_sigmoid_outputs_logits_is_the_sigmoid() -> None:
    network = Network("two classes", (1, 4, 4), (Conv(2, pieces=1, relu=True), Dense(1, sigmoid=True)), middle=1)
    assert network.classes == 2
    module, x = build(network), torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    weight, bias = list(module.parameters())[-2:]
    a = module[0](x).flatten(1) @ weight.T + bias
    assert torch.allclose(module(x).softmax(dim=1)[:, 1], torch.sigmoid(a[:, 0]), atol=1e-6)


def test_a_relu_layer_gives_no_negative_value_and_a_maxout_layer_does() -> None:
    x = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for relu in (True, False):
        network = Network("net", (1, 8, 8), (Conv(3, pieces=1, relu=relu), Dense(4, relu=relu), Dense(2)), middle=1)
        module = build(network)
        maps = module[0](x)
        assert bool((maps >= 0).all()) is relu
        assert bool((module[1](maps) >= 0).all()) is relu


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_a_convolution_computes_the_same_with_channels_innermost(pieces: int) -> None:
    layer = Convolution(3, Conv(4, pieces=pieces, pool=Pool(2, 2)))
    images = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    found = []
    for x in (images, images.contiguous(memory_format=torch.channels_last)):
        layer.zero_grad()
        out = layer(x)
        out.square().sum().backward()
        found.append((out.detach(), *(p.grad.clone() for p in layer.parameters() if p.grad is not None)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert len(found[0]) == 3


def images(seed: int = 0, channels: int = 3, number: int = 5) -> torch.Tensor:
    return torch.randn(number, channels, 6, 6, generator=torch.Generator().manual_seed(seed))


def test_a_norm_makes_each_linear_piece_have_mean_0_and_variance_1_over_the_batch_before_the_maxout() -> None:
    layer, x = Convolution(3, Conv(4, norm=True)), images()
    assert layer.linear.bias is None
    z = layer.linear(x).detach().numpy().astype("float64")
    mean, variance = z.mean(axis=(0, 2, 3), keepdims=True), z.var(axis=(0, 2, 3), keepdims=True)
    by_hand = ((z - mean) / (variance + 1e-5) ** 0.5).reshape(5, 4, 2, 6, 6).max(axis=2)
    assert torch.allclose(layer(x).double(), torch.from_numpy(by_hand), atol=1e-5)
    dense, flat = FullyConnected(108, Dense(4, pieces=2, norm=True)), x.flatten(1)
    z = dense.linear(flat).detach().numpy().astype("float64")
    by_hand = ((z - z.mean(axis=0)) / (z.var(axis=0) + 1e-5) ** 0.5).reshape(5, 4, 2).max(axis=2)
    assert torch.allclose(dense(flat).double(), torch.from_numpy(by_hand), atol=1e-4)


def test_a_norm_in_eval_mode_gives_an_image_the_same_answer_whatever_comes_with_it() -> None:
    layer, x = Convolution(3, Conv(4, norm=True)), images()
    layer(x)
    layer.eval()
    assert torch.allclose(layer(x)[:2], layer(x[:2]), atol=1e-6)
    layer.train()
    assert not torch.allclose(layer(x)[:2], layer(x[:2]), atol=1e-2)


def test_a_shortcut_adds_the_input_to_the_maxout_before_pooling_and_takes_missing_channels_as_zero() -> None:
    plain = Convolution(3, Conv(5))
    residual = Convolution(3, Conv(5, residual=True, pool=Pool(2, 2)))
    residual.load_state_dict(plain.state_dict())
    x = images()
    expected = plain(x).clone()
    expected[:, :3] += x
    assert torch.equal(residual(x), torch.nn.functional.max_pool2d(expected, 2))


@pytest.mark.parametrize(
    "layer", [Conv(5, norm=True), Conv(5, residual=True), Conv(5, norm=True, residual=True, pool=Pool(2, 2))]
)
def test_norms_and_shortcuts_compute_the_same_with_channels_innermost(layer: Conv) -> None:
    module, found = Convolution(3, layer), []
    for x in (images(), images().contiguous(memory_format=torch.channels_last)):
        module.zero_grad()
        out = module(x)
        out.square().sum().backward()
        found.append((out.detach(), *(p.grad.clone() for p in module.parameters() if p.grad is not None)))
    assert len(found[0]) == 1 + len(list(module.parameters()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "layer", [Conv(3, kernel=4, residual=True), Conv(3, padding=0, residual=True), Conv(2, residual=True)]
)
def test_a_shortcut_that_cannot_be_added_is_refused(layer: Conv) -> None:
    with pytest.raises(BadInput, match=r"net, layer 2, residual = .* at least the 3 channels of its input"):
        Network("net", (1, 8, 8), (Conv(3), layer, Dense(2)), middle=1)


def test_in_a_residual_layer_the_relu_comes_before_the_shortcut_is_added() -> None:
    layer, x = Convolution(3, Conv(3, pieces=1, relu=True, norm=True, residual=True)), images()
    layer.train()
    z = torch.nn.functional.batch_norm(layer.linear(x), None, None, training=True)
    expected = z.clamp(min=0) + x
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)
    assert (expected < 0).any(), "a ReLU after the sum would leave nothing below 0"


def test_the_default_rule_draws_biases_as_torch_does_over_the_whole_range_about_zero() -> None:
    wide = torch.nn.Linear(100, 5000)
    initialise(wide, None, generator(0, "student"))
    torch.manual_seed(0)
    theirs = torch.nn.Linear(100, 5000)  # torch's own rule
    for ours, other in zip(wide.parameters(), theirs.parameters(), strict=True):
        assert ours.abs().max() <= 0.1
        assert ours.mean().item() == pytest.approx(0, abs=0.004)  # 5,000 biases of deviation .058: .0008
        assert ours.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)
        assert other.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)

"""Networks as data, and the modules built from them (sections 2.2 and A of the paper).

A network is a tuple of layers. Layer number k, counted from 1 as in the paper, is element k - 1 of the built
`torch.nn.Sequential`, so the front half up to the guided layer is simply `student[:guided_layer]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fitnets_lib import kernels
from fitnets_lib.errors import BadInput, flag, whole
from fitnets_lib.maxout import MOST_PIECES, channels_innermost, maxout, sorted_by_piece


@dataclass(frozen=True)
class Pool:
    """Max-pooling over `size` x `size` windows, `stride` pixels apart; a window may hang over the border."""

    size: int
    stride: int


@dataclass(frozen=True)
class Conv:
    """A convolution of `channels` units, maxout over `pieces` linear pieces each, and its pooling if it has one.

    With one piece and `relu` it is what AFLW's networks are made of (A.4). A linear piece has one bias, the same at
    every place, as the released configurations ask for (`tied_b`).

    Two later inventions, both absent from the paper: `norm` normalises the linear pieces over the batch before the
    maxout, in place of a bias (Ioffe and Szegedy, 2015); `residual` adds the layer's input to its maxout, before
    pooling, and counts channels that the input lacks as zero (He et al., 2016, whose blocks span two layers).
    """

    channels: int
    kernel: int = 3
    padding: int = 1
    pieces: int = 2
    pool: Pool | None = None
    relu: bool = False
    norm: bool = False
    residual: bool = False


@dataclass(frozen=True)
class Dense:
    """A fully connected maxout layer; with one piece it is linear, as the layer before the softmax is.

    `sigmoid` marks an output of one unit a whose sigmoid is the probability of class 1 of two (A.4). The layer gives
    the logits (0, a): their softmax has that probability, so losses need no special case. `norm` is as in `Conv`.
    """

    units: int
    pieces: int = 1
    relu: bool = False
    sigmoid: bool = False
    norm: bool = False


@dataclass(frozen=True)
class Network:
    """A network as data: the image it takes, its layers, and the layer that gives or takes the hint.

    Attributes:
        name: what tables and figures call it.
        image: channels, height and width of one input image.
        layers: the layers in order; the last is the `Dense` that gives the logits.
        middle: number, from 1, of the hint layer if the network teaches, of the guided layer if it learns.
    """

    name: str
    image: tuple[int, int, int]
    layers: tuple[Conv | Dense, ...]
    middle: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise BadInput("name of a network", self.name, "text: tables and figures call it by that")
        if not isinstance(self.image, tuple) or len(self.image) != 3:
            raise BadInput(f"{self.name}.image", self.image, "channels, height and width, such as (3, 32, 32)")
        for side in self.image:
            whole(side, f"{self.name}.image")
        if not isinstance(self.layers, tuple):
            raise BadInput(f"{self.name}.layers", self.layers, "a tuple of Conv and Dense")
        shapes(self)  # refuses a description that cannot be built
        if type(self.middle) is not int or not 1 <= self.middle < len(self.layers):
            right = f"the number of a hidden layer, 1 to {len(self.layers) - 1}"
            raise BadInput(f"{self.name}.middle", self.middle, right)

    @property
    def classes(self) -> int:
        """How many classes the last layer tells apart."""
        last = self.layers[-1]
        assert isinstance(last, Dense)
        return 2 if last.sigmoid else last.units

    @property
    def middle_shape(self) -> tuple[int, ...]:
        """Channels, height and width of the hint or guided layer's feature map."""
        return shapes(self)[self.middle - 1]


def shapes(network: Network) -> list[tuple[int, ...]]:
    """Shape of every layer's output for one image: (channels, height, width), or (units,) once flattened.

    Raises:
        BadInput: naming the layer that does not fit where it is.
    """
    here: tuple[int, ...] = network.image
    found: list[tuple[int, ...]] = []
    for number, layer in enumerate(network.layers, start=1):
        place = f"{network.name}, layer {number}"
        if not isinstance(layer, Conv | Dense):
            raise BadInput(place, layer, "a Conv or a Dense")
        for name in ("relu", "norm", "residual" if isinstance(layer, Conv) else "sigmoid"):
            flag(getattr(layer, name), f"{place}, {name}")
        whole(layer.pieces, f"{place}, pieces", most=MOST_PIECES)
        if isinstance(layer, Dense):
            here = (whole(layer.units, f"{place}, units"),)
            if layer.sigmoid and (number < len(network.layers) or (layer.units, layer.pieces) != (1, 1)):
                raise BadInput(f"{place}, sigmoid", layer, "the last layer, with one unit of one piece")
        elif len(here) != 3:
            raise BadInput(place, layer, "a convolution cannot follow a fully connected layer")
        else:
            here = _conv_shape(layer, here, place)
        found.append(here)
    if not network.layers or not isinstance(last := network.layers[-1], Dense):
        raise BadInput(f"{network.name}.layers", network.layers[-1:], "the last layer is a Dense that gives the logits")
    return [*found[:-1], (2,)] if last.sigmoid else found


def _conv_shape(layer: Conv, image: tuple[int, ...], place: str) -> tuple[int, int, int]:
    for name, least in (("channels", 1), ("kernel", 1), ("padding", 0)):
        whole(getattr(layer, name), f"{place}, {name}", least)
    if layer.residual and (2 * layer.padding != layer.kernel - 1 or layer.channels < image[0]):
        right = f"a convolution that keeps the map's size and has at least the {image[0]} channels of its input"
        raise BadInput(f"{place}, residual", layer, right)
    if layer.pool is not None:
        _check_pool(layer.pool, place)
    sides = []
    for side in image[1:]:
        padded = side + 2 * layer.padding
        after = padded - layer.kernel + 1
        if after < 1:
            raise BadInput(f"{place}, kernel", layer.kernel, f"at most {padded}, the padded side of its input")
        if layer.pool is not None:
            if layer.pool.size > after:
                raise BadInput(f"{place}, pool", layer.pool.size, f"at most {after}, the side of the map it pools")
            after = -(-(after - layer.pool.size) // layer.pool.stride) + 1
        sides.append(after)
    return (layer.channels, sides[0], sides[1])


def _check_pool(pool: Pool, place: str) -> None:
    if not isinstance(pool, Pool):
        raise BadInput(f"{place}, pool", pool, "a Pool, or None")
    whole(pool.size, f"{place}, pool")
    if type(pool.stride) is not int or not 1 <= pool.stride <= pool.size:
        right = f"1 to {pool.size}, the side of a window: every pixel is in some window"
        raise BadInput(f"{place}, pool stride", pool.stride, right)


class Convolution(nn.Module):
    """The module of a `Conv`: convolution, maxout over the pieces, ReLU if it has one, then max-pooling."""

    def __init__(self, in_channels: int, layer: Conv) -> None:
        super().__init__()
        outputs = layer.channels * layer.pieces
        self.linear = nn.Conv2d(in_channels, outputs, layer.kernel, padding=layer.padding, bias=not layer.norm)
        self.norm = nn.BatchNorm2d(outputs) if layer.norm else nn.Identity()
        self.pieces, self.normed, self.residual = layer.pieces, layer.norm, layer.residual
        # ceil_mode: the original keeps a window that hangs over the border: 33 pixels, windows of 4, stride 2 give 16.
        pool = layer.pool
        self.activation = nn.ReLU() if layer.relu else nn.Identity()
        self.pool = nn.MaxPool2d(pool.size, pool.stride, ceil_mode=True) if pool else nn.Identity()
        self.is_maxout = pool is None and not (layer.relu or layer.norm or layer.residual)
        """Whether nothing comes after the maxout over `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, height, width) to (batch, channels, height', width')."""
        by_piece = self.pieces > 1 and channels_innermost(x) and not (self.normed or kernels.serve(x))
        z = self._by_piece(x) if by_piece else self.norm(self.linear(x))
        h = self.activation(maxout(z, self.pieces, by_piece))
        pooled: Tensor = self.pool(h + _widened(x, h.shape[1]) if self.residual else h)
        return pooled

    def _by_piece(self, x: Tensor) -> Tensor:
        weight, bias = self.linear.weight, self.linear.bias
        assert bias is not None
        weight, bias = (sorted_by_piece(values, self.pieces) for values in (weight, bias))
        return nn.functional.conv2d(x, weight, bias, padding=self.linear.padding)


def _widened(x: Tensor, channels: int) -> Tensor:
    """`x` with channels of zeros after its own, so that there are `channels` of them."""
    return nn.functional.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))


class FullyConnected(nn.Module):
    """The module of a `Dense`: flattens its input, then applies a linear map and maxout over the pieces."""

    def __init__(self, in_features: int, layer: Dense) -> None:
        super().__init__()
        outputs = layer.units * layer.pieces
        self.linear = nn.Linear(in_features, outputs, bias=not layer.norm)
        self.norm = nn.BatchNorm1d(outputs) if layer.norm else nn.Identity()
        self.pieces = layer.pieces
        self.activation = nn.ReLU() if layer.relu else nn.Identity()
        self.output = nn.ZeroPad1d((1, 0)) if layer.sigmoid else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ...) to (batch, units), or to (batch, 2), two logits, if its single unit has a sigmoid."""
        found: Tensor = self.output(self.activation(maxout(self.norm(self.linear(x.flatten(1))), self.pieces)))
        return found


def build(network: Network) -> nn.Sequential:
    """The network as a module from images (batch, channels, height, width) to logits (batch, classes).

    The weights are torch's default; `initialise` draws them anew from a seed.
    """
    inputs = [network.image, *shapes(network)[:-1]]
    modules = [
        Convolution(shape[0], layer) if isinstance(layer, Conv) else FullyConnected(torch.Size(shape).numel(), layer)
        for shape, layer in zip(inputs, network.layers, strict=True)
    ]
    return nn.Sequential(*modules)


def initialise(module: nn.Module, spread: float | None, generator: torch.Generator) -> None:
    """Draws all weights of `module` in place; batch normalisations go back to their first state.

    Args:
        module: what is initialised, a network or a regressor.
        spread: weights come from U(-spread, spread) and biases start at 0, as in the paper (A.1: spread .005);
            None asks for torch's default rule for layers, U(-b, b) with b = 1 / sqrt(fan in), biases too.
        generator: where the random numbers come from, on the CPU, so that weights are the same on every device.
    """
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.reset_parameters()
            if isinstance(layer, nn.Conv2d | nn.Linear):
                bound = spread if spread is not None else layer.weight[0].numel() ** -0.5
                layer.weight.copy_(torch.empty(layer.weight.shape).uniform_(-bound, bound, generator=generator))
                if layer.bias is None:
                    continue
                if spread is None:
                    layer.bias.copy_(torch.empty(layer.bias.shape).uniform_(-bound, bound, generator=generator))
                else:
                    layer.bias.zero_()


# Digits: the paper's CIFAR-10 networks, shrunk to images of 8 x 8 pixels.

DIGITS_TEACHER = Network(
    name="digits teacher",
    image=(1, 8, 8),
    layers=(
        Conv(32, pool=Pool(2, 2)),  # 8 -> 4
        Conv(64, kernel=4, padding=1),  # 4 -> 3: the hint, one pixel smaller than the student's map as on CIFAR-10
        Conv(64, pool=Pool(2, 1)),  # 3 -> 2
        Dense(64, pieces=2),
        Dense(10),
    ),
    middle=2,
)
"""Wide and shallow: five layers, the second of them the hint layer, as in the paper's CIFAR-10 teacher."""


def digits_student(depth: int) -> Network:
    """A thin maxout student of `depth` layers for digits, in three blocks like the paper's (Table 7).

    Layers are counted as in the paper: convolutions, the fully connected layer and the softmax. The guided layer is
    the last of the second block, where the map is 4 x 4.

    Raises:
        BadInput: if `depth` is under 5, the least that three blocks of convolutions need, or above 200.
    """
    least, most = 5, 200
    if type(depth) is not int or not least <= depth <= most:
        right = f"a digits student has at least {least} layers (3 convolutions, 1 fully connected, softmax)"
        raise BadInput("depth", depth, f"{right} and at most {most}")
    in_block = [(depth - 2 + extra) // 3 for extra in (0, 1, 2)]  # later blocks, with smaller maps, take the remainder
    widths, pools = (8, 12, 16), (Pool(2, 2), None, Pool(4, 4))
    convolutions: list[Conv] = []
    for width, count, pool in zip(widths, in_block, pools, strict=True):
        convolutions += [Conv(width)] * (count - 1) + [Conv(width, pool=pool)]
    return Network(
        name=f"{depth}-layer student",
        image=(1, 8, 8),
        layers=(*convolutions, Dense(32, pieces=2), Dense(10)),
        middle=in_block[0] + in_block[1],
    )

"""The paper's networks, as data (Tables 6 and 7, appendices A.1 to A.4, and the released configurations)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fitnets_lib.networks import Conv, Dense, Network, Pool

CIFAR_IMAGE, MNIST_IMAGE = (3, 32, 32), (1, 28, 28)


def thin(name: str, blocks: Sequence[Sequence[int]], middle: int, classes: int = 10) -> Network:
    """A FitNet for images of 32 x 32: 3 x 3 maxout convolutions in three blocks, a dense maxout layer, the softmax.

    Args:
        name: of the network.
        blocks: the widths in each block; the first two end in 2 x 2 pooling, the last in 8 x 8.
        middle: number, from 1, of the guided layer.
        classes: how many there are.
    """
    layers: list[Conv | Dense] = []
    for widths, pool in zip(blocks, (Pool(2, 2), Pool(2, 2), Pool(8, 1)), strict=True):
        layers += [Conv(width) for width in widths[:-1]] + [Conv(widths[-1], pool=pool)]
    return Network(name, CIFAR_IMAGE, (*layers, Dense(500, pieces=5), Dense(classes)), middle)


def _cifar_teacher(name: str, classes: int) -> Network:
    layers = (
        Conv(96, kernel=8, padding=4, pool=Pool(4, 2)),  # 33 -> 16
        Conv(192, kernel=8, padding=3, pool=Pool(4, 2)),  # 15 -> 7, the hint
        Conv(192, kernel=5, padding=3, pool=Pool(2, 2)),  # 9 -> 5
        Dense(500, pieces=5),
        Dense(classes),
    )
    return Network(name, CIFAR_IMAGE, layers, middle=2)


_FITNETS: dict[str, tuple[list[list[int]], int]] = {
    "fitnet1": ([[16] * 3, [32] * 3, [48, 48, 64]], 6),
    "fitnet2": ([[16, 32, 32], [48, 64, 80], [96, 96, 128]], 6),
    "fitnet3-as-printed": ([[32, 48, 64, 64], [80] * 4, [128] * 3], 8),
    "fitnet3": ([[64] * 4, [80] * 4, [128] * 3], 8),  # the widths that give Table 5's counts
    "fitnet4": ([[32, 32, 32, 48, 48], [80] * 6, [128] * 6], 11),
}

_DEPTH_STUDY: dict[str, tuple[list[list[int]], int]] = {
    "depth-30M-5": ([[64], [64], [64]], 2),
    "depth-30M-7": ([[16, 32], [32, 64], [64]], 4),
    "depth-30M-9": ([[16, 32], [32, 32, 32], [48, 64]], 5),
    "depth-30M-11": ([[16] * 3, [32] * 3, [48, 48, 64]], 7),
    "depth-107M-5": ([[128], [128], [128]], 2),
    "depth-107M-7": ([[32, 64], [80, 80], [128]], 4),
    "depth-107M-9": ([[32, 32], [64, 80, 80], [96, 128]], 5),
    "depth-107M-11": ([[16, 32, 32], [48, 64, 80], [96, 96, 128]], 7),
}

_MNIST_TEACHER = Network(
    "mnist/teacher",
    MNIST_IMAGE,
    (
        Conv(48, kernel=8, padding=0, pool=Pool(4, 2)),  # 21 -> 10
        Conv(48, kernel=8, padding=3, pool=Pool(4, 2)),  # 9 -> 4, the hint
        Conv(24, kernel=5, padding=3, pool=Pool(2, 2)),  # 6 -> 3
        Dense(10),
    ),
    middle=2,
)
_MNIST_FITNET = Network(
    "mnist/fitnet",
    MNIST_IMAGE,
    (
        Conv(16, kernel=5, padding=0),
        Conv(16, kernel=3, padding=0, pool=Pool(4, 2)),
        Conv(16, kernel=5, padding=3),
        Conv(16, kernel=3, padding=0, pool=Pool(4, 2)),  # 4 x 4, guided
        Conv(12, kernel=3, padding=3),
        Conv(12, kernel=3, padding=0, pool=Pool(2, 2)),
        Dense(10),
    ),
    middle=4,
)
_SVHN_TEACHER = Network(
    "svhn/teacher",
    CIFAR_IMAGE,
    (
        Conv(64, kernel=5, padding=4, pool=Pool(3, 2)),  # 36 -> 18
        Conv(128, kernel=5, padding=3, pool=Pool(3, 2)),  # 20 -> 10
        Conv(128, kernel=5, padding=3, pool=Pool(3, 2)),  # 12 -> 6
        Dense(400, pieces=5),
        Dense(10),
    ),
    middle=2,
)


def _face_net(name: str, channels: int, widths: Sequence[int], kernels: Sequence[int], middle: int) -> Network:
    """A ReLU network for images of 16 x 16 with one sigmoid at its end: face or no face (A.4).

    Args:
        name: of the network.
        channels: of the image; the paper does not say whether AFLW's were in colour, the stand-in's are grey.
        widths: of the convolutions, none of them padded.
        kernels: their sides; the teacher's first convolution, of side 3, is followed by its only pooling, 2 x 2.
        middle: number, from 1, of the hint or guided layer.
    """
    layers = [Conv(width, kernel, 0, pieces=1, relu=True) for width, kernel in zip(widths, kernels, strict=True)]
    if len(set(kernels)) > 1:
        layers[0] = replace(layers[0], pool=Pool(2, 2))
    return Network(name, (channels, 16, 16), (*layers, Dense(1, sigmoid=True)), middle)


_FACES = {
    "teacher": ((128, 512, 512), (3, 2, 5), 3),
    "fitnet1": ((16, *[32] * 6), (3,) * 7, 5),
    "fitnet2": ((32, *[64] * 6), (3,) * 7, 5),
}

_ALL = [
    *(_cifar_teacher(f"{data}/teacher", classes) for data, classes in (("cifar10", 10), ("cifar100", 100))),
    *(
        thin(f"{data}/{name}", *described, classes=classes)
        for data, classes in (("cifar10", 10), ("cifar100", 100))
        for name, described in _FITNETS.items()
    ),
    *(thin(f"cifar10/{name}", *described) for name, described in _DEPTH_STUDY.items()),
    _MNIST_TEACHER,
    _MNIST_FITNET,
    _SVHN_TEACHER,
    # The paper contradicts itself: 13 layers and 1.5M parameters in the text and Table 3, FitNet 4 in appendix A.3.
    thin("svhn/fitnet-by-text", *_FITNETS["fitnet3-as-printed"]),
    thin("svhn/fitnet-by-appendix", *_FITNETS["fitnet4"]),
    *(
        _face_net(f"{data}/{name}", channels, *described)
        for data, channels in (("aflw", 3), ("faces", 1))
        for name, described in _FACES.items()
    ),
]

NETWORKS: dict[str, Network] = {network.name: network for network in _ALL}
"""Every network of the paper by its name; `faces/...` are AFLW's networks for the grey stand-in images."""

HINT_PAIRS = [
    (f"{data}/teacher", f"{data}/{name}")
    for data, name in (name.split("/") for name in NETWORKS)
    if name != "teacher" and data not in ("faces", "cifar100", "svhn")
]
"""Teacher and student of every pair whose hint and guided layers the paper names.

Left out: CIFAR-100's (maps as CIFAR-10's) and SVHN's (layers not named; the teacher's second map would be too large).
"""

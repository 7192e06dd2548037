"""Residual networks as data (He et al., 2016), without maxout, so that no verdict depends on one kind of layer."""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib.errors import BadInput, whole
from fitnets_lib.networks import Conv, Dense, Network, Pool


def residual_network(depth: int) -> Network:
    """A network of 6 n + 2 layers for CIFAR-10, after He et al. (2016, section 4.2) at half their widths.

    One convolution, then 2 n more in each of three groups, of 8, 16 and 32 channels, all with batch normalisation and
    ReLU; then the logits. Two things are ours. A shortcut leads around every second convolution; theirs lead around two
    at a time. A group ends in max-pooling; theirs have strides, and an average before the logits. The middle, which
    gives or takes a hint, is the last layer of the second group.

    Raises:
        BadInput: if no such network has this depth.
    """
    whole(depth, "depth of a residual network", least=8, most=200)
    if depth % 6 != 2:
        raise BadInput("depth of a residual network", depth, "2 more than a multiple of 6, such as 20 or 56")
    pairs = (depth - 2) // 6
    layers = [Conv(8, pieces=1, relu=True, norm=True)]
    for channels, pool in ((8, Pool(2, 2)), (16, Pool(2, 2)), (32, Pool(8, 1))):
        plain = Conv(channels, pieces=1, relu=True, norm=True)
        around = replace(plain, residual=True)
        layers += [plain, around] * (pairs - 1) + [plain, replace(around, pool=pool)]
    return Network(f"residual {depth}", (3, 32, 32), (*layers, Dense(10)), middle=1 + 4 * pairs)

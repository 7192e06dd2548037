"""Networks without maxout: residual ones as data (He et al., 2016), so that no verdict hangs on one kind of layer."""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib.errors import BadInput, whole
from fitnets_lib.networks import Conv, Dense, Network, Pool


def residual_network(depth: int) -> Network:
    """A network of 6 n + 2 layers for CIFAR-10, after He et al. (2016, section 4.2) at half their widths.

    A convolution, then 2 n of them in each of three groups of 8, 16 and 32 channels, each with a norm and a ReLU; then
    the logits. Two things are ours: a shortcut leads around every second convolution, where theirs lead around two at
    a time, and a group ends in max-pooling, where theirs have strides, and an average before the logits. The middle,
    which gives or takes a hint, is the last layer of the second group.

    Raises:
        BadInput: if there is no such depth.
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

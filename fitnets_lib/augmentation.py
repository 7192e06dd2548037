"""Random views of the training images: flipped, and cut out of a padded frame (A.1.2 and the released code)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fitnets_lib.errors import flag, whole


@dataclass(frozen=True)
class Views:
    """How each image of a batch is looked at.

    Attributes:
        flipped: (n,), bool, whether left and right are exchanged.
        shift: (n, 2), int64, rows and columns from the padded frame's corner to that of the cut, 0 to twice `pad`.
    """

    flipped: Tensor
    shift: Tensor


@dataclass(frozen=True)
class Augmentation:
    """What may be done to a training image.

    Attributes:
        flip: half of the images are flipped left to right, as the paper says.
        pad: how many zeros are put on each side of the image, before a piece of the image's own size is cut out; the
            released code has 8, the paper does not mention padding.
    """

    flip: bool = False
    pad: int = 0

    def __post_init__(self) -> None:
        flag(self.flip, "flip")
        whole(self.pad, "pad", least=0, most=64)  # pixels; no image here is larger

    @property
    def enumerable(self) -> bool:
        """Whether an image has so few views, two at most, that a teacher can be asked about all of them."""
        return self.pad == 0

    def draw(self, count: int, random: torch.Generator) -> Views:
        """Random views of `count` images."""
        flipped = torch.rand(count, generator=random) < (0.5 if self.flip else 0.0)
        return Views(flipped, torch.randint(0, 2 * self.pad + 1, (count, 2), generator=random))

    def __call__(self, images: Tensor, views: Views) -> Tensor:
        """`images`, (n, channels, height, width), flipped and cut as `views` says."""
        turned = images
        if self.flip:
            turned = torch.where(views.flipped.to(images.device)[:, None, None, None], images.flip(3), images)
        if self.pad == 0:
            return turned
        padded = F.pad(turned, [self.pad] * 4)
        number = torch.arange(len(images), device=images.device)[:, None, None]
        rows, columns = (
            start[:, None].to(images.device) + torch.arange(size, device=images.device)
            for start, size in zip(views.shift.unbind(1), images.shape[2:], strict=True)
        )
        cut: Tensor = padded.movedim(1, 3)[number, rows[:, :, None], columns[:, None, :]].movedim(3, 1)
        return cut


NONE = Augmentation()
"""Images as they are."""

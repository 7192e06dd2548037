"""Whether a network was made for a data set, and how often it errs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fitnets_lib import data
from fitnets_lib.errors import BadInput
from fitnets_lib.fits import check_fits, error_rate
from fitnets_lib.networks import Dense
from tests.helpers import STUDENT


def test_the_error_rate_counts_wrong_images() -> None:
    linear = torch.nn.Linear(64, 10)
    always_first = torch.nn.Sequential(torch.nn.Flatten(), linear)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.copy_(torch.tensor([1.0] + [0.0] * 9))
    split = data.load("digits").train
    assert error_rate(always_first, split) == pytest.approx(1 - float((split.labels == 0).double().mean()))


def test_the_error_rate_is_one_share_over_however_many_images() -> None:
    labels = torch.arange(2500) % 10  # two and a half thousand are asked in three parts, of which the last is smaller
    images = torch.nn.functional.one_hot(labels).float().view(2500, 10, 1, 1)
    changed = labels.clone()
    for place in (0, 1023, 1024, 2499):
        changed[place] = (labels[place] + 1) % 10
    assert error_rate(torch.nn.Sequential(torch.nn.Flatten()), data.Split(images, changed)) == pytest.approx(4 / 2500)


def test_a_network_for_the_data_fits() -> None:
    check_fits(STUDENT, "digits")


def test_a_network_for_other_images_or_classes_is_refused_with_both_numbers() -> None:
    with pytest.raises(BadInput, match=r"image of tiny student = \(1, 16, 16\): \(1, 8, 8\)"):
        check_fits(replace(STUDENT, image=(1, 16, 16)), "digits")
    with pytest.raises(BadInput, match=r"classes of tiny student = 3: 10"):
        check_fits(replace(STUDENT, layers=(*STUDENT.layers[:-1], Dense(3))), "digits")

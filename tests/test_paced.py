from __future__ import annotations

import pytest
import torch

from fitnets_lib import data, paced
from fitnets_lib.data import Split
from fitnets_lib.errors import BadInput
from fitnets_lib.fits import error_rate
from fitnets_lib.networks import Dense, Network
from fitnets_lib.paced import SelfPaced, Switch
from tests.helpers import same_bits

SMALL = Network("small", (1, 8, 8), (Dense(16, pieces=2), Dense(10)), 1)
DIGITS = data.load("digits").train
FEW = Split(DIGITS.images[:200], DIGITS.labels[:200])


def test_a_switch_shows_the_easy_ones_and_then_the_others() -> None:
    switch = Switch(easy=2, at=3)
    assert [switch(epoch, torch.zeros(5)).tolist() for epoch in (0, 2, 3)] == [[1, 1, 0, 0, 0]] * 2 + [[0, 0, 1, 1, 1]]


def test_self_pacing_begins_with_the_half_that_is_easiest_and_divides_k() -> None:
    losses, pace = torch.tensor([0.1, 0.4, 0.2, 0.8]), SelfPaced(factor=2)
    assert pace(0, losses).tolist() == [1, 0, 1, 0]
    # 1/K was just above 0.2, then is just above 0.4, then 0.8.
    assert pace(1, losses).tolist() == [1, 1, 1, 0]
    assert pace(2, losses).tolist() == [1, 1, 1, 1]


def test_a_pace_that_never_lets_all_in_is_refused() -> None:
    with pytest.raises(BadInput, match=r"factor = 1\.0: a number above 1"):
        SelfPaced(factor=1.0)


def test_training_learns_and_counts_what_was_chosen() -> None:
    module, numbers = paced.train(SMALL, FEW, paced.everything, epochs=30, seed=0)
    assert numbers == [200] * 30
    assert error_rate(module, FEW) < 0.05
    _, numbers = paced.train(SMALL, FEW, Switch(easy=50, at=1), epochs=2, seed=0)
    assert numbers == [50, 150]


def test_what_is_not_chosen_is_not_learned_from() -> None:
    garbled = Split(FEW.images, torch.cat((FEW.labels[:100], FEW.labels[100:].roll(1))))
    only_first = Switch(easy=100, at=10)
    one, other = (paced.train(SMALL, split, only_first, epochs=3, seed=1)[0] for split in (FEW, garbled))
    assert same_bits(one, other)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    first, again, other = (paced.train(SMALL, FEW, paced.everything, 2, seed)[0] for seed in (0, 0, 1))
    assert same_bits(first, again)
    assert not same_bits(first, other)


def test_bits_do_not_depend_on_the_number_of_threads_which_is_left_as_it_was() -> None:
    threads, found = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(paced.train(SMALL, FEW, paced.everything, 2, seed=0)[0])
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    assert same_bits(*found)


def test_losses_are_those_of_each_example() -> None:
    module, _ = paced.train(SMALL, FEW, paced.everything, epochs=1, seed=0)
    with torch.no_grad():
        chances = module(FEW.images).double().softmax(dim=1)
    expected = -chances[torch.arange(200), FEW.labels].log()
    torch.testing.assert_close(paced.losses(module, FEW).double(), expected, rtol=1e-4, atol=1e-5)
    many = Split(FEW.images.repeat(6, 1, 1, 1), FEW.labels.repeat(6))  # 1,200, more than are asked at once
    torch.testing.assert_close(paced.losses(module, many).double(), expected.repeat(6), rtol=1e-4, atol=1e-5)


def test_without_a_word_k_is_divided_by_the_factor_of_kumar_et_al() -> None:
    pace, some = SelfPaced(), torch.tensor([0.1, 0.4, 0.2, 0.8])
    pace(0, some)
    first = pace.k
    pace(1, some)
    assert first / pace.k == pytest.approx(1.3)

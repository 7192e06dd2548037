import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib.randomness import generator

names = st.lists(st.integers() | st.text("abc/", max_size=3), max_size=3)


def draw(seed: int, *purpose: int | str) -> list[float]:
    return torch.rand(4, generator=generator(seed, *purpose)).tolist()


@given(st.integers(0, 1000), names)
def test_the_same_seed_and_purpose_give_the_same_numbers(seed: int, purpose: list[int | str]) -> None:
    assert draw(seed, *purpose) == draw(seed, *purpose)


def test_seeds_stages_and_epochs_have_streams_of_their_own() -> None:
    streams = [draw(s, "shuffle", stage, epoch) for s in range(5) for stage in (1, 2) for epoch in range(10)]
    assert len({tuple(stream) for stream in streams}) == 100

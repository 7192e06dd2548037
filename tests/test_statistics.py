import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fitnets_lib.statistics import Estimate, estimate, paired, verdict

values = st.lists(st.floats(-100, 100), min_size=2, max_size=20)


def test_the_interval_is_students_t_worked_by_hand() -> None:
    # 1, 2, 3, 4, 5: mean 3, standard error sqrt(2.5 / 5), t(.975, 4) = 2.776445.
    found = estimate([1, 2, 3, 4, 5])
    assert found.mean == 3
    assert found.high - 3 == pytest.approx(2.776445 * math.sqrt(0.5), rel=1e-6)
    assert 3 - found.low == pytest.approx(found.high - 3)
    assert found.n == 5


@given(values)
def test_the_interval_agrees_with_scipys_t_interval(sample: list[float]) -> None:
    found = estimate(sample)
    margin = stats.t.ppf(0.975, len(sample) - 1) * np.std(sample, ddof=1) / math.sqrt(len(sample))
    assert found.mean == pytest.approx(np.mean(sample), abs=1e-9)
    assert found.high - found.low == pytest.approx(2 * margin, abs=1e-7)


def test_one_seed_has_no_bounds_and_equal_seeds_have_a_point() -> None:
    assert (estimate([3.0]).low, estimate([3.0]).high) == (-math.inf, math.inf)
    assert (estimate([3.0] * 5).low, estimate([3.0] * 5).high) == (3.0, 3.0)


def test_no_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        estimate([])


@given(values, st.floats(-50, 50))
def test_a_paired_difference_does_not_see_what_the_seeds_share(sample: list[float], shift: float) -> None:
    found = paired([value + shift for value in sample], sample)
    assert found.mean == pytest.approx(shift, abs=1e-9)
    assert found.high - found.low == pytest.approx(0, abs=1e-9)


def test_a_paired_difference_needs_the_same_number_of_seeds() -> None:
    with pytest.raises(ValueError, match="2 and 3 values"):
        paired([1, 2], [1, 2, 3])


@pytest.mark.parametrize(
    ("low", "high", "n", "expected"),
    [
        (0.1, 2, 5, "yes"),
        (-2, -0.1, 5, "no"),
        (-1, 2, 5, "inconclusive"),
        (0, 2, 5, "inconclusive"),
        (-2, 0, 5, "inconclusive"),
        (0.1, 2, 4, "too few seeds"),
        (-2, -0.1, 2, "too few seeds"),
    ],
)
def test_a_verdict_needs_five_seeds_and_an_interval_on_one_side_of_zero(
    low: float, high: float, n: int, expected: str
) -> None:
    assert verdict(Estimate((low + high) / 2, low, high, n)) == expected


def test_an_estimate_is_written_with_its_interval() -> None:
    assert f"{Estimate(1.25, 0.5, 2.0, 5):.2f}" == "1.25 [0.50, 2.00]"
    assert f"{Estimate(1.25, 0.5, 2.0, 5)}" == "1.2 [0.5, 2.0]"


def test_values_from_splits_of_the_same_images_have_the_interval_of_nadeau_and_bengio() -> None:
    found = estimate([1, 2, 3, 4, 5], overlap=1 / 3)  # variance 2.5, t(.975, 4) = 2.776445
    assert found.high - 3 == pytest.approx(2.776445 * math.sqrt(2.5 * (1 / 5 + 1 / 3)), rel=1e-6)

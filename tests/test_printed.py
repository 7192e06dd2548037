from __future__ import annotations

import pytest

from fitnets_lib import printed
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.printed import Figure


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, object]]:
    return {str(row["network"]): {str(k): v for k, v in row.items()} for row in printed.table().to_dict("records")}


@pytest.mark.parametrize(
    ("count", "agrees"), [(862_000, True), (862_499, True), (861_500, True), (862_501, False), (861_499, False)]
)
def test_a_count_agrees_if_it_rounds_to_the_printed_number(count: int, agrees: bool) -> None:
    assert Figure(862e3, 1e3).agrees(count) == agrees


def test_there_is_a_row_for_every_network_of_the_paper(rows: dict[str, dict[str, object]]) -> None:
    assert rows.keys() == {name for name in NETWORKS if not name.startswith("faces")}
    for known in (printed.PARAMETERS, printed.MULTIPLICATIONS, printed.SPEED_UP, printed.FEWER_MULTIPLICATIONS):
        assert known.keys() <= NETWORKS.keys()


def test_fitnet_1_has_the_papers_figures_beside_those_of_today(rows: dict[str, dict[str, object]]) -> None:
    row = rows["cifar10/fitnet1"]
    assert (row["layers"], row["parameters, printed"], row["multiplications, printed"], row["equal?"]) == (
        11,
        "~250K",
        "~30M",
        "yes",
    )
    # Five maxout pieces instead of two in the last layer: 64 * 500 * 3 more multiplications in full.
    paper, full = (float(str(row[c]).rstrip("M")) for c in ("multiplications", "multiplications in full"))
    assert full - paper == pytest.approx(64 * 500 * 3 / 1e6, abs=0.11)


def test_a_hundred_classes_cost_fitnet_4_as_many_weights_more_as_table_2_leaves_out(
    rows: dict[str, dict[str, object]],
) -> None:
    ten, hundred = (
        int(str(rows[f"{data}/fitnet4"]["parameters"]).replace(",", "")) for data in ("cifar10", "cifar100")
    )
    assert hundred - ten == 500 * 90  # of the softmax, above 500 units
    assert (rows["cifar100/fitnet4"]["parameters, printed"], rows["cifar100/fitnet4"]["equal?"]) == ("~2.5M", "no")


def test_only_the_contradictions_of_the_paper_disagree_and_each_says_why(rows: dict[str, dict[str, object]]) -> None:
    said = {name: str(row["equal?"]) for name, row in rows.items()}
    contradicted = {name for name, text in said.items() if text == "no"}
    assert contradicted == printed.WHY_NOT.keys()
    assert said["aflw/teacher"] == "–"

from __future__ import annotations

import pandas as pd
import pytest

from fitnets_lib.errors import BadInput
from fitnets_lib.verdicts import sentences, table

SHAPES = pd.DataFrame(
    [
        (recipe, seed, accuracy + seed)
        for recipe, accuracy in (("easy for a half", 80.0), ("hard only", 78.0), ("mixed", 70.0))
        for seed in range(5)
    ],
    columns=["recipe", "seed", "test accuracy"],
)


def test_a_claim_is_said_with_its_verdict_and_what_it_rests_on() -> None:
    (line,) = sentences(["C3"], {"curriculum_shapes": SHAPES}).splitlines()
    assert line.startswith("- **C3**, easy to hard beats random order")
    assert "(curriculum sources): **reproduced** [easy for a half − hard only: +2.0 (+2.0 to +2.0), must be ab" in line
    assert line.endswith("; easy for a half − mixed: +10.0 (+10.0 to +10.0), must be above 0].")


def test_counts_are_counted_and_each_claim_has_its_line() -> None:
    lines = sentences(["T5b", "O2"], {}, "counts").splitlines()
    assert "**not reproduced** [4 of 5 counts agree; multiplications" in lines[0]
    assert "392,000,000" in lines[0]  # FitNet 3, which has another number with the widths of Table 7
    assert lines[1].endswith("**reproduced** [2 of 2 counts agree].")
    assert sentences(["T5c"], {}, "counts").endswith("**reproduced** [the count agrees].")


def test_what_a_verdict_rests_on_can_be_left_to_a_table() -> None:
    line = sentences(["C3"], {"curriculum_shapes": SHAPES}, brief=True)
    assert line.endswith("(shapes) (curriculum sources): **reproduced**.")


def test_without_its_evidence_a_claim_is_not_run() -> None:
    assert "**not run**" in sentences(["C3"], {})


def test_a_claim_that_is_not_there_or_not_tried_at_the_scale_is_refused() -> None:
    with pytest.raises(BadInput, match="claim = 'X9'"):
        sentences(["X9"], {})
    with pytest.raises(BadInput, match="scale = 'counts': one of MNIST: claim T4a has those"):
        sentences(["T4a"], {}, "counts")


def test_a_column_by_which_no_row_is_chosen_is_refused() -> None:
    with pytest.raises(BadInput, match="column = 'dept': one of depth, recipe, by which claim F1 chooses its rows"):
        sentences(["F1"], {}, dept=7)


def test_a_claim_about_some_layers_can_be_tried_on_others() -> None:
    rows = [("backprop", 50.0), ("KD", 50.0), ("stage-wise labels", 70.0), ("stage-wise KD", 40.0)]
    runs = pd.DataFrame(
        [(7, recipe, seed, accuracy + seed) for recipe, accuracy in rows for seed in range(5)],
        columns=["depth", "recipe", "seed", "test accuracy"],
    )
    tables = {"what_failed_runs": runs}
    assert table(["F1"], tables)["verdict"].tolist() == ["not run"]
    found = table(["F1", "F2"], tables, depth=7).to_dict("records")
    assert [(row["claim"], row["found"], row["verdict"]) for row in found] == [
        ("F1", "+20.0", "not reproduced"),
        ("F2", "-10.0", "reproduced"),
    ]
    assert "stage-wise labels − backprop (depth 7)" in sentences(["F1"], tables, depth=7)

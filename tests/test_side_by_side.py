"""What the paper prints beside records: here made-up records of runs on digits, in a home of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from fitnets_lib import paths, records, sealed, side_by_side
from fitnets_lib.printed_results import Line
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD
from fitnets_lib.records import Row
from fitnets_lib.runs import Store
from fitnets_lib.trials import Quantity, evidence
from tests.helpers import STUDENT, TEACHER
from tests.made_up import ALONE, ROW, TAUGHT, record, record_diverged, rows

LINES = [
    Line("Table 9", "digits", "Backprop", 1.9, "error", "~1K", STUDENT.name, BACKPROP.name),
    Line("Table 9", "digits", "FitNet", 99.5, "accuracy", "~1K", STUDENT.name, HINT_THEN_KD.name),
    Line("Table 9", "digits", "Maxout", 0.45, "error"),
]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    return tmp_path


def test_without_records_every_line_is_not_run_and_the_printed_error_stands() -> None:
    backprop, fitnet, maxout = rows(side_by_side.table(LINES, [ROW]))
    assert [line["printed (%)"] for line in (backprop, fitnet, maxout)] == ["1.90", "0.50", "0.45"]
    assert [line["here (%)"] for line in (backprop, fitnet, maxout)] == ["not run", "not run", "–"]
    assert (backprop["seeds"], maxout["seeds"]) == ("0 of 5", "–")
    assert side_by_side.errors(LINES, [ROW]) == [(line, None) for line in LINES]


def test_some_records_are_counted_against_all_seeds() -> None:
    record(TAUGHT[0], 0.010, epochs=2, seconds=60)
    record(TAUGHT[3], 0.012, epochs=4, seconds=90)
    record(ALONE[1], 0.5)
    backprop, fitnet, _ = rows(side_by_side.table(LINES, [ROW]))
    assert (fitnet["here (%)"], fitnet["seeds"], fitnet["epochs"], fitnet["took"]) == (
        "1.10",
        "2 of 5",
        "2 to 4",
        "2.5 min",
    )
    # The mean of 1.0 and 1.2 with t = 12.706 on one degree of freedom and a standard error of 0.1; cut at 0.
    assert fitnet["95 % interval"] == "0.00 to 2.37"
    assert (backprop["here (%)"], backprop["95 % interval"], backprop["seeds"]) == ("50.00", "–", "1 of 5")


def test_all_records_have_their_interval() -> None:
    for wanted, error in zip(TAUGHT, (0.004, 0.005, 0.005, 0.005, 0.006), strict=True):
        record(wanted, error)
    _, fitnet, _ = rows(side_by_side.table(LINES, [ROW]))
    # Deviation sqrt(.02 / 4) = .0707, standard error .0316, t = 2.776 on four degrees of freedom.
    assert (fitnet["here (%)"], fitnet["95 % interval"], fitnet["seeds"]) == ("0.50", "0.41 to 0.59", "5 of 5")
    (_, none), (_, found), _ = side_by_side.errors(LINES, [ROW])
    assert none is None
    assert found is not None and found.n == 5 and found.mean == pytest.approx(0.5)


def test_a_line_is_repeated_for_each_start() -> None:
    other = replace(TAUGHT[0], training=replace(TAUGHT[0].training, spread=0.005))
    second = Row("other-start", "digits", "another start", (other,))
    record(other, 0.2)
    lines = [line for line in rows(side_by_side.table(LINES, [ROW, second])) if line["network"] == "FitNet"]
    assert [(line["start"], line["here (%)"]) for line in lines] == [
        ("torch’s default", "not run"),
        ("U(−0.005, 0.005)", "20.00"),
    ]


def test_records_on_other_data_are_no_record_of_a_printed_line() -> None:
    record(TAUGHT[0], 0.1)
    elsewhere = replace(LINES[1], data="mnist")
    (line,) = rows(side_by_side.table([elsewhere], [ROW]))
    assert (line["here (%)"], line["seeds"]) == ("not run", "–")


def test_a_run_that_two_rows_share_is_one_run() -> None:
    record(TAUGHT[0], 0.1)
    both = [ROW, Row("again", "digits", "some of the same", TAUGHT)]
    assert [line["seeds"] for line in rows(side_by_side.table(LINES, both))] == ["0 of 5", "1 of 5", "–"]


def test_every_kind_of_run_has_a_line_of_its_own() -> None:
    record(ALONE[2], 0.25)
    taught, alone = rows(side_by_side.recorded([ROW]))
    assert (taught["recipe"], taught["seeds"], taught["here (%)"]) == ("hint then KD", "0 of 5", "not run")
    assert (alone["data"], alone["network"], alone["here (%)"]) == ("digits", STUDENT.name, "25.00")


def test_runs_of_another_teacher_or_another_device_are_of_another_kind() -> None:
    taught = TAUGHT[0]
    assert taught.teacher is not None
    wider = replace(taught.teacher, network=replace(taught.teacher.network, name="another teacher"))
    others = (replace(taught, teacher=wider), replace(taught, device="cuda"))
    for wanted, error in zip((taught, *others), (0.1, 0.2, 0.3), strict=True):
        record(wanted, error)
    lines = rows(side_by_side.recorded([Row("three", "digits", "one seed thrice", (taught, *others))]))
    assert [(line["teacher"], line["device"], line["here (%)"], line["seeds"]) for line in lines] == [
        (taught.teacher.network.name, "CPU", "10.00", "1 of 1"),
        ("another teacher", "CPU", "20.00", "1 of 1"),
        (taught.teacher.network.name, "GPU", "30.00", "1 of 1"),
    ]


def test_a_teacher_that_no_loss_looks_at_is_not_named() -> None:
    record(TAUGHT[0], 0.1)
    record(ALONE[0], 0.2)
    assert ALONE[0].teacher is not None
    assert [line["teacher"] for line in rows(side_by_side.recorded([ROW]))] == [TEACHER.name, "–"]


def test_a_run_that_diverged_is_said_to_have_and_stays_in_the_evidence() -> None:
    record(TAUGHT[0], 0.1)
    record_diverged(TAUGHT[1])
    line, _ = rows(side_by_side.recorded([ROW]))
    assert (line["here (%)"], line["95 % interval"], line["seeds"]) == ("1 of 2 diverged", "–", "2 of 5")
    kept = side_by_side.evidence(ROW)
    assert kept["test accuracy"].isna().tolist() == [False, True]
    assert kept["diverged"].tolist() == ["", "stage 1, epoch 1, step 1: the training loss is nan"]


def test_a_row_without_any_record_is_one_line() -> None:
    record(ALONE[2], 0.25)
    empty = Row("empty-row", "faces", "nothing yet", TAUGHT[1:])
    *_, last = rows(side_by_side.recorded([empty, ROW]))
    assert len(side_by_side.recorded([empty, ROW])) == 3
    assert (last["data"], last["network"], last["here (%)"]) == ("faces", "all of empty-row", "not run")


def test_columns_of_dashes_are_left_out() -> None:
    frame = pd.DataFrame({"a": ["–", "1"], "b": ["–", "–"], "c": ["2", "3"]})
    assert list(side_by_side.without_dashes(frame).columns) == ["a", "c"]


def test_evidence_is_what_records_write_and_has_its_columns_without_records(home: Path) -> None:
    assert list(side_by_side.evidence(ROW).columns) == list(side_by_side.COLUMNS)
    assert len(side_by_side.evidence(ROW)) == 0
    record(TAUGHT[0], 0.1)
    records.write_tables(ROW)
    written = sealed.read(paths.evidence("digits") / "tiny-row.csv")
    assert written is not None
    assert list(written.columns) == list(side_by_side.COLUMNS)
    pd.testing.assert_frame_equal(side_by_side.evidence(ROW), written, check_dtype=False)


def test_the_tables_are_those_of_the_rows_that_have_records(home: Path) -> None:
    assert side_by_side.tables([ROW]) == {}
    record(TAUGHT[0], 0.1)
    (found,) = side_by_side.tables([ROW]).items()
    assert found[0] == "tiny-row" and found[1]["test accuracy"].tolist() == pytest.approx([90.0])


def test_curves_are_those_of_the_records_and_gradients_those_that_were_measured(home: Path) -> None:
    for nothing in (side_by_side.curves(ROW), side_by_side.gradients(ROW)):
        assert len(nothing) == 0 and "recipe" in nothing
    record(ALONE[1], 0.1, epochs=3)
    curves = side_by_side.curves(ROW)
    assert (curves["recipe"].tolist(), curves["epoch"].tolist()) == (["backprop"] * 3, [1, 2, 3])
    assert curves["validation accuracy"].tolist() == pytest.approx([90.0] * 3)
    records.write_gradients(ROW, Store(paths.runs()))
    found = side_by_side.gradients(ROW)
    assert list(found.columns) == list(side_by_side.LAYERS)
    assert found.groupby("recipe")["seed"].unique().map(list).to_dict() == {"backprop": [0, 1, 2, 3, 4]}


def test_probes_are_those_that_were_fitted_to_the_first_seeds(home: Path) -> None:
    nothing = side_by_side.probes(ROW)
    assert len(nothing) == 0 and list(nothing.columns) == list(side_by_side.PROBED)
    records.write_probes(ROW, Store(paths.runs()), seeds=2)
    found = side_by_side.probes(ROW)
    assert list(found.columns) == list(side_by_side.PROBED)
    assert found["seed"].tolist() == [0, 0, 0, 1, 1, 1] and found["accuracy"].between(0, 100).all()


def test_gaps_are_those_that_were_measured_one_line_a_run(home: Path) -> None:
    nothing = side_by_side.gaps(ROW)
    assert len(nothing) == 0 and list(nothing.columns) == list(side_by_side.GAPS)
    two = replace(ROW, runs=(ALONE[0], TAUGHT[0]))
    records.write_gaps(two, Store(paths.runs()))
    found = side_by_side.gaps(two)
    assert list(found.columns) == list(side_by_side.GAPS)
    assert set(found["recipe"]) == {BACKPROP.name, HINT_THEN_KD.name}
    apart = found["training accuracy"] - found["validation accuracy"]
    assert found["gap"].tolist() == pytest.approx(apart.tolist(), abs=1e-5)  # the table has seven digits
    kept = evidence(two.data)("tiny-row-gaps")  # where the score card looks
    assert kept is not None
    pd.testing.assert_frame_equal(kept, found)


def test_differences_are_paired_by_seed_for_each_row_and_not_run_without_records() -> None:
    pair = (HINT_THEN_KD.name, BACKPROP.name)
    (none,) = rows(side_by_side.differences([ROW], STUDENT.name, [pair]))
    said = {"start": "torch’s default", "difference": "hint then KD − backprop"}
    assert none == {**said, "points": "–", "95 % interval": "–", "seeds": "–", "above 0?": "not run"}
    for seed in range(5):
        record(ALONE[seed], 0.30 + 0.01 * seed)
        if seed < 4:
            record(TAUGHT[seed], 0.20)
    # Over four seeds 10, 11, 12, 13 points: 11.5 +- 3.182446 sqrt((5 / 3) / 4), for a verdict too few seeds.
    (four,) = rows(side_by_side.differences([ROW], STUDENT.name, [pair]))
    assert four == {
        **said,
        "points": "+11.50",
        "95 % interval": "+9.45 to +13.55",
        "seeds": "4",
        "above 0?": "too few seeds",
    }
    record(TAUGHT[4], 0.20)
    found, back = rows(side_by_side.differences([ROW], STUDENT.name, [pair, pair[::-1]]))
    assert (found["points"], found["above 0?"]) == ("+12.00", "yes")
    assert (back["points"], back["above 0?"]) == ("-12.00", "no")


def test_a_student_is_set_beside_the_teacher_of_its_own_seed_and_not_run_without_both() -> None:
    (none,) = rows(side_by_side.over_teachers([ROW]))  # backprop looks at no teacher
    said = {"student": STUDENT.name, "teacher": TEACHER.name, "recipe": "hint then KD", "start": "torch’s default"}
    said |= {"device": "CPU"}
    assert none == {**said, "points": "–", "95 % interval": "–", "seeds": "0 of 5", "above 0?": "not run"}
    teachers = [one.teacher for one in TAUGHT if one.teacher is not None]
    for seed in range(4):
        record(teachers[seed], 0.30 + 0.01 * seed)
    for seed in (1, 2, 3, 4):
        record(TAUGHT[seed], 0.20)
    # Over seeds 1 to 3: 11, 12 and 13 points, 12 +- 4.302653 / sqrt(3).
    (three,) = rows(side_by_side.over_teachers([ROW]))
    cells = {"points": "+12.0", "95 % interval": "+9.5 to +14.5", "seeds": "3 of 5", "above 0?": "too few seeds"}
    assert three == {**said, **cells}
    record(TAUGHT[0], 0.20)
    record(teachers[4], 0.34)
    (five,) = rows(side_by_side.over_teachers([ROW]))
    assert (five["points"], five["seeds"], five["above 0?"]) == ("+12.0", "5 of 5", "yes")


def test_evidence_without_records_is_a_trial_that_was_not_run(home: Path) -> None:
    sealed.write(paths.evidence("digits") / "tiny-row.csv", side_by_side.evidence(ROW))
    assert Quantity("tiny-row", (("recipe", "KD"),)).values(evidence("digits")) is None


def test_where_and_when_records_were_made_is_one_sentence() -> None:
    assert side_by_side.provenance([ROW]) == "No run has been recorded yet."
    record(ALONE[0], 0.1)
    assert side_by_side.provenance([ROW]) == "1 run was recorded on 2026-05-03, on Linux x86_64, with torch 2.9."
    record(ALONE[1], 0.1, day=5)
    assert "2 runs were recorded between 2026-05-03 and 2026-05-05, on" in side_by_side.provenance([ROW])


def test_each_row_has_its_command_and_how_far_it_is() -> None:
    record(ALONE[0], 0.1, seconds=600)
    (line,) = rows(side_by_side.commands({"tiny-row": ROW}))
    assert line == {
        "about": "a row to test with",
        "recorded": "1 of 10",
        "took": "10 min",
        "command": "python -m fitnets_lib records make tiny-row",
    }


def test_what_is_lacking_is_estimated_from_what_it_multiplies() -> None:
    (before,) = rows(side_by_side.expected({"tiny-row": ROW}, {"paper": {"slow": 1e6, "fast": 4e6}}))
    assert (before["runs lacking"], before["row"]) == ("10", "tiny-row")
    for wanted in (*TAUGHT, *ALONE):
        record(wanted, 0.1)
    (after,) = rows(side_by_side.expected({"tiny-row": ROW}, {"paper": {"slow": 1e6, "fast": 4e6}}))
    assert (after["runs lacking"], after["on paper"]) == ("0", "0 s to 0 s")
    # One backprop run: 64 * 9 * 4, then 16 * 2 * 9 * 4 twice, and 32 * 10 multiplications an image, 2 epochs,
    # 1,000 images three times and 297 once.
    one = (64 * 9 * 4 + 2 * 16 * 2 * 9 * 4 + 32 * 10) * 2 * 3297
    alone = Row("alone", "digits", "", ALONE[:1])
    for wanted in ALONE[:1]:
        records.path(wanted).unlink()
    (line,) = rows(side_by_side.expected({"alone": alone}, {"paper": {"one": 1e6}}))
    assert line["multiplications, at most"] == f"{one:.1e}"


def test_machine_time_is_summed_over_all_records_each_counted_once() -> None:
    assert rows(side_by_side.spent([ROW])) == [{"data": "–", "on": "–", "runs": "0", "took": "not run"}]
    record(TAUGHT[0], 0.01, seconds=3600)
    record(TAUGHT[1], 0.01, seconds=2 * 3600)
    record(ALONE[1], 0.5, seconds=6 * 60)
    shared = replace(ROW, name="another", runs=ROW.runs[:4])
    assert rows(side_by_side.spent([ROW, shared])) == [{"data": "digits", "on": "CPU", "runs": "3", "took": "3.1 h"}]

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitnets_lib import paths, records, sealed
from fitnets_lib.claims import CLAIMS
from fitnets_lib.complexity import cost
from fitnets_lib.errors import BadInput
from fitnets_lib.experiments import student_runs, teacher_run
from fitnets_lib.initialisation import HE
from fitnets_lib.networks import Conv, shapes
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.paper_runs import NAMED
from fitnets_lib.paper_runs import ROWS as PAPER_ROWS
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.real_runs import ROWS
from fitnets_lib.real_settings import (
    ALL_OF_JPEG,
    AT_30M,
    HALF_TEACHER,
    JPEG,
    JPEG_TEACHER,
    NINETEEN_LAYERS,
    SEEDS,
    THIRTEEN_LAYERS,
    gpu_teacher,
    jpeg_teacher,
    mnist_teacher,
    residual_teacher,
)
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, RECIPES, Recipe, Stage
from fitnets_lib.records import Row
from fitnets_lib.regressors import fully_connected_regressor
from fitnets_lib.runs import Run
from fitnets_lib.terms import Hint, Loss
from fitnets_lib.trials import Quantity

BY_NAME = {row.name: row for row in ROWS}


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    return found


def students(row: Row) -> list[Run]:
    return [run for run in row.runs if run.teacher is not None]


def test_a_row_has_every_comparison_on_the_same_five_seeds(row: Row) -> None:
    assert SEEDS == 5
    seeds: dict[tuple[object, ...], list[int]] = {}
    for run in students(row):
        seeds.setdefault((run.network.name, run.recipe, run.training), []).append(run.seed)
    assert all(found == list(range(SEEDS)) for found in seeds.values())


def test_the_variants_with_the_low_floor_differ_in_floor_and_name_alone() -> None:
    low = BY_NAME["variants-low-floor"].runs
    names = {run.recipe.name.removesuffix(", floor 1e-8") for run in low}
    assert names == {"backprop", "KD", "hint then KD", "stage-wise labels"}
    released = [run for run in BY_NAME["variants"].runs if run.recipe.name in names]
    for a, b in zip(low, released, strict=True):
        assert a.recipe == replace(b.recipe, name=f"{b.recipe.name}, floor 1e-8")
        assert (a.training.floor, b.training.floor) == (1e-8, 1e-5)
        assert replace(a, recipe=b.recipe, training=replace(a.training, floor=1e-5)) == b


def test_students_have_the_teacher_of_their_seed_or_on_the_jpeg_copy_but_for_the_papers_all_the_same(row: Row) -> None:
    of_its_seed = {
        **dict.fromkeys(("table4-paper-start", "table4-he-start", "one-stage-mnist"), mnist_teacher()),
        "depth-released-floor": teacher_run("digits", 40, "cpu"),
        **{
            name: Run(data, NETWORKS["cifar10/teacher"], BACKPROP, JPEG_TEACHER, 0, device="cuda")
            for name, data in {"paper-teacher": JPEG, "all-images": ALL_OF_JPEG}.items()
        },
        "nineteen-layers-variants": replace(jpeg_teacher(), recipe=replace(BACKPROP, name="backprop, second training")),
        "paper-teacher-cores": Run(JPEG, NETWORKS["cifar10/teacher"], BACKPROP, JPEG_TEACHER, 0),
        **dict.fromkeys(
            ("paper-teacher-again", "paper-teacher-fitnet4"),
            Run(
                JPEG,
                NETWORKS["cifar10/teacher"],
                replace(BACKPROP, name="backprop, second training"),
                JPEG_TEACHER,
                0,
            ),
        ),
    }
    of_others = {"residual-pair": residual_teacher(), "variants-he-start": gpu_teacher()}
    one = of_others.get(row.name, jpeg_teacher())
    for run in students(row):
        assert run.teacher == (replace(of_its_seed[row.name], seed=run.seed) if row.name in of_its_seed else one)


def test_gaps_are_measured_on_the_depth_studys_students_of_five_layers_by_all_its_recipes() -> None:
    five = {run for run in BY_NAME["depth-30m"].runs if len(run.network.layers) == 5}
    assert set(BY_NAME["regularisation"].runs) == five
    assert len(five) == 3 * SEEDS


def test_students_with_the_released_floor_differ_from_those_of_a_build_in_the_floor_alone() -> None:
    row, compared = BY_NAME["depth-released-floor"], [RECIPES[name] for name in ("backprop", "kd", "hint-then-kd")]
    built = student_runs([5, 7, 9, 11], compared, "digits", seeds=5, epochs=40, device="cpu")
    assert {run.training.floor for run in row.runs} == {1e-5}
    assert {run.training.floor for run in built} == {1e-8}
    assert [replace(run, training=replace(run.training, floor=1e-8)) for run in row.runs] == built


def test_no_run_is_in_a_row_twice_and_all_are_of_the_rows_data(row: Row) -> None:
    assert max(Counter(row.runs).values()) == 1
    assert {run.data for run in row.runs} == {row.data}


def test_names_can_be_typed_and_name_files(row: Row) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", row.name)
    assert list(BY_NAME) == [row.name for row in ROWS]


def test_table_4_has_the_papers_networks_recipes_and_optimiser() -> None:
    row = BY_NAME["table4-paper-start"]
    sizes = {run.network.name: cost(run.network).parameters for run in row.runs}
    # Two pieces a convolution, and the softmax on 3 x 3 maps.
    teacher = 2 * (64 * 1 * 48 + 64 * 48 * 48 + 25 * 48 * 24) + 24 * 3 * 3 * 10
    student = 2 * (25 * 1 * 16 + 9 * 16 * 16 + 25 * 16 * 16 + 9 * 16 * 16 + 9 * 16 * 12 + 9 * 12 * 12) + 12 * 3 * 3 * 10
    assert sizes == {"mnist/teacher": teacher, "mnist/fitnet": student}
    assert (round(teacher, -3), round(student, -3)) == (361_000, 30_000)  # as printed
    assert {run.recipe.name for run in students(row)} == {"backprop", "KD", "hint then KD"}
    for run in students(row):
        assert (run.training.spread, run.training.learning_rate, run.training.batch) == (0.005, 0.0005, 128)
        assert run.training.each_stage


def test_the_two_starts_differ_in_nothing_else_on_mnist() -> None:
    one, other = (students(BY_NAME[f"table4-{start}-start"]) for start in ("paper", "he"))
    for a, b in zip(one, other, strict=True):
        assert (a.network, a.recipe, a.seed, a.teacher) == (b.network, b.recipe, b.seed, b.teacher)
        assert (a.training.spread, a.training.start) == (0.005, None)
        assert b.training == replace(a.training, start=HE)


def test_from_hes_first_weights_fitnet_1_and_the_19_layers_learn_as_from_the_papers() -> None:
    from_paper = [*BY_NAME["variants"].runs, *BY_NAME["nineteen-layers"].runs]
    paired = {(run.network, run.recipe, run.seed): run for run in from_paper}
    teacher, *from_he = BY_NAME["variants-he-start"].runs
    assert teacher == replace(jpeg_teacher(), device="cuda")
    for run in from_he:
        other = paired[run.network, run.recipe, run.seed]
        assert (other.training.spread, other.training.start) == (0.005, None)
        assert run.training == replace(other.training, start=HE)
    names = {"backprop", "KD", "hint then KD", "stage-wise labels"}
    assert {run.recipe.name for run in from_he} == names
    assert Counter(run.network for run in from_he) == {NETWORKS["cifar10/fitnet1"]: 20, NINETEEN_LAYERS: 20}


def test_the_two_rows_of_19_layers_have_every_recipe_of_the_library_once_and_two_hints_of_equal_maps() -> None:
    rows = [students(BY_NAME[name]) for name in ("nineteen-layers", "nineteen-layers-variants")]
    (like,) = {(run.network, run.training) for row in rows for run in row}
    assert like[0] == NINETEEN_LAYERS
    found = Counter(run.recipe.name for row in rows for run in row)
    assert found == {run.recipe.name: SEEDS for run in BY_NAME["variants"].runs}
    of_one_name = {run.recipe.name: run.recipe for run in BY_NAME["variants"].runs}
    others = {run.recipe for row in rows for run in row if run.recipe != of_one_name[run.recipe.name]}
    assert {recipe.name for recipe in others} == {"2 hints in turn, then KD", "2 hints at once, then KD"}
    maps = {net: [shape[1:] for shape in shapes(net)] for net in (NINETEEN_LAYERS, NETWORKS["cifar10/fitnet1"])}
    hinted = {
        recipe.name: sorted(
            {term.guided or 0 for stage in recipe.stages for _, term in stage.loss.terms if isinstance(term, Hint)}
        )
        for recipe in others
    }
    assert set(map(tuple, hinted.values())) == {(5, 11)}
    deep, fitnet1 = maps.values()
    assert [deep[5 - 1], deep[11 - 1]] == [fitnet1[3 - 1], fitnet1[6 - 1]] == [(16, 16), (8, 8)]


def test_the_teacher_on_the_jpeg_copy_is_the_papers_at_half_its_width() -> None:
    whole = NETWORKS["cifar10/teacher"]
    for ours, theirs in zip(HALF_TEACHER.layers, whole.layers, strict=True):
        assert ours == (replace(theirs, channels=theirs.channels // 2) if isinstance(theirs, Conv) else theirs)
    assert [layer.channels for layer in HALF_TEACHER.layers if isinstance(layer, Conv)] == [48, 96, 96]
    assert (HALF_TEACHER.image, HALF_TEACHER.middle) == (whole.image, whole.middle)


def test_thirteen_layers_cost_what_eleven_do_and_are_guided_where_these_are() -> None:
    thirteen, eleven = THIRTEEN_LAYERS, NETWORKS["cifar10/depth-30M-11"]
    assert (cost(thirteen).layers, cost(eleven).layers) == (13, 11)
    assert cost(thirteen).multiplications == cost(eleven).multiplications
    assert thirteen.middle_shape == (32, 8, 8)  # the first layer of the third block
    assert [len(network.layers) for network in AT_30M] == [5, 7, 9, 11, 13]


def test_nineteen_layers_are_in_the_blocks_of_fitnet_4_and_cost_what_fitnet_1_does() -> None:
    fitnet4 = NETWORKS["cifar10/fitnet4"]
    for ours, theirs in zip(NINETEEN_LAYERS.layers, fitnet4.layers, strict=True):
        assert type(ours) is type(theirs)
        assert getattr(ours, "pool", None) == getattr(theirs, "pool", None)
    assert (len(NINETEEN_LAYERS.layers), NINETEEN_LAYERS.middle) == (19, fitnet4.middle)
    one = cost(NETWORKS["cifar10/fitnet1"]).multiplications
    assert abs(cost(NINETEEN_LAYERS).multiplications - one) < one / 1000
    assert {run.network for run in BY_NAME["nineteen-layers"].runs} == {NINETEEN_LAYERS}


def test_the_depth_study_trains_table_6s_networks_and_of_11_layers_without_hints_fitnet_1_which_has_these() -> None:
    table_6 = {len(network.layers): network for network in AT_30M}
    assert table_6[11].layers == NETWORKS["cifar10/fitnet1"].layers
    found = {(len(run.network.layers), run.recipe.name): run.network for run in students(BY_NAME["depth-30m"])}
    assert len(found) == len(BY_NAME["depth-30m"].runs) / SEEDS == 5 * 3
    for (depth, recipe), network in found.items():
        is_fitnet1 = depth == 11 and recipe != "hint then KD"
        assert network == (NETWORKS["cifar10/fitnet1"] if is_fitnet1 else table_6[depth])
    variants = set(BY_NAME["variants"].runs)
    assert sum(run in variants for run in BY_NAME["depth-30m"].runs) == 2 * SEEDS


def test_the_recipes_on_the_jpeg_copy_take_equal_steps_by_the_papers_optimisation_from_its_start() -> None:
    for name in ("variants", "nineteen-layers", "depth-30m", "regressors", "guided-layers"):
        for run in students(BY_NAME[name]):
            training = run.training
            assert sum(run.recipe.epochs(training.epochs)) == training.epochs == 30
            assert (training.spread, training.learning_rate, training.each_stage) == (0.005, 0.005, False)
            assert training.max_norm is not None and training.augmentation.flip


def test_every_recipe_of_the_library_is_among_the_variants() -> None:
    several = {"2 hints in turn, then KD", "2 hints at once, then KD"}
    assert {run.recipe.name for run in BY_NAME["variants"].runs} == several | {r.name for r in RECIPES.values()}


@pytest.mark.parametrize(("name", "recipes"), [("one-stage", 9), ("residual-pair", 6)])
def test_one_stage_at_equal_cost_takes_as_many_multiplications_as_two_stages_to_half_an_epoch(
    name: str, recipes: int
) -> None:
    by_recipe = {run.recipe.name: run for run in students(BY_NAME[name]) if run.seed == 0}
    assert len(by_recipe) == recipes

    def spent(run: Run) -> float:
        epochs = run.recipe.epochs(run.training.epochs)
        layers = [stage.layers(run.network) for stage in run.recipe.stages]
        each = [cost(run.network, "full", up_to=upper).multiplications for upper in layers]
        return float(np.dot(epochs, each))

    epoch = cost(by_recipe["hint then KD"].network, "full").multiplications
    two = spent(by_recipe["hint then KD"])
    for end in ("labels", "KD"):
        shorter, whole = (by_recipe[f"joint hint + {end}{equal}"] for equal in (", equal cost", ""))
        assert abs(spent(shorter) - two) < epoch / 2 < spent(whole) - two
        assert shorter.recipe.stages == whole.recipe.stages
        assert replace(shorter.training, epochs=whole.training.epochs) == whole.training


def test_on_mnist_one_stage_takes_as_many_epochs_as_both_of_two_stages_and_differs_in_nothing_else() -> None:
    two, *joint = (run for run in BY_NAME["one-stage-mnist"].runs if run.seed == 0)
    assert two in BY_NAME["table4-paper-start"].runs
    assert two.training.each_stage
    weaker = [f"joint hint + labels, β = {beta}" for beta in (0.1, 0.01, 0.001)]
    assert [run.recipe.name for run in joint] == ["joint hint + labels", "joint hint + KD", *weaker]
    for run in joint:
        assert [stage.train for stage in run.recipe.stages] == ["all"]
        assert run.training == replace(two.training, epochs=2 * two.training.epochs, patience=24)
        assert (run.network, run.teacher) == (two.network, two.teacher)


@pytest.mark.parametrize("name", ["one-stage", "one-stage-mnist"])
def test_one_stage_is_run_with_the_hint_at_a_tenth_a_hundredth_and_a_thousandth_of_its_weight(name: str) -> None:
    first = [run for run in BY_NAME[name].runs if run.seed == 0]
    (whole,) = (run for run in first if run.recipe.name == "joint hint + labels")
    ((_, hint), labels) = whole.recipe.stages[0].loss.terms
    for beta in (0.1, 0.01, 0.001):
        (less,) = (run for run in first if run.recipe.name == f"joint hint + labels, β = {beta}")
        assert less == replace(whole, recipe=less.recipe)
        assert less.recipe.stages == (Stage("all", Loss(((beta, hint), labels))),)


def test_the_residual_pair_is_one_of_20_and_56_layers_that_learn_alike() -> None:
    teacher = residual_teacher()
    assert BY_NAME["residual-pair"].runs[0] == teacher
    assert (len(teacher.network.layers), teacher.recipe.name) == (56, "backprop")
    for run in students(BY_NAME["residual-pair"]):
        assert len(run.network.layers) == 20
        assert replace(run.training, epochs=60, patience=60) == teacher.training


def _at_layer_14() -> set[Recipe]:
    return {run.recipe for run in BY_NAME["nineteen-layers-guided"].runs} - {HINT_THEN_KD}


@pytest.mark.parametrize(
    ("name", "data", "numbers"),
    [
        ("paper-teacher", "cifar10-jpeg-10000", (1, 2, 3, 4)),
        ("paper-teacher-cores", "cifar10-jpeg-10000", (4,)),
        ("paper-teacher-again", "cifar10-jpeg-10000", (1,)),
        ("all-images", "cifar10-jpeg", (1, 2, 3, 4)),
    ],
    ids=str,
)
def test_the_papers_own_teacher_has_fitnets_that_are_taught_as_those_of_the_half_teacher(
    name: str, data: str, numbers: tuple[int, ...]
) -> None:
    of_half, row = BY_NAME["variants"].runs, BY_NAME[name]
    (like,) = {run.training for run in of_half}
    assert row.data == data
    names = {f"cifar10/fitnet{number}" for number in numbers}
    wanted = {(NETWORKS[name], HINT_THEN_KD) for name in names}
    assert {(run.network, run.recipe) for run in students(row)} == wanted
    assert {run.training for run in students(row)} == {like}
    assert [run.seed for run in row.runs if run.teacher is None] == list(range(SEEDS))


def test_rows_that_take_a_gpu_do_so_in_every_run_and_say_so(row: Row) -> None:
    devices = {run.device for run in row.runs}
    assert devices == ({"cuda"} if row.about.endswith("; on a GPU") else {"cpu"})
    assert row.on_gpu == (devices == {"cuda"})


def test_a_hint_at_layer_14_of_19_leaves_as_many_layers_above_as_a_hint_in_the_middle_of_fitnet_1() -> None:
    fitnet1, recipes = NETWORKS["cifar10/fitnet1"], {run.recipe for run in BY_NAME["nineteen-layers-guided"].runs}
    (higher,) = recipes - {HINT_THEN_KD}
    ((_, term),) = higher.stages[0].loss.terms
    assert term == Hint(guided=14, hint=2)
    assert higher.stages[0].layers(NINETEEN_LAYERS) == 14
    assert higher.stages[1] == HINT_THEN_KD.stages[1]
    assert len(NINETEEN_LAYERS.layers) - 14 == len(fitnet1.layers) - fitnet1.middle == 5
    assert len(NINETEEN_LAYERS.layers) - NINETEEN_LAYERS.middle == 8


def _specified(runs: Iterable[Run]) -> set[tuple[object, ...]]:
    """All that specifies runs, but for their teachers."""
    return {(run.data, run.network, run.recipe, run.training, run.seed, run.device) for run in runs}


def test_fitnet_4_from_hes_start_differs_from_that_from_the_papers_in_its_start_and_its_teachers_training() -> None:
    as_printed = students(BY_NAME["paper-teacher-cores"])
    other = [run for run in BY_NAME["paper-teacher-fitnet4"].runs if run.training.start == HE]
    (like,) = {run.training for run in as_printed}
    assert like.start != HE
    assert _specified(replace(run, training=like) for run in other) == _specified(as_printed)


def test_fitnet_4_is_guided_at_layer_14_too_by_the_recipe_of_the_other_student_of_19_layers() -> None:
    (higher,) = _at_layer_14()
    as_printed = students(BY_NAME["paper-teacher-cores"])
    guided = [run for run in BY_NAME["paper-teacher-fitnet4"].runs if run.training.start != HE]
    assert {run.recipe for run in guided} == {higher}
    assert _specified(replace(run, recipe=HINT_THEN_KD) for run in guided) == _specified(as_printed)
    assert len(NETWORKS["cifar10/fitnet4"].layers) - 14 == 5


def test_hint_then_kd_beside_the_second_teacher_is_the_same_but_in_name_and_rows_share_its_runs() -> None:
    rows = ("regressors", "guided-layers", "one-stage")
    first, second, third = ({run for run in BY_NAME[n].runs if "second teacher" in run.recipe.name} for n in rows)
    assert first == second == third
    named = {replace(run, recipe=replace(run.recipe, name="hint then KD")) for run in first}
    assert named == {run for run in BY_NAME["variants"].runs if run.recipe == HINT_THEN_KD}


def test_hints_of_other_regressors_and_layers_differ_from_the_papers_in_that_alone() -> None:
    for name in ("regressors", "guided-layers"):
        for run in BY_NAME[name].runs:
            first, second = run.recipe.stages
            ((weight, term),) = first.loss.terms
            assert weight == 1
            assert isinstance(term, Hint)
            assert replace(term, guided=None, hint=None, regressor=Hint().regressor) == Hint()
            assert (first.layers(run.network), second) == (term.guided or run.network.middle, HINT_THEN_KD.stages[1])
    kinds = {run.recipe.stages[0].loss.terms[0][1] for run in BY_NAME["regressors"].runs}
    assert kinds == {Hint(), Hint(regressor=fully_connected_regressor)}
    pairs = {run.recipe.stages[0].loss.terms[0][1] for run in BY_NAME["guided-layers"].runs}
    assert pairs == {Hint(), Hint(guided=3, hint=2), Hint(guided=8, hint=2)}
    student, deeper = NETWORKS["cifar10/fitnet1"], Stage(9, Loss.of(Hint(guided=9, hint=2)))
    assert (student.middle, HALF_TEACHER.middle) == (6, 2)
    with pytest.raises(BadInput, match=r"^hint side = 7: at most 1, the side of the guided map"):  # 8 is the deepest
        deeper.fits(student, HALF_TEACHER)


def test_every_run_of_a_row_can_be_made(row: Row) -> None:
    for run in row.runs:
        run.recipe.epochs(run.training.epochs)
        for stage in run.recipe.stages:
            stage.fits(run.network, None if run.teacher is None else run.teacher.network)


def test_what_claims_ask_of_a_row_is_among_its_runs_once_a_seed() -> None:
    asked = [
        (f"{trial.folder}/" if trial.scale == "GPU" else "", quantity)
        for claim in CLAIMS
        for trial in claim.trials
        if trial.scale in ("MNIST", "jpeg", "GPU") and trial.folder != "paper"  # a speed is measured by a chapter
        for compared in trial.checks
        for quantity in (getattr(compared, "ours", None), getattr(compared, "theirs", None))
        if isinstance(quantity, Quantity)
    ]
    assert len(asked) > 60
    of_epochs = {"stage": 1, "epoch": 15}  # in a table of curves: the last epoch of the first stage
    lacking = set()
    for folder, quantity in asked:
        row = NAMED.get(folder + quantity.table.removesuffix("-curves").removesuffix("-gaps"))
        known: list[dict[str, Any]] = [
            {
                **of_epochs,
                "network": run.network.name,
                "recipe": run.recipe.name,
                "depth": len(run.network.layers),
                "seed": run.seed,
            }
            for run in (row.runs if row else ())
        ]
        seeds = [run["seed"] for run in known if all(run[key] == value for key, value in quantity.where)]
        if sorted(seeds) != list(range(SEEDS)):
            lacking.add((quantity.table, dict(quantity.where).get("network")))
    assert lacking == set()


def test_every_committed_record_is_one_of_a_row_and_the_tables_say_what_the_records_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FITNETS_HOME", raising=False)
    known = {(run.data, records.name(run)) for row in (*ROWS, *PAPER_ROWS) for run in row.runs}
    kept = {(path.parent.parent.name, path.stem) for path in (CHECKOUT / "results").glob("*/records/*.json")}
    assert kept and kept <= known
    for row in ROWS:
        if found := records.recorded(row.runs):
            for kind, frame in (("", records.tidy(found)), ("-curves", records.curves(found))):
                content = (paths.evidence(row.data) / f"{row.name}{kind}.csv").read_bytes()
                assert content == sealed.write(tmp_path / "again.csv", frame), row.name + kind


def test_students_that_are_set_beside_their_teachers_were_taught_by_those_very_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first records, those of `paper-teacher` and `variants`, lack the checksum of the teacher's weights."""
    monkeypatch.delenv("FITNETS_HOME", raising=False)
    asked = 0
    for row in (row for row in ROWS if row.name.startswith(("paper-teacher", "variants-he-start"))):
        for run in students(row):
            assert run.teacher is not None
            student, teacher = records.read(run), records.read(run.teacher)
            if student and teacher and "teacher_weights_sha256" in student:
                assert student["teacher_weights_sha256"] == teacher["weights_sha256"], (row.name, str(run))
                asked += 1
    assert asked >= 9 * SEEDS

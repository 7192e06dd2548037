from __future__ import annotations

import ast
import multiprocessing
import multiprocessing.queues
import multiprocessing.synchronize
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import nbformat
import pytest
import torch

from fitnets_lib import checkpoints, data, files, losses, recipes, regressors, runs, source, teacher_cache, terms
from fitnets_lib.augmentation import NONE, Augmentation
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Dense
from fitnets_lib.outcomes import Result
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, KD
from fitnets_lib.runs import Run, Store, execute, with_seeds
from fitnets_lib.teacher_cache import Kept, Live
from fitnets_lib.training import Progress
from tests.helpers import STUDENT, TEACHER, run, same_bits


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the run was trained again")

    monkeypatch.setattr(runs, "train", forbidden)


def test_a_finished_run_is_read_back_and_not_trained_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = execute(run(HINT_THEN_KD), store)
    forbid_training(monkeypatch)
    assert execute(run(HINT_THEN_KD), store) == first


def test_the_teacher_is_trained_first_and_kept_as_a_run_of_its_own(store: Store) -> None:
    ours = run(KD)
    execute(ours, store)
    assert ours.teacher is not None
    assert store.result(ours.teacher) is not None


def test_the_kept_network_has_the_kept_errors(store: Store) -> None:
    ours = run(KD)
    result = execute(ours, store)
    network = store.network(ours)
    assert not network.training
    test, validation = data.load_test("digits"), data.load("digits").validation
    for split, error in ((test, result.test_error), (validation, result.validation_error)):
        with torch.no_grad():
            guesses = network(split.images).argmax(dim=1)
        wrong = sum(int(guess != label) for guess, label in zip(guesses, split.labels, strict=True))
        assert error == pytest.approx(wrong / len(split))


@pytest.mark.parametrize(
    "change",
    [
        {"network": TEACHER},
        {"recipe": BACKPROP},
        {"recipe": recipes.Recipe("KD", (recipes.Stage("all", 2.0 * recipes.kd),))},
        {"seed": 1},
        {"device": "cuda"},
        {"training": replace(run(KD).training, learning_rate=2e-3)},
        {"training": replace(run(KD).training, spread=0.005)},
    ],
    ids=str,
)
def test_a_run_has_another_name_if_any_part_of_it_is_another(change: dict[str, object]) -> None:
    assert replace(run(KD), **change).name != run(KD).name  # type: ignore[arg-type]


def test_equal_runs_have_equal_names() -> None:
    assert run(KD).name == run(KD).name


def test_a_changed_library_makes_new_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(KD).name
    monkeypatch.setattr(source, "fingerprint", lambda module: "changed")
    assert run(KD).name != before


def test_a_teachers_seed_is_part_of_the_students_name() -> None:
    ours = run(KD)
    assert ours.teacher is not None
    assert replace(ours, teacher=replace(ours.teacher, seed=9)).name != ours.name


def test_each_seed_has_a_teacher_of_that_seed() -> None:
    found = with_seeds(run(KD), 3)
    assert [(one.seed, one.teacher.seed) for one in found if one.teacher] == [(0, 0), (1, 1), (2, 2)]
    assert [one.teacher for one in with_seeds(replace(run(BACKPROP), teacher=None), 2)] == [None, None]


@pytest.mark.parametrize("name", ["result.json", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["cut in half", "one byte changed", "empty"])
def test_a_damaged_file_is_reported_and_the_run_made_again(
    store: Store, name: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = run(KD)
    first = execute(ours, store)
    path = store.folder(ours) / name
    whole = path.read_bytes()
    middle = len(whole) // 2
    broken = {
        "cut in half": whole[:middle],
        "one byte changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "empty": b"",
    }
    path.write_bytes(broken[damage])
    with pytest.warns(UserWarning, match=rf"{name}: .*the run is made again"):
        again = execute(ours, store)
    assert (again.test_error, again.curve) == (first.test_error, first.curve)
    forbid_training(monkeypatch)
    assert execute(ours, store) == again


def test_missing_weights_count_as_an_unfinished_run(store: Store) -> None:
    ours = run(KD)
    execute(ours, store)
    (store.folder(ours) / "weights.safetensors").unlink()
    assert store.result(ours) is None


def test_whole_weights_of_another_run_do_not_count(store: Store) -> None:
    ours, theirs = run(BACKPROP), run(BACKPROP, seed=1)
    for one in (ours, theirs):
        execute(one, store)
    kept, foreign = (store.folder(one) / "weights.safetensors" for one in (ours, theirs))
    files.read_tensors(foreign)  # whole, and with a right checksum of its own
    files.write(kept, foreign.read_bytes())
    with pytest.warns(UserWarning, match=r"weights\.safetensors: .*the run is made again"):
        assert store.result(ours) is None
    with pytest.raises(files.Damaged, match=r"weights\.safetensors: .*the checksum recorded for it"):
        store.network(ours)


class Killed(BaseException):
    pass


def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_EVERY", 0.0)
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")
    ours = run(HINT_THEN_KD, training=replace(run(KD).training, epochs=4))
    expected = execute(ours, whole)
    saved = checkpoints.Checkpoint.save
    for stop_after in (1, 3):
        calls = 0

        def save_and_die(self: checkpoints.Checkpoint, progress: Progress, stop: int = stop_after) -> None:
            nonlocal calls
            saved(self, progress)
            calls += 1
            if calls == stop:
                raise Killed

        monkeypatch.setattr(checkpoints.Checkpoint, "save", save_and_die)
        execute(ours.teacher, cut) if ours.teacher and cut.result(ours.teacher) else None
        with pytest.raises(Killed):
            execute(ours, cut)
    monkeypatch.setattr(checkpoints.Checkpoint, "save", saved)
    found = execute(ours, cut)
    assert (found.test_error, found.validation_error, found.curve) == (
        expected.test_error,
        expected.validation_error,
        expected.curve,
    )
    assert same_bits(whole.network(ours), cut.network(ours))
    assert not (cut.folder(ours) / "checkpoint.safetensors").exists()


def killed_after_an_epoch(root: Path, ours: Run) -> None:
    """Goes on with a run for one more epoch; then the process is killed and cleans nothing up."""
    save = checkpoints.Checkpoint.save
    checkpoints.CHECKPOINT_EVERY = 0.0

    def save_and_be_killed(self: checkpoints.Checkpoint, progress: Progress) -> None:
        save(self, progress)
        os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.Checkpoint.save = save_and_be_killed  # type: ignore[method-assign]
    execute(ours, Store(root))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_in_every_epoch_of_both_stages_ends_with_the_same_bits(tmp_path: Path) -> None:
    ours = run(HINT_THEN_KD, training=replace(run(KD).training, epochs=4))
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")
    expected = execute(ours, whole)
    assert ours.teacher is not None
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.test_runs"])  # imports once, not once a process
    for one, epochs in ((ours.teacher, 2), (ours, 4)):
        for _ in range(epochs):
            process = processes.Process(target=killed_after_an_epoch, args=(cut.root, one))
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
        assert cut.result(one) is None
        execute(one, cut)
    found = cut.result(ours)
    assert found is not None
    assert (found.test_error, found.curve) == (expected.test_error, expected.curve)
    assert same_bits(whole.network(ours), cut.network(ours))
    left = {path.name for path in cut.folder(ours).iterdir()}
    assert left == {"specification.json", "weights.safetensors", "result.json"}


def trained_here(
    root: Path, ours: Run, ready: multiprocessing.synchronize.Barrier, told: multiprocessing.queues.Queue[int]
) -> None:
    """Asks for a run when all are ready, and tells how many runs this process trained."""
    train, calls = runs._train, 0

    def counted(run: Run, store: Store) -> Result:
        nonlocal calls
        calls += 1
        return train(run, store)

    runs._train = counted
    ready.wait()
    execute(ours, Store(root))
    told.put(calls)


def test_of_several_processes_that_ask_for_a_run_at_once_one_trains_it_and_all_have_it(tmp_path: Path) -> None:
    ours = run(BACKPROP, training=replace(run(KD).training, epochs=8))
    assert ours.teacher is not None
    processes = multiprocessing.get_context("spawn")
    ready, told = processes.Barrier(3), processes.Queue()
    asked = [processes.Process(target=trained_here, args=(tmp_path / "runs", ours, ready, told)) for _ in range(3)]
    for process in asked:
        process.start()
    trained = [told.get(timeout=120) for _ in asked]
    for process in asked:
        process.join()
        assert process.exitcode == 0
    assert sum(trained) == 2  # the run and its teacher, once each
    assert Store(tmp_path / "runs").result(ours) is not None
    assert list((tmp_path / "runs" / "locks").iterdir()) == []


def test_a_damaged_checkpoint_is_reported_and_the_run_begins_at_the_beginning(store: Store) -> None:
    ours = run(BACKPROP)
    files.write(store.folder(ours) / "checkpoint.safetensors", b"half a checkpo")
    with pytest.warns(UserWarning, match=r"checkpoint\.safetensors: .*begins at the beginning"):
        result = execute(ours, store)
    assert len(result.curve) == 2


def test_training_uses_one_thread_and_gives_the_others_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def count_and_stop(*_: object, **__: object) -> None:
        threads.append(torch.get_num_threads())
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "train", count_and_stop)
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        execute(replace(run(BACKPROP), teacher=None), store)
    assert threads == [1]
    assert torch.get_num_threads() == before


def test_training_lets_cudnn_choose_no_other_algorithms_nor_round(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cudnn = torch.backends.cudnn
    names = ("deterministic", "benchmark", "allow_tf32")
    found: list[dict[str, bool]] = []

    def look_and_stop(*_: object, **__: object) -> None:
        found.append({name: getattr(cudnn, name) for name in names})
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "train", look_and_stop)
    with cudnn.flags(enabled=True, deterministic=False, benchmark=True, allow_tf32=True):
        with pytest.raises(ZeroDivisionError):
            execute(replace(run(BACKPROP), teacher=None), store)
        assert [getattr(cudnn, name) for name in names] == [False, True, True]  # as they were
    assert found == [{"deterministic": True, "benchmark": False, "allow_tf32": False}]


def test_provenance_says_with_what_and_on_what_a_run_was_made(store: Store) -> None:
    ours = run(BACKPROP)
    execute(ours, store)
    kept = files.read_sealed(store.folder(ours) / "result.json")["provenance"]
    assert kept["run"] == ours.name
    assert kept["torch"] == torch.__version__
    assert kept["data_sha256"] == data.fingerprint("digits")
    assert kept["seed"] == 0
    assert kept["processor"].endswith(torch.backends.cpu.get_cpu_capability())


READERS = {"read_mnist", "read_official", "read_cifar10", "read_cifar100", "read_cifar100_coarse", "read_jpeg"}
READERS |= {"read_svhn", "read_aflw"}


def ways_to_test_images(code: str) -> set[str]:
    """The names in `code`, imported, used or quoted, that lead to test images; `in data.LOADERS` does not."""
    ways = {"load_test", "_splits", "_made", "_kept", "LOADERS", *READERS}
    nodes = list(ast.walk(ast.parse(code)))
    asked = {
        id(one)
        for node in nodes
        if isinstance(node, ast.Compare) and all(isinstance(how, ast.In | ast.NotIn) for how in node.ops)
        for one in node.comparators
    }
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.alias):
            found.add(node.name.split(".")[-1])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Attribute | ast.Name) and id(node) not in asked:
            found.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return found & ways


@pytest.mark.parametrize(
    ("code", "ways"),
    [
        ("data.load_test('digits')", {"load_test"}),
        ("from fitnets_lib.data import load_test as load", {"load_test"}),
        ("getattr(data, 'load_test')('digits')", {"load_test"}),
        ("_, _, images = data._splits('digits')", {"_splits"}),
        ("data._made('digits')[2], data._kept('digits')[2]", {"_made", "_kept"}),
        ("data.LOADERS['mnist']()[2]", {"LOADERS"}),
        ("for name in data.LOADERS: data.LOADERS[name]()", {"LOADERS"}),
        ("cifar.read_jpeg(paths.data())[1]", {"read_jpeg"}),
        ("'mnist' in data.LOADERS or 'mnist' not in LOADERS", set()),
        ("data.load('digits').train", set()),
    ],
)
def test_the_ways_to_test_images_are_found_in_code(code: str, ways: set[str]) -> None:
    assert ways_to_test_images(code) == ways


def test_only_runs_loads_the_test_images() -> None:
    own = {source.PACKAGE / f"{name}.py" for name in ("data", "idx", "cifar", "svhn", "aflw")}  # read and split there
    modules = {path for folder in ("fitnets_lib", "benchmarks", "book") for path in (CHECKOUT / folder).rglob("*.py")}
    code = {path: path.read_text(encoding="utf-8") for path in modules - own}
    for path in (CHECKOUT / "book").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        code[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    found = {path: ways_to_test_images(text) for path, text in code.items()}
    assert {path: ways for path, ways in found.items() if ways} == {source.PACKAGE / "runs.py": {"load_test"}}


def test_a_network_for_other_images_or_classes_is_refused_before_any_training(store: Store) -> None:
    wide = replace(STUDENT, image=(1, 16, 16))
    with pytest.raises(BadInput, match=r"image of tiny student = \(1, 16, 16\): \(1, 8, 8\)"):
        execute(replace(run(KD), network=wide), store)
    few = replace(STUDENT, layers=(*STUDENT.layers[:-1], Dense(3)))
    with pytest.raises(BadInput, match=r"classes of tiny student = 3: 10"):
        execute(replace(run(BACKPROP), network=few), store)
    assert not store.root.exists()


def test_a_recipe_that_needs_a_teacher_is_refused_without_one() -> None:
    for recipe in (KD, HINT_THEN_KD):
        with pytest.raises(BadInput, match=r"teacher = None: a teacher"):
            replace(run(recipe), teacher=None)


def test_the_functions_that_a_recipe_names_are_part_of_a_runs_name() -> None:
    def hinted(**by: object) -> str:
        first = recipes.Stage("guided", terms.Loss.of(terms.Hint(**by)))  # type: ignore[arg-type]
        return run(recipes.Recipe("drawn", (first, recipes.Stage("all", recipes.kd)))).name

    names = {hinted(), hinted(regressor=regressors.linear_regressor), hinted(loss=losses.released_hint_loss)}
    assert len(names) == 3


def test_a_teacher_of_other_data_is_refused() -> None:
    with pytest.raises(BadInput, match=r"data of the teacher = 'digits': mnist, the student's"):
        replace(run(KD), data="mnist")


def test_a_run_is_described_by_its_network_recipe_and_seed() -> None:
    assert str(Run("digits", STUDENT, BACKPROP, run(KD).training, 3)) == "tiny student, backprop, seed 3"


def test_a_run_on_a_gpu_learns_what_it_learns_on_a_cpu(tmp_path: Path) -> None:
    if not torch.cuda.is_available():  # asked here: a process that asked cannot be forked for work on a GPU any more
        pytest.skip("this machine has no GPU")
    store, flips = Store(tmp_path), replace(run(KD).training, augmentation=Augmentation(flip=True))
    here = run(HINT_THEN_KD, training=flips)
    there = replace(here, device="cuda")
    losses = [[row.train_loss for row in execute(one, store).curve] for one in (here, there)]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_retraining_is_given_training_and_validation_images_in_random_views(store: Store) -> None:
    ours, views, splits = replace(run(BACKPROP), teacher=None), Augmentation(flip=True, pad=2), data.load("digits")
    again = replace(ours, training=replace(ours.training, retrain=True, augmentation=views))
    found = runs.lessons(again, store)
    assert found.everything is not None and runs.lessons(ours, store).everything is None
    for what in ("images", "labels"):
        both = torch.cat([getattr(part, what) for part in (splits.train, splits.validation)])
        assert torch.equal(getattr(found.everything.split, what), both)
        assert torch.equal(getattr(found.train.split, what), getattr(splits.train, what))
    parts = (found.train, found.validation, found.everything)
    assert [part.augmentation for part in parts] == [views, NONE, views]


def test_answers_that_are_kept_in_files_teach_what_those_in_memory_do(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = run(HINT_THEN_KD, training=replace(run(KD).training, retrain=True, augmentation=Augmentation(flip=True)))
    in_memory = execute(ours, store)
    monkeypatch.setattr(teacher_cache, "LARGE", 0)
    elsewhere = Store(tmp_path / "elsewhere")
    assert execute(ours, elsewhere).curve == in_memory.curve
    assert same_bits(store.network(ours), elsewhere.network(ours))
    assert ours.teacher is not None
    kept = {path.name for path in (elsewhere.folder(ours.teacher) / "answers").iterdir()}
    assert kept == {"train", "validation", "everything"}


def test_with_random_cuts_the_teacher_is_asked_about_the_very_views_that_are_drawn(store: Store) -> None:
    views = Augmentation(flip=True, pad=1)
    ours = run(HINT_THEN_KD, training=replace(run(KD).training, augmentation=views))
    execute(ours, store)
    assert ours.teacher is not None
    given = runs.lessons(ours, store)
    assert isinstance(given.train.teaching, Live) and isinstance(given.validation.teaching, Kept)
    images, _, answers = next(iter(given.train.batches(16, torch.arange(48), generator(0, "shuffle"))))
    with torch.no_grad():
        teacher = store.network(ours.teacher)
        hint = teacher[:2](images)
        logits = teacher[2:](hint)
    assert answers is not None and answers.hints.keys() == {2}
    torch.testing.assert_close(answers.hints[2], hint)
    torch.testing.assert_close(answers.logits, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("changed", ["images", "torch"])
def test_other_images_or_another_torch_make_new_runs(changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(KD).name
    if changed == "images":
        monkeypatch.setattr(data, "fingerprint", lambda name: "others")
    else:
        monkeypatch.setattr(torch, "__version__", "99.0")
    assert run(KD).name != before


def test_on_a_cpu_the_seconds_of_a_run_are_those_of_the_processor(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count(0, 7.0)  # seven seconds pass from each look at the clock to the next
    monkeypatch.setattr("fitnets_lib.runs.time.process_time", lambda: next(ticks))
    found = execute(replace(run(BACKPROP), teacher=None), store).seconds
    assert found >= 7 and found % 7 == 0


EDITED = """
import sys
from pathlib import Path
from fitnets_lib import losses, runs, source
here = Path(losses.__file__)
assert here.parent.parent == Path.cwd()
here.write_text(here.read_text() + "# a word\\n")
told = source.fingerprint("runs")
source.fingerprint.cache_clear()
assert source.fingerprint("runs") != told
"""


def test_a_module_that_is_edited_after_it_was_imported_does_not_name_the_runs_of_this_process(tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "fitnets_lib", tmp_path / "fitnets_lib", ignore=shutil.ignore_patterns("__pycache__"))
    here = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", EDITED], cwd=tmp_path, env=here, check=True)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"network": None}, "network of a run = None: Network"),
        ({"recipe": "KD"}, "recipe of a run = 'KD': Recipe"),
        ({"training": {}}, "training of a run = {}: Training"),
        ({"teacher": "me"}, "teacher of a run = 'me': Run or None"),
        ({"data": "mnits"}, "data = 'mnits': one of digits"),
        ({"data": ["digits"]}, "data = ['digits']: one of digits"),
        ({"seed": -1}, "seed = -1: "),
        ({"seed": True}, "seed = True: "),
        ({"seed": 2**63}, f"seed = {2**63}: "),
        ({"device": "tpu"}, "device = 'tpu': cpu or cuda"),
    ],
    ids=str,
)
def test_what_is_no_run_is_refused_with_what_is_wrong_in_it(change: dict[str, object], line: str) -> None:
    with pytest.raises(BadInput) as refused:
        replace(run(KD), **change)  # type: ignore[arg-type]
    assert str(refused.value).startswith(line)

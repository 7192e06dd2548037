from __future__ import annotations

from dataclasses import replace

from fitnets_lib import data
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.optimisation import PAPER_CIFAR, PAPER_MNIST, Training
from fitnets_lib.paper_runs import AFLW, SVHN
from fitnets_lib.training_settings import PREPARED, SAID, SETTINGS, described, table


def column(name: str, heading: str, here: dict[str, Training]) -> dict[str, str]:
    frame = table(name, here)
    return {str(key): str(value) for key, value in zip(frame["choice"], frame[heading], strict=True)}


def test_every_data_set_has_a_word_on_every_setting_even_if_it_is_none() -> None:
    for said in SAID.values():
        assert list(said) == list(SETTINGS)
    assert all(SAID[name]["batch"].paper == "128" for name in SAID)
    assert set(described(PAPER_CIFAR, "cifar10")) == set(SETTINGS)
    assert set(data.NAMES) <= set(PREPARED) and SAID.keys() <= PREPARED.keys()


def test_the_papers_choices_on_cifar_are_those_of_the_preset_as_far_as_the_paper_speaks() -> None:
    paper, here = (column("cifar10", heading, {"here": PAPER_CIFAR}) for heading in ("paper", "here"))
    for name in ("first weights", "batch", "validation images", "a stage ends", "trained again on all", "random views"):
        assert here[name] == paper[name], name
    assert (here["learning rate"], here["rate of convolutions"]) == (".005", ".00025")
    assert here["largest norms"] == column("cifar10", "released configuration", {})["largest norms"]
    assert (here["temperature"], here["lambda"][:6]) == ("3", "4 to 1")


def test_mnist_svhn_and_aflw_are_described_from_what_trains_them() -> None:
    mnist = column("mnist", "here", {"here": PAPER_MNIST})
    assert (mnist["learning rate"], mnist["rate of convolutions"], mnist["largest norms"]) == (".0005", ".0005", "none")
    assert mnist["validation images"] == "10,000 of 60,000"
    svhn = described(SVHN, "svhn")
    assert (svhn["trained again on all"], svhn["random views"]) == ("no", "none")
    assert svhn["validation images"] == "6,000 of 604,388"
    assert described(AFLW, "aflw")["first weights"] == SAID["aflw"]["first weights"].paper
    assert described(AFLW, "aflw")["a stage ends"] == "after 500 epochs"
    assert described(AFLW, "aflw")["preprocessing"].startswith(SAID["aflw"]["preprocessing"].paper)


def test_the_released_configuration_stands_only_where_one_was_released() -> None:
    for name in SAID:
        assert ("released configuration" in table(name, {}).columns) == (name not in ("svhn", "aflw"))
    assert list(table("digits", {"here": PAPER_MNIST}).columns) == ["choice", "here"]


def test_a_teacher_who_learns_on_labels_has_neither_temperature_nor_lambda() -> None:
    frame = table("cifar10", {"students": PAPER_CIFAR, "teachers": PAPER_CIFAR}, teachers=["teachers"])
    found = frame.set_index("choice").loc[["precision", "temperature", "lambda"]]
    assert found["teachers"].tolist() == ["float32", "–", "–"]
    assert found["students"].tolist()[:2] == ["float32", "3"]
    assert described(replace(PAPER_CIFAR, precision="bfloat16"), "cifar10")["precision"] == "bfloat16"


def test_other_choices_are_said_too() -> None:
    other = replace(
        PAPER_CIFAR, spread=None, each_stage=False, epochs=12, patience=4, augmentation=Augmentation(flip=True, pad=8)
    )
    said = described(other, "cifar10")
    assert said["first weights"] == "torch’s default"
    assert said["a stage ends"] == "after 4 epochs without gain, or its share of 12 epochs"
    assert said["random views"] == "flips, cuts after padding by 8"
    assert said["optimiser"] == "RMSProp, decay .9, 1e-5 added to the divisor"
    assert described(Training(epochs=1, patience=1), "digits")["a stage ends"] == "after its share of 1 epoch"


def test_cifar_100_is_trained_on_all_images_for_the_epochs_of_cifar_10() -> None:
    assert SAID["cifar100"]["validation images"].paper.startswith("none")
    assert SAID["cifar100"]["a stage ends"].released == "after 288 epochs"
    assert SAID["cifar100"]["a stage ends"].paper == "after as many epochs as on CIFAR-10"
    assert SAID["cifar100"]["lambda"] == SAID["cifar10"]["lambda"]

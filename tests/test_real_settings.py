from __future__ import annotations

from dataclasses import replace

from fitnets_lib.initialisation import HE
from fitnets_lib.optimisation import PAPER_CIFAR, PAPER_MNIST
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.real_settings import (
    ALL_OF_JPEG,
    JPEG,
    JPEG_STUDENT,
    MNIST_STUDENT,
    RESIDUAL_STUDENT,
    gpu_teacher,
    jpeg_teacher,
    mnist_teacher,
    papers_teacher,
    residual_teacher,
)


def test_students_learn_as_in_the_paper_but_for_fewer_epochs_in_half_precision() -> None:
    on_mnist = replace(PAPER_MNIST, epochs=12, patience=12, precision="bfloat16")
    assert on_mnist == MNIST_STUDENT
    assert (JPEG_STUDENT.epochs, JPEG_STUDENT.retrain, JPEG_STUDENT.precision) == (30, False, "bfloat16")
    for name in ("learning_rate", "convolution_scale", "floor", "max_norm", "augmentation", "batch", "spread"):
        assert getattr(JPEG_STUDENT, name) == getattr(PAPER_CIFAR, name), name


def test_no_stage_of_a_recorded_run_ends_early() -> None:
    for run in (jpeg_teacher(), residual_teacher(), mnist_teacher(), papers_teacher(JPEG)):
        assert run.training.patience == run.training.epochs
    assert JPEG_STUDENT.patience == JPEG_STUDENT.epochs


def test_every_teacher_learns_from_labels_alone_and_begins_from_other_weights_than_the_papers_students() -> None:
    for run in (jpeg_teacher(), residual_teacher(), mnist_teacher(), papers_teacher(JPEG)):
        assert (run.recipe.name, run.teacher, run.seed) == ("backprop", None, 0)
        assert run.training.spread is None or run.training.start == HE


def test_the_papers_teacher_is_of_full_width_on_either_part_of_the_jpeg_copy() -> None:
    for data in (JPEG, ALL_OF_JPEG):
        run = papers_teacher(data)
        assert (run.data, run.network, run.device) == (data, NETWORKS["cifar10/teacher"], "cuda")
        assert run.training == jpeg_teacher().training
        assert papers_teacher(data, "cpu") == replace(run, device="cpu")


def test_the_teacher_for_students_on_a_gpu_differs_from_that_for_others_in_its_device_alone() -> None:
    assert replace(gpu_teacher(), device="cpu") == jpeg_teacher()
    assert gpu_teacher() != jpeg_teacher()


def test_the_residual_pair_starts_by_hes_rule_as_is_common_today() -> None:
    assert (RESIDUAL_STUDENT.start, RESIDUAL_STUDENT.max_norm) == (HE, None)

import pytest
import torch

from fitnets_lib.networks import build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.teacher_cache import Lesson, ask
from tests.helpers import TEACHER, lessons


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_the_answers_are_the_teachers_own_in_the_images_order(batch: int) -> None:
    teacher = build(TEACHER)
    initialise(teacher, None, generator(0, "teacher"))
    images = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    answers = ask(teacher, (2, 1), images, batch)
    with torch.no_grad():
        assert torch.allclose(answers.logits, teacher(images), atol=1e-6)
        for layer in (1, 2):
            assert torch.allclose(answers.hints[layer], teacher[:layer](images), atol=1e-6)


def test_the_teacher_is_asked_in_eval_mode_and_without_gradient() -> None:
    teacher = build(TEACHER).train()
    answers = ask(teacher, [TEACHER.middle], torch.zeros(1, 1, 8, 8))
    assert not teacher.training
    assert not answers.logits.requires_grad
    assert not answers.hints[2].requires_grad


def test_only_the_maps_that_are_asked_for_are_kept() -> None:
    answers = ask(build(TEACHER), (), torch.zeros(3, 1, 8, 8))
    assert answers.hints == {}
    assert answers.logits.shape == (3, 10)


def test_a_batch_has_images_labels_and_answers_of_the_same_numbers() -> None:
    lesson, order = lessons()[0], torch.tensor([5, 3, 40, 0, 7])
    assert lesson.answers is not None
    images, labels, answers = next(iter(lesson.batches(3, order)))
    assert answers is not None
    for place, number in enumerate([5, 3, 40]):
        assert torch.equal(images[place], lesson.split.images[number])
        assert labels[place] == lesson.split.labels[number]
        assert torch.equal(answers.logits[place], lesson.answers.logits[number])
        assert torch.equal(answers.hints[2][place], lesson.answers.hints[2][number])
    assert [len(batch[1]) for batch in lesson.batches(3, order)] == [3, 2]


def test_one_lesson_after_another_is_both_with_what_the_teacher_said_of_each() -> None:
    one, other = lessons()
    both = one.with_more(other)
    assert both.answers is not None and other.answers is not None
    assert len(both.split) == len(one.split) + len(other.split)
    assert torch.equal(both.split.images[-1], other.split.images[-1])
    assert torch.equal(both.answers.hints[1][-1], other.answers.hints[1][-1])
    assert torch.equal(both.answers.logits[len(one.split)], other.answers.logits[0])
    assert one.with_more(Lesson(other.split, None)).answers is None

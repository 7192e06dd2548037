import pytest
import torch

from fitnets_lib.networks import build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.teacher_cache import ask
from tests.helpers import TEACHER


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_the_answers_are_the_teachers_own_in_the_images_order(batch: int) -> None:
    teacher = build(TEACHER)
    initialise(teacher, None, generator(0, "teacher"))
    images = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    answers = ask(teacher, TEACHER.middle, images, batch)
    with torch.no_grad():
        assert torch.allclose(answers.logits, teacher(images), atol=1e-6)
        assert torch.allclose(answers.hint, teacher[:2](images), atol=1e-6)


def test_the_teacher_is_asked_in_eval_mode_and_without_gradient() -> None:
    teacher = build(TEACHER).train()
    answers = ask(teacher, TEACHER.middle, torch.zeros(1, 1, 8, 8))
    assert not teacher.training
    assert not answers.logits.requires_grad
    assert not answers.hint.requires_grad

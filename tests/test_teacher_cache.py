from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from fitnets_lib import kernels, teacher_cache
from fitnets_lib.augmentation import NONE, Augmentation
from fitnets_lib.data import Split
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Conv, Dense, Network, build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.teacher_cache import Kept, Lesson, Live, ask, keep, unmoved
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
    teacher = unmoved(build(TEACHER).train())
    assert not any(module.training for module in teacher.modules())
    answers = ask(teacher, [TEACHER.middle], torch.zeros(1, 1, 8, 8))
    assert not answers.logits.requires_grad
    assert not answers.hints[2].requires_grad


def test_an_image_gets_the_same_answer_bit_for_bit_whichever_images_it_comes_with() -> None:
    network = Network("odd", (1, 8, 8), (Conv(7), Conv(11, kernel=5, padding=0), Dense(13, pieces=3), Dense(10)), 2)
    teacher, images = unmoved(build(network)), lessons().train.split.images
    whole = ask(teacher, [2], images)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    for index in (order, order[:5], order[7:8]):
        some = ask(teacher, [2], images[index])
        assert torch.equal(some.logits, whole.logits[index])
        assert torch.equal(some.hints[2], whole.hints[2][index])


def test_the_answers_are_given_in_single_precision_and_the_teacher_keeps_its_own() -> None:
    teacher = build(TEACHER)
    assert ask(unmoved(teacher), (), torch.zeros(1, 1, 8, 8)).logits.dtype == torch.float32
    assert all(p.dtype == torch.float32 for p in teacher.parameters())


def test_only_the_maps_that_are_asked_for_are_kept() -> None:
    answers = ask(build(TEACHER), (), torch.zeros(3, 1, 8, 8))
    assert answers.hints == {}
    assert answers.logits.shape == (3, 10)


def test_a_batch_has_images_labels_and_answers_of_the_same_numbers() -> None:
    lesson, order = lessons().train, torch.tensor([5, 3, 40, 0, 7])
    kept = lesson.teaching
    assert isinstance(kept, Kept)
    images, labels, answers = next(iter(lesson.batches(3, order, torch.Generator())))
    assert answers is not None
    for place, number in enumerate([5, 3, 40]):
        assert torch.equal(images[place], lesson.split.images[number])
        assert labels[place] == lesson.split.labels[number]
        assert torch.equal(answers.logits[place], kept.plain.logits[number])
        assert torch.equal(answers.hints[2][place], kept.plain.hints[2][number])
    assert [len(batch[1]) for batch in lesson.batches(3, order, torch.Generator())] == [3, 2]


@pytest.mark.parametrize("views", [Augmentation(), Augmentation(flip=True)])
def test_the_cache_answers_for_the_views_that_are_drawn(views: Augmentation) -> None:
    teacher, split = unmoved(build(TEACHER)), lessons().train.split
    layers = frozenset({1, 2})
    lesson = Lesson(split, keep(teacher, layers, split.images, views), views)
    turned = 0
    for images, _, answers in lesson.batches(7, torch.randperm(48), torch.Generator().manual_seed(0)):
        live = Live(teacher, layers)(torch.empty(0), NONE.draw(0, torch.Generator()), images)
        assert answers is not None
        assert torch.equal(answers.logits, live.logits)
        assert all(torch.equal(answers.hints[layer], live.hints[layer]) for layer in layers)
        turned += sum(not any(torch.equal(image, own) for own in split.images) for image in images)
    assert (turned > 0) is views.flip


def test_random_cuts_are_refused_by_the_cache_and_answered_live() -> None:
    teacher, split, views = unmoved(build(TEACHER)), lessons().train.split, Augmentation(flip=True, pad=2)
    with pytest.raises(BadInput, match=r"augmentation = .*pad=2.*: one without random cuts"):
        keep(teacher, frozenset({2}), split.images, views)
    lesson = Lesson(split, Live(teacher, frozenset({2})), views)
    for images, _, answers in lesson.batches(16, torch.arange(48), torch.Generator().manual_seed(0)):
        assert answers is not None
        assert torch.equal(answers.logits, ask(teacher, (), images).logits)


def test_large_answers_are_read_from_files_bit_for_bit_and_each_layer_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_cache, "LARGE", 0)
    teacher, images, views = unmoved(build(TEACHER)), lessons().train.split.images, Augmentation(flip=True)
    in_memory = keep(teacher, frozenset({1, 2}), images, views)
    first = keep(teacher, frozenset({1}), images, views, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.bin")) == ["1.bin", "1.bin", "logits.bin", "logits.bin"]
    assert torch.equal(first.plain.hints[1], in_memory.plain.hints[1])
    asked: list[int] = []
    teacher[0].register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
    again = keep(teacher, frozenset({1}), images, views, folder=tmp_path)
    assert asked == [1]  # only to find out the size
    for ours, theirs in ((again.plain, in_memory.plain), (again.flipped, in_memory.flipped)):
        assert ours is not None and theirs is not None
        assert torch.equal(ours.logits, theirs.logits) and torch.equal(ours.hints[1], theirs.hints[1])


def test_small_answers_stay_in_memory(tmp_path: Path) -> None:
    keep(unmoved(build(TEACHER)), frozenset({2}), lessons().train.split.images, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_the_answers_is_known_before_they_are_asked_for() -> None:
    teacher, images = unmoved(build(TEACHER)), lessons().train.split.images
    kept = keep(teacher, frozenset({2}), images).plain
    assert teacher_cache.size(teacher, [2], images) == kept.logits.nbytes + kept.hints[2].nbytes


@pytest.mark.parametrize("views", [NONE, Augmentation(flip=True), Augmentation(flip=True, pad=1)])
def test_on_a_gpu_images_labels_and_answers_of_every_view_are_there(
    views: Augmentation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "serve", lambda *tensors: False)  # a kernel needs numbers
    with FakeTensorMode(allow_non_fake_inputs=True):  # tensors of any device, with shapes and no numbers
        with torch.device("cuda"):
            teacher = build(TEACHER).eval()
            split = Split(torch.zeros(20, 1, 8, 8), torch.zeros(20, dtype=torch.int64))
        layers = frozenset({2})
        teaching = keep(teacher, layers, split.images, views) if views.enumerable else Live(teacher, layers)
        random, order = torch.Generator().manual_seed(0), torch.arange(20)
        for images, labels, answers in Lesson(split, teaching, views).batches(8, order, random):
            assert answers is not None
            tensors = (images, labels, answers.logits, answers.hints[2])
            assert {tensor.device.type for tensor in tensors} == {"cuda"}
            assert {len(tensor) for tensor in tensors} == {len(images)}

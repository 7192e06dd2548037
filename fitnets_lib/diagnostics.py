"""What reaches the layers: the size of each layer's gradient at the start of training."""

from __future__ import annotations

import torch

from fitnets_lib.networks import Network, build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.teacher_cache import Lesson
from fitnets_lib.terms import Loss, Seen


def gradient_norms(
    student: Network, teacher: Network, loss: Loss, lesson: Lesson, seed: int, spread: float | None
) -> list[float]:
    """Length of the loss's gradient with respect to the weights of each layer of an untrained student.

    Args:
        student: what would be trained.
        teacher: its teacher's description.
        loss: over the whole student.
        lesson: the images, all in one batch, with the teacher's answers.
        seed: of the initial weights, of student and heads.
        spread: of the initial weights, as in `Training`.

    Returns:
        One length a layer, from the image upwards.
    """
    module = build(student)
    initialise(module, spread, generator(seed, "student"))
    heads = loss.heads(student, teacher)
    for place, head in enumerate(heads):
        if head is not None:
            initialise(head, spread, generator(seed, "head", 1, place))
    order = torch.arange(len(lesson.split))
    ((images, labels, answers),) = lesson.batches(len(order), order, generator(seed, "unused"))
    assert answers is not None
    maps = [images]
    for layer in module:
        maps.append(layer(maps[-1]))
    seen = Seen(student, teacher, labels, tuple(maps[1:]), answers.logits, answers.hints, 0, 1)
    loss(seen, heads).backward()
    return [_length(layer) for layer in module]


def _length(layer: torch.nn.Module) -> float:
    gradients = [p.grad.flatten() for p in layer.parameters() if p.grad is not None and p.dim() > 1]
    return float(torch.cat(gradients).norm())

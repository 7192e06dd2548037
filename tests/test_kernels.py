"""The Triton kernels, run by Triton's interpreter where there is no GPU, against plain torch and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # tests/conftest.py turns the interpreter on
pytest.importorskip("triton", reason="Triton is made for Linux")

from fitnets_lib import kernels, losses, recipes  # noqa: E402
from fitnets_lib import maxout as plain  # noqa: E402
from fitnets_lib.kernels import distillation, hint, maxout  # noqa: E402
from fitnets_lib.networks import Conv  # noqa: E402
from fitnets_lib.teacher_cache import Answers, Kept, Lesson  # noqa: E402
from fitnets_lib.terms import Hint  # noqa: E402
from fitnets_lib.training import Lessons, train  # noqa: E402
from tests import helpers  # noqa: E402
from tests.test_terms import seen  # noqa: E402

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(2, 3), (3, 1, 1, 1), (2, 5, 7, 3), (1, 2, 33, 17), (4, 3, 1), (2, 2, 2, 2, 2)]


def normal(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)


def pieces_of(shape: tuple[int, ...], pieces: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return normal(shape[0], shape[1] * pieces, *shape[2:], dtype=dtype, seed=seed)


def value_and_gradient(function: object, z: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    z = z.detach().requires_grad_()
    found = function(z)  # type: ignore[operator]
    (found * weights if weights is not None else found).sum().backward()
    assert z.grad is not None
    return found.detach(), z.grad


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pieces", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_maxout_is_the_largest_piece_and_the_gradient_is_its(
    shape: tuple[int, ...], pieces: int, dtype: torch.dtype
) -> None:
    z, weights = pieces_of(shape, pieces, dtype), normal(*shape, dtype=dtype, seed=1)
    ours, our_gradient = value_and_gradient(lambda z: maxout.maxout(z, pieces), z, weights)
    theirs, gradient = value_and_gradient(lambda z: z.unflatten(1, (-1, pieces)).amax(2), z, weights)
    assert torch.equal(ours, theirs) and ours.dtype == dtype
    if dtype == torch.float32:  # no ties: amax shares a gradient out among equals, and the fewer bits the more of them
        assert torch.equal(our_gradient, gradient)
    _, reference = value_and_gradient(lambda z: plain.maxout(z, pieces), z, weights)
    assert torch.equal(our_gradient, reference)


def test_the_first_of_equal_pieces_takes_the_gradient() -> None:
    z = torch.tensor([[1.0, 1.0, 0.0, 2.0, 5.0, 5.0]], device=DEVICE)
    found, gradient = value_and_gradient(lambda z: maxout.maxout(z, 3), z)
    assert found.tolist() == [[1.0, 5.0]]
    assert gradient.tolist() == [[1, 0, 0, 0, 1, 0]]


def test_of_as_many_pieces_as_a_unit_may_have_the_last_takes_its_gradient() -> None:
    z = torch.arange(float(plain.MOST_PIECES), device=DEVICE)[None]
    for function in (maxout.maxout, plain.maxout):
        found, gradient = value_and_gradient(partial(function, pieces=plain.MOST_PIECES), z)
        assert found.item() == 255
        assert gradient[0].nonzero().tolist() == [[255]]
    u_h = torch.zeros(1, 1, 1, 1, device=DEVICE)
    _, gradient = value_and_gradient(partial(hint.hint_loss, u_h, pieces=256), z[..., None, None])
    assert gradient.flatten().nonzero().tolist() == [[255]]


@pytest.mark.parametrize("pieces", [-2, 0, 257, 512])
def test_pieces_that_a_byte_does_not_number_are_refused(pieces: int) -> None:
    z = torch.zeros(1, abs(pieces), 1, 1)
    for function in (maxout.maxout, plain.maxout):
        with pytest.raises(ValueError, match=f"among units of {pieces} pieces; a unit has 1 to 256"):
            function(z, pieces)
    with pytest.raises(ValueError, match="expected" if pieces < 0 else "a unit has 1 to 256"):
        hint.hint_loss(torch.zeros(1, 1, 1, 1), z, pieces)


def test_maxout_of_infinities_and_nan() -> None:
    inf, nan = float("inf"), float("nan")
    z = torch.tensor([[-inf, -inf, 3.0, inf, nan, 1.0, 1.0, nan]], device=DEVICE)
    found, gradient = value_and_gradient(lambda z: maxout.maxout(z, 2), z)
    assert str(found.tolist()) == "[[-inf, inf, nan, nan]]"
    assert gradient.tolist() == [[1, 0, 0, 1, 1, 0, 0, 1]]


@pytest.mark.parametrize("shape", [(0, 4), (0, 4, 3, 3), (2, 4, 0, 3)])
def test_maxout_of_nothing_is_nothing(shape: tuple[int, ...]) -> None:
    found, gradient = value_and_gradient(lambda z: maxout.maxout(z, 2), torch.empty(shape, device=DEVICE))
    assert found.shape == (shape[0], 2, *shape[2:])
    assert gradient.shape == shape


def layouts(z: Tensor) -> dict[str, Tensor]:
    wide = torch.zeros(*z.shape[:-1], 2 * z.shape[-1], dtype=z.dtype, device=z.device)
    wide[..., ::2] = z
    return {
        "contiguous": z,
        "channels last": z.contiguous(memory_format=torch.channels_last),
        "with gaps": wide[..., ::2],
        "transposed": z.transpose(2, 3).contiguous().transpose(2, 3),
        "expanded": z[:1].expand(3, *z.shape[1:]),
    }


@pytest.mark.parametrize("layout", ["contiguous", "channels last", "with gaps", "transposed", "expanded"])
def test_how_a_map_lies_in_memory_changes_nothing(layout: str) -> None:
    z = layouts(pieces_of((3, 4, 5, 6), 2))[layout]
    u_h = layouts(normal(3, 4, 5, 6, seed=2))[layout]
    weights = normal(3, 4, 5, 6, seed=1)
    ours = value_and_gradient(lambda z: maxout.maxout(z, 2), z, weights)
    theirs = value_and_gradient(lambda z: plain.maxout(z.contiguous(), 2), z, weights)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    ours = value_and_gradient(lambda z: hint.hint_loss(u_h, z, 2), z)
    theirs = value_and_gradient(lambda z: losses.hint_loss(u_h, plain.maxout(z.contiguous(), 2)), z)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_a_channels_last_map_stays_channels_last() -> None:
    z = pieces_of((2, 4, 3, 3), 2).contiguous(memory_format=torch.channels_last)
    assert maxout.maxout(z, 2).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("shape", [(3, 1, 1, 1), (2, 5, 7, 3), (1, 2, 33, 17)])
def test_the_fused_hint_loss_is_equation_3_of_the_regressed_map(
    shape: tuple[int, ...], pieces: int, dtype: torch.dtype
) -> None:
    z, u_h = pieces_of(shape, pieces, dtype), normal(*shape, dtype=dtype, seed=1)
    ours, our_gradient = value_and_gradient(lambda z: hint.hint_loss(u_h, z, pieces), z)
    exact = u_h.double()
    theirs, gradient = value_and_gradient(
        lambda z: losses.hint_loss(exact, z.double().unflatten(1, (-1, pieces)).max(2).values), z
    )
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-5)
    assert ours.dtype == torch.float32 and our_gradient.dtype == dtype
    torch.testing.assert_close(our_gradient, gradient.to(dtype))


def test_the_fused_hint_loss_is_zero_if_and_only_if_the_maps_are_equal() -> None:
    z = pieces_of((2, 3, 4, 4), 2)
    u_h = plain.maxout(z, 2)
    assert hint.hint_loss(u_h, z, 2) == 0
    u_h[1, 2, 3, 3] += 0.5
    assert hint.hint_loss(u_h, z, 2).item() == pytest.approx(0.5 * 0.25 / 2)


def test_an_infinite_map_is_infinitely_far() -> None:
    z = pieces_of((2, 1, 2, 2), 2)
    z[0, 0, 0, 0] = float("inf")
    assert hint.hint_loss(torch.zeros(2, 1, 2, 2, device=DEVICE), z, 2) == float("inf")


def fidelities() -> list[losses.Fidelity]:
    return [losses.PAPER, losses.OFFICIAL, losses.MODERN]


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
@pytest.mark.parametrize("classes", [2, 10, 33])
@pytest.mark.parametrize("fidelity", fidelities(), ids=lambda f: f.name)
def test_the_kd_kernel_is_equation_2_and_its_gradient(
    fidelity: losses.Fidelity, classes: int, dtype: torch.dtype
) -> None:
    a_s, a_t = normal(5, classes, dtype=dtype) * 4, normal(5, classes, dtype=dtype, seed=1) * 4
    labels = torch.arange(5, device=DEVICE) % classes
    ours, our_gradient = value_and_gradient(lambda a: distillation.kd_loss(a, a_t, labels, 3.0, 2.5, fidelity), a_s)
    exact = a_t.double()
    theirs, gradient = value_and_gradient(lambda a: losses.kd_loss(a.double(), exact, labels, 3.0, 2.5, fidelity), a_s)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(our_gradient, gradient.to(dtype))


def test_classes_that_the_teacher_rules_out_and_logits_that_are_large_stay_finite() -> None:
    a_t = torch.tensor([[0.0, float("-inf"), 1.0]], device=DEVICE)
    a_s = torch.tensor([[1e4, -1e4, 0.0]], device=DEVICE)
    labels = torch.tensor([0], device=DEVICE)
    ours = value_and_gradient(lambda a: distillation.kd_loss(a, a_t, labels, 2.0, 1.0), a_s)
    theirs = value_and_gradient(lambda a: losses.kd_loss(a, a_t, labels, 2.0, 1.0), a_s)
    for a, b in zip(ours, theirs, strict=True):
        assert a.isfinite().all()
        torch.testing.assert_close(a, b)


@given(
    st.lists(st.floats(-30, 30), min_size=4, max_size=4),
    st.lists(st.floats(-30, 30), min_size=4, max_size=4),
    st.floats(0.5, 20),
    st.floats(0, 10),
    st.sampled_from(fidelities()),
)
def test_the_gradient_of_equation_2_sums_to_zero_over_classes(
    student: list[float], teacher: list[float], tau: float, lam: float, fidelity: losses.Fidelity
) -> None:
    a_s, a_t = (torch.tensor([a], dtype=torch.float64, device=DEVICE) for a in (student, teacher))
    labels = torch.tensor([1], device=DEVICE)
    loss, gradient = value_and_gradient(lambda a: distillation.kd_loss(a, a_t, labels, tau, lam, fidelity), a_s)
    assert loss >= 0
    assert abs(gradient.sum().item()) < 1e-9 * (1 + lam * tau**2)


def test_gradients_agree_with_finite_differences() -> None:
    z = pieces_of((2, 3, 2, 2), 3, torch.float64).requires_grad_()
    u_h = normal(2, 3, 2, 2, dtype=torch.float64, seed=1)
    logits, teacher = (normal(3, 4, dtype=torch.float64, seed=seed) for seed in (2, 3))
    logits.requires_grad_()
    labels = torch.tensor([0, 3, 1], device=DEVICE)
    assert torch.autograd.gradcheck(lambda z: maxout.maxout(z, 3), (z,))
    assert torch.autograd.gradcheck(lambda z: hint.hint_loss(u_h, z, 3), (z,))
    for own in fidelities():
        kd = partial(distillation.kd_loss, temperature=3.0, lam=2.0, fidelity=own)
        assert torch.autograd.gradcheck(lambda a, kd=kd: kd(a, teacher, labels), (logits,))


def test_no_gradient_reaches_the_teacher() -> None:
    u_h, a_t = normal(2, 4, 3, 3).requires_grad_(), normal(2, 4).requires_grad_()
    z, a_s = pieces_of((2, 4, 3, 3), 2).requires_grad_(), normal(2, 4, seed=5).requires_grad_()
    labels = torch.tensor([0, 1], device=DEVICE)
    (hint.hint_loss(u_h, z, 2) + distillation.kd_loss(a_s, a_t, labels, 3.0, 1.0)).backward()
    assert u_h.grad is None and a_t.grad is None
    assert z.grad is not None and a_s.grad is not None


def test_an_empty_batch_has_the_loss_that_plain_torch_gives_it() -> None:
    size = 0
    empty, labels = torch.empty(size, 4, device=DEVICE), torch.empty(size, dtype=torch.long, device=DEVICE)
    assert distillation.kd_loss(empty, empty, labels, 3.0, 1.0).isnan()
    assert losses.kd_loss(empty, empty, labels, 3.0, 1.0).isnan()
    maps = torch.empty(size, 2, 3, 3, device=DEVICE)
    assert hint.hint_loss(maps, torch.empty(size, 4, 3, 3, device=DEVICE), 2).isnan()
    assert losses.hint_loss(maps, maps).isnan()


def test_shapes_that_do_not_go_together_are_refused() -> None:
    for function in (maxout.maxout, plain.maxout):
        with pytest.raises(ValueError, match="7 channels cannot be shared out among units of 2 pieces"):
            function(torch.zeros(1, 7), 2)
    with pytest.raises(ValueError, match=r"expected \(2, 6, 4, 4\)"):
        hint.hint_loss(torch.zeros(2, 3, 4, 4), torch.zeros(2, 6, 4, 5), 2)
    with pytest.raises(ValueError, match="do not go together"):
        distillation.kd_loss(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2, dtype=torch.long), 3.0, 1.0)


OPERATORS: dict[str, tuple[Callable[[], Any], Callable[[], tuple[Any, ...]]]] = {
    "maxout": (lambda: torch.ops.fitnets.maxout.default, lambda: (pieces_of((2, 3, 2, 2), 2).requires_grad_(), 2)),
    "hint": (
        lambda: torch.ops.fitnets.hint.default,
        lambda: (pieces_of((2, 3, 2, 2), 2).requires_grad_(), normal(2, 3, 2, 2), 2),
    ),
    "kd": (
        lambda: torch.ops.fitnets.kd.default,
        lambda: (normal(2, 4).requires_grad_(), normal(2, 4), torch.tensor([0, 3], device=DEVICE), 3.0, 3.0, 2.0),
    ),
}


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own copies
@pytest.mark.parametrize("name", OPERATORS)
def test_autograd_and_the_compiler_see_each_operator(name: str) -> None:
    operator, arguments = OPERATORS[name]
    torch.library.opcheck(operator(), arguments())


@pytest.mark.parametrize("name", OPERATORS)
def test_of_what_an_operator_gives_its_value_alone_has_a_gradient(name: str) -> None:
    operator, arguments = OPERATORS[name]
    value, *rest = operator()(*arguments())
    assert value.requires_grad
    assert rest and not any(other.requires_grad for other in rest)


PUBLIC: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "maxout": lambda: lambda z: maxout.maxout(z, 2).sum(),
    "hint": lambda: partial(lambda u_h, z: hint.hint_loss(u_h, z, 2), normal(2, 4, 4, 4, seed=1)),
    "kd": lambda: partial(
        lambda a_t, labels, z: distillation.kd_loss(z[:, :, 0, 0], a_t, labels, 3.0, 4.0),
        normal(2, 8, seed=1),
        torch.tensor([0, 3], device=DEVICE),
    ),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_compiled_calls_the_operator_in_one_graph_and_has_the_bits_of_what_is_not(name: str) -> None:
    graphs: list[torch.fx.GraphModule] = []

    def keep(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    function, z = PUBLIC[name](), normal(2, 8, 4, 4)
    plainly = value_and_gradient(function, z)
    compiled = value_and_gradient(torch.compile(function, backend=keep, fullgraph=True), z)
    assert all(torch.equal(a, b) for a, b in zip(plainly, compiled, strict=True))
    (graph,) = graphs
    assert f"fitnets.{name}.default" in {str(node.target) for node in graph.graph.nodes}


def test_under_autocast_losses_stay_in_single_precision() -> None:
    linear = torch.nn.Conv2d(2, 6, 1).to(DEVICE)
    with torch.autocast(DEVICE, torch.bfloat16):
        z = linear(normal(2, 2, 3, 3))
        loss = hint.hint_loss(normal(2, 3, 3, 3, seed=1), z, 2)
    loss.backward()
    assert (z.dtype, loss.dtype) == (torch.bfloat16, torch.float32)
    assert linear.weight.grad is not None and linear.weight.grad.abs().sum() > 0


def test_kernels_serve_tensors_of_which_all_are_on_a_gpu() -> None:
    here = torch.zeros(1)
    there = SimpleNamespace(is_cuda=True)
    assert kernels.serve(there, there)  # type: ignore[arg-type]
    assert not kernels.serve(there, here)  # type: ignore[arg-type]


@pytest.mark.parametrize(("images", "taken"), [(127, 0), (128, 1), (129, 1)])
def test_maxout_of_a_map_is_left_to_plain_torch_unless_it_has_as_many_values_as_is_said(
    images: int, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr("fitnets_lib.maxout.LARGE", 128 * 4)
    monkeypatch.setattr(kernels, "serve", lambda *tensors: True)
    monkeypatch.setattr(maxout, "maxout", lambda z, pieces: calls.append(pieces))
    plain.maxout(torch.ones(images, 4, device=DEVICE), 2)
    assert calls == [2] * taken


def on_device(lessons: Lessons) -> Lessons:
    def moved(lesson: Lesson) -> Lesson:
        assert isinstance(lesson.teaching, Kept)
        plain = lesson.teaching.plain
        hints = {layer: maps.to(DEVICE) for layer, maps in plain.hints.items()}
        return Lesson(lesson.split.to(DEVICE), Kept(Answers(plain.logits.to(DEVICE), hints)))

    return Lessons(moved(lessons.train), moved(lessons.validation))


@pytest.mark.parametrize("recipe", [recipes.HINT_THEN_KD, recipes.JOINT_HINT_AND_KD], ids=lambda recipe: recipe.name)
def test_training_takes_the_kernels_where_they_serve_and_learns_the_same(
    recipe: recipes.Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: set[str] = set()

    def record(module: ModuleType, name: str) -> None:
        kernel = getattr(module, name)

        def recorded(*arguments: Any) -> Tensor:
            taken.add(module.__name__)
            found: Tensor = kernel(*arguments)
            return found

        monkeypatch.setattr(module, name, recorded)

    for module, name in ((maxout, "maxout"), (hint, "hint_loss"), (distillation, "kd_loss")):
        record(module, name)
    monkeypatch.setattr("fitnets_lib.maxout.LARGE", 1)
    lessons, training = on_device(helpers.lessons(16)), replace(helpers.QUICK, epochs=2)
    curves = []
    for everywhere in (False, True):
        monkeypatch.setattr(kernels, "serve", lambda *tensors, here=everywhere: here)
        assert taken == set()
        _, curve = train(helpers.STUDENT, helpers.TEACHER, recipe, training, lessons, seed=0)
        curves.append([epoch.train_loss for epoch in curve])
    assert taken == {"fitnets_lib.kernels." + name for name in ("maxout", "hint", "distillation")}
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


@pytest.mark.skipif(DEVICE != "cpu", reason="its tensors are on the CPU, for the interpreter")
def test_the_fused_hint_loss_is_not_taken_for_a_relu_nor_for_another_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _, last = helpers.TEACHER.layers
    relu = replace(helpers.TEACHER, layers=(first, Conv(3, kernel=2, padding=0, pieces=1, relu=True), last))
    monkeypatch.setattr(kernels, "serve", lambda *tensors: True)
    for teacher, loss in ((helpers.TEACHER, losses.released_hint_loss), (relu, losses.hint_loss)):
        term, batch = Hint(loss=loss), replace(seen(), teacher=teacher)
        head = term.head(helpers.STUDENT, teacher)
        with monkeypatch.context() as plainly:
            plainly.setattr(kernels, "serve", lambda *tensors: False)
            by_hand = loss(batch.hints[2], head(batch.maps[1]))
        torch.testing.assert_close(term(batch, head), by_hand)

from __future__ import annotations

import contextlib
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitnets_lib import files
from fitnets_lib.files import Damaged
from tests.test_bad_input_mnist_cifar import Trap

CONTENT = {"name": "KD", "values": [1, 2.5, None, "τ"], "nested": {"deep": True}}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
per_example = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@per_example
@given(json_values)
def test_what_is_sealed_is_read_back(tmp_path: Path, value: object) -> None:
    files.write_sealed(tmp_path / "a.json", value)
    assert files.read_sealed(tmp_path / "a.json") == value


@per_example
@given(st.data())
def test_a_sealed_file_cut_anywhere_is_damaged(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.json"
    files.write_sealed(path, CONTENT)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole) - 2))  # the last byte is a line break
    path.write_bytes(whole[:cut])
    with pytest.raises(Damaged, match=r"a\.json"):
        files.read_sealed(path)


@per_example
@given(st.data())
def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.json"
    files.write_sealed(path, CONTENT)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with contextlib.suppress(Damaged):
        assert files.read_sealed(path) == CONTENT


@pytest.mark.parametrize("text", ["", "[]", "3", '{"content": 1}', '{"sha256": "x", "content": 1}', "\x80"])
def test_a_foreign_file_is_damaged(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Damaged, match=r"a\.json"):
        files.read_sealed(path)


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_sealed(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    files.write(path, b"old")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    files.write(tmp_path / "a" / "b" / "c", b"x")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"


def test_tensors_and_their_note_are_read_back_to_the_bit(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.randn(3, 2).t(), "steps": torch.tensor(7.0), "labels": torch.arange(5)}
    checksum = files.write_tensors(tmp_path / "t", tensors, {"epoch": 3})
    found, note = files.read_tensors(tmp_path / "t", checksum)
    assert note == {"epoch": 3}
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


@per_example
@given(st.data())
def test_a_tensor_file_with_a_changed_byte_does_not_have_its_checksum(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "t"
    checksum = files.write_tensors(path, {"a": torch.ones(4)})
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1
    path.write_bytes(whole)
    with pytest.raises(Damaged, match="checksum"):
        files.read_tensors(path, checksum)


@per_example
@given(st.data())
def test_a_tensor_file_cut_anywhere_is_damaged(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "t"
    files.write_tensors(path, {"a": torch.ones(4)}, {"epoch": 1})
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(Damaged, match="not a whole safetensors file"):
        files.read_tensors(path)


def test_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    trap = Trap(tmp_path / "trace")
    (tmp_path / "t").write_bytes(pickle.dumps(trap))
    torch.save({"a": trap}, tmp_path / "torch")
    for path in (tmp_path / "t", tmp_path / "torch"):
        for read in (files.read_tensors, files.read_sealed):
            with pytest.raises(Damaged):
                read(path)
    assert not trap.trace.exists()
    torch.load(tmp_path / "torch", weights_only=False)  # the trap is a real one
    assert trap.trace.exists()


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert files.canonical({"b": 1, "a": [1, 2]}) == files.canonical({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'
    assert json.loads(files.canonical(CONTENT)) == CONTENT


def test_a_lock_that_a_killed_process_left_is_removed_and_one_that_is_held_stays(tmp_path: Path) -> None:
    path, lock = tmp_path / "run", tmp_path / "run.lock"
    lock.touch()
    files.forget_lock(path)
    assert not lock.exists()
    files.forget_lock(path)
    assert list(tmp_path.iterdir()) == []
    with files.alone(path):
        files.forget_lock(path)
        assert lock.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_file_has_the_permissions_that_any_new_file_has(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        files.write(tmp_path / "a", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_a_lock_is_gone_after_an_error_inside(tmp_path: Path) -> None:
    there = []
    with pytest.raises(ZeroDivisionError), files.alone(tmp_path / "a"):
        there.append(1 / (not (tmp_path / "a.lock").exists()))
    assert there == [] and list(tmp_path.iterdir()) == []

"""Bad input, what the library keeps: results, checkpoints and records that are cut, changed, of another version.

Each is told in one line that begins with the file, and none is ever taken for what it is not.
"""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from safetensors.torch import save

from fitnets_lib import checkpoints, files, records, runs
from fitnets_lib.checkpoints import Checkpoint
from fitnets_lib.files import Damaged
from fitnets_lib.outcomes import Epoch, Result
from fitnets_lib.recipes import BACKPROP
from fitnets_lib.runs import Store, execute
from fitnets_lib.training import Progress
from tests.helpers import run as tiny
from tests.refusals import change_a_byte, cut_short, denied, is_one_line

in_one_folder = hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "steps": torch.tensor(7), "half": torch.ones(3).bfloat16()}


def damaged(call: Callable[[], Any], path: Path) -> str:
    """The line by which a damaged file is refused; it begins with the file."""
    with pytest.raises(Damaged) as caught:
        call()
    line = str(caught.value)
    assert is_one_line(line)
    assert line.startswith(f"{path}: ")
    return line


# Sealed JSON.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[1, 2]",
        b'"sha256"',
        b"NaN",
        b'{"sha256": 3, "content": 1}',
        b'{"sha256": null, "content": NaN}',
        b'{"sha256": "x", "content": Infinity}',
        b'{"content": {"a": 1}}',
        b'{"sha256": "x"}',
        b'{"sha256": "x", "content": 1}}',
        b'{"sha256": "x", "content": ' + b"[" * 10**5,
        b'{"sha256": "x", "content": ' + b"9" * 5000 + b"}",
        b'{"sha256": "x", "content": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00N.",
        bytes(1000),
    ],
    ids=lambda content: repr(content[:30]),
)
def test_what_is_no_sealed_file_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    damaged(lambda: files.read_sealed(path), path)


@pytest.mark.parametrize("read", [files.read_sealed, files.read_tensors])
def test_a_folder_or_a_file_that_may_not_be_read_is_refused_and_an_absent_one_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any]
) -> None:
    (tmp_path / "folder").mkdir()
    assert "Is a directory" in damaged(lambda: read(tmp_path / "folder"), tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert "Permission denied" in damaged(lambda: read(tmp_path / "a"), tmp_path / "a")


# Tensors.


def with_header(header: Any, numbers: bytes = b"", length: int | None = None) -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + numbers


ONE = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(7),
        bytes(8),
        b"\xff" * 100,
        with_header({}, length=2**63),
        with_header(b"[]"),
        with_header(b"null"),
        with_header(b"\xff\xff"),
        with_header({}),
        with_header({"__metadata__": {}}),
        with_header({"__metadata__": None}),
        with_header({"__metadata__": {"note": "["}}),
        with_header({"__metadata__": {"note": "NaN"}}),
        with_header({"__metadata__": {"note": "[1, Infinity]"}}),
        with_header({"__metadata__": {"note": "null"}}),
        with_header({"__metadata__": {"note": "null", "sha256": "x"}}),
        with_header({"__metadata__": {"note": "null"}, **ONE}),
        with_header({"__metadata__": {"note": "null"}, **ONE}, bytes(3)),
        with_header({"__metadata__": {"note": "null"}, **ONE}, bytes(4)),
        with_header({"__metadata__": {"note": "null"}, "a": {**ONE["a"], "shape": [2**62]}}, bytes(4)),
        with_header({"__metadata__": {"note": "null"}, "a": {**ONE["a"], "shape": [-1]}}, bytes(4)),
        with_header({"__metadata__": {"note": "null"}, "a": {**ONE["a"], "dtype": "F33"}}, bytes(4)),
        with_header({"__metadata__": {"note": "null"}, "a": {**ONE["a"], "data_offsets": [0, 2**60]}}, bytes(4)),
        save({"a": torch.ones(3)}),
        save({"a": torch.ones(3)}, metadata={"note": "null"}),
    ],
    ids=lambda content: repr(content[8:70]),
)
def test_what_is_no_tensor_file_of_ours_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(content)
    damaged(lambda: files.read_tensors(path), path)


def test_a_tensor_file_from_before_there_was_a_seal_is_read_by_its_recorded_checksum_alone(tmp_path: Path) -> None:
    path, content = tmp_path / "weights.safetensors", save(TENSORS, metadata={"note": '{"epoch":3}'})
    path.write_bytes(content)
    found, note = files.read_tensors(path, files.digest(content))
    assert note == {"epoch": 3} and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
    assert "checksum" in damaged(lambda: files.read_tensors(path), path)
    assert "checksum" in damaged(lambda: files.read_tensors(path, "x"), path)


@in_one_folder
@given(st.data())
def test_a_changed_byte_is_noticed_without_knowing_the_checksum_or_changes_nothing(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    files.write_tensors(path, TENSORS, {"epoch": 3, "curve": [0.5]})
    change_a_byte(path, data)
    try:
        found, note = files.read_tensors(path)
    except Damaged:
        return
    assert note == {"epoch": 3, "curve": [0.5]}
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_every_number_of_a_tensor_file_is_under_its_seal(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    files.write_tensors(path, TENSORS)
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    for place in range(8 + length, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :])
        assert "checksum" in damaged(lambda: files.read_tensors(path), path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), {1, 2}, object()])
def test_what_is_no_json_is_not_written_and_leaves_the_old_file(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "a"
    for write in (files.write_sealed, lambda path, value: files.write_tensors(path, TENSORS, value)):
        path.write_bytes(b"old")
        with pytest.raises((ValueError, TypeError)):
            write(path, {"loss": value})
        assert path.read_bytes() == b"old"


# Checkpoints.

PROGRESS = Progress([Epoch(1, 1, 0.5, 0.25, None)], 0, {"student.0.weight": torch.arange(60.0)})


def checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_EVERY", 0.0)
    Checkpoint(folder / "checkpoint.safetensors").save(PROGRESS)
    return Checkpoint(folder / "checkpoint.safetensors")


@in_one_folder
@given(st.data())
def test_a_run_never_goes_on_from_a_checkpoint_with_a_changed_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    kept = checkpoint(tmp_path, monkeypatch)
    change_a_byte(kept.path, data)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = kept.load()
    if found is None:
        assert [is_one_line(str(one.message)) for one in said] == [True]
        assert "the run begins at the beginning" in str(said[0].message)
    else:
        assert (found.curve, found.finished) == (PROGRESS.curve, 0)
        assert torch.equal(found.tensors["student.0.weight"], PROGRESS.tensors["student.0.weight"])


@in_one_folder
@given(st.data())
def test_a_run_never_goes_on_from_a_checkpoint_that_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    kept = checkpoint(tmp_path, monkeypatch)
    cut_short(kept.path, data)
    with pytest.warns(UserWarning, match="the run begins at the beginning"):
        assert kept.load() is None


# Results and records.


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, runs.Run, Result]:
    wanted = tiny(BACKPROP)
    store = Store(tmp_path_factory.mktemp("runs"))
    return store, wanted, execute(wanted, store)


@pytest.mark.parametrize("name", ["result.json", "weights.safetensors"])
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_result_with_a_changed_byte_does_not_count_or_is_the_same(
    finished: tuple[Store, runs.Run, Result], name: str, data: st.DataObject
) -> None:
    store, wanted, result = finished
    path = store.folder(wanted) / name
    whole = path.read_bytes()
    change_a_byte(path, data)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = store.result(wanted)
    finally:
        path.write_bytes(whole)
    assert found in (None, result)
    if found is None:
        assert [is_one_line(str(one.message)) for one in said] == [True]
        assert path.name in str(said[0].message) and "the run is made again" in str(said[0].message)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"sha256": "x", "content": {"result": {"test_error": NaN}}}'])
def test_a_result_that_is_none_is_made_again(finished: tuple[Store, runs.Run, Result], content: bytes) -> None:
    store, wanted, result = finished
    path = store.folder(wanted) / "result.json"
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"result\.json: .*the run is made again"):
        again = execute(wanted, store)
    assert (again.test_error, again.curve) == (result.test_error, result.curve)


@pytest.mark.usefixtures("home")
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_record_with_a_changed_byte_is_refused_or_is_the_same(
    finished: tuple[Store, runs.Run, Result], data: st.DataObject
) -> None:
    store, wanted, _ = finished
    result = store.result(wanted)
    records.keep(wanted, store)
    path = records.path(wanted)
    change_a_byte(path, data)
    try:
        assert records.result(wanted) == result
    except Damaged as error:
        damaged_line = str(error)
    else:
        return
    assert is_one_line(damaged_line) and damaged_line.startswith(str(path))

"""Snapshots: what comes back is what was written, or a clear refusal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from luthier.errors import InvalidInput, RunFolderError
from luthier.runs.snapshots import DTYPES, read_snapshot, write_snapshot

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


def _same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=9).filter(lambda n: n != "__metadata__"), arrays, max_size=4))
def test_round_trip_is_bit_for_bit(tmp_path_factory, snapshot):
    """Any shape (0-d and empty too), any of DTYPES, any name, NaN payloads too."""
    path = tmp_path_factory.mktemp("s") / "a.safetensors"
    back = read_snapshot(path, write_snapshot(path, snapshot, {"trial": "3", "step": "7"}))
    assert back.keys() == snapshot.keys()
    assert all(_same(back[name], snapshot[name]) for name in snapshot)


def test_memory_layout_does_not_matter_and_copies_are_writable(tmp_path):
    a = np.arange(24.0).reshape(2, 3, 4)
    snapshot = {
        "T": a.T,
        "strided": a[:, ::2, ::-1],
        "big endian": a.astype(">f8"),
        "0": np.int64(5) * np.ones((), int),
    }
    write_snapshot(tmp_path / "s", snapshot, {})
    back = read_snapshot(tmp_path / "s")
    for name, array in snapshot.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].flags.writeable
    assert back["0"].shape == ()


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.array([1j]), np.array(0, "datetime64[s]")])
def test_other_types_are_refused_by_name_and_nothing_is_written(array, tmp_path):
    with pytest.raises(InvalidInput, match="'weights/a' has dtype"):
        write_snapshot(tmp_path / "s", {"weights/a": array}, {})
    assert not list(tmp_path.iterdir())


def test_every_damage_is_noticed_with_the_checksum(tmp_path):
    """A flip of any bit, a cut at any byte, another file."""
    path = tmp_path / "s"
    checksum = write_snapshot(path, {"w": np.arange(5, dtype=np.float32), "step": np.array(3)}, {"k": "v"})
    whole = path.read_bytes()
    damaged = [whole[:end] for end in range(len(whole))] + [whole + b"\0"]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (0, 6)
    ]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(RunFolderError, match="the snapshot is damaged: its SHA-256"):
            read_snapshot(path, checksum)


def test_damage_without_the_checksum_is_a_clear_error_or_a_snapshot(tmp_path):
    """No other exception, whatever the bytes: the header is parsed, never run."""
    path = tmp_path / "s"
    write_snapshot(path, {"w": np.arange(5, dtype=np.float32), "b": np.array([True])}, {"k": "v"})
    whole = path.read_bytes()
    flips = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in range(8)
    ]
    refused = 0
    for data in [*flips, *(whole[:end] for end in range(len(whole)))]:
        path.write_bytes(data)
        try:
            assert isinstance(read_snapshot(path), dict)
        except RunFolderError as error:
            refused += "the snapshot is damaged" in str(error)
    assert refused > len(whole)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunFolderError, match=r"cannot read the snapshot: it does not exist \(.*none\)"):
        read_snapshot(tmp_path / "none")


def test_a_full_disk_leaves_the_old_snapshot_and_no_rubbish(tiny_disk):
    path = tiny_disk / "s"
    checksum = write_snapshot(path, {"w": np.ones(10)}, {})
    with pytest.raises(RunFolderError, match="cannot write s: the disk is full"):
        write_snapshot(path, {"w": np.ones(1 << 20)}, {})
    assert read_snapshot(path, checksum)["w"].sum() == 10
    assert [p.name for p in tiny_disk.iterdir()] == ["s"]

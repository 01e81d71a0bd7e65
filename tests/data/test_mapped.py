"""Tables larger than memory: batch by batch into a file, read by row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from data.tables import csv_of, shop
from luthier import Data
from luthier.data import files, mapped
from luthier.data.preparation import DEFAULTS
from luthier.errors import RunFolderError


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Everything counts as large."""
    monkeypatch.setenv("LUTHIER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mapped, "RESIDENT_BYTES", 100)
    monkeypatch.setattr(files, "READ_ONCE_BYTES", 100)
    return tmp_path


def test_a_table_in_a_file_is_the_table_in_memory(small, monkeypatch):
    path = csv_of(shop(), small / "x.csv")
    large = Data(path, target="churn", time="since")
    monkeypatch.setattr(mapped, "RESIDENT_BYTES", 1 << 20)
    resident = Data(path, target="churn", time="since")
    assert isinstance(large.inputs, np.memmap)
    assert not isinstance(resident.inputs, np.memmap)
    assert np.array_equal(large.inputs, resident.inputs, equal_nan=True)
    assert np.array_equal(large.targets, resident.targets)
    assert large.digest() == resident.digest()
    test = large.test_rows(0)
    train, _ = large.split(test, 0)
    ready = [d.laid_out(test).prepared(d.laid_out(test).fit(train, DEFAULTS), train)[0] for d in (large, resident)]
    assert isinstance(ready[0], np.memmap)
    assert np.array_equal(*ready)


def test_a_file_of_the_cache_is_made_once_and_again_when_it_is_damaged(small):
    path = csv_of(shop(), small / "x.csv")
    first = np.array(Data(path, target="churn").inputs)
    (made,) = (small / "cache").glob("*.f32")
    stamp = made.stat().st_mtime_ns
    assert np.array_equal(Data(path, target="churn").inputs, first, equal_nan=True)
    assert made.stat().st_mtime_ns == stamp
    damaged = bytearray(made.read_bytes())
    damaged[5] ^= 1
    made.write_bytes(bytes(damaged))
    assert np.array_equal(Data(path, target="churn").inputs, first, equal_nan=True)


def test_a_changed_file_is_read_again(small):
    path = csv_of(shop(), small / "x.csv")
    first = np.array(Data(path, target="churn").inputs)
    csv_of(shop(seed=1), path)
    assert not np.array_equal(Data(path, target="churn").inputs, first, equal_nan=True)


def test_a_worker_gets_the_name_of_the_file_and_not_its_numbers(small):
    import cloudpickle

    data = Data(csv_of(shop(5000), small / "x.csv"), target="churn")
    sent = cloudpickle.dumps(data)
    assert len(sent) < data.inputs.nbytes / 2
    again = cloudpickle.loads(sent)
    assert isinstance(again.inputs, np.memmap)
    assert np.array_equal(again.inputs, data.inputs, equal_nan=True)
    assert np.array_equal(again.split(again.test_rows(1), 2)[1], data.split(data.test_rows(1), 2)[1])


def test_a_cache_that_is_gone_is_told(small):
    import cloudpickle

    sent = cloudpickle.dumps(Data(csv_of(shop(), small / "x.csv"), target="churn"))
    for made in (small / "cache").glob("*.f32"):
        made.unlink()
    with pytest.raises(RunFolderError, match="the cache of the data cannot be read"):
        cloudpickle.loads(sent)


def test_prepared_numbers_leave_no_file_behind(small):
    data = Data(csv_of(shop(), small / "x.csv"), target="churn")
    test = data.test_rows(0)
    data = data.laid_out(test)
    train, _ = data.split(test, 0)
    before = sorted((small / "cache").iterdir())
    ready, _ = data.prepared(data.fit(train, DEFAULTS), train)
    assert sorted((small / "cache").iterdir()) == before
    assert np.isfinite(ready).all()


def test_a_frame_without_a_file_is_gone_with_its_data(small):
    data = Data(shop(), target="churn")
    assert isinstance(data.inputs, np.memmap)
    (made,) = (small / "cache").glob("*.f32")
    del data
    assert not made.exists()


def test_a_large_parquet_file_is_read_in_batches(small):
    frame = shop(3000)
    frame.write_parquet(small / "x.parquet", row_group_size=500)
    data = Data(small / "x.parquet", target="churn")
    assert np.array_equal(data.inputs, data.schema.encode(frame, "here"), equal_nan=True)
    assert isinstance(frame, pl.DataFrame)


def test_engines_read_mapped_rows_as_resident_ones(small):
    pytest.importorskip("torch")
    from luthier.engines.spec import Source
    from luthier.engines.torch import TorchEngine

    numbers = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    engine = TorchEngine(inputs=4, outputs=2)
    targets = np.arange(50) % 2
    placed = [engine.place(Source(x, targets)) for x in (mapped.scratch([numbers]), numbers)]
    assert all((a == b).all() for a, b in zip(placed[0][:2], placed[1][:2], strict=True))

"""What MLflow and Weights & Biases hold of a run, read back from their own stores, without a network."""

from __future__ import annotations

import json
import struct

import msgspec
import pytest

from luthier.errors import InvalidInput
from luthier.records import DONE, History
from luthier.sinks import sink
from luthier.sinks.stream import replay
from luthier.sinks.values import settings
from reports import fixtures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:The ``noload`` loader strategy is deprecated"
    ),  # MLflow 3.17 on SQLAlchemy 2.1
]


@pytest.fixture(scope="module")
def record():
    """A short run: the baseline's, some of the search."""
    whole = fixtures.RECORDS["adopted"]()
    return msgspec.structs.replace(whole, history=few(whole.history, 8))


def few(history: History, num: int) -> History:
    """The first trials."""
    return msgspec.structs.replace(history, trials=history.trials[:num])


@pytest.fixture
def store(tmp_path, monkeypatch):
    """MLflow's own settings lead to a file of this test; (client, folder of the run)."""
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed: 90 MB")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "lute")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.html").write_text("<p>report</p>")
    return mlflow.MlflowClient(), tmp_path


def runs_of(client):
    """(parent, children by trial)."""
    number = client.get_experiment_by_name("lute").experiment_id
    runs = client.search_runs([number], max_results=1000)
    children = {int(r.data.tags["luthier.trial"]): r for r in runs if "luthier.trial" in r.data.tags}
    (parent,) = [r for r in runs if "luthier.trial" not in r.data.tags]
    assert len(children) == len(runs) - 1
    return parent, children


def check_mlflow(client, record):
    """Parent, children, curves, settings: as the record has them."""
    parent, children = runs_of(client)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["luthier.verdict"] == record.verdict
    assert parent.data.metrics["best_score"] == pytest.approx(record.best_score.score)
    assert [a.path for a in client.list_artifacts(parent.info.run_id)] == ["report.html"]
    assert sorted(children) == [t.id for t in record.history.trials]
    for trial in record.history.trials:
        child = children[trial.id]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.params == {name: str(value) for name, value in settings(record, trial).items()}
        assert child.data.tags["luthier.status"] == trial.status
        told = client.get_metric_history(child.info.run_id, "score")
        assert [(m.step, m.value) for m in told] == [(p.step, pytest.approx(p.score)) for p in trial.curve]


def test_mlflow_holds_a_parent_run_and_a_child_a_trial(store, record):
    client, folder = store
    replay(record, folder, sink("mlflow"))
    check_mlflow(client, record)


def test_mlflow_goes_on_where_a_run_was_broken_off(store, record):
    """Told half, then told again from the beginning, as a resumed run is: nothing twice."""
    client, folder = store
    last = record.history.trials[-1]
    half = msgspec.structs.replace(last, curve=last.curve[:2], status="running")
    trials = (*record.history.trials[:4], half)
    broken = msgspec.structs.replace(record, history=msgspec.structs.replace(record.history, trials=trials))
    replay(broken, folder, sink("mlflow"))
    replay(record, folder, sink("mlflow"))
    replay(record, folder, sink("mlflow"))
    check_mlflow(client, record)


def test_wandb_offline_holds_history_tables_and_verdict(tmp_path, monkeypatch, record):
    wandb = pytest.importorskip("wandb", reason="the extra wandb is not installed: 80 MB")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_DIR", raising=False)
    (tmp_path / "report.html").write_text("<p>report</p>")
    for _ in range(2):  # a second export takes the place of the first
        replay(record, tmp_path, sink("wandb"))
        wandb.teardown()  # W&B's own process writes the file, and may be a moment behind
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    rows, summary, config = read_offline(file)
    told = [(row["trial"], row["step"], row["score"]) for row in rows if "trial" in row]
    assert told == [(t.id, p.step, pytest.approx(p.score)) for t in record.history.trials for p in t.curve]
    ends = [row for row in rows if "trial/number" in row]
    scores = {t.id: p.score for t in record.history.trials if t.status in DONE and (p := t.at(1.0))}
    assert {row["trial/number"]: row["trial/final_score"] for row in ends} == pytest.approx(scores)
    assert ends[-1]["trial/best_score"] == pytest.approx(max(scores.values()))
    assert summary["verdict"] == record.verdict
    assert config["metric"] == "accuracy"
    tables = {path.name.partition("_")[0]: json.loads(path.read_text()) for path in file.parent.rglob("*.table.json")}
    table = tables["trials"]
    assert [row[0] for row in table["data"]] == [t.id for t in record.history.trials]
    for row, trial in zip(table["data"], record.history.trials, strict=True):
        told = dict(zip(table["columns"], row, strict=True))
        assert {n: told[n] for n in settings(record, trial)} == settings(record, trial)
    assert len(tables["curves"]["data"]) == sum(len(t.curve) for t in record.history.trials)
    assert [path.read_text() for path in file.parent.rglob("report_*.html")] == ["<p>report</p>"]


def test_wandb_without_a_key_is_told_before_the_run_begins(tmp_path, monkeypatch):
    """It would stop to ask in the middle of a run."""
    wandb = pytest.importorskip("wandb", reason="the extra wandb is not installed: 80 MB")
    wandb.teardown()
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    with pytest.raises(InvalidInput, match="wandb login"):
        sink("wandb")
    wandb.teardown()


def read_offline(file):
    """(rows of the history, summary, config) of an offline run: records of W&B's own format in a LevelDB log."""
    from wandb.proto.wandb_internal_pb2 import Record

    rows, summary, config = [], {}, {}
    for data in blocks(file.read_bytes()):
        record = Record.FromString(data)
        if record.HasField("history"):
            rows.append({".".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.history.item})
        for items, into in ((record.summary.update, summary), (record.run.summary.update, summary)):
            into.update({i.key: json.loads(i.value_json) for i in items})
        for items in (record.run.config.update, record.config.update):
            config.update({i.key: json.loads(i.value_json) for i in items})
    return rows, summary, config


def blocks(data, size=32768):
    """The records of a LevelDB log after W&B's 7 bytes: CRC, length and type (whole, first, middle, last) of each."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        if size - at % size < 7:
            at += size - at % size
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield parts
            parts = b""

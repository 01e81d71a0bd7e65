"""Event files hold what the record holds, read back by TensorBoard's own reader."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

import fakes
import luthier
from luthier.errors import Interrupted
from luthier.records import Metric
from luthier.sinks import sink
from luthier.sinks.stream import replay
from luthier.sinks.values import label, settings
from luthier.verbs.export import export
from luthier.verbs.session import Watcher
from reports import fixtures

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(record, folder of the event files) of a run with conditional settings and trials of every kind."""
    folder = tmp_path_factory.mktemp("board")
    record = fixtures.RECORDS["adopted"]()
    replay(record, folder, sink("tensorboard"))
    return record, folder / "tensorboard"


def events_of(place):
    """The reader of one folder, filled."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(place), size_guidance={"scalars": 0})
    found.Reload()
    return found


def plugin_data(place, tag):
    """The message of the HPARAMS page under a tag."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    content = events_of(place).SummaryMetadata(tag).plugin_data.content
    return HParamsPluginData.FromString(content)


def test_scalars_are_the_curves_of_the_record(told):
    record, place = told
    for trial in record.history.trials[:40]:
        found = events_of(place / label(trial))
        for tag in ("train_loss", "val_loss", "score", "grad_norm"):
            want = [(p.step, pytest.approx(getattr(p, tag), rel=1e-6)) for p in trial.curve]
            assert [(e.step, e.value) for e in found.Scalars(tag)] == want, (trial.id, tag)


def test_final_score_is_there_for_trials_that_came_to_their_end_only(told):
    record, place = told
    for trial in record.history.trials[:40]:
        tags, end = events_of(place / label(trial)).Tags()["scalars"], trial.at(1.0)
        assert ("final_score" in tags) == (end is not None), trial.id


def test_settings_of_each_trial_are_its_hyperparameters(told):
    record, place = told
    for trial in record.history.trials[:12]:
        start = plugin_data(place / label(trial), "_hparams_/session_start_info").session_start_info
        found = {
            name: v.number_value if v.HasField("number_value") else v.string_value
            for name, v in start.hparams.items()
        }
        assert found == settings(record, trial)
    assert label(record.history.trials[0]) == "0000-baseline"


def test_experiment_names_the_domains_and_the_metric(told):
    record, place = told
    experiment = plugin_data(place, "_hparams_/experiment").experiment
    infos = {info.name: info for info in experiment.hparam_infos}
    assert set(infos) == set(record.space)
    assert (infos["width"].domain_interval.min_value, infos["width"].domain_interval.max_value) == (16, 256)
    assert list(infos["optimizer"].domain_discrete) == ["adamw", "sgd"]
    assert [m.name.tag for m in experiment.metric_infos] == ["final_score", "score"]


def test_verdict_is_there_as_text(told):
    record, place = told
    (event,) = events_of(place).Tensors("verdict")
    assert event.tensor_proto.string_val[0].decode() == record.verdict


def test_second_export_gives_the_same_bytes_and_leaves_nothing_of_the_first(told):
    record, place = told
    before = {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    (place / "9999-search").mkdir()
    replay(record, place.parent, sink("tensorboard"))
    assert {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert not (place / "9999-search").exists()


def test_resumed_run_leaves_what_an_export_leaves(tmp_path):
    """Stopped in the search, gone on with: nothing twice, nothing missing."""
    given = {"budget": "30trials", "workers": 0, "root": tmp_path, "name": "run", "sinks": ["tensorboard"]}
    with pytest.raises(luthier.LuthierError):  # trials that take time: progress is told a few times a second
        luthier.tune(fakes.slow(fakes.task("half_broken"), 0.0005), watcher=Impatient(), **given)
    place = tmp_path / "run" / "tensorboard"
    stopped = len(list(place.iterdir()))
    run = luthier.tune(fakes.slow(fakes.task("half_broken"), 0.0005), resume=True, **given)
    live = {p.relative_to(place): scalars(p.parent) for p in place.glob("*/*")}
    assert 3 < stopped < len(live) == len(run.record.history.trials)
    export(run.folder, sinks=["tensorboard"])
    assert {p.relative_to(place): scalars(p.parent) for p in place.glob("*/*")} == live


class Impatient(Watcher):
    """Stops the run when ten trials have ended, as a second Ctrl-C does."""

    def progress(self, progress):
        if progress.finished + progress.diverged + progress.paused >= 10:
            raise Interrupted("stopped", remedy="--resume goes on")


def scalars(place):
    """All numbers of a folder with their steps. A report that was made twice may have either one's time."""
    found = events_of(place)
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_trial_without_a_report_is_there_with_its_end(tmp_path):
    """A builder that raised: no scalar, a session that failed."""
    record = fixtures.RECORDS["adopted"]()
    lost = msgspec.structs.replace(record.history.trials[0], curve=(), status="failed", error="no model today")
    metric = Metric(name="accuracy", greater_is_better=True)
    history = msgspec.structs.replace(record.history, metric=metric, trials=(lost,))
    replay(msgspec.structs.replace(record, history=history), tmp_path, sink("tensorboard"))
    end = plugin_data(tmp_path / "tensorboard" / label(lost), "_hparams_/session_end_info").session_end_info
    assert end.status == 2  # STATUS_FAILURE


def test_tensorflow_is_not_imported(tmp_path):
    """Where it is installed too, it would cost seconds."""
    program = (
        "import sys; from pathlib import Path; from reports import fixtures\n"
        "from luthier.sinks import sink; from luthier.sinks.stream import replay\n"
        f"replay(fixtures.RECORDS['adopted'](), Path({str(tmp_path)!r}), sink('tensorboard'))\n"
        "print({'tensorflow', 'torch', 'keras', 'jax'} & set(sys.modules))"
    )
    path = ":".join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={"PYTHONPATH": path}
    )
    assert done.stdout.strip() == "set()", done.stderr

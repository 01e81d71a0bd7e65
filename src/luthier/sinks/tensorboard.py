"""TensorBoard: event files in the run's folder, written without TensorFlow.

    tensorboard/                      the space of the run, for the HPARAMS page
    tensorboard/0007-search/          curves of a trial, its settings, its final score

The messages and the record format are tensorboard's own. A file is opened for each report and closed again: a run
may have thousands of trials.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from luthier.codec import digest
from luthier.records import Point, RunRecord, Trial
from luthier.sinks.values import final_score, label, measures, settings
from luthier.space import Choice, Domain, Float, Int, Scalar, Space

FINAL = "final_score"


class TensorBoard:
    """Times are those of the run: its beginning plus the training time of the trial, the same at every export."""

    name = "tensorboard"

    def begin(self, run: RunRecord, folder: Path) -> None:
        """Start anew: what stands in the folder is a copy."""
        self.run = run
        self.began = datetime.fromisoformat(run.created).timestamp()
        self.root = folder / "tensorboard"
        if self.root.exists():
            shutil.rmtree(self.root)
        self._write(self.root, [_plugin_value(_experiment(run, self.began))], 0, 0.0)

    def point(self, trial: Trial, point: Point) -> None:
        """Its numbers, by step."""
        values = [_scalar(name, number) for name, number in measures(point).items()]
        self._write(self._place(trial), values, point.step, point.seconds)

    def ended(self, trial: Trial) -> None:
        """The final score, and that nothing more comes."""
        score, seconds = final_score(trial), trial.cost.seconds
        values = [] if score is None else [_scalar(FINAL, score)]
        self._write(self._place(trial), [*values, _end(trial, self.began + seconds)], trial.step, seconds)

    def finished(self, run: RunRecord) -> None:
        """The verdict, as text."""
        self._write(self.root, [_text("verdict", run.verdict)], 0, sum(run.spent.values()))

    def close(self) -> None:
        """No file is open."""

    def _place(self, trial: Trial) -> Path:
        """The folder of a trial; a new one begins with the settings."""
        place = self.root / label(trial)
        if not place.exists():
            group = digest(trial.recipe)  # the same recipe on other seeds is another session of the group
            self._write(place, [_start(settings(self.run, trial), self.run.space, group, self.began)], 0, 0.0)
        return place

    def _write(self, place: Path, values: list[Any], step: int, seconds: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        place.mkdir(parents=True, exist_ok=True)
        path = place / f"events.out.tfevents.{int(self.began)}.luthier"
        events = [] if path.exists() else [Event(wall_time=self.began, file_version="brain.Event:2")]
        events.append(Event(wall_time=self.began + seconds, step=step, summary=Summary(value=values)))
        with path.open("ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())


def _scalar(tag: str, number: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=tag, simple_value=number)


def _text(tag: str, words: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    one = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    return Summary.Value(
        tag=tag,
        metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")),
        tensor=TensorProto(dtype=DT_STRING, string_val=[words.encode()], tensor_shape=one),
    )


# ------------------------------------------------------------------------------------------- the HPARAMS page


def _plugin_value(content: dict[str, Any]) -> Any:
    """One message of the page, named by the only key of `content`."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    tags = {
        "experiment": metadata.EXPERIMENT_TAG,
        "session_start_info": metadata.SESSION_START_INFO_TAG,
        "session_end_info": metadata.SESSION_END_INFO_TAG,
    }
    return Summary.Value(
        tag=tags[next(iter(content))],
        metadata=metadata.create_summary_metadata(HParamsPluginData(**content)),
        tensor=metadata.NULL_TENSOR,
    )


def _experiment(run: RunRecord, began: float) -> dict[str, Any]:
    from tensorboard.plugins.hparams.api_pb2 import Experiment, MetricInfo, MetricName

    name = run.facts.metric.name if run.facts else "score"
    shown = {FINAL: f"final {name}", "score": f"last {name}"}
    return {
        "experiment": Experiment(
            name=run.name,
            description=run.command,
            time_created_secs=began,
            hparam_infos=[_info(name, domain) for name, domain in run.space.domains.items()],
            metric_infos=[MetricInfo(name=MetricName(tag=tag), display_name=text) for tag, text in shown.items()],
        )
    }


def _info(name: str, domain: Domain) -> Any:
    from google.protobuf.struct_pb2 import ListValue
    from tensorboard.plugins.hparams.api_pb2 import DATA_TYPE_FLOAT64, DATA_TYPE_STRING, HParamInfo, Interval

    if isinstance(domain, Choice):
        options = ListValue()
        options.extend([str(option) for option in domain.options])
        return HParamInfo(name=name, type=DATA_TYPE_STRING, domain_discrete=options)
    kind = "whole number" if isinstance(domain, Int) else "real number"
    interval = Interval(min_value=domain.low, max_value=domain.high)
    return HParamInfo(name=name, type=DATA_TYPE_FLOAT64, description=kind, domain_interval=interval)


def _start(values: dict[str, Scalar], space: Space, group: str, began: float) -> Any:
    from google.protobuf.struct_pb2 import Value
    from tensorboard.plugins.hparams.plugin_data_pb2 import SessionStartInfo

    info = SessionStartInfo(group_name=group, start_time_secs=began)
    for name, value in values.items():
        is_number = isinstance(space.domains.get(name), Float | Int) and isinstance(value, int | float)
        info.hparams[name].CopyFrom(Value(number_value=value) if is_number else Value(string_value=str(value)))
    return _plugin_value({"session_start_info": info})


def _end(trial: Trial, at: float) -> Any:
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
    from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo

    status = STATUS_FAILURE if trial.status in ("failed", "diverged") else STATUS_SUCCESS
    return _plugin_value({"session_end_info": SessionEndInfo(status=status, end_time_secs=at)})

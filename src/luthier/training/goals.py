"""What is minimised and what is compared in a task."""

from __future__ import annotations

from luthier.algorithms.losses import LOSS_OF_KIND
from luthier.data.checking import OWN
from luthier.engines.spec import OWN_LOSS, Loss
from luthier.errors import InvalidInput
from luthier.records import Metric
from luthier.training import metrics
from luthier.training.task import Task


def loss_of(task: Task, kind: str) -> Loss:
    """What is minimised: the task's own function, or the usual loss of the kind of data.

    Raises:
        InvalidInput: neither.
    """
    if task.loss is not None:
        return Loss(OWN_LOSS, task.loss, task.evaluate)
    if kind == OWN:
        raise InvalidInput(
            "data without targets",
            must="targets, or a loss of your own",
            where="tune",
            remedy="Pass data=(X, y), or loss=lambda model, batch: ...",
        )
    return Loss(LOSS_OF_KIND[kind], None, task.evaluate)


def metric_of(task: Task, asked: str, kind: str) -> Metric:
    """What is compared: what was asked for, else the task's metric, else the usual one.

    Raises:
        InvalidInput: there is none of this name, or it does not fit.
    """
    if isinstance(task.metric, metrics.OwnMetric):
        asked = asked or metrics.register(task.metric)
    named = asked or str(task.metric)
    return metrics.measured_metric(named) if task.measures else metrics.metric_for(named, kind)

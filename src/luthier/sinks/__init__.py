"""Where a run can be seen besides its report: TensorBoard, MLflow, Weights & Biases. All of it are copies.

A sink is found by its name. Its package is imported when the sink is made, and nowhere before.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from luthier.errors import InvalidInput, MissingExtra
from luthier.sinks.spec import Sink

__all__ = ["SINKS", "Sink", "sink"]

SINKS = {
    "mlflow": "luthier.sinks.mlflow:MLflow",
    "tensorboard": "luthier.sinks.tensorboard:TensorBoard",
    "wandb": "luthier.sinks.wandb:WeightsAndBiases",
}
"""Name, which is that of the package and of the extra -> class."""


def sink(name: str) -> Sink:
    """The sink of this name, not begun.

    Raises:
        InvalidInput: there is none.
        MissingExtra: its package is not installed.
    """
    if name not in SINKS:
        raise InvalidInput(f"sink={name!r}", must=f"sink is one of {', '.join(SINKS)}", where="sinks")
    if find_spec(name) is None:
        raise MissingExtra(f"sink {name!r} needs the package {name}", remedy=f"Run: pip install 'luthier[{name}]'")
    import_module(name)  # now, not while the run goes on: some take seconds
    module, _, kind = SINKS[name].partition(":")
    made: Sink = getattr(import_module(module), kind)()
    return made


def sinks_of(asked: Iterable[str | Sink]) -> list[Sink]:
    """Sinks by name or made by the person, each name once.

    Raises:
        InvalidInput, MissingExtra: as `sink`; something is neither a name nor a sink.
    """
    if isinstance(asked, str):
        asked = [asked]
    made: list[Sink] = []
    seen: list[str | Sink] = []
    for one in asked:
        if one in seen:
            continue
        seen.append(one)
        if not isinstance(one, str | Sink):
            raise InvalidInput(f"sink={one!r}", must="a sink is a name or has the methods of Sink", where="sinks")
        made.append(sink(one) if isinstance(one, str) else one)
    return made

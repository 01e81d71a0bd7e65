"""`luthier tune`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from luthier.cli.app import app


@app.command()
def tune(
    subject: Annotated[
        str | None,
        typer.Argument(
            help="Name of a ready task, for example digits, FILE.py:FUNCTION, or FILE.py:TASK; none with --command."
        ),
    ] = None,
    command: Annotated[
        str, typer.Option(help='A command that trains, with places for settings: "python train.py --lr {lr}".')
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(help="CSV, TSV, Parquet, .npz or .npy file, or a folder with a folder of images a class."),
    ] = None,
    target: Annotated[list[str] | None, typer.Option(help="Column that is predicted.")] = None,
    val: Annotated[Path | None, typer.Option(help="Validation rows of your own.")] = None,
    test: Annotated[Path | None, typer.Option(help="Test rows of your own.")] = None,
    group: Annotated[str, typer.Option(help="Column whose rows are never parted between training and test.")] = "",
    time: Annotated[str, typer.Option(help="Column by which later rows are held out.")] = "",
    folds: Annotated[
        int | None, typer.Option(help="Judge by the mean over so many folds of the rows; default: one split each.")
    ] = None,
    kind: Annotated[str, typer.Option(help="binary, multiclass or regression; default: told from the target.")] = "",
    model: Annotated[str, typer.Option(help="Which model of the task, for example cnn or mlp.")] = "",
    option: Annotated[list[str] | None, typer.Option(help="Further option of the task, KEY=VALUE.")] = None,
    metric: Annotated[
        str,
        typer.Option(
            help='What is compared; default: the task\'s. Of a command: "{dir}/log.jsonl:val_acc", "stdout:loss".'
        ),
    ] = "",
    budget: Annotated[str, typer.Option(help="5min, 2h, 40trials: all is paid from it.")] = "5min",
    space: Annotated[Path | None, typer.Option(help="TOML file with further or other domains.")] = None,
    space_only: Annotated[bool, typer.Option("--space-only", help="Tune nothing but --space.")] = False,
    fixed: Annotated[list[str] | None, typer.Option(help="Hold a setting, KEY=VALUE.")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="What a program uses today, KEY=VALUE.")] = None,
    reports: Annotated[int | None, typer.Option(help="How often a whole run of a program reports.")] = None,
    time_limit: Annotated[str, typer.Option(help="End a program's trial after so much training: 20min.")] = "",
    parked: Annotated[int | None, typer.Option(help="Processes that may wait at a rung; default: by memory.")] = None,
    name: Annotated[str, typer.Option(help="Name of the run's folder.")] = "",
    runs: Annotated[Path | None, typer.Option(help="Folder of all runs; default $LUTHIER_RUNS or ./runs.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run of this name.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the run; all else follows from it.")] = 0,
    sampler: Annotated[str, typer.Option(help="auto, halton, prior, tpe, gp, cmaes or nsga2.")] = "auto",
    price: Annotated[
        float, typer.Option(help="Adopt only a gain surely larger than this, in units of the metric.")
    ] = 0.0,
    workers: Annotated[
        int | None, typer.Option(help="Training programs; default one a core; 0: in this process.")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="How the search trains: a mode of the engine, or auto: measured for a time budget.")
    ] = "auto",
    slots: Annotated[
        int | None, typer.Option(help="Trials side by side in a worker; default: as many as pay.")
    ] = None,
    why_not_fused: Annotated[
        bool, typer.Option("--why-not-fused", help="Show the speed of each mode, or why it does not take the model.")
    ] = False,
    hang_s: Annotated[float, typer.Option(help="Replace a worker silent for so many seconds.")] = 300.0,
    sink: Annotated[
        list[str] | None, typer.Option(help="Copy the run while it goes on: tensorboard, mlflow or wandb.")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Short for --sink tensorboard.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Find better settings, and show that they are better."""
    from luthier.reports.json import summary
    from luthier.verbs.terminal import TerminalWatcher
    from luthier.verbs.tune import tune as run_tune

    model_or_task = _subject(subject, command)
    rows = _rows(data, target, val=val, test=test, group=group, time=time, kind=kind)
    options = {**_pairs(option), **({"model": model} if model else {})}
    with TerminalWatcher(verdict=not as_json, explains_modes=why_not_fused) as watcher:
        run = run_tune(
            model_or_task,
            command=command,
            data=rows,
            folds=folds,
            options=options,
            metric=metric,
            budget=budget,
            space=_space(space),
            fixed=_pairs(fixed),
            space_only=space_only,
            baseline=_pairs(baseline) or None,
            reports=reports,
            time_limit=time_limit or None,
            parked=parked,
            name=name,
            root=runs,
            resume=resume,
            seed=seed,
            sampler=sampler,
            price=price,
            workers=workers,
            mode=mode,
            slots=slots,
            hang_s=hang_s,
            watcher=watcher,
            sinks=[*(sink or []), *(["tensorboard"] if tensorboard else [])],
        )
    if as_json:
        sys.stdout.write(json.dumps(summary(run.record, str(run.report))) + "\n")


def _subject(subject: str | None, command: str) -> Any:
    """The function or the name of what is tuned; None where it is a command."""
    from luthier.errors import InvalidInput
    from luthier.verbs.finding import function_at, names_a_file

    if subject is None:
        if not command:
            raise InvalidInput("nothing to tune", must="a task, FILE.py:FUNCTION or --command", where="tune")
        return None
    return function_at(subject) if names_a_file(subject) else subject


def _rows(data: Path | None, target: list[str] | None, **more: Any) -> Any:
    """The rows that the options name."""
    from luthier.data import Data
    from luthier.errors import InvalidInput

    given = {name: value for name, value in more.items() if value}
    if data is not None:
        return Data(data, target=target or (), **given)
    if target or given:
        named = "target" if target else next(iter(given))
        raise InvalidInput(f"--{named} without --data", where="tune", remedy="Add --data FILE, that holds the rows")
    return None


def _space(path: Path | None) -> Any:
    from luthier.space import Space

    return Space.from_toml(path) if path is not None else None


def _pairs(given: list[str] | None) -> dict[str, Any]:
    """KEY=VALUE words; a value that reads as JSON is what it says, anything else is text."""
    pairs: dict[str, Any] = {}
    for word in given or []:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{word!r} is not KEY=VALUE")
        try:
            pairs[key] = json.loads(value)
        except json.JSONDecodeError:
            pairs[key] = value
    return pairs

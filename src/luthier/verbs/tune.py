"""`luthier.tune`: find better settings, and show that they are better."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from luthier.codec import convert
from luthier.errors import Interrupted
from luthier.programs.devices import visible_devices
from luthier.recipe import Recipe
from luthier.records import Progress
from luthier.runs.folder import RunFolder, default_root, free_name
from luthier.runs.journal import Journal, read
from luthier.runs.lock import Lock
from luthier.sinks import Sink, sinks_of
from luthier.sinks.stream import Stream
from luthier.training.driver import Driver
from luthier.training.executor import Executor, InlineExecutor, ProcessExecutor
from luthier.training.ledger import Ledger
from luthier.training.metrics import OwnMetric, register
from luthier.training.task import Task, TaskRef
from luthier.verbs.notebook import usual_watcher
from luthier.verbs.programs import Given, a_recipe, executor_of, program_of, refuse, request_of
from luthier.verbs.request import AUTO, Request, request, resolve
from luthier.verbs.result import Run
from luthier.verbs.session import Session, Watcher


def tune(
    model: Any = None,
    data: Any = None,
    *,
    command: str = "",
    target: str | Sequence[str] = "",
    folds: int | None = None,
    loss: Callable[..., Any] | None = None,
    evaluate: Callable[..., Any] | None = None,
    optimizer: Any = None,
    metric: str | OwnMetric = "",
    budget: str = "5min",
    space: Any = None,
    fixed: Mapping[str, Any] | None = None,
    space_only: bool = False,
    baseline: Recipe | Mapping[str, Any] | None = None,
    reports: int | None = None,
    time_limit: str | float | None = None,
    parked: int | None = None,
    trainer: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    name: str = "",
    root: str | Path | None = None,
    resume: bool = False,
    seed: int = 0,
    sampler: str = "auto",
    price: float = 0.0,
    workers: int | None = None,
    mode: str = AUTO,
    slots: int | None = None,
    hang_s: float = 300.0,
    watcher: Watcher | None = None,
    sinks: Sequence[str | Sink] = (),
) -> Run:
    """Tune a model within a budget, and adopt a change only if a paired comparison shows that it helps.

    Args:
        model: name of a ready task ("digits"), a `Task`, or a function that returns a fresh model and whose
            keyword arguments are its hyperparameters. Or what trains by itself (docs/programs.md): a function
            `train(trial)`, a LightningModule class, a function that returns a compiled Keras model.
        data: for a function: a table (path or data frame), `(X, y)`, or whatever else `Data` reads; `Data(...)` says
            more: validation and test rows, groups, order in time, folds.
        command: instead of a model: a command with places for settings, "python train.py --lr {lr}".
        target: of a table: the column that is predicted.
        folds: judge configurations by their mean over so many folds of the rows, instead of one split each
            (docs/evidence.md); the predictions for the rows of each fold by a model that did not see them are kept in
            `run.out_of_fold`. A configuration is given up after a fold where its mean is behind the incumbent's worst
            fold. Short for `Data(folds=)`.
        loss: (model, batch) -> what is minimised, a scalar or a dict of scalars with "loss". A batch is (inputs,
            targets), or the dict or tuple of arrays that `data` is.
        evaluate: (model, batch) -> what is measured on held-out rows: a scalar, a value a row, or a dict of them.
        optimizer: what makes one: on torch a function `params -> torch.optim.Optimizer`, on JAX an
            optax.GradientTransformation or what returns one, on Keras what returns a keras.optimizers.Optimizer; or
            a name. Arguments `lr` and `weight_decay` that it takes are given and searched; without `lr`, the
            recipe's is a factor of its own rate, 1 to begin with (docs/own.md).
        metric: what is compared, by its usual name, or `OwnMetric(function, greater_is_better)`; "" takes the task's.
            Where `loss` or `evaluate` is given: a name of what they return, "max:" or "min:" before it where the name
            does not tell what is better.
        budget: "5min", "2h", or "40trials": everything is paid from it.
        space: further or other domains by name. `fixed` holds settings; `space_only` tunes nothing else.
        baseline: what must be beaten; default: the task's recipe. Of what trains by itself: a dict of settings.
        reports: of what trains by itself: how often a whole run reports; default: as often as the baseline does.
        time_limit: "20min", or seconds: a trial of what trains by itself is ended after so much training.
        parked: how many processes may wait at a rung; default: as many as half of the free memory has room for.
        trainer: arguments of Lightning's Trainer.
        options: of a ready task ({"model": "mlp"}).
        name: of the run's folder under `root` (default $LUTHIER_RUNS or ./runs).
        resume: go on with the run of this name.
        seed: of the run; everything random follows from it.
        price: adopt only if the gain is surely larger than this, in units of the metric.
        workers: programs that train, one thread each; default one a core; 0 trains in this process.
        mode: how the search trains: an execution mode of the engine ("loop", "grouped"), or "auto": measured where
            the budget is one of time, the reference where it counts trials, so that equal seeds give equal runs.
        slots: trials that a worker trains side by side in the search; default: as many as pay.
        hang_s: a worker that is silent for so long is replaced.
        watcher: who is shown how it goes; default: the cell in a Jupyter notebook, nobody elsewhere.
        sinks: copies of the run while it goes on: "tensorboard", "mlflow", "wandb", or a `Sink` of your own. What
            goes wrong there is told and does not touch the run.

    Returns:
        The run: `.adopted`, `.best`, `.baseline`, `.verdict`, `.report`.

    Raises:
        InvalidInput, MissingExtra, RunFolderError, TrainingFailed, Interrupted.

    Example:
        >>> run = luthier.tune("digits", budget="1min")       # doctest: +SKIP
        >>> run.adopted, run.best.recipe.lr                   # doctest: +SKIP
    """
    own = metric if isinstance(metric, OwnMetric) else None
    named = register(own) if own is not None else str(metric)
    given = Given(command, data, named, space, fixed or {}, baseline, reports, time_limit, parked, trainer)
    program = program_of(model, given)
    common: dict[str, Any] = {"metric": named, "budget": budget, "sampler": sampler, "seed": seed, "price": price}
    ref: TaskRef = {}
    functions = {"loss": loss, "evaluate": evaluate, "optimizer": optimizer}
    if program is not None:
        refuse(target=target, folds=folds, options=options, slots=slots, mode=mode.replace(AUTO, ""), **functions)
        workers = max(workers if workers is not None else len(visible_devices()) or _cores(), 1)
        asked = request_of(program, num_workers=workers, **common)
    else:
        task, ref = resolve(model, options or {}, data, target, goal=functions | {"metric": own}, folds=folds)
        workers = _cores() if workers is None else workers
        asked = request(
            task,
            options=options or {},
            space=space,
            fixed=fixed or {},
            space_only=space_only,
            baseline=a_recipe(baseline),
            num_workers=max(workers, 1),
            mode=mode,
            slots=slots,
            measure_batch_size=baseline is None and not isinstance(model, str | Task),
            **common,
        )
    told, copies = watcher or usual_watcher(), sinks_of(sinks)
    place = Path(root) if root is not None else default_root()
    folder = RunFolder(place / (name or _name(place, asked.task, resume)))
    folder.require() if resume else folder.create()
    with Lock(folder.path), _opened(folder, asked, resume) as (journal, ledger):
        stream = Stream(copies, folder.path, log=folder.logs / "sinks.log", say=told.remark)
        if ledger.ended:
            return _told_again(folder, stream, told)
        known = ledger.decisions
        executor = executor_of(program, folder, asked, known) if program else _workers(workers, folder, hang_s)
        driver = Driver(journal, ledger, executor, folder.snapshots, watch=_both(told, stream, ledger))
        with contextlib.closing(executor), _interrupts(driver, told):
            return Session(folder, driver, asked, told, stream=stream).run(ref)


def _told_again(folder: RunFolder, stream: Stream, watcher: Watcher) -> Run:
    """Nothing is left to do: say what came out."""
    run = Run.open(folder.path)
    stream.begin(run.record)
    stream.close(run.record)
    watcher.finished(run.record, run.report)
    return run


def _both(watcher: Watcher, stream: Stream, ledger: Ledger) -> Callable[[Progress], None]:
    """Those who watch and the sinks hear of the run at the same moments."""

    def hear(progress: Progress) -> None:
        watcher.progress(progress)
        stream.see(ledger.trials)

    return hear


def _workers(num: int, folder: RunFolder, hang_s: float) -> Executor:
    return ProcessExecutor(num, folder.logs, hang_s=hang_s) if num else InlineExecutor()


def _name(root: Path, stem: str, resume: bool) -> str:
    """A name that nobody asked for: the next free one, or the newest run of this stem to go on with."""
    runs = [
        p
        for p in root.glob(f"{stem}*")
        if RunFolder(p).is_run() and re.fullmatch(rf"{re.escape(stem)}(-\d+)?", p.name)
    ]
    if resume and runs:
        return max(runs, key=lambda p: p.stat().st_mtime).name
    return free_name(root, stem)


@contextlib.contextmanager
def _opened(folder: RunFolder, asked: Request, resume: bool) -> Iterator[tuple[Journal, Ledger]]:
    """The journal and what it says; a resumed run must be the one that was asked for."""
    ledger = Ledger()
    if not resume or not folder.journal.exists():
        journal = Journal.create(folder.journal)
    else:
        journal = Journal.open(folder.journal)
        ledger.replay(read(folder.journal))
    with contextlib.closing(journal):
        if ledger.header:
            asked.same_as(convert(ledger.header["request"], Request))
            line = journal.append("resumed", {"pid": os.getpid()}, ledger.t)
        else:
            header = {
                "request": asked,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "command": _command(),
                "environment": _environment(),
            }
            line = journal.append("run", header, 0.0)
        ledger.apply(line.kind, line.data, line.t)
        folder.delete_orphans(ledger.files())
        yield journal, ledger


@contextlib.contextmanager
def _interrupts(driver: Driver, watcher: Watcher) -> Iterator[None]:
    """First Ctrl-C: end the search in order. Second: stop at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if driver.interrupted:
            raise Interrupted("stopped", remedy="What was journalled is kept; --resume goes on")
        driver.interrupted = True
        watcher.interrupted()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _command() -> str:
    """The command to repeat the run, as it was typed."""
    import shlex

    program, *arguments = sys.argv
    return shlex.join([Path(program).name or "python", *(a for a in arguments if a != "--resume")])


def _environment() -> dict[str, str]:
    """What numbers depend on: versions and hardware; no host or user names."""
    from importlib.metadata import version

    return {
        "luthier": version("luthier"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(_cores()),
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

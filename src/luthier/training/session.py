"""What a worker does with its messages: open a task, hold trials in slots, advance, evaluate.

The session has no process and no pipe: `handle` takes a message, `advance` takes one chunk of training; both
yield events. The worker program and the in-process executor run the same session. The words are written down
in docs/protocol.md.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from luthier.data import Data, preparation
from luthier.data.record import report_of
from luthier.engines import engine_for
from luthier.engines.building import with_spec
from luthier.engines.spec import Engine, GroupKey, Placed, Population, Snapshot
from luthier.errors import InvalidInput, RunFolderError, Unsupported
from luthier.findings import Finding, PreparationReport
from luthier.recipe import Recipe
from luthier.records import Facts
from luthier.runs.best import source_of
from luthier.runs.snapshots import read_snapshot, write_snapshot
from luthier.space import Space
from luthier.training import memory, metrics, modes, preflight
from luthier.training.faults import error_event, out_of_memory
from luthier.training.goals import loss_of, metric_of
from luthier.training.group import Event, Group, Live, Setting, peak_bytes, without_loop
from luthier.training.rows import Rows
from luthier.training.task import Task, find_task

Array = npt.NDArray[Any]


class Session:
    """One worker's work on one task. `close` is dropping it."""

    def __init__(self) -> None:
        self.groups: dict[tuple[Any, ...], list[Group]] = {}  # by program, data, mode and width
        self.refusals: dict[tuple[GroupKey, str], Unsupported] = {}  # (program, mode): the mode does not take it
        self.unplaced: set[int] = set()  # trials that fell out of their slots: what was asked of them is void

    # ------------------------------------------------------------------------------------------- messages

    def handle(self, message: dict[str, Any]) -> Iterator[Event]:
        """Do what one message says; errors of the task become events, so that the worker lives on."""
        do = message["do"]
        try:
            yield from getattr(self, f"_{do}")(**{k: v for k, v in message.items() if k != "do"})
        except Exception as error:  # whatever the user's code raises is the trial's result
            if do == "put":
                yield from self._fault(error, do, [message["trial"]], message["mode"], message["P"])
            else:
                yield error_event(error, doing=do, trial=message.get("trial"))

    def busy(self) -> bool:
        """Is there training to do?"""
        return any(group.busy() for group in self._all_groups())

    def advance(self) -> Iterator[Event]:
        """One chunk in the group whose trials have waited longest, the waits of all of them added up: a full program
        comes often, a rare structure gathers trials meanwhile."""
        busy = [(key, group) for key, groups in self.groups.items() for group in groups if group.busy()]
        if not busy:
            return
        key, group = max(busy, key=lambda found: found[1].waited_s())
        try:
            yield from group.advance()
        except Exception as error:  # the whole program of the group failed
            lives = [live.trial for live in group.slots if live is not None]
            self._forget(group)
            if isinstance(error, Unsupported):
                self.refusals[key[0], key[2]] = error
            yield from self._fault(error, "advance", lives, group.population.mode.name, group.population.P)

    def _fault(self, error: Exception, doing: str, trials: list[int], mode: str, P: int) -> Iterator[Event]:
        """What an exception means for these trials: fewer side by side, another mode, or their end."""
        self.unplaced.update(trials)
        if out_of_memory(error) and P > 1:
            told = error_event(error, doing=doing, trial=None)
            yield {"event": "crowded", "trials": trials, "mode": mode, "P": P, "reason": told["fact"]}
        elif isinstance(error, Unsupported) and mode != self.mode:
            yield {"event": "refused", "trials": trials, "mode": mode, "reason": str(error)}
        else:
            for trial in trials:
                yield error_event(error, doing=doing, trial=trial)

    def _forget(self, group: Group) -> None:
        """A program that failed: nothing of it is used again."""
        kept = {key: [g for g in groups if g is not group] for key, groups in self.groups.items()}
        self.groups = {key: groups for key, groups in kept.items() if groups}

    def _all_groups(self) -> list[Group]:
        return [group for groups in self.groups.values() for group in groups]

    def _open(
        self,
        *,
        task: dict[str, Any],
        seed: int,
        baseline: Any,
        metric: str,
        folder: str,
        probe: bool,
        share: float = 1.0,
        checkpoint: dict[str, float] | None = None,
        examiner: dict[str, Any] | None = None,
    ) -> Iterator[Event]:
        self.task: Task = find_task(task)
        self.task.known_optimizer()
        self.data: Data = self.task.load()
        self.seed, self.share = seed, share
        self.recipe = msgspec.convert(baseline, Recipe)
        self.loss = loss_of(self.task, self.data.kind)
        self.metric = metric_of(self.task, metric, self.data.kind)
        self.test_rows = self.data.test_rows(seed)
        self.data = self.data.laid_out(self.test_rows)
        self.build = with_spec(self.task.build, self.data.spec)
        self.engine = self._engine()
        self.rows = Rows(self.data, self.test_rows, self.engine.place)
        self.num_train = len(self.rows.split(0)[0])  # of the plan; a split by groups or folds has a few more or less
        self.mode = self.engine.modes()[0]
        self.setting = Setting(
            self.metric.name,
            self.loss,
            self.data.targets,
            Path(folder),
            **(checkpoint or {}),
            measures=self.task.measures,
            streams=self.data.stream is not None,
        )
        facts = self._facts(probe)
        if probe and examiner:
            facts = msgspec.structs.replace(facts, findings=self._examined(facts.step_s, **examiner))
        yield {"event": "opened", "facts": facts}

    def _put(
        self,
        *,
        trial: int,
        recipe: Any,
        seed: int,
        split_seed: int,
        num_reports: int,
        mode: str,
        P: int,
        snapshot: str | None = None,
        checksum: str | None = None,
    ) -> Iterator[Event]:
        converted = msgspec.convert(recipe, Recipe)
        train_rows, val_rows = self.rows.split(split_seed)
        live = Live(trial, converted, seed, converted.num_steps(self.num_train), train_rows, val_rows,
                    num_reports, self.rows.fitted(split_seed, converted))  # fmt: skip
        group = self._group(converted, split_seed, mode, P)
        stored = self._stored(snapshot, checksum)
        slot = group.free_slot()
        assert slot is not None
        group.put(slot, live, stored)
        self.unplaced.discard(trial)
        yield {"event": "put", "trial": trial, "step": live.step, "num_steps": live.num_steps}

    def _advance(self, trial: int, until: int, take: bool = True) -> Iterator[Event]:
        if trial in self.unplaced:
            return
        group, slot, live = self._find(trial)
        live.until, live.take = until, take
        if live.waits:  # it stands there already: a retry of a finished segment
            yield group.reached(slot, live)

    def _take(self, trial: int) -> Iterator[Event]:
        group, slot, live = self._find(trial)
        yield {"event": "snapshot", "trial": trial, "step": live.step, **group.save(slot, live)}

    def _drop(self, trial: int) -> Iterator[Event]:
        if trial in self.unplaced:
            return
        group, slot, live = self._find(trial)
        kept = group.save(slot, live)
        group.slots[slot] = None
        yield {"event": "dropped", "trial": trial, "step": live.step, "seconds": live.seconds, **group.used(), **kept}

    def _evaluate(self, *, trial: int, recipe: Any, split_seed: int, snapshot: str, rows: str, out: str,
                  checksum: str | None = None) -> Iterator[Event]:  # fmt: skip
        converted = msgspec.convert(recipe, Recipe)
        chosen = self.test_rows if rows == "test" else self.rows.split(split_seed)[1]
        stored = read_snapshot(self.setting.folder / snapshot, checksum)
        population = self.engine.open(self.build, converted, self.loss, self.mode, 1)
        state = population.stack([without_loop(stored)])
        data = self.rows.placed(split_seed, converted)
        fitted = self.rows.fitted(split_seed, converted)
        told: dict[str, Array] = {"rows": chosen}
        if self.task.measures:
            found = population.measure(state, data, chosen)
            told |= {"loss": found["loss"][0], "values": found[self.metric.name][0]}
            score = float(told["values"].mean())
        else:
            outputs = preparation.from_training(population.predict(state, data, chosen)[0], fitted)
            told |= {"outputs": outputs, "targets": self.data.targets[chosen]}
            told |= {"loss": population.evaluate(state, data, chosen)[0]}
            score = metrics.score(self.metric.name, outputs, told["targets"])
        write_snapshot(Path(out), told, {})
        yield {"event": "evaluated", "trial": trial, "rows": rows, "file": Path(out).name,
               "score": score, "loss": float(told["loss"].mean()),
               "latency_s": self._latency(population, state, data, chosen)}  # fmt: skip

    def _speed(self, batch_sizes: list[int]) -> Iterator[Event]:
        """Rows a second of training at each batch size, told one by one: what does not fit may end this worker."""
        train_rows, _ = self.rows.split(0)
        data = self.rows.placed(0, self.recipe)
        for batch_size in batch_sizes:
            recipe = msgspec.structs.replace(self.recipe, batch_size=batch_size)
            population = self.engine.open(self.build, recipe, self.loss, self.mode, 1)
            rows_per_s = preflight.rows_per_s(population, data, recipe, train_rows)
            yield {
                "event": "speed",
                "batch_size": batch_size,
                "rows_per_s": rows_per_s,
                "peak_bytes": peak_bytes(),
            }
        yield {"event": "measured"}

    def _modes(
        self,
        *,
        recipe: Any,
        space: Any,
        widths: list[int],
        seconds: float,
        remaining_s: float,
        names: list[str] | None = None,
    ) -> Iterator[Event]:
        """Which settings of the space change the program, and how fast the modes are; told one by one."""
        baseline, searched = msgspec.convert(recipe, Recipe), msgspec.convert(space, Space)
        known = self.engine.modes()
        for name in names or ():
            if name not in known:
                raise InvalidInput(
                    f"mode={name!r}", must=f"auto, or one of {', '.join(known)}", where=f"{self.engine.name} engine"
                )
        names = [known[0], *(n for n in names or known if n != known[0])]

        def key_of(other: Recipe) -> Any:
            return self.engine.inspect(self.build, other), repr(sorted(other.preparation.items()))

        shared = modes.structural(key_of, baseline, searched)
        yield {"event": "structural", "names": shared}
        bench = modes.Bench(
            lambda mode, P: self.engine.open(self.build, baseline, self.loss, mode, P),
            self.rows.placed(0, baseline),
            self.rows.split(0)[0],
            modes.variants(key_of, baseline, searched, shared),
            time.process_time if self._device() == "cpu" else time.perf_counter,
        )
        left_s = remaining_s / (modes.VARIANTS if shared else 1)
        yield from modes.measure(bench, names, modes.Limits(widths, seconds, left_s, self.share))
        yield {"event": "measured"}

    # --------------------------------------------------------------------------------------------- pieces

    def _engine(self) -> Engine:
        sizes = {"inputs": self.data.num_inputs, "outputs": self.data.num_outputs}
        if self.task.engine:
            module, _, name = self.task.engine.partition(":")
            engine: Engine = getattr(importlib.import_module(module), name)(**sizes)
            return engine
        return engine_for(self.build, self.recipe, inputs=sizes["inputs"], outputs=sizes["outputs"])

    def _stored(self, file: str | None, checksum: str | None) -> Snapshot | None:
        """A snapshot that can be read; None starts afresh, which costs time and changes nothing."""
        try:
            return read_snapshot(self.setting.folder / file, checksum) if file else None
        except RunFolderError as error:
            print(f"starting afresh: {error}", file=sys.stderr)  # noqa: T201 - the worker's log
            return None

    def _group(self, recipe: Recipe, split_seed: int, mode: str, P: int) -> Group:
        """A group of the same program, data, mode and width with a free slot, else a new one."""
        program = self.engine.inspect(self.build, recipe)
        if (program, mode) in self.refusals:
            raise self.refusals[program, mode]
        key = (program, self.rows.key(split_seed, recipe), mode, P)
        groups = self.groups.get(key, [])
        for group in groups:
            if group.free_slot() is not None:
                return group
        self.groups = {
            k: kept for k, gs in self.groups.items() if (kept := [g for g in gs if any(g.slots)])
        }  # programs that hold no trial are dropped with their memory
        try:
            population = self.engine.open(self.build, recipe, self.loss, mode, P)
        except Unsupported as refusal:
            self.refusals[program, mode] = refusal
            raise
        self._must_fit(population, recipe)
        group = Group(population, self.rows.placed(split_seed, recipe), self.setting)
        self.groups.setdefault(key, []).append(group)
        return group

    def _must_fit(self, population: Population, recipe: Recipe) -> None:
        """Refuse a width before its memory is taken, by the same way as one for which there was none."""
        available = memory.available_bytes() if population.P > 1 else None
        if available is not None:
            need = memory.need_of(population.fresh(recipe, 0))
            if reason := memory.why_not(need, population.P, int(available * self.share)):
                raise MemoryError(reason)

    def _find(self, trial: int) -> tuple[Group, int, Live]:
        for group in self._all_groups():
            for slot, live in enumerate(group.slots):
                if live is not None and live.trial == trial:
                    return group, slot, live
        raise InvalidInput(f"trial={trial}", must="a trial that was put", where="worker")

    def _latency(self, population: Population, state: Any, data: Placed, rows: Array) -> float:
        """Median seconds of predicting one row, of 9 after 2 for warming up."""
        times = []
        for _ in range(11):
            began = time.perf_counter()
            (population.measure if self.task.measures else population.predict)(state, data, rows[:1])
            times.append(time.perf_counter() - began)
        return float(np.median(times[2:]))

    def _device(self) -> str:
        return "cpu" if not hasattr(self.engine, "device") else str(self.engine.device)

    def _told(self, val_rows: Array) -> PreparationReport | None:
        """What was done to a table, for the report."""
        fitted = self.rows.fitted(0, self.recipe)
        return report_of(self.data, fitted, val_rows=val_rows, test_rows=self.test_rows)

    def _examined(self, step_s: float, function: str, seconds: float) -> tuple[Finding, ...]:
        if self.task.measures or self.data.tree is not None or self.data.stream is not None:
            return ()  # the examination asks for one array and a named loss
        given = self.engine, self.build, self.recipe, self.loss
        rows = (*self.rows.split(0), self.test_rows)
        return preflight.examined(function, *given, data=self.data, rows=rows, seconds=seconds, step_s=step_s)

    def _facts(self, probe: bool) -> Facts:
        train_rows, val_rows = self.rows.split(0)
        population = self.engine.open(self.build, self.recipe, self.loss, self.mode, 1)
        subject = preflight.Subject(population, lambda: self.rows.placed(0, self.recipe), self.recipe, self.data)
        preflight.choose_whole(subject, self.rows)
        measured = self.metric.name if self.task.measures else ""
        look = preflight.look(subject, train_rows=train_rows, val_rows=val_rows, timed=probe, measured=measured)
        return Facts(
            task=self.task.name,
            kind=self.data.kind,
            metric=self.metric,
            framework=self.engine.framework,
            engine=self.engine.name,
            mode=self.mode,
            num_train=len(train_rows),
            num_val=len(val_rows),
            num_test=len(self.test_rows),
            num_inputs=self.data.num_inputs,
            num_outputs=self.data.num_outputs,
            num_parameters=look.num_parameters,
            labels=self.data.labels,
            test_hash=self.data.hash_of(self.test_rows) if probe else "",
            step_s=look.step_s,
            eval_s=look.eval_s,
            constant_score=look.untrained if self.task.measures else self._constant(train_rows, val_rows),
            versions=versions(),
            device=self._device(),
            source=source_of(self.build),
            splits=self.data.num_splits,
            preparation=self._told(val_rows),
            spec=msgspec.to_builtins(self.data.spec),
            whole=self.rows.whole,
            loss=self.loss.name,
            measured=self.task.measures,
        )

    def _constant(self, train_rows: Array, val_rows: Array) -> float:
        targets = self.data.targets
        if self.data.stream is not None:  # the best that a constant could do on the rows that are at hand
            train_rows = val_rows
        return metrics.constant_score(self.metric.name, targets[train_rows], targets[val_rows], self.data.num_outputs)


def versions() -> dict[str, str]:
    """Versions of the interpreter and of the frameworks that are loaded."""
    names = ("torch", "jax", "flax", "keras", "tensorflow", "numpy", "sklearn")
    found = {n: str(getattr(sys.modules[n], "__version__", "")) for n in names if n in sys.modules}
    return {"python": sys.version.split()[0], **found}

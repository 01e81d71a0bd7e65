"""The loop above one engine step, once for all frameworks: a group of trials that advance side by side."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.algorithms.losses import LOSSES
from luthier.algorithms.schedules import Plateau
from luthier.data import preparation
from luthier.engines.spec import Loss, Placed, Population, Snapshot
from luthier.recipe import Recipe
from luthier.records import Point
from luthier.runs.snapshots import write_snapshot
from luthier.training import metrics
from luthier.training.batches import Course, make_plan, report_steps

Array = npt.NDArray[Any]
Event = dict[str, Any]
MAX_CHUNK = 64
"""Steps between two looks at the messages, at most."""
UNEVEN = 4
"""Slots stop at steps of their own (reports, rungs). A chunk ends at the first stop, but is no shorter than this part
of the way to the last: who stops earlier waits, and goes on in step with its neighbours from then on."""


@dataclass
class Live:
    """A trial in a slot: where it is and where it stops. Mutable, owned by its group."""

    trial: int
    recipe: Recipe
    seed: int
    num_steps: int
    train_rows: Array
    val_rows: Array
    num_reports: int
    fitted: dict[str, Array] = field(default_factory=dict)  # of the preparation
    step: int = 0
    until: int = 0  # 0: put, but not told to advance yet
    take: bool = True  # write a snapshot when `until` is reached
    losses: list[float] = field(default_factory=list)  # since the last report
    grad_norms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    num_parameters: int = 0
    plateau: Plateau = field(default_factory=Plateau)  # of a schedule that waits for progress
    saved_at: float = 0.0  # `seconds` at the last checkpoint
    save_s: float = 0.0  # what the last one cost

    @property
    def waits(self) -> bool:
        """Has nothing to do until told."""
        return self.step >= self.until

    def next_stop(self) -> int:
        """The next step at which something other than training happens."""
        reports = [s for s, _ in report_steps(self.num_steps, self.num_reports) if s > self.step]
        return min([self.until, *reports[:1]])

    def course(self, length: int) -> Course | None:
        """What the plan needs, None where the slot rests."""
        if self.waits:
            return None
        take = min(length, self.next_stop() - self.step)
        scale = self.plateau.factor if self.recipe.schedule == "plateau" else 1.0
        return Course(self.recipe, self.seed, self.train_rows, self.num_steps, self.step, take, scale)


@dataclass(frozen=True)
class Setting:
    """What a group needs to know of the run."""

    metric: str
    loss: Loss
    targets: Array  # of all rows
    folder: Path  # for snapshots
    checkpoint_share: float = 0.02  # of the training time, at most, goes into checkpoints
    checkpoint_min_s: float = 1.0
    measures: bool = False  # is the metric what a function of one's own returns?
    streams: bool = False  # do training batches come from loaders? Then no training row can be asked for


class Group:
    """P slots of one population over one placed data set.

    `data` is the engine's; `setting` the run's. Events are plain dicts, the words of `docs/protocol.md`.
    """

    def __init__(self, population: Population, data: Placed, setting: Setting) -> None:
        self.population, self.data, self.setting = population, data, setting
        self.slots: list[Live | None] = [None] * population.P
        self.state: Any = None
        self.advanced_at = time.perf_counter()
        self.steps, self.slot_steps, self.refills, self.refill_s = 0, 0, 0, 0.0  # since they were told last

    def free_slot(self) -> int | None:
        """The first empty slot."""
        return next((p for p, live in enumerate(self.slots) if live is None), None)

    def put(self, slot: int, live: Live, snapshot: Snapshot | None) -> None:
        """Place a trial: fresh, or where its snapshot stands."""
        began = time.perf_counter()
        if snapshot is None:
            snapshot = self.population.fresh(live.recipe, live.seed)
        else:
            live.losses = [float(x) for x in snapshot["loop/losses"]]
            live.grad_norms = [float(x) for x in snapshot["loop/grad_norms"]]
            live.seconds = float(snapshot["loop/seconds"])
            best, waited, reductions = snapshot.get("loop/plateau", Plateau())
            live.plateau = Plateau(float(best), int(waited), int(reductions))
            live.step = int(snapshot["step"])
            snapshot = without_loop(snapshot)
        if self.state is None:
            self.state = self.population.stack([snapshot] * self.population.P)
        else:
            self.state = self.population.put(self.state, slot, snapshot)
        live.num_parameters = sum(a.size for name, a in snapshot.items() if name.startswith("weights/"))
        live.saved_at = live.seconds
        self.slots[slot] = live
        self.refills, self.refill_s = self.refills + 1, self.refill_s + time.perf_counter() - began

    def busy(self) -> bool:
        """Does any slot have steps to take?"""
        return bool(self._at_work())

    def _at_work(self) -> list[Live]:
        """The trials that have steps to take."""
        return [live for live in self.slots if live is not None and not live.waits]

    def waited_s(self) -> float:
        """Seconds since the last chunk, once for each slot that has steps to take."""
        return len(self._at_work()) * (time.perf_counter() - self.advanced_at)

    def advance(self) -> Iterator[Event]:
        """One chunk for every slot that has steps to take; yields what happened."""
        began = time.perf_counter()
        length = self._chunk()
        courses = [live.course(length) if live is not None else None for live in self.slots]
        plan = make_plan(courses, length, self.setting.targets)
        self.state, out = self.population.advance(self.state, self.data, plan)
        taken = int(plan.steps.sum())
        self.advanced_at = time.perf_counter()
        step_s = (self.advanced_at - began) / taken
        self.steps += taken
        self.slot_steps += int(plan.steps.max()) * self.population.P
        for p, course in enumerate(courses):
            live = self.slots[p]
            if course is not None and live is not None:
                live.seconds += course.take * step_s
                yield from self._account(p, live, out["loss"][: course.take, p], out["grad_norm"][: course.take, p])

    def _chunk(self) -> int:
        """Steps of the next chunk. A program that is built for a number of steps gets one length for the whole life
        of a trial; any other stops where its slots stop."""
        busy = self._at_work()
        if "S" in self.population.mode.recompiles_on:
            return min(max(math.ceil(x.num_steps / x.num_reports) for x in busy), MAX_CHUNK)
        ways = [live.next_stop() - live.step for live in busy]
        return min(max(min(ways), math.ceil(max(ways) / UNEVEN)), MAX_CHUNK)

    def used(self) -> Event:
        """What this program did since it was asked last, for an event that ends a job."""
        mode, P = self.population.mode.name, self.population.P
        told = {
            "mode": mode,
            "P": P,
            "steps": self.steps,
            "slot_steps": self.slot_steps,
            "refills": self.refills,
            "refill_s": self.refill_s,
        }
        self.steps, self.slot_steps, self.refills, self.refill_s = 0, 0, 0, 0.0
        return {"used": told}

    def _account(self, slot: int, live: Live, loss_S: Array, norm_S: Array) -> Iterator[Event]:
        bad = np.flatnonzero(~np.isfinite(loss_S))
        if len(bad):
            yield self._diverged(slot, live, live.step + int(bad[0]) + 1)
            return
        live.losses += loss_S.tolist()
        live.grad_norms += norm_S.tolist()
        live.step += len(loss_S)
        yield {"event": "at", "trial": live.trial, "step": live.step}
        for step, fraction in report_steps(live.num_steps, live.num_reports):
            if step == live.step:
                began = time.perf_counter()
                point = self._report(slot, live, fraction)
                live.seconds += time.perf_counter() - began
                if not math.isfinite(point.val_loss):
                    yield self._diverged(slot, live, live.step)
                    return
                yield {"event": "report", "trial": live.trial, "point": point}
        if live.waits:
            yield self.reached(slot, live)
        elif self._checkpoint_due(live):
            yield {"event": "snapshot", "trial": live.trial, "step": live.step, **self.save(slot, live)}

    def _diverged(self, slot: int, live: Live, step: int) -> Event:
        self.slots[slot] = None
        return {
            "event": "diverged",
            "trial": live.trial,
            "step": step,
            "seconds": live.seconds,
            "num_parameters": live.num_parameters,
            "peak_bytes": peak_bytes(),
            **self.used(),
        }

    def _report(self, slot: int, live: Live, fraction: float) -> Point:
        val_loss, score = self._score(slot, live, live.val_rows)
        train_score = math.nan
        if live.step == live.num_steps and not self.setting.streams:
            train_score = self._score(slot, live, live.train_rows[: len(live.val_rows)])[1]
        point = Point(
            step=live.step,
            fraction=fraction,
            train_loss=float(np.mean(live.losses)) if live.losses else math.nan,
            val_loss=val_loss,
            score=score,
            train_score=train_score,
            grad_norm=float(np.median(live.grad_norms)) if live.grad_norms else math.nan,
            seconds=live.seconds,
        )
        live.losses, live.grad_norms = [], []
        live.plateau = live.plateau.told(val_loss, patience=live.recipe.plateau_patience)
        return point

    def _score(self, slot: int, live: Live, rows: Array) -> tuple[float, float]:
        """(loss as it is trained on, metric in the units of the targets)."""
        if self.setting.measures:
            found = self.population.measure(self.state, self.data, rows, [slot])
            return float(found["loss"].mean()), float(found[self.setting.metric].mean())
        outputs = self.population.predict(self.state, self.data, rows, [slot])[0]
        targets = self.setting.targets[rows]
        loss_of_row = self.setting.loss.of(live.recipe)
        with np.errstate(all="ignore"):  # a diverging model: the score says NaN
            trained_on = preparation.to_training(targets, live.fitted)
            each = LOSSES[loss_of_row.name](np, outputs.astype(np.float64), trained_on, **loss_of_row.settings)
            loss = float(each.mean())
            outputs = preparation.from_training(outputs, live.fitted)
        return loss, metrics.score(self.setting.metric, outputs, targets)

    def reached(self, slot: int, live: Live) -> Event:
        """The trial stands at `until`: keep it if told to, free the slot."""
        kept = self.save(slot, live) if live.take else {}
        self.slots[slot] = None
        return {
            "event": "reached",
            "trial": live.trial,
            "step": live.step,
            "seconds": live.seconds,
            "num_parameters": live.num_parameters,
            "peak_bytes": peak_bytes(),
            **self.used(),
            **kept,
        }

    def _checkpoint_due(self, live: Live) -> bool:
        interval = max(self.setting.checkpoint_min_s, live.save_s / self.setting.checkpoint_share)
        return live.seconds - live.saved_at >= interval

    def save(self, slot: int, live: Live) -> Event:
        """Write the slot's snapshot, with what the loop carries between two reports."""
        began = time.perf_counter()
        snapshot = self.population.take(self.state, slot)
        snapshot["loop/losses"] = np.asarray(live.losses, np.float64)
        snapshot["loop/grad_norms"] = np.asarray(live.grad_norms, np.float64)
        snapshot["loop/seconds"] = np.asarray(live.seconds)
        snapshot["loop/plateau"] = np.asarray(live.plateau, np.float64)
        snapshot |= {f"prepare/{name}": array for name, array in live.fitted.items()}
        name = f"t{live.trial:05d}-s{live.step:08d}.safetensors"
        checksum = write_snapshot(self.setting.folder / name, snapshot, {"trial": str(live.trial)})
        live.saved_at, live.save_s = live.seconds, time.perf_counter() - began
        return {"file": name, "checksum": checksum}


def without_loop(snapshot: Snapshot) -> Snapshot:
    """What the engine knows of a stored snapshot: without what the loop and the preparation added."""
    return {name: array for name, array in snapshot.items() if not name.startswith(("loop/", "prepare/"))}


def peak_bytes() -> int:
    """Largest resident size of this process so far, bytes."""
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

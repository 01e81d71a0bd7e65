"""What a person gets back from a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from luthier.recipe import Recipe
from luthier.records import Estimate, RunRecord
from luthier.runs.best import OutOfFold, read_out_of_fold
from luthier.runs.folder import RunFolder
from luthier.space import Config


@dataclass(frozen=True)
class Outcome:
    """A recipe with its score on fresh seeds (mean, 95 % interval, n).

    `checkpoint`: of a program of one's own, the folder of what a run with this recipe saved; None where it saved
    nothing.
    """

    recipe: Recipe
    config: Config
    score: Estimate
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Run:
    """A finished run: the verdict, both sides, where the report is. `record` holds everything.

    As the value of a notebook's cell it shows the verdict, the figures and the main charts.
    """

    folder: Path
    record: RunRecord = field(repr=False)

    @property
    def adopted(self) -> bool:
        """Was a change adopted?"""
        return self.record.adopted

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        return self.record.verdict

    @property
    def best(self) -> Outcome:
        """What is shipped: the adopted recipe, else the baseline."""
        none = Estimate(score=float("nan"))
        recipe = self.record.best or self.record.baseline
        left = RunFolder(self.folder).best / "checkpoint"
        return Outcome(
            recipe, self.record.best_config, self.record.best_score or none, left if left.is_dir() else None
        )

    @property
    def baseline(self) -> Outcome:
        """What had to be beaten."""
        return Outcome(self.record.baseline, {}, self.record.baseline_score or Estimate(score=float("nan")))

    @property
    def out_of_fold(self) -> OutOfFold | None:
        """Of a run with folds: what models of the shipped recipe say of rows that they did not see."""
        return read_out_of_fold(RunFolder(self.folder))

    @property
    def report(self) -> Path:
        """The HTML report."""
        return RunFolder(self.folder).report

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from luthier.reports.notebook import run_html

        return run_html(self.record, _link(self.report) if self.report.exists() else "")

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """A run from its folder; runs no code from it.

        Raises:
            RunFolderError: there is no run, or it cannot be read.
        """
        place = RunFolder(Path(folder)).require()
        return cls(place.path, place.read_run())


def _link(report: Path) -> str:
    """A link that a notebook can follow: from its own folder where that is above the report."""
    whole, here = report.absolute(), Path.cwd()
    return quote(whole.relative_to(here).as_posix()) if whole.is_relative_to(here) else whole.as_uri()

"""What others build on: public names and command line options, frozen here so that a new one is a choice."""

from __future__ import annotations

import inspect

import luthier
from house.tree import ROOT, project

NAMES = {
    "Choice": "luthier.space:Choice",
    "DataSpec": "luthier.data.tables:DataSpec",
    "convert": "luthier.algorithms.converting:convert",
    "Data": "luthier.data.tables:Data",
    "Float": "luthier.space:Float",
    "Int": "luthier.space:Int",
    "LuthierError": "luthier.errors:LuthierError",
    "Model": "luthier.verbs.load:Model",
    "keras_check": "luthier.verbs.keras_check:keras_check",
    "hf": "luthier.programs.frameworks.hf",
    "lightning_check": "luthier.verbs.lightning_check:lightning_check",
    "watch": "luthier.verbs.watch:watch",
    "OwnMetric": "luthier.training.metrics:OwnMetric",
    "Recipe": "luthier.recipe:Recipe",
    "Run": "luthier.verbs.result:Run",
    "Space": "luthier.space:Space",
    "Task": "luthier.training.task:Task",
    "load": "luthier.verbs.load:load",
    "lr_range": "luthier.verbs.lr_range:lr_range",
    "report": "luthier.verbs.report:report",
    "tune": "luthier.verbs.tune:tune",
}
"""Public name -> module:name of what it is, or the module that it is."""
OPTIONS = {
    "luthier": ["--version"],
    "luthier check": [
        "--apply", "--data", "--debug", "--explain", "--fail-on", "--fix", "--format", "--full", "--ignore",
        "--output", "--seconds", "--select", "--steps", "--target", "--tier", "-m", "program",
    ],
    "luthier checks": ["--debug"],
    "luthier board": ["--debug", "--port", "run"],
    "luthier export": ["--debug", "--sink", "run"],
    "luthier predict": ["--debug", "--model", "--output", "rows", "run"],
    "luthier report": ["--debug", "--json", "run"],
    "luthier tune": [
        "--baseline", "--budget", "--command", "--data", "--debug", "--fixed", "--folds", "--group", "--hang-s",
        "--json", "--kind", "--metric", "--mode", "--model", "--name", "--option", "--parked", "--price", "--reports",
        "--resume", "--runs", "--sampler", "--seed", "--sink", "--slots", "--space", "--space-only", "--target",
        "--tensorboard", "--test", "--time", "--time-limit", "--val", "--why-not-fused", "--workers", "subject",
    ],
}  # fmt: skip
"""Command -> its options and arguments. A new knob belongs into the recipe, the space or the task first."""
PARAMETERS = {
    "convert": ["settings", "source", "target", "constant_lr"],
    "tune": [
        "model", "data", "command", "target", "folds", "loss", "evaluate", "optimizer", "metric", "budget", "space",
        "fixed", "space_only", "baseline", "reports", "time_limit", "parked", "trainer", "options", "name", "root",
        "resume", "seed", "sampler", "price", "workers", "mode", "slots", "hang_s", "watcher", "sinks",
    ],
    "load": ["run", "builder"],
    "lr_range": ["model", "data", "target", "loss", "optimizer", "baseline", "num_seeds", "num_steps", "seed"],
    "report": ["folder"],
}  # fmt: skip
"""Public function -> its parameters."""


def commands() -> dict[str, list[str]]:
    """The command line as it is."""
    import typer

    from luthier.cli import board, check, export, predict, report, tune
    from luthier.cli.app import app

    assert inspect.ismodule(board)
    assert inspect.ismodule(check)
    assert inspect.ismodule(export)
    assert inspect.ismodule(predict)
    assert inspect.ismodule(report)
    assert inspect.ismodule(tune)
    group = typer.main.get_command(app)
    found = {"luthier": group, **{f"luthier {name}": c for name, c in group.commands.items()}}
    return {
        name: sorted(option for p in c.params for option in (*p.opts, *p.secondary_opts)) for name, c in found.items()
    }


def test_public_names_are_the_frozen_ones():
    assert sorted(luthier.__all__) == sorted(NAMES)
    found = {name: getattr(luthier, name) for name in luthier.__all__}
    homes = {n: x.__name__ if inspect.ismodule(x) else f"{x.__module__}:{x.__qualname__}" for n, x in found.items()}
    assert homes == NAMES


def test_names_are_loaded_when_used_and_listed_once():
    assert dir(luthier) == sorted(luthier.__all__)


def test_type_checkers_see_the_same_names():
    """The imports under TYPE_CHECKING and the table of homes agree."""
    text = (ROOT / "src" / "luthier" / "__init__.py").read_text("utf-8")
    static = text.partition("if TYPE_CHECKING:\n")[2].partition("\n\n")[0]
    names = [n.strip() for line in static.splitlines() for n in line.partition(" import ")[2].split(",")]
    assert sorted(names) == sorted(NAMES)


def test_parameters_of_public_functions_are_the_frozen_ones():
    assert {name: list(inspect.signature(getattr(luthier, name)).parameters) for name in PARAMETERS} == PARAMETERS


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(luthier, "tuen")


def test_command_line_options_are_the_frozen_ones():
    assert commands() == OPTIONS


def test_every_option_explains_itself():
    import typer

    from luthier.cli.app import app

    commands()  # registers them
    for name, command in typer.main.get_command(app).commands.items():
        silent = [p.name for p in command.params if not p.help]
        assert not silent, name
        assert command.help, name


def test_entry_points_lead_to_what_they_name():
    from importlib.metadata import entry_points

    declared = project()["project"]["entry-points"]["luthier.tasks"]
    found = {point.name: point for point in entry_points(group="luthier.tasks")}
    assert set(declared) <= set(found)
    assert all(callable(found[name].load()) for name in declared)

"""Imports point one way, and what is heavy is imported where it is used."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.tree import ROOT, SRC, TESTS, floors, sources

FRAMEWORKS = ("torch", "jax", "jaxlib", "flax", "optax", "keras", "tensorflow")
TABLES = ("polars", "narwhals", "PIL")
TRACKERS = ("tensorboard", "mlflow", "wandb", "optuna_dashboard", "IPython")
HEAVY = (
    "scipy",
    "sklearn",
    "optuna",
    "cmaes",
    "jinja2",
    "rich",
    "safetensors",
    "cloudpickle",
    "typer",
    *TABLES,
    *TRACKERS,
)
ROOMS = sorted(
    p.stem
    for p in (SRC / "luthier").iterdir()
    if (p.suffix == ".py" and p.stem != "__init__") or (p / "__init__.py").exists()
)
ENGINES = ("luthier.engines.torch", "luthier.engines.jax", "luthier.engines.keras")
MAY_IMPORT = {"cli": {"typer", "rich"}}
"""Rooms that use something heavy whenever they are imported: the command line is nothing without typer, and
typer imports rich."""


def imported(program: str) -> set[str]:
    """Top-level names of everything that a fresh Python has imported after running a program."""
    program += "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def modules_of(room: str) -> list[str]:
    """The modules of a room, less those of the frameworks' own engines."""
    names = [s.module for s in sources() if f"{s.module}.".startswith(f"luthier.{room}.")]
    return [name for name in names if not name.startswith(ENGINES)]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on a tree: its contracts on its src."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
    )


def test_import_contracts_are_kept():
    """The contracts of pyproject.toml, by import-linter."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert ", 0 broken" in done.stdout


def test_import_contracts_notice_what_they_forbid(tmp_path):
    """A twin of the house in which each contract is broken once."""
    shutil.copytree(SRC, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room, line in {
        "records": "import luthier.evidence.paired",  # upward
        "search/halton": "import luthier.data.tables",  # search is pure
        "runs/lock": "import luthier.reports.words",  # only verbs and cli
        "training/batches": "import torch",
    }.items():
        path = tmp_path / "src" / "luthier" / f"{room}.py"
        path.write_text(f"{path.read_text('utf-8')}\n{line}\n", "utf-8")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "0 kept, 4 broken" in done.stdout, done.stdout


def test_architecture_lists_the_floors_of_the_contract():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    block = text.partition("```floors\n")[2].partition("```")[0]
    assert [line.partition("  ")[0].strip() for line in block.splitlines()] == floors()


def test_every_room_has_its_floor():
    """A new room must be given a place before it is built."""
    named = {room.strip(" ()") for floor in floors() for room in floor.split("|")}
    assert (
        set(ROOMS) - {"reports", "sinks"} <= named
    )  # these have a contract of their own: only verbs and cli use them


def test_import_of_luthier_loads_nothing_but_itself():
    found = imported("import luthier")
    assert not found & {*FRAMEWORKS, *HEAVY, "numpy", "msgspec"}


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_no_framework_and_nothing_heavy(room):
    found = imported("\n".join(f"import {name}" for name in modules_of(room)))
    assert not found & {*FRAMEWORKS, *HEAVY} - MAY_IMPORT.get(room, set())


def test_ready_tasks_import_a_framework_only_when_they_build_a_model():
    tasks = [s.module for s in sources() if s.module.startswith("luthier_tasks")]
    assert not imported("\n".join(f"import {name}" for name in tasks)) & {*FRAMEWORKS, *HEAVY}


def test_an_engine_imports_its_own_framework_only():
    own = {"torch": {"torch"}, "jax": {"jax", "jaxlib", "flax", "optax"}}
    for engine, allowed in own.items():
        for source in sources(f"src/luthier/engines/{engine}"):
            used = {name.partition(".")[0] for name in _imports(source.tree)}
            assert not used & {*FRAMEWORKS} - allowed, source.name


def test_fork_and_pickle_are_not_used_for_work_or_files():
    """Workers are programs of their own; cloudpickle travels through the pipe in one file, never to the disk."""
    for source in sources():
        names = set(_imports(source.tree))
        assert not {"multiprocessing", "pickle", "concurrent.futures"} & names, source.name
        assert "cloudpickle" not in names or source.name == "src/luthier/training/packing.py"


def test_every_folder_of_tests_is_named_after_a_room():
    folders = {p.name for p in TESTS.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= {*ROOMS, "house", "survival"}


def _imports(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names

"""The winner on the disk: weights, recipe, and what a person needs to use it. No code, no pickle.

    best/weights.safetensors   the snapshot
         recipe.json           `Recipe`
         about.json            `About`
         out_of_fold.safetensors   of a run with folds: `OutOfFold`

A model is built again only by source that matches: `check_source` compares the builder in hand with the
digests that `source_of` took. Nothing here imports or runs what the folder names.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from luthier.codec import Record, from_json, to_json
from luthier.errors import InvalidInput, RunFolderError, SourceChanged
from luthier.recipe import Recipe
from luthier.records import Metric
from luthier.runs.folder import RunFolder, folder_errors, sync_folder, write_bytes_atomic
from luthier.runs.snapshots import Array, read_snapshot, write_snapshot

R = TypeVar("R", bound=msgspec.Struct)
OUT_OF_FOLD = "out_of_fold.safetensors"


class About(Record, frozen=True, kw_only=True):
    """What the weights are of.

    Args:
        metric, score: what it reached, in the units of the metric.
        inputs, outputs: width of the model; `labels`: names of the classes, in the order of the outputs.
        framework, engine, versions: what trained it.
        source: the builder, by `source_of`.
        table: columns and inputs of the table that it was trained on; empty for arrays.
        spec: what it was built for (`luthier.DataSpec`), as plain data. whole: does it take whole numbers as such?
        loss: name of what was minimised; "own": a function of the person's.
        threshold: of two classes: the probability from which on the second is said.
        checksum: SHA-256 of the weights file; filled in by `write_best`.
    """

    metric: Metric
    score: float
    inputs: int
    outputs: int
    framework: str
    engine: str
    labels: tuple[str, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    source: dict[str, str] = msgspec.field(default_factory=dict)
    table: dict[str, Any] = msgspec.field(default_factory=dict)
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    whole: bool = False
    loss: str = ""
    threshold: float = 0.5
    checksum: str = ""


class Best(NamedTuple):
    """What `best/` holds."""

    snapshot: dict[str, Array]
    recipe: Recipe
    about: About


class OutOfFold(NamedTuple):
    """What models of the shipped recipe say of rows that they did not see, a row of the data each.

    Args:
        rows: int32 [n], rising: which row of the data, counted from 0, rows without a target left out. Test rows are
            not among them, nor are those that come before all folds in time.
        folds: int32 [n]: the fold that the row is in.
        outputs: float32 [n, C]: logits of classes, or values in the units of the target. Where the run's measure is
            a function of one's own, [n]: what it gave for the row. Of several models of a fold the mean.
        targets: [n] or [n, C] as they were read; None where only a function of one's own knows them.
    """

    rows: Array
    folds: Array
    outputs: Array
    targets: Array | None


def write_best(
    folder: RunFolder,
    snapshot: Mapping[str, Array],
    recipe: Recipe,
    about: About,
    *,
    out_of_fold: Mapping[str, Array] | None = None,
) -> None:
    """Replace best/ as a whole: the new one is made beside it and renamed.

    A folder cannot be renamed over another: for an instant the old one waits as `.best.old`, where
    `read_best` finds it if the machine stops just then.

    Raises:
        RunFolderError: the disk refuses; the old best/ stays.
    """

    def fill(new: Path) -> None:
        checksum = write_snapshot(new / "weights.safetensors", snapshot, {})
        _write_words(new, recipe, msgspec.structs.replace(about, checksum=checksum))
        if out_of_fold:
            write_snapshot(new / OUT_OF_FOLD, out_of_fold, {})

    _replace(folder, fill)


def write_best_program(folder: RunFolder, left: Path, recipe: Recipe, about: About) -> None:
    """The same of a program of one's own: `left`, the folder of its checkpoints, becomes best/checkpoint.

    Raises:
        RunFolderError: the disk refuses; the old best/ stays.
    """

    def fill(new: Path) -> None:
        if left.is_dir():
            shutil.copytree(left, new / "checkpoint")
        _write_words(new, recipe, about)

    _replace(folder, fill)


def _write_words(new: Path, recipe: Recipe, about: About) -> None:
    write_bytes_atomic(new / "recipe.json", to_json(recipe))
    write_bytes_atomic(new / "about.json", to_json(about))


def _replace(folder: RunFolder, fill: Callable[[Path], None]) -> None:
    new, old = folder.path / ".best.new", folder.path / ".best.old"
    with folder_errors(folder.best, "write the best model"):
        try:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            fill(new)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        if folder.best.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.best.rename(old)
        new.rename(folder.best)
        sync_folder(folder.path)
        shutil.rmtree(old, ignore_errors=True)


def read_best(folder: RunFolder) -> Best:
    """The winner of a run; runs no code.

    Raises:
        RunFolderError: there is none yet, or it is damaged.
    """
    place = _place_of(folder)
    if not place.exists():
        raise RunFolderError("there is no best model yet", where=str(folder.best), remedy="Let the run finish")
    about = _read(place / "about.json", About)
    recipe = _read(place / "recipe.json", Recipe)
    if recipe.program:
        remedy = f"Load what it saved: {place / 'checkpoint'}, with the settings in {place / 'recipe.json'}"
        raise RunFolderError(
            "the run trained a program of your own, no model of luthier's", where=str(folder.path), remedy=remedy
        )
    return Best(read_snapshot(place / "weights.safetensors", about.checksum), recipe, about)


def read_out_of_fold(folder: RunFolder) -> OutOfFold | None:
    """The out-of-fold predictions of a run; None where it had no folds, or has not come so far.

    Raises:
        RunFolderError: they are damaged.
    """
    path = _place_of(folder) / OUT_OF_FOLD
    if not path.exists():
        return None
    arrays = read_snapshot(path)
    return OutOfFold(arrays["rows"], arrays["folds"], arrays["outputs"], arrays.get("targets"))


def _place_of(folder: RunFolder) -> Path:
    return folder.best if folder.best.exists() else folder.path / ".best.old"


def _read(path: Path, kind: type[R]) -> R:
    with folder_errors(path, "read the best model"):
        data = path.read_bytes()
    try:
        return from_json(data, kind)
    except InvalidInput as error:
        remedy = error.remedy or "Bring the file back from a copy"
        raise RunFolderError(f"{path.name} cannot be read: {error}", where=str(path), remedy=remedy) from None


def source_of(builder: Any) -> dict[str, str]:
    """Where a builder comes from: module, qualified name, SHA-256 of its text and of its whole module.

    The whole module, because a builder usually leans on what stands beside it. A digest is empty where no
    source is to be had (typed at a prompt, compiled). Keys: file, module, name, digest, module_digest.
    """
    target = _written(builder)
    try:
        text = inspect.getsource(target)
    except (OSError, TypeError):
        text = ""
    module = b""
    with contextlib.suppress(OSError, TypeError):
        module = Path(inspect.getsourcefile(target) or "").read_bytes()
    return {
        "file": _place(target),
        "module": getattr(target, "__module__", None) or "",
        "name": getattr(target, "__qualname__", type(target).__qualname__),
        "digest": _sha256(inspect.cleandoc(text).encode()),
        "module_digest": _sha256(module),
    }


def _place(target: Any) -> str:
    """Where the module lies, from the folder of work where it lies in it: a folder that moves finds it again."""
    with contextlib.suppress(OSError, TypeError):
        path = Path(inspect.getsourcefile(target) or "").resolve()
        here = Path.cwd()
        if path.is_file():
            return str(path.relative_to(here) if path.is_relative_to(here) else path)
    return ""


def check_source(stored: Mapping[str, str], builder: Any) -> None:
    """Is the builder in hand the one that the model was built by?

    Raises:
        SourceChanged: its text differs, or the rest of its module does, or no digest was stored.
    """
    now = source_of(builder)
    name = f"{stored.get('module', '')}.{stored.get('name', '')}"
    if not stored.get("digest"):
        what = f"the source of {name} was not to be had when the model was stored"
    elif stored["digest"] != now["digest"]:
        what = f"the source of {name} has changed since the model was stored"
    elif stored.get("module_digest") and stored["module_digest"] != now["module_digest"]:
        what = f"{name} is unchanged, but something else in its module has changed since the model was stored"
    else:
        return
    raise SourceChanged(what, remedy="Pass builder= to say that it builds the same model, or bring the source back")


def _written(builder: Any) -> Any:
    """The function or class that somebody wrote, under partials, decorators and instances."""
    while isinstance(builder, functools.partial):
        builder = builder.func
    if not (inspect.isroutine(builder) or inspect.isclass(builder)):
        builder = type(builder)
    return inspect.unwrap(builder)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""

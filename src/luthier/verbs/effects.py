"""What a script looks as if it would leave behind: files it writes, services it talks to. It is read, not run."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from luthier.checks.silence import read
from luthier.findings import Place

Kind = Literal["writes files", "talks to a tracker", "shows a window"]
CALLS: dict[str, Kind] = {
    **dict.fromkeys(
        (
            "torch.save",
            "torch.jit.save",
            "torch.onnx.export",
            "torch.distributed.checkpoint.save",
            "numpy.save",
            "numpy.savez",
            "numpy.savez_compressed",
            "numpy.savetxt",
            "pickle.dump",
            "json.dump",
            "joblib.dump",
            "safetensors.torch.save_file",
            "safetensors.numpy.save_file",
            "orbax.checkpoint.CheckpointManager",
            "shutil.rmtree",
            "shutil.move",
            "os.remove",
            "os.unlink",
            "lightning.pytorch.callbacks.ModelCheckpoint",
            "pytorch_lightning.callbacks.ModelCheckpoint",
            "keras.callbacks.ModelCheckpoint",
            "tensorflow.keras.callbacks.ModelCheckpoint",
            "torch.utils.tensorboard.SummaryWriter",
            "tensorboardX.SummaryWriter",
            "keras.callbacks.TensorBoard",
            "tensorflow.keras.callbacks.TensorBoard",
            "tensorflow.summary.create_file_writer",
        ),
        "writes files",
    ),
    **dict.fromkeys(
        (
            "wandb.init",
            "mlflow.start_run",
            "mlflow.set_experiment",
            "mlflow.log_metric",
            "mlflow.log_params",
            "mlflow.autolog",
            "mlflow.pytorch.autolog",
            "comet_ml.Experiment",
            "comet_ml.start",
            "neptune.init_run",
            "clearml.Task.init",
            "aim.Run",
            "trackio.init",
            "swanlab.init",
            "huggingface_hub.upload_folder",
        ),
        "talks to a tracker",
    ),
    "matplotlib.pyplot.show": "shows a window",
}
"""Full name -> what it does."""
METHODS: dict[str, Kind] = {
    "save_pretrained": "writes files",
    "save_weights": "writes files",
    "save_checkpoint": "writes files",
    "write_text": "writes files",
    "write_bytes": "writes files",
    "to_csv": "writes files",
    "to_parquet": "writes files",
    "savefig": "writes files",
    "push_to_hub": "talks to a tracker",
}
"""Methods whose name is clear whatever they are called on."""
MOST_FILES = 100
MOST_BYTES = 1_000_000


class Effect(NamedTuple):
    """A call that leaves something behind."""

    place: Place
    kind: Kind
    call: str


def effects(script: str) -> list[Effect]:
    """Such calls in a script and in the modules that it imports from its own folder, in the order of the files.

    Args:
        script: absolute path. A file that cannot be read or is no Python has none.
    """
    return [effect for file, tree in _local(Path(script)) for effect in _calls(file, tree)]


def module_file(name: str, folder: str) -> str:
    """The file that `python -m name` runs if it lies in this folder; empty where it lies elsewhere.

    Found by its name alone: asking the import system would run the packages around it.
    """
    path = Path(folder, *name.split("."))
    for candidate in (path.with_name(path.name + ".py"), path / "__main__.py"):
        if candidate.is_file():
            return str(candidate)
    return ""


def _local(script: Path) -> Iterator[tuple[str, ast.Module]]:
    """The script and the files that it imports from its folder, each once."""
    folder, waiting, seen = script.parent, [script], {script}
    while waiting and len(seen) <= MOST_FILES:
        file = waiting.pop(0)
        tree = _tree(file)
        if tree is None:
            continue
        yield str(file), tree
        for found in _imported(tree, folder, file.parent):
            if found not in seen:
                seen.add(found)
                waiting.append(found)


def _tree(file: Path) -> ast.Module | None:
    try:
        source = read(str(file)) if os.path.getsize(file) <= MOST_BYTES else ""
        return ast.parse(source) if source else None
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _imported(tree: ast.Module, folder: Path, package: Path) -> Iterator[Path]:
    for node in ast.walk(tree):
        names: list[str] = []
        start = folder
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                start = Path(package, *[".."] * (node.level - 1))
            stem = node.module or ""
            names = [*([stem] if stem else []), *(f"{stem}.{alias.name}".lstrip(".") for alias in node.names)]
        for name in names:
            path = Path(start, *name.split("."))
            for candidate in (path.with_name(path.name + ".py"), path / "__init__.py"):
                if candidate.is_file():
                    yield candidate


def _calls(file: str, tree: ast.Module) -> Iterator[Effect]:
    names = _names(tree)
    lines = read(file).splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (kind := _kind(node, called := _dotted(node.func, names))):
            text = lines[node.lineno - 1].strip()
            yield Effect(Place(file=file, line=node.lineno, text=text), kind, called.rpartition("?.")[2])


def _kind(node: ast.Call, called: str) -> Kind | None:
    if called in CALLS:
        return CALLS[called]
    if called in ("open", "io.open") or called.endswith("?.open"):
        given = node.args[1:2] if called != "?.open" else node.args[:1]
        modes = [*given, *(k.value for k in node.keywords if k.arg == "mode")]
        said = [m.value for m in modes if isinstance(m, ast.Constant) and isinstance(m.value, str)]
        return "writes files" if any(set(mode) & set("wax+") for mode in said) else None
    return METHODS.get(called.rpartition(".")[2]) if "." in called else None


def _names(tree: ast.Module) -> dict[str, str]:
    """Local name -> full name, for all imports of a module."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Full name of what is called; "?.name" for a method of something that is no imported module."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        left = _dotted(node.value, names)
        known = left.partition(".")[0] in {n.partition(".")[0] for n in names.values()}
        return f"{left}.{node.attr}" if known else f"?.{node.attr}"
    return "?"

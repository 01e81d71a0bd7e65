"""`train.py` of a run: the shipped recipe in plain PyTorch, without luthier, on the rows that it was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.algorithms.schedules import WSD_DECAY
from luthier.data import Data
from luthier.engines.building import asks
from luthier.errors import Unsupported
from luthier.recipe import Recipe
from luthier.records import Estimate, Facts, Trial
from luthier.runs.folder import write_text_atomic
from luthier.training.rows import Rows
from luthier.training.task import Task
from luthier.verbs.plain_code import Plain, plain_code
from luthier.verbs.plain_groups import unsaid, variables
from luthier.verbs.plain_optimizers import OfALibrary, of_a_library

Array = npt.NDArray[Any]
SCRIPT, ROWS = "train.py", "train_rows.npz"
MOST_BYTES = 256 << 20
"""Rows of more bytes are not written a second time."""
PLAIN = frozenset(
    ("optimizer", "lr", "weight_decay", "momentum", "nesterov", "beta1", "beta2", "eps", "schedule", "warmup", "loss")
) | {"final_lr", "clip_norm", "label_smoothing", "batch_size", "epochs", "steps", "huber_delta"}
SILENT = frozenset(
    (
        "optimizer_options",
        "focal_gamma",
        "d0",
        "d_coef",
        "schedule_power",
        "schedule_cycles",
        "plateau_patience",
        "init_gain",
    )
)
"""Settings that the script has words for; and those that mean nothing without others that it has no words for."""
OPTIMIZERS = {
    "adamw": "torch.optim.AdamW(groups, lr=LR, betas=(BETA1, BETA2), eps=EPS)",
    "sgd": "torch.optim.SGD(groups, lr=LR, momentum=MOMENTUM, nesterov=NESTEROV)",
    "rmsprop": "torch.optim.RMSprop(groups, lr=LR, alpha=BETA2, eps=EPS, momentum=MOMENTUM)",
}
OWN_NUMBERS = {
    "adamw": ["beta1", "beta2", "eps"],
    "sgd": ["momentum", "nesterov"],
    "rmsprop": ["beta2", "eps", "momentum"],
}
DECOUPLED = ("adamw",)
"""Rules whose weight decay in torch is the decoupled one; for the others the script takes it off the weights."""
SHAPES = {
    "constant": "1.0",
    "linear": "(FINAL_LR + (1 - FINAL_LR) * (1 - u))",
    "cosine": "(FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * u)))",
    "wsd": "(FINAL_LR + (1 - FINAL_LR) * (1 - math.sqrt(u)))",
}
LOSSES = {
    "cross_entropy": "torch.nn.functional.cross_entropy(outputs, targets, label_smoothing=LABEL_SMOOTHING)",
    "bce_with_logits": "torch.nn.functional.binary_cross_entropy_with_logits(\n"
    "        outputs, targets.reshape(outputs.shape) * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / 2\n    )",
    "mse": "torch.nn.functional.mse_loss(outputs, targets.reshape(outputs.shape))",
    "mae": "torch.nn.functional.l1_loss(outputs, targets.reshape(outputs.shape))",
    "huber": "torch.nn.functional.huber_loss(outputs, targets.reshape(outputs.shape), delta=HUBER_DELTA)",
}
METRICS = {
    "accuracy": "return float((outputs.argmax(1).numpy() == targets).mean())",
    "log_loss": "return float(torch.nn.functional.cross_entropy(outputs, torch.from_numpy(targets)))",
    "mse": "return float(((values(outputs) - targets.reshape(len(targets), -1)) ** 2).mean())",
    "mae": "return float(abs(values(outputs) - targets.reshape(len(targets), -1)).mean())",
    "rmse": "return float(((values(outputs) - targets.reshape(len(targets), -1)) ** 2).mean() ** 0.5)",
}
for _name, _call in {
    "balanced_accuracy": "balanced_accuracy_score(targets, outputs.argmax(1))",
    "f1": "f1_score(targets, outputs.argmax(1))",
    "f1_macro": 'f1_score(targets, outputs.argmax(1), average="macro")',
    "mcc": "matthews_corrcoef(targets, outputs.argmax(1))",
    "r2": "r2_score(targets.reshape(len(targets), -1), values(outputs))",
}.items():
    METRICS[_name] = f"from sklearn.metrics import {_call.partition('(')[0]}\n\n    return float({_call})"
"""Metrics in a line or two; in the place of all others the script tells the loss."""


def why_not(recipe: Recipe, facts: Facts) -> str:
    """Why there is no script for this run; empty where there is one."""
    usual = Recipe()
    odd = [n for n in Recipe.__struct_fields__ if n not in PLAIN | SILENT | {"preparation", "model", "groups"}]
    named = [name for name in odd if getattr(recipe, name) != getattr(usual, name)]
    loss = recipe.loss or facts.loss
    reasons = {
        f"it is written for PyTorch, not {facts.framework}": facts.framework != "torch",
        f"optimizer {recipe.optimizer} has no form in torch.optim that is the same": not recipe.foreign
        and recipe.optimizer not in OPTIMIZERS,
        f"it has no words for {', '.join(named)}": bool(named),
        f"it has no words for the schedule {recipe.schedule}": recipe.schedule not in SHAPES,
        f"it has no words for the loss {loss}": loss not in LOSSES,
        "the metric is a function of your own": facts.measured,
        "the inputs are a dict or a tuple": bool(facts.spec.get("tree")),
        f"it has no words for {', '.join(unsaid(recipe))}": bool(unsaid(recipe)),
        "it has no words for groups of an optimizer of a library": recipe.foreign and bool(recipe.named_groups),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def write(folder: Path, task: Task, *, trial: Trial, facts: Facts, score: Estimate, seed: int) -> str:
    """Write `train.py` and its rows into a run's folder; returns why not, or "" where it is there.

    Args:
        task: the builder, and the rows, which are read only where the script is written.
        trial: the shipped one: recipe, seed and split. score: of the recipe, on fresh seeds. seed: of the run.
    """
    if reason := why_not(trial.recipe, facts):
        return reason
    try:
        outside = of_a_library(trial.recipe) if trial.recipe.foreign else None
        plain = plain_code(task.build, *(outside.own if outside else ()))
    except Unsupported as refused:
        return refused.fact
    data = task.load()
    if data.stream is not None:
        return "training rows come from loaders"
    rows = prepared_rows(data, trial, seed, most=MOST_BYTES)
    if not rows:
        return f"its rows would take more than {MOST_BYTES >> 20} MiB a second time"
    np.savez(folder / ROWS, allow_pickle=False, **rows)
    text = script(
        folder.name,
        plain,
        trial=trial,
        facts=facts,
        score=score,
        asked=asks(task.build)[0],
        scaled="target_shift" in rows,
        outside=outside,
    )
    write_text_atomic(folder / SCRIPT, text)
    return ""


def prepared_rows(data: Data, trial: Trial, seed: int, *, most: float = math.inf) -> dict[str, Array]:
    """Training and validation rows of the trial's split as the engine saw them; validation targets in their units.

    `most`: where the inputs would take more bytes than that, nothing is prepared: they may be larger than memory.
    """
    test = data.test_rows(seed)
    data = data.laid_out(test)
    kept = Rows(data, test, lambda source: source)
    train, val = kept.split(trial.split_seed)
    width = len(data.layout) if data.layout is not None else math.prod(data.inputs.shape[1:])
    if (len(train) + len(val)) * width * data.inputs.itemsize > most:
        return {}
    fitted = kept.fitted(trial.split_seed, trial.recipe)
    inputs, targets, *_ = kept.placed(trial.split_seed, trial.recipe)
    parts = {
        "x_train": (inputs, train),
        "y_train": (targets, train),
        "x_val": (inputs, val),
        "y_val": (data.targets, val),
    }
    found = {name: array[rows] for name, (array, rows) in parts.items()}
    scale = {n: fitted[n] for n in ("target_shift", "target_width") if n in fitted}
    return {name: np.ascontiguousarray(array) for name, array in (found | scale).items()}


def script(
    name: str,
    plain: Plain,
    *,
    trial: Trial,
    facts: Facts,
    score: Estimate,
    asked: list[str],
    scaled: bool,
    outside: OfALibrary | None = None,
) -> str:
    """The text of `train.py`; `outside`: where the optimizer is none of the rulebook's."""
    recipe = trial.recipe
    loss, metric = recipe.loss or facts.loss, facts.metric.name
    template = _environment().get_template("train_torch.py.j2")
    text: str = template.render(
        name=name,
        version=version("luthier"),
        script=SCRIPT,
        rows=ROWS,
        sklearn="sklearn" in METRICS.get(metric, ""),
        split_seed=trial.split_seed,
        scored=_scored(metric, score),
        imports=[*_imports(plain), *(outside.imports if outside else ())],
        seed=trial.seed % (1 << 31),
        numbers=_numbers(recipe),
        model=plain.text,
        about_schedule=f"{recipe.schedule.capitalize()}, after a linear rise.",
        schedule=recipe.schedule,
        shape=SHAPES[recipe.schedule],
        wsd_decay=WSD_DECAY,
        about_loss=f"{loss.replace('_', ' ').capitalize()}.",
        loss=LOSSES[loss],
        metric=metric if metric in METRICS else "loss",
        metric_code=_metric_code(metric, scaled=scaled),
        scaled=scaled,
        whole=facts.whole,
        build=f"{plain.name}({', '.join(f'{k}={v!r}' for k, v in _arguments(recipe, facts, asked).items())})",
        rates=outside is not None,
        num_steps=trial.num_steps,
        clips=recipe.clip_norm is not None,
        **_stepped(recipe, outside),
    )
    return text


def _scored(metric: str, score: Estimate) -> str:
    """The score of the run in words."""
    if score.n < 2:
        return f"{metric} {score.score:.6g} on the validation rows of one seed"
    low, high = score.interval
    return f"{metric} {score.score:.6g} ({low:.6g} to {high:.6g}) on the validation rows of {score.n} fresh seeds"


def _environment() -> Any:
    import jinja2

    loader = jinja2.PackageLoader("luthier.verbs", "templates")
    return jinja2.Environment(
        loader=loader, autoescape=False, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )


def _imports(plain: Plain) -> list[str]:
    ours = ("import math", "import numpy as np", "import torch", "from pathlib import Path")
    return [line for line in plain.imports if line not in ours and not line.startswith("from __future__")]


def _arguments(recipe: Recipe, facts: Facts, asked: list[str]) -> Mapping[str, Any]:
    sizes = {"inputs": facts.num_inputs, "outputs": facts.num_outputs}
    return {n: v for n, v in sizes.items() if n in asked} | dict(recipe.model)


def _numbers(recipe: Recipe) -> list[tuple[str, Any]]:
    names = ["lr", "weight_decay", "warmup", "final_lr", "label_smoothing", "batch_size"]
    names += OWN_NUMBERS.get(recipe.optimizer, [])
    names += ["clip_norm"] if recipe.clip_norm is not None else []
    names += ["huber_delta"] if recipe.loss == "huber" else []
    return [(name.upper(), getattr(recipe, name)) for name in names]


def _of_groups(recipe: Recipe) -> dict[str, Any]:
    """Parameter groups with numbers of their own, and what is done by them."""
    told = variables(recipe, decoupled=recipe.optimizer in DECOUPLED)
    return {**told, "optimizer": f"{told['groups']}\n    optimizer = {OPTIMIZERS[recipe.optimizer]}"}


def _stepped(recipe: Recipe, outside: OfALibrary | None) -> dict[str, Any]:
    """How the optimizer is made and steps: of a library, by named groups, or by the usual two."""
    if outside is None and recipe.groups != Recipe().groups:
        return _of_groups(recipe)
    made = outside.made if outside else _optimizer(recipe)
    return {"parts": [], "group_clips": [], "factors": False, "optimizer": made, "step": _step(recipe)}


def _optimizer(recipe: Recipe) -> str:
    decay = ", ".join(
        f'{{"params": {params}, "weight_decay": {value}}}'
        for params, value in (
            ("decay", "WEIGHT_DECAY" if recipe.optimizer in DECOUPLED else "0.0"),
            ("no_decay", "0.0"),
        )
    )
    return f"    groups = [{decay}]\n    optimizer = {OPTIMIZERS[recipe.optimizer]}"


def _step(recipe: Recipe) -> str:
    if recipe.optimizer in DECOUPLED or recipe.foreign or not recipe.weight_decay:
        return "optimizer.step()"
    return (
        "with torch.no_grad():  # decoupled weight decay\n"
        "            for weight in decay:\n"
        "                weight.mul_(1 - learning_rate(step, num_steps) * WEIGHT_DECAY)\n"
        "        optimizer.step()"
    )


def _metric_code(metric: str, *, scaled: bool) -> str:
    code = METRICS.get(metric, "return float(loss_of(outputs, torch.from_numpy(targets)))")
    if "values(" not in code:
        return code
    rows = f'rows = np.load(Path(__file__).parent / "{ROWS}")\n    '
    back = 'outputs.numpy() * rows["target_width"] + rows["target_shift"]' if scaled else "outputs.numpy()"
    return (rows if scaled else "") + code.replace("values(outputs)", f"({back})")

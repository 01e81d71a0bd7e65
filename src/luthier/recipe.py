"""How one model is built and trained, as plain frozen data: the recipe, and what its settings may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from luthier.codec import Record
from luthier.errors import InvalidInput
from luthier.groups import GROUPS, check, group_in, with_number


class Legal(Record, frozen=True, kw_only=True):
    """The range in which a training setting makes sense. Stated once: validation and messages come from it."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False  # low itself is not allowed
    open_high: bool = False

    def allows(self, value: float) -> bool:
        """Is the value in the range? NaN never is."""
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def text(self, name: str) -> str:
        """The condition in words: `0 < lr <= 1`."""
        left = f"{self.low:g} {'<' if self.open_low else '<='} " if math.isfinite(self.low) else ""
        right = f" {'<' if self.open_high else '<='} {self.high:g}" if math.isfinite(self.high) else ""
        return f"{left}{name}{right}"


LEGAL: dict[str, Legal] = {
    "lr": Legal(low=0.0, open_low=True),
    "weight_decay": Legal(low=0.0),
    "momentum": Legal(low=0.0, high=1.0, open_high=True),
    "beta1": Legal(low=0.0, high=1.0, open_high=True),
    "beta2": Legal(low=0.0, high=1.0, open_high=True),
    "one_minus_momentum": Legal(low=0.0, high=1.0, open_low=True),
    "one_minus_beta1": Legal(low=0.0, high=1.0, open_low=True),
    "one_minus_beta2": Legal(low=0.0, high=1.0, open_low=True),
    "eps": Legal(low=0.0, open_low=True),
    "warmup": Legal(low=0.0, high=1.0, open_high=True),
    "final_lr": Legal(low=0.0, high=1.0),
    "clip_norm": Legal(low=0.0, open_low=True),
    "label_smoothing": Legal(low=0.0, high=1.0, open_high=True),
    "dropout": Legal(low=0.0, high=1.0, open_high=True),
    "eps_root": Legal(low=0.0),
    "d0": Legal(low=0.0, open_low=True),
    "d_coef": Legal(low=0.0, open_low=True),
    "schedule_power": Legal(low=0.0, open_low=True),
    "schedule_cycles": Legal(low=1),
    "plateau_patience": Legal(low=1),
    "l1": Legal(low=0.0),
    "l2": Legal(low=0.0),
    "clip_value": Legal(low=0.0, open_low=True),
    "max_norm": Legal(low=0.0, open_low=True),
    "sam_rho": Legal(low=0.0),
    "ema_decay": Legal(low=0.0, high=1.0, open_high=True),
    "swa_start": Legal(low=0.0, high=1.0, open_high=True),
    "accumulate": Legal(low=1),
    "mixup": Legal(low=0.0),
    "cutmix": Legal(low=0.0),
    "init_gain": Legal(low=0.0, open_low=True),
    "focal_gamma": Legal(low=0.0),
    "huber_delta": Legal(low=0.0, open_low=True),
    "lr_factor": Legal(low=0.0),
    "batch_size": Legal(low=1),
    "epochs": Legal(low=0.0, open_low=True),
    "steps": Legal(low=1),
}
OPTIMIZERS = (
    "adamw",
    "nadamw",
    "sgd",
    "rmsprop",
    "gd",
    "adagrad",
    "lion",
    "schedule_free",
    "prodigy",
    "muon",
)
SCHEDULES = (
    "constant",
    "linear",
    "cosine",
    "wsd",
    "step",
    "exponential",
    "polynomial",
    "one_cycle",
    "cyclical",
    "plateau",
)
INITIALISERS = (
    "uniform",
    "normal",
    "xavier_uniform",
    "xavier_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "orthogonal",
)
LOSSES = ("cross_entropy", "bce_with_logits", "mse", "mae", "huber", "focal")
AUTO = "auto"
"""Instead of a number, for `init_gain`: each layer's own, by the activation that follows it."""
NAMED: dict[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "init": ("", *INITIALISERS),
    "loss": ("", *LOSSES),
    "class_weights": ("", "balanced"),
}
"""Settings that are names, with those that they may have; "" leaves it to the task or the model."""
OPTION = "optimizer."
"""Before the name of an argument of an optimizer of a library, in a space or a configuration."""


class Recipe(msgspec.Struct, frozen=True):
    """How one model is built and trained. Settings that the optimizer does not have are ignored.

    Args:
        optimizer: name of an update rule, one of `OPTIMIZERS`; or of any optimizer of torch, optax or Keras, or with
            their interface, by where it is imported from: "torch.optim.RAdam", "optax.adabelief",
            "keras.optimizers.Nadam", with its own arguments in `optimizer_options`. lr is scheduled, and
            weight_decay is what the optimizer makes of it. A function of one's own is handed over beside the recipe,
            `luthier.tune(..., optimizer=function)`, and stands here as "own.<its name>".
        lr: peak learning rate, per step on the mean loss of a batch. Of an optimizer of a library that takes none: a
            factor of what it does by itself.
        weight_decay: decoupled: every step takes `lr * weight_decay * weight` off the weight.
        momentum: of sgd, rmsprop and muon. `nesterov`: sgd looks ahead.
        beta1, beta2, eps: of the Adam family; lion has both betas, rmsprop beta2 and eps, adagrad eps.
        eps_root: of rmsprop and adagrad, inside the root. `eps_hat`: Adam's eps stands before the bias correction.
        d0, d_coef: of prodigy: first estimate of the distance, and a factor of all later ones.
        schedule: shape of the learning rate over training, one of `SCHEDULES`. `schedule_power` is the exponent of
            polynomial, `schedule_cycles` the number of triangles of cyclical and of plateaus of step,
            `plateau_patience` the reports without progress after which plateau takes a tenth.
        warmup: fraction of the steps in which the learning rate rises linearly from 0.
        final_lr: the learning rate at the end, as a fraction of the peak.
        l1, l2: penalties in the gradient: l1 sign(w) + l2 w. Decay, not these, is the usual choice with Adam.
        clip_value: every element of the gradient is held within it. `max_norm`: so are the norms of the weights into
            each unit, after each step.
        sam_rho: sharpness-aware: the gradient is taken at a distance rho uphill; two gradients a step. 0: off.
        ema_decay: models are evaluated with an average of the weights that forgets at this rate. 0: off.
        swa_start: ... with the plain average from this fraction of the steps on.
        accumulate: the gradient of a step is found in so many parts of the batch, which saves memory.
        mixup, cutmix: rows (patches of images) of a batch are mixed in pairs; the parameter of the Beta distribution
            of the shares. 0: off.
        init: an initialiser of `INITIALISERS` for matrices and kernels that the model draws at random; "": its own.
            `init_gain`: a factor of it; "auto": each layer's own, the gain of the activation that follows it over the
            gain that the initialiser assumes (`algorithms.initialisers.factor_before`). `zero_init`: weights whose
            names end so begin at 0.
        loss: one of `LOSSES`; "": the task's. `focal_gamma`, `huber_delta`: of these two.
        class_weights: "balanced": every class has the same share of the loss.
        clip_norm: gradients with a larger L2 norm over all weights are scaled down to it; None: never.
        label_smoothing: fraction of the target probability spread over all classes.
        batch_size: rows a step. Chosen by throughput, never searched for quality.
        epochs: passes over the training rows; `steps`, where given, counts instead.
        preparation: what is done to the inputs, fitted on training rows only: {"scale": "standard"}.
        model: keyword arguments of the builder.
        groups: numbers that differ in a parameter group, by its name: one of `groups.GROUPS`, or the path of a module
            ("backbone", "encoder.layers.0"), which holds all weights below it that no longer path names. Each may
            have the numbers of `groups.NUMBERS`, absolute but `lr_factor`, which multiplies the learning rate; at
            lr_factor 0 the weights do not move at all. What GROUPS say holds in all modules; where they do not,
            no_decay has a weight_decay, l1 and l2 of 0. A group's clip_norm is over its own weights and comes
            before the recipe's.
        program: of a program of one's own: every setting, also "lr", stands in `model`; `steps` counts reports.
    """

    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    schedule: str = "cosine"
    warmup: float = 0.05
    final_lr: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    batch_size: int = 64
    epochs: float = 20.0
    steps: int | None = None
    eps_root: float = 0.0
    eps_hat: bool = False
    d0: float = 1e-6
    d_coef: float = 1.0
    schedule_power: float = 2.0
    schedule_cycles: int = 3
    plateau_patience: int = 2
    l1: float = 0.0
    l2: float = 0.0
    clip_value: float | None = None
    max_norm: float | None = None
    sam_rho: float = 0.0
    ema_decay: float = 0.0
    swa_start: float | None = None
    accumulate: int = 1
    mixup: float = 0.0
    cutmix: float = 0.0
    init: str = ""
    init_gain: float | str = 1.0
    zero_init: str = ""
    loss: str = ""
    focal_gamma: float = 2.0
    huber_delta: float = 1.0
    class_weights: str = ""
    optimizer_options: dict[str, Any] = {}
    preparation: dict[str, Any] = {}
    model: dict[str, Any] = {}
    groups: dict[str, dict[str, float]] = msgspec.field(default_factory=lambda: {"no_decay": {"weight_decay": 0.0}})
    program: bool = False

    def __post_init__(self) -> None:
        for name, legal in LEGAL.items():
            value = getattr(self, name, None)
            if name == "init_gain" and isinstance(value, str):
                if value != AUTO:
                    raise InvalidInput(f"{name}={value!r}", must=f"{legal.text(name)}, or 'auto'", where="recipe")
            elif value is not None and not legal.allows(value):
                raise InvalidInput(f"{name}={value}", must=legal.text(name), where="recipe")
        self._check_names()
        self._check_together()

    def _check_names(self) -> None:
        """Settings that are names.

        Raises:
            InvalidInput: there is none of this name, or it is no name at all.
        """
        if not isinstance(self.optimizer, str):
            raise InvalidInput(
                f"optimizer={type(self.optimizer).__name__}",
                must="a name: a recipe is plain data",
                where="recipe",
                remedy="Pass the function beside the recipe: luthier.tune(..., optimizer=function)",
            )
        for name, options in NAMED.items():
            value = getattr(self, name)
            if value not in options and not (name == "optimizer" and self.foreign):
                known = ", ".join(option or "''" for option in options)
                raise InvalidInput(f"{name}={value!r}", must=f"{name} is one of {known}", where="recipe")
        for group, numbers in self.groups.items():
            check(group, numbers, LEGAL)

    def _check_together(self) -> None:
        """Settings that are sound by themselves, but not together.

        Raises:
            InvalidInput: two averages, or parts that do not divide the batch.
        """
        averages = [
            n
            for n, on in (
                ("ema_decay", self.ema_decay > 0),
                ("swa_start", self.swa_start is not None),
                ("schedule_free", self.optimizer == "schedule_free"),
            )
            if on
        ]
        if len(averages) > 1:
            raise InvalidInput(
                " with ".join(averages),
                must="one average of the weights",
                where="recipe",
                remedy=f"Leave out {averages[0]}",
            )
        if self.batch_size % self.accumulate:
            raise InvalidInput(
                f"accumulate={self.accumulate} with batch_size={self.batch_size}",
                must="accumulate divides batch_size",
                where="recipe",
                remedy="Each part of a step has batch_size / accumulate rows",
            )

    @property
    def named_groups(self) -> tuple[str, ...]:
        """Paths of modules that are parameter groups of their own, sorted."""
        return tuple(sorted(set(self.groups) - set(GROUPS)))

    @property
    def foreign(self) -> bool:
        """Is the optimizer one of a library, by where it is imported from?"""
        return "." in self.optimizer

    def with_config(self, config: Mapping[str, Any]) -> Recipe:
        """This recipe with some settings changed.

        A name that is a field of the recipe changes it; `one_minus_x` changes x; `prepare_x` changes the
        preparation; `backbone.lr` changes lr in the parameter group backbone; every other name, or `model.x`,
        goes to the builder. `sgd.lr` changes lr where the optimizer is sgd, and nothing elsewhere: SGD's learning
        rate is another dimension than AdamW's. `optimizer.x` is an argument of an optimizer of a library.
        """
        if self.program:
            return msgspec.structs.replace(self, model={**self.model, **config})
        fields: dict[str, Any] = {}
        model, preparation, groups = dict(self.model), dict(self.preparation), dict(self.groups)
        options = dict(self.optimizer_options)
        optimizer = config.get("optimizer", self.optimizer)
        for key, value in config.items():
            owner, dot, rest = key.partition(".")
            owned = bool(dot) and owner in OPTIMIZERS
            if owned and owner != optimizer:
                continue
            name = rest if owned else key
            if group := group_in(name, self.groups):
                groups[group] = with_number(groups.get(group, {}), name.removeprefix(f"{group}."), value)
            elif name.startswith("one_minus_"):
                fields[name.removeprefix("one_minus_")] = 1.0 - value
            elif name.startswith("prepare_"):
                preparation[name.removeprefix("prepare_")] = value
            elif name.startswith(OPTION):
                options[name.removeprefix(OPTION)] = value
            elif name in TRAINING_SETTINGS:
                fields[name] = value
            else:
                model[name.removeprefix("model.")] = value
        fields = {"optimizer_options": options} | fields
        return msgspec.structs.replace(self, **fields, model=model, preparation=preparation, groups=groups)

    def num_steps(self, num_rows: int) -> int:
        """Optimizer steps of the whole training on `num_rows` training rows."""
        return self.steps or max(1, math.ceil(self.epochs * num_rows / self.batch_size))

    def differs(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """{setting: (here, there)} for every setting that differs, builder arguments as `model.x`."""
        mine, theirs = _flat(self), _flat(other)
        return {
            name: (mine.get(name), theirs.get(name))
            for name in [*mine, *(n for n in theirs if n not in mine)]
            if mine.get(name) != theirs.get(name)
        }


TRAINING_SETTINGS = frozenset(Recipe.__struct_fields__) - {"model", "preparation", "groups", "program"}


def _flat(recipe: Recipe) -> dict[str, Any]:
    if recipe.program:
        return dict(recipe.model)
    flat = {name: getattr(recipe, name) for name in Recipe.__struct_fields__ if name in TRAINING_SETTINGS}
    del flat["optimizer_options"]
    flat |= {f"{OPTION}{k}": v for k, v in recipe.optimizer_options.items()}
    flat |= {f"model.{k}": v for k, v in recipe.model.items()}
    flat |= {f"prepare_{k}": v for k, v in recipe.preparation.items()}
    return flat | {f"{g}.{k}": v for g, numbers in recipe.groups.items() for k, v in numbers.items()}

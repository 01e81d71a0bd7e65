"""What the same name means in three frameworks: the table of docs/conventions.md, which is made of it.

Versions: torch 2.13, optax 0.2.8 with Flax 0.12.8, Keras 3.15.1.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One thing that has a name in common."""

    topic: str
    torch: str
    optax: str  # and Flax
    keras: str
    follows: str = ""


ROWS: dict[str, tuple[Row, ...]] = {
    "Optimizers": (
        Row("learning rate of SGD", "1e-3", "none, must be given", ".01"),
        Row(
            "velocity of momentum",
            "v = mu v + g; w -= lr v",
            "the same",
            "v = mu v - lr g; w += v",
            "equal at a constant rate only: Keras keeps the old rate within v",
        ),
        Row("dampening", "0; weakens all gradients but the first", "-", "-"),
        Row("rate of RMSprop's memory", "alpha = .99", "decay = .9", "rho = .9", "always say it"),
        Row(
            "eps of RMSprop",
            "1e-8, outside the root",
            "1e-8, inside (eps_in_sqrt=True)",
            "1e-7, inside",
            "luthier: eps and eps_root",
        ),
        Row(
            "eps of Adam",
            "1e-8, after the correction of v",
            "the same",
            "1e-7, before the correction",
            "luthier: eps_hat; eps_torch(t) = eps_keras / sqrt(1 - beta2^t)",
        ),
        Row("weight decay of AdamW", ".01", "1e-4", ".004", "all take lr decay w off the weight"),
        Row(
            "Adam(weight_decay=...)",
            "in the gradient: l2",
            "no such argument",
            "decoupled",
            "one name, two algorithms",
        ),
        Row(
            "NAdam",
            "mu_t = beta1 (1 - .5 * .96^(.004 t))",
            "beta1 as it is",
            "mu_t = beta1 (1 - .5 * .96^t)",
            "three sequences; luthier's nadamw is that of optax",
        ),
        Row(
            "Adagrad",
            "sum from 0, eps 1e-10 outside",
            "from .1, eps 1e-7 inside",
            "from .1, eps 1e-7 inside",
            "luthier: eps_root holds start and inner eps",
        ),
        Row("Lion", "-", "decay 1e-3, beta2 .99", "no decay, beta2 .99", "the rule is the same"),
        Row(
            "Muon's step",
            "sqrt(max(1, rows / columns)), or .2 sqrt(max(rows, columns)) as match_rms_adamw",
            "the first; the second as consistent_rms=.2; mean corrected for its start",
            "the second",
            "luthier's is the second, uncorrected; iterations of torch run in bfloat16",
        ),
        Row("Prodigy", "-", "with Adam's bias correction", "-", "luthier's is the authors' default, without"),
        Row(
            "Schedule-Free AdamW",
            "-",
            "as published",
            "no switch to the averaged weights",
            "luthier evaluates with the average",
        ),
        Row(
            "clipping by norm",
            "clip_grad_norm_: all weights together, 1e-6 added to the norm",
            "clip_by_global_norm: together",
            "clipnorm: each variable by itself; global_clipnorm: together",
            "luthier's clip_norm: together, nothing added",
        ),
        Row(
            "decay of biases and scales",
            "yes, unless grouped",
            "yes, unless masked",
            "yes, unless excluded",
            "luthier: no, unless `groups` says so",
        ),
    ),
    "Schedules and averages": (
        Row("unit of a schedule", "calls of step()", "steps", "steps"),
        Row("one cycle", "rise .3, start 1/25, end 1/25e4, momentum cycles", "the same numbers, no momentum", "-"),
        Row(
            "reduce on plateau",
            "factor .1, patience 10, relative 1e-4",
            "the same",
            "factor .1, patience 10, 1e-4 absolute",
            "luthier: as torch, patience counted in reports",
        ),
        Row(
            "averaged weights",
            "swa_utils.AveragedModel",
            "optax.ema averages updates, not weights",
            "use_ema, .99",
            "luthier: ema_decay, swa_start",
        ),
    ),
    "Weights at the start": (
        Row(
            "dense layer",
            "U(+-1/sqrt(fan_in)), biases too",
            "lecun_normal, biases 0",
            "glorot_uniform, biases 0",
            "signals through relu: 1/6, 1/2 and 1/2 of their second moment a layer",
        ),
        Row("embedding", "N(0, 1)", "sd 1/sqrt(features)", "U(+-.05)", "35 times from narrowest to widest"),
        Row("LSTM", "U(+-1/sqrt(hidden))", "-", "glorot and orthogonal, forget bias 1"),
    ),
    "Layers and losses": (
        Row("momentum of BatchNorm", ".1, of the new batch", ".99, of the old", ".99, of the old", "m and 1 - m"),
        Row("eps of BatchNorm", "1e-5", "1e-5", "1e-3"),
        Row("running variance", "over n - 1", "over n", "over n", "shows in small batches"),
        Row("eps of LayerNorm", "1e-5", "1e-6", "1e-3"),
        Row("eps of GroupNorm", "1e-5", "1e-6, 32 groups", "1e-3, 32 groups"),
        Row("eps of RMSNorm", "that of the type", "1e-6", "1e-6"),
        Row("rate of dropout", "p = .5, what is dropped", "must be given, what is dropped", "the same as Flax"),
        Row(
            "losses of classes",
            "on logits",
            "on logits",
            "on probabilities (from_logits=False)",
            "logits in the place of probabilities give no error and a gradient of 0 where they are cut",
        ),
        Row("label smoothing", "(1 - a) y + a / K", "the same", "the same; binary (1 - a) y + a / 2"),
    ),
}
"""By heading."""
HEAD = """# Conventions

The same name, three meanings. This page is made of `src/luthier/algorithms/conventions.py`; a test holds both in
step. Versions: torch 2.13, optax 0.2.8 with Flax 0.12.8, Keras 3.15.1.

`luthier.convert` carries the settings of an optimizer across, with the same mathematics, or says why there is none:

```python
import luthier

luthier.convert({"optimizer": "AdamW", "lr": 3e-4}, "torch", "optax")
luthier.convert({"optimizer": "Adam"}, "keras", "luthier")     # eps_hat=True
```

It knows SGD, Adam, AdamW, RMSprop, Adagrad and Lion where a framework has them, of "torch", "optax", "keras", and
"luthier" (fields of a Recipe).
"""


def page() -> str:
    """docs/conventions.md."""
    lines = [HEAD]
    for heading, rows in ROWS.items():
        lines += [f"## {heading}\n", "| | torch | optax, Flax | Keras | so |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)

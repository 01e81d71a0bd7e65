"""Tune a model of your own: an ordinary function that returns an ordinary torch module, and numpy arrays.

    python examples/own_model.py            # about half a minute
    python examples/own_model.py 5min       # more trials, surer answers

What luthier must beat is what you use today: the defaults of your function and, here, AdamW at 1e-3.
"""

import sys

import numpy as np
from torch import nn

import luthier
from luthier import Data, Float, Int, Recipe


def spirals(num_rows=1200, noise=0.35, seed=0):
    """Two spirals wound into each other: inputs [n, 2] float32, classes [n]. No straight line parts them."""
    rng = np.random.default_rng(seed)
    label = np.arange(num_rows) % 2
    angle = 3 * np.pi * np.sqrt(rng.uniform(0.05, 1.0, num_rows))
    turned = angle + np.pi * label
    rows = angle[:, None] * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    return (rows + noise * rng.standard_normal(rows.shape)).astype(np.float32), label


def net(width: int = 16, depth: int = 2, dropout: float = 0.0, *, inputs: int, outputs: int) -> nn.Module:
    """Hidden layers with ReLU and dropout. Keyword arguments are hyperparameters; luthier passes the sizes."""
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def tune(budget="30s", **more):
    """A run on the spirals; `more` goes to `luthier.tune`."""
    inputs, targets = spirals()
    return luthier.tune(
        net,
        data=Data(inputs, targets, labels=("left", "right")),
        budget=budget,
        baseline=Recipe("adamw", lr=1e-3, epochs=20, preparation={"scale": "standard"}),
        space={"width": Int(8, 64, log=True), "depth": Int(1, 3), "dropout": Float(0.0, 0.3)},
        **more,
    )


def main():
    """Tune, say what came out, and use the model."""
    run = tune(*sys.argv[1:2])
    print(run.verdict)
    print("settings of the best:", run.best.config or "those of the baseline")
    print("report:", run.report)

    model = luthier.load(run.folder, builder=net)
    rows, _ = spirals(num_rows=4, seed=1)
    print("four new rows:", [model.labels[i] for i in model.predict(rows).argmax(1)])


if __name__ == "__main__":
    main()

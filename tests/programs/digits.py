"""A script that nobody wants to touch: a linear classifier of handwritten digits by gradient descent, in numpy.

python digits.py --lr 0.1 --l2 0.0001 --seed 0 --out FOLDER [--csv] [--loud] [--checkpoint FOLDER] [--rows N]
"""

import argparse
import csv
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

EPOCHS = 6


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--loud", action="store_true")
    parser.add_argument("--checkpoint", type=Path)
    return parser.parse_args()


def split(seed):
    place = Path(find_spec("sklearn").submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(place, delimiter=",")  # without importing the package, which takes longer than the training
    x, y = table[:, :64], table[:, 64].astype(int)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order] / 16.0, y[order]
    return x[400:1400], y[400:1400], x[:400], y[:400]


def epoch_of(weights, x, y, given, order):
    for rows in np.array_split(order, 20):
        scores = x[rows] @ weights
        chances = np.exp(scores - scores.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        chances[np.arange(len(rows)), y[rows]] -= 1
        weights = weights - given.lr * (x[rows].T @ chances / len(rows) + given.l2 * weights)
    return weights


def main():
    given = arguments()
    x, y, x_val, y_val = split(given.seed)
    weights, first = np.zeros((64, 10)), 0
    place = given.checkpoint / "last.npz" if given.checkpoint else None
    if place and place.exists():
        stored = np.load(place)
        weights, first = stored["weights"], int(stored["epoch"])
    for epoch in range(first + 1, EPOCHS + 1):
        weights = epoch_of(weights, x, y, given, np.random.default_rng([given.seed, epoch]).permutation(len(x)))
        accuracy = float(((x_val @ weights).argmax(1) == y_val).mean())
        tell(given, epoch, accuracy)
        if place:  # what is saved was reported: a kill in between repeats an epoch and skips none
            np.savez(place.with_name("next.npz"), weights=weights, epoch=epoch)
            os.replace(place.with_name("next.npz"), place)


def tell(given, epoch, accuracy):
    if given.loud or not given.out:
        sys.stdout.write(f"epoch {epoch}/{EPOCHS} accuracy is {accuracy:.4f}\n")
        return
    file = given.out / ("log.csv" if given.csv else "log.jsonl")
    with file.open("a", newline="") as stream:
        if given.csv:
            writer = csv.writer(stream)
            if epoch == 1:
                writer.writerow(["epoch", "of", "val_acc"])
            writer.writerow([epoch, EPOCHS, accuracy])
        else:
            stream.write(json.dumps({"epoch": epoch, "of": EPOCHS, "val_acc": accuracy}) + "\n")


if __name__ == "__main__":
    main()

"""Eight real sets, a sensible small model each: the default recipe against what tuning finds, beside a classic.

python -m benchmarks.real_sets [--budget 5min] [--only adult ...] [--table]

Each run is one row of runs/benchmarks/real_sets.jsonl; what is there already is left out. The gain is the paired
difference of the deciding comparison with its 95 % interval; test rows are looked at once. Data: LUTHIER_DATA, else
../shared/data beside the checkout, and scikit-learn.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
import time
import wave
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.population.models import data_folder, fashion_pixels
from benchmarks.population.store import Store
from torch import nn

import luthier
from luthier import Choice, Data, Float, Int, Recipe

ROOT = Path(__file__).resolve().parents[1]
SHARED = data_folder()
OUT = ROOT / "runs" / "benchmarks" / "real_sets.jsonl"


class Case(NamedTuple):
    """A set: rows, model, metric, what is tuned beside the usual, where it starts, and a classic on the same rows."""

    data: Data
    build: Callable[..., Any]
    metric: str
    space: dict[str, Any]
    baseline: Recipe
    classic: Callable[[], tuple[str, float]] | None = None


def mlp(width: int = 128, depth: int = 2, dropout: float = 0.1, *, inputs: int, outputs: int) -> Any:
    """Linear layers with ReLU and dropout."""
    layers: list[Any] = [nn.Flatten()]
    for i in range(depth):
        layers += [nn.Linear(width if i else inputs, width), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def cnn(channels: int = 16, dropout: float = 0.1, *, outputs: int) -> Any:
    """Two convolutions with BatchNorm and pooling, for images or spectrograms of any size."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.BatchNorm2d(2 * channels), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(dropout), nn.Linear(32 * channels, outputs),
    )  # fmt: skip


class Bag(nn.Module):
    """The mean of word vectors, then a hidden layer."""

    def __init__(self, num_words: int, width: int, dropout: float, outputs: int) -> None:
        super().__init__()
        self.words = nn.Embedding(num_words, width, padding_idx=0)
        self.top = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, outputs))

    def forward(self, words: Any, words_length: Any) -> Any:
        """words [B, T] -> logits."""
        return self.top(self.words(words).sum(1) / words_length[:, None].clamp(min=1))


MLP_SPACE = {"width": Int(32, 256, log=True), "depth": Choice([1, 2, 3]), "dropout": Float(0.0, 0.5)}
CNN_SPACE = {"channels": Choice([8, 16, 24]), "dropout": Float(0.0, 0.5)}


def boosting(data: Data, metric: str) -> tuple[str, float]:
    """Gradient boosting with its defaults on the training and validation rows, scored on the test rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    test = data.test_rows(0)
    rest = np.setdiff1d(np.arange(len(data.inputs)), test)
    make = HistGradientBoostingRegressor if data.kind == "regression" else HistGradientBoostingClassifier
    model = make(random_state=0).fit(data.inputs[rest], data.targets[rest])
    if data.kind == "regression":
        return "boosting", float(((model.predict(data.inputs[test]) - data.targets[test]) ** 2).mean() ** 0.5)
    assert metric == "accuracy"
    return "boosting", float((model.predict(data.inputs[test]) == data.targets[test]).mean())


def digits() -> Case:
    """8 x 8 pixels, 10 classes."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    data = Data((x / 16).astype(np.float32), y)
    return Case(data, mlp, "accuracy", MLP_SPACE, Recipe(epochs=20), lambda: boosting(data, "accuracy"))


def cancer() -> Case:
    """569 tumours, 30 numbers."""
    from sklearn.datasets import load_breast_cancer

    data = Data(*load_breast_cancer(return_X_y=True))
    start = Recipe(epochs=20, batch_size=32, preparation={"scale": "standard"})
    return Case(data, mlp, "accuracy", MLP_SPACE, start, lambda: boosting(data, "accuracy"))


def diabetes() -> Case:
    """442 patients, 10 numbers, a real target."""
    from sklearn.datasets import load_diabetes

    data = Data(*load_diabetes(return_X_y=True))
    start = Recipe(epochs=40, batch_size=32, preparation={"scale": "standard", "target": "standard"})
    return Case(data, mlp, "rmse", MLP_SPACE, start, lambda: boosting(data, "rmse"))


def adult() -> Case:
    """30,162 rows of a census, words and numbers."""
    with gzip.open(SHARED / "adult" / "adult.data.gz", "rt") as file:
        names, *rows = csv.reader(file, skipinitialspace=True)
    data = Data([dict(zip(names, row, strict=True)) for row in rows], target=names[-1])
    return Case(
        data, mlp, "accuracy", MLP_SPACE, Recipe(epochs=4, batch_size=256), lambda: boosting(data, "accuracy")
    )


def ett() -> Case:
    """Oil temperature of the next 24 hours from the 96 before, in time order."""
    with gzip.open(SHARED / "ett" / "ETTh1.csv.gz", "rt") as file:
        values = np.array([row[1:] for row in list(csv.reader(file))[1:]], np.float32)
    starts = np.arange(0, len(values) - 120, 4)
    x = np.stack([values[s : s + 96].ravel() for s in starts])
    y = np.stack([values[s + 96 : s + 120, -1] for s in starts])
    data = Data(x, y, time=starts)
    start = Recipe(epochs=5, batch_size=64, preparation={"scale": "standard", "target": "standard"})
    return Case(data, mlp, "rmse", MLP_SPACE, start, lambda: _last_value(data))


def _last_value(data: Data) -> tuple[str, float]:
    test = data.test_rows(0)
    guess = data.inputs[test].reshape(len(test), 96, 7)[:, -1:, -1]
    return "last value", float(((guess - data.targets[test]) ** 2).mean() ** 0.5)


def fashion() -> Case:
    """70,000 photos of clothes, 28 x 28."""

    def read(part: str) -> tuple[Any, Any]:
        pixels, labels = fashion_pixels(part)
        return (pixels.reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32), labels.astype(np.int64)

    data = Data(*read("train"), test=read("t10k"))
    return Case(data, cnn, "accuracy", CNN_SPACE, Recipe(epochs=2))


def banking() -> Case:
    """13,083 questions to a bank, 77 intents."""
    parts = []
    for part in ("train", "test"):
        with (SHARED / "banking77" / f"{part}.csv").open(encoding="utf8") as file:
            parts.append([(row["text"], row["category"]) for row in csv.DictReader(file)])
    split = [[re.findall(r"[a-z']+", text.lower()) for text, _ in part] for part in parts]
    counts = Counter(word for words in split[0] for word in words)
    known = {word: i + 1 for i, word in enumerate(word for word, n in counts.items() if n > 1)}
    ids = [[np.array([known[w] for w in words if w in known] or [0]) for words in part] for part in split]
    labels = [[label for _, label in part] for part in parts]
    data = Data(({"words": ids[0]}, np.array(labels[0])), test=({"words": ids[1]}, np.array(labels[1])))

    def bag(width: int = 64, dropout: float = 0.1, *, outputs: int) -> Any:
        return Bag(len(known) + 1, width, dropout, outputs)

    def tf_idf() -> tuple[str, float]:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=1000))
        model.fit([text for text, _ in parts[0]], labels[0])
        return "TF-IDF, linear", float(model.score([text for text, _ in parts[1]], labels[1]))

    space = {"width": Int(32, 128, log=True), "dropout": Float(0.0, 0.5)}
    return Case(data, bag, "accuracy", space, Recipe(lr=3e-3, epochs=10), tf_idf)


def spoken() -> Case:
    """3,000 spoken digits; whole speakers are held out."""
    pictures, targets, speakers = [], [], []
    with zipfile.ZipFile(SHARED / "fsdd" / "fsdd-recordings.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".wav"):
                with wave.open(io.BytesIO(archive.read(name))) as file:
                    sound = file.readframes(-1)
                pictures.append(_spectrogram(np.frombuffer(sound, "<i2").astype(np.float32) / 32768))
                digit, speaker, _ = Path(name).stem.split("_")
                targets.append(int(digit))
                speakers.append(speaker)
    x = np.stack(pictures)[:, None]
    data = Data(x, np.array(targets), group=np.array(speakers))
    return Case(data, cnn, "accuracy", CNN_SPACE, Recipe(epochs=10, preparation={"scale": "standard"}))


def _spectrogram(sound: Any) -> Any:
    """log power in 32 bands up to 4 kHz, 32 frames."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, (0, max(0, 256 - len(sound)))), 256)
    chosen = frames[np.linspace(0, len(frames) - 1, 32).astype(int)] * np.hanning(256)
    power = np.abs(np.fft.rfft(chosen, axis=1))[:, 1:129] ** 2
    return np.log(power.reshape(32, 32, 4).mean(2) + 1e-6).astype(np.float32)


CASES = {"digits": digits, "breast cancer": cancer, "diabetes": diabetes, "adult": adult, "ETTh1": ett,
         "Fashion-MNIST": fashion, "BANKING77": banking, "fsdd by speaker": spoken}  # fmt: skip


def measure(name: str, budget: str) -> dict[str, Any]:
    """One run, and the classic beside it."""
    case = CASES[name]()
    began = time.perf_counter()
    run = luthier.tune(case.build, data=case.data, metric=case.metric, baseline=case.baseline, space=case.space,
                       budget=budget, root=ROOT / "runs" / "benchmarks" / "real_sets")  # fmt: skip
    record = run.record
    evidence = record.evidence[0] if record.evidence else None
    classic, value = case.classic() if case.classic else ("", float("nan"))
    test = record.test
    shown = None if test is None else (test.baseline.score, test.candidate.score)
    difference = evidence.difference if evidence else None
    return {
        "set": name,
        "metric": case.metric,
        "budget": budget,
        "seconds": time.perf_counter() - began,
        "trials": len(record.history.trials) if record.history else 0,
        "verdict": evidence.verdict if evidence else "",
        "n": evidence.n if evidence else 0,
        "baseline": run.baseline.score.score,
        "difference": difference.score if difference else None,
        "interval": difference.interval if difference else None,
        "test": shown,
        "classic": classic,
        "classic_test": value,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = ["set", "metric", "default, fresh seeds", "gain (95 % interval, n pairs)", "verdict"]
    head += ["test: default, candidate", "classic, test", "trials"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for r in rows:
        low, high = r["interval"] or (float("nan"),) * 2
        gain = f"{r['difference']:+.4f} ({low:+.4f} to {high:+.4f}, {r['n']})" if r["n"] else "not compared"
        shown = "" if r["test"] is None else f"{r['test'][0]:.4f}, {r['test'][1]:.4f}"
        classic = f"{r['classic']} {r['classic_test']:.4f}" if r["classic"] else ""
        cells = [r["set"], r["metric"], f"{r['baseline']:.4f}", gain, r["verdict"], shown, classic, str(r["trials"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="5min")
    parser.add_argument("--only", nargs="*", choices=CASES)
    parser.add_argument("--table", action="store_true", help="print what was measured, run nothing")
    asked = parser.parse_args()
    store = Store(OUT, ("set", "budget"))
    for name in () if asked.table else asked.only or CASES:
        if store.get(name, asked.budget) is None:
            row = measure(name, asked.budget)
            store.add(row)
            print(table([row]), flush=True)
    print(table(list(store.rows.values())))


if __name__ == "__main__":
    main()

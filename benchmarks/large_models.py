"""What luthier costs, and gains, at P = 1 on models of the size of ResNet-18 and DistilBERT.

    OMP_NUM_THREADS=1 python benchmarks/large_models.py [--rounds 5] [--steps 4] [--only resnet18] [--compiled]

The contestants of `engine_overhead.py`: the loop as people write it, the same with the fused AdamW, and the engine in
those of its modes that a single model can train in. ResNet-18: 11.2 million weights, the form for small images
(3 x 3 stem, no first pooling), 32 rows of Fashion-MNIST a step. DistilBERT: 67 million weights, as Transformers
builds it without a download, 8 rows of 64 token numbers a step. Process CPU time on one thread, contestants in
turns; a ratio is the median over rounds of engine / fused loop. What `--compiled` takes to build is told apart.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

from engine_overhead import by_engine, by_hand, plans_of, spread  # beside this script
from luthier.engines.spec import Source
from population.models import fashion

NUM_TOKENS = 30522


class Large(NamedTuple):
    """A model, rows a step, the rows, and the modes that it is tried in beside the reference."""

    build: Callable[[], nn.Module]
    batch_size: int
    rows: Callable[[], Source]
    modes: tuple[str, ...]


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a short cut (He et al. 2015)."""

    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(given, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip
        same = given == width and stride == 1
        self.short = nn.Sequential() if same else nn.Sequential(
            nn.Conv2d(given, width, 1, stride, bias=False), nn.BatchNorm2d(width)
        )  # fmt: skip
        self.last = nn.ReLU()

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Maps [B, width, H / stride, W / stride] of maps [B, given, H, W]."""
        return self.last(self.body(x_BCHW) + self.short(x_BCHW))


def resnet18() -> nn.Module:
    """ResNet-18 for images of 28 x 28 pixels and ten classes."""
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 64, 3, 1, 1, bias=False),
                               nn.BatchNorm2d(64), nn.ReLU()]  # fmt: skip
    given = 64
    for width in (64, 128, 256, 512):
        layers += [Residual(given, width, 1 if width == 64 else 2), Residual(width, width, 1)]
        given = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class DistilBert(nn.Module):
    """Transformers' DistilBERT at its own sizes, with random weights: classes [B, 10] of token numbers [B, 64]."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import DistilBertConfig, DistilBertForSequenceClassification

        self.net = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=NUM_TOKENS, num_labels=10))

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        scores: torch.Tensor = self.net(tokens_BT).logits
        return scores


def tokens() -> Source:
    """400 random rows of 64 token numbers: speed does not depend on the words."""
    draw = np.random.default_rng(0)
    return Source(draw.integers(1, NUM_TOKENS, (400, 64)), draw.integers(0, 10, 400), whole=True)


CASES = {
    "resnet18": Large(resnet18, 32, lambda: fashion(1000), ("channels_last", "compiled")),
    "distilbert": Large(DistilBert, 8, tokens, ("compiled",)),
}


def measure(case: str, rounds: int, num_steps: int, *, compiled: bool) -> list[str]:
    """A line of the table for each contestant."""
    build, batch_size, rows, modes = CASES[case]
    source = rows()
    plans = plans_of(batch_size, num_steps, num_rows=len(source.targets), chunk=num_steps)
    contestants = {
        "loop": by_hand(build, source, plans, fused=False),
        "fused loop": by_hand(build, source, plans, fused=True),
        "engine, loop": by_engine(build, source, plans),
    }
    for mode in modes if compiled else [m for m in modes if m != "compiled"]:
        contestants[f"engine, {mode}"] = by_engine(build, source, plans, mode)
    first_s = {}
    for name, train in contestants.items():
        began = time.perf_counter()
        train()
        first_s[name] = time.perf_counter() - began
    step_s: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            began = time.process_time()
            contestants[name]()
            step_s[name].append((time.process_time() - began) / num_steps)
    size = sum(p.numel() for p in build().parameters()) / 1e6
    return [f"| {case}, {size:.1f} M | {name} | {spread(step_s[name])['median'] * 1e3:,.0f} | " + " | ".join(
        _ratio(step_s[name], step_s[other]) for other in ("loop", "fused loop")
    ) + f" | {first_s[name]:.1f} | {rounds} |" for name in names]  # fmt: skip


def _ratio(mine: list[float], theirs: list[float]) -> str:
    found = spread([a / b for a, b in zip(mine, theirs, strict=True)])
    return f"{found['median']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="a round and contestant")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--compiled", action="store_true", help="the compiled mode too: it takes minutes to build")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| model | contestant | CPU ms a step | / loop | / fused loop | first call s | n |")
    print("|---|---|---|---|---|---|---|")
    for case in asked.only:
        print("\n".join(measure(case, asked.rounds, asked.steps, compiled=asked.compiled)), flush=True)


if __name__ == "__main__":
    main()

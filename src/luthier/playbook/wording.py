"""What the judgements of this room share: how a setting is named, and how "too little data" is said.

The codes P15, P18 ... are decisions of the Deep Learning Tuning Playbook (Godbole, Dahl, Gilmer, Shallue,
Nado, 2023, CC-BY-4.0, github.com/google-research/tuning_playbook), numbered in the order in which luthier
takes them.
"""

from __future__ import annotations

import math

from luthier.findings import Finding
from luthier.recipe import OPTIMIZERS


def setting(name: str) -> str:
    """The recipe's or builder's own name of a setting: "sgd.lr" -> "lr", "model.width" -> "width"."""
    owner, _, rest = name.partition(".")
    return rest if rest and owner in (*OPTIMIZERS, "model") else name


def unknown(code: str, title: str, n: int, needed: int, *, of: str) -> Finding:
    """Too little data to judge: said, never taken for "fine"."""
    text = f"Unknown: {n} {of}, the rule needs {needed}."
    return Finding(code=code, title=title, number=math.nan, threshold=math.nan, n=n, text=text)

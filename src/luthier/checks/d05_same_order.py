"""The training rows come in the same order in every epoch.

What it detects

A loader whose batches go through backward passes and were bit-equal, in the same order, in two or more whole epochs
of three or more batches; with the labels' order where they were counted.

Why it hurts

Rows sorted by class make batches of one class: each batch pulls the net towards its class and the next one undoes it.
With a DistributedSampler the order changes only if `set_epoch` is called. A fixed order of well-mixed rows costs
little (a hint only).

Evidence

Exact: hashes of the first batches of each epoch, and the number of runs of equal labels.

Mend

Wrong:

    loader = DataLoader(train_set, batch_size=32)

Right:

    loader = DataLoader(train_set, batch_size=32, shuffle=True)
    sampler.set_epoch(epoch)                 # DistributedSampler, at the start of each epoch

When it keeps silent

Evaluation loaders; one or two batches an epoch (the overfit test); recurrent nets (a time series has an order);
data sets that shuffle themselves.

Source

huggingface/transformers#4398 (set_epoch); Bengio 2012, "Practical Recommendations", section 3.
"""

from __future__ import annotations

import ast
import math

from luthier.checks.patches import last_name, only_call, replace_node
from luthier.checks.wording import plural
from luthier.findings import Edit, Finding, Severity, Unknown
from luthier.watching.calls import Labels
from luthier.watching.facts import Epoch, Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D05", "the same order in every epoch", "quick", ()
MIN_BATCHES = 3
RECURRENT = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training loaders."""
    found = []
    recurrent = any(layer.kind in RECURRENT for m in trace.trained_models() for layer in m.layers)
    for loader in trace.loaders.values():
        epochs = [
            e for e in loader.epochs if e.complete and e.num_trained and e.order and e.num_batches >= MIN_BATCHES
        ]
        if len(epochs) < 2 or len({e.order for e in epochs}) > 1:
            continue
        labels = _labels(trace)
        if _is_sorted(labels):
            found.append(_finding(trace, loader, epochs, "error", labels))
        elif loader.sampler == "DistributedSampler":
            found.append(_finding(trace, loader, epochs, "warning", None))
        elif not recurrent and loader.shuffled is False:
            found.append(_finding(trace, loader, epochs, "info", None))
    return found


def _labels(trace: Trace) -> Labels | None:
    counted = [x for x in trace.labels if x.phase == "train" and 2 <= len(x.counts) <= 1000]
    return max(counted, key=lambda x: x.num_labels, default=None)


def _is_sorted(labels: Labels | None) -> bool:
    """Far fewer runs of equal labels than a mixed order has: six standard deviations, and less than half.

    A mixed order of n labels with shares p has about n (1 - sum p^2) runs, with a deviation below sqrt(n) / 2.
    """
    if labels is None or labels.num_labels < 64 or not labels.runs:
        return False
    n = sum(labels.counts.values())
    expected = n * (1 - sum((c / n) ** 2 for c in labels.counts.values()))
    return labels.runs < expected - 6 * math.sqrt(n) / 2 and labels.runs < expected / 2


def _finding(trace: Trace, loader: Loader, epochs: list[Epoch], severity: Severity, labels: Labels | None) -> Finding:
    name = loader.variable or loader.name or "the loader"
    if labels is not None:
        why = f"and the labels are sorted: {plural(labels.runs, 'run')} of equal ones in {labels.num_labels} rows"
    elif loader.sampler == "DistributedSampler":
        why = "although it has a DistributedSampler: set_epoch was never called"
    else:
        why = "because it does not shuffle"
    distributed = loader.sampler == "DistributedSampler"
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        threshold=2.0,
        n=len(epochs),
        text=f"{name} gave the same {plural(epochs[0].num_batches, 'batch')} in the same order in "
        f"{plural(len(epochs), 'epoch')}, {why}.",
        remedy="Call sampler.set_epoch(epoch) at the start of each epoch." if distributed else "Pass shuffle=True.",
        severity=severity,
        certain=True,
        place=loader.place,
        step=epochs[1].step,
        cause="Sorted rows make batches of one class, each undoing what the one before has taught."
        if labels is not None
        else "The noise of a changing order helps the net out of poor solutions; a fixed one repeats the same steps.",
        wrong="for epoch in range(epochs):\n    for x, y in loader: ..."
        if distributed
        else "DataLoader(train_set, batch_size=32)",
        right="for epoch in range(epochs):\n    sampler.set_epoch(epoch)\n    for x, y in loader: ..."
        if distributed
        else "DataLoader(train_set, batch_size=32, shuffle=True)",
        edits=() if distributed else _edits(trace, loader),
        evidence={"num_epochs": len(epochs), "sampler": loader.sampler, "sorted": labels is not None},
    )


def _edits(trace: Trace, loader: Loader) -> tuple[Edit, ...]:
    """`shuffle=False` becomes True, or `shuffle=True` is added, where the line builds one DataLoader."""
    call = only_call(trace.sources, loader.place, ["DataLoader"])
    if call is None or loader.place is None or last_name(call.func) != "DataLoader" or loader.shuffled is not False:
        return ()
    for keyword in call.keywords:
        if keyword.arg == "shuffle":
            return replace_node(trace.sources, loader.place, keyword.value, "True")
        if keyword.arg in ("sampler", "batch_sampler", None):
            return ()
    text = ast.get_source_segment(trace.sources[loader.place.file], call)
    if not text or len(call.args) > 2:
        return ()
    return replace_node(trace.sources, loader.place, call, text[:-1].rstrip().rstrip(",") + ", shuffle=True)")

"""The divergence outweighs the reconstruction, and the posterior has collapsed.

What it detects

A variational autoencoder whose reconstruction loss is a mean over all numbers of a row, while the divergence of its
posterior is summed over the latent numbers: beside the evidence bound the divergence counts as many times too much as
a row has numbers.

Why it hurts

The cheapest way to a small loss is a posterior that says nothing: the divergence goes to 0, the decoder no longer
listens to its input, and every reconstruction is the mean of the data.

Evidence

The divergence is read from the graph of the loss. Its weight is what is left of the loss without the reconstruction,
over the divergence: the same, within 2 %, in at least five looked-at passes. It counts eight times too much or more,
and the divergence is below 0.5 nats a row in the last looked-at passes.

Mend

Wrong:

    loss = F.binary_cross_entropy_with_logits(out, x) + kl.sum(1).mean()

Right:

    loss = F.binary_cross_entropy_with_logits(out, x, reduction="sum") / len(x) + kl.sum(1).mean()

When it keeps silent

A posterior that carries something; a reconstruction that is summed over a row; a weight that makes up for the mean;
losses with further terms.

Source

Kingma and Welling 2014, arXiv 1312.6114 (the bound is a sum over a row); Bowman et al. 2016, arXiv 1511.06349
(collapse).
"""

from __future__ import annotations

import math
from statistics import median
from typing import NamedTuple

from luthier.checks.reading import graph_signs, num
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L25", "the divergence outweighs the reconstruction", "quick", ()
LOSSES = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss")
MIN_PASSES, LATE = 5, 3
SAME, TOO_MUCH, COLLAPSED = 0.02, 8.0, 0.5
"""Relative spread of the weight; times that the divergence counts too much; nats a row."""


class Read(NamedTuple):
    """A looked-at pass: the reconstruction's call, the divergence and its weight in the loss."""

    call: LossCall
    nats: float
    weight: float


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Lines of backward passes whose losses hold a divergence."""
    found = []
    for _, signs in graph_signs(trace, "divergence"):
        reads = [read for sign in signs if (read := _read(trace, sign)) is not None]
        if len(reads) < MIN_PASSES:
            continue
        weight, call = median(r.weight for r in reads), reads[0].call
        size = math.prod(call.input.shape[1:]) if call.input else 1
        last = median(r.nats for r in reads[-LATE:])
        same = all(abs(r.weight - weight) <= SAME * abs(weight) for r in reads)
        if same and weight * size >= TOO_MUCH and last < COLLAPSED:
            found.append(_finding(signs, reads, weight, size, last))
    return found


def _read(trace: Trace, sign: GraphSign) -> Read | None:
    """None where the loss has other terms, or its numbers are not known."""
    back = next((b for b in trace.backwards if b.at == sign.backward), None)
    calls = [c for c in trace.losses if c.trained_by == sign.backward]
    if back is None or len(calls) != 1 or calls[0].name not in LOSSES or calls[0].reduction != "mean":
        return None
    weight = (back.loss - calls[0].result) / sign.share if sign.share > 1e-3 else math.nan
    return Read(calls[0], sign.share, weight) if math.isfinite(weight) else None


def _finding(signs: list[GraphSign], reads: list[Read], weight: float, size: int, last: float) -> Finding:
    call = reads[0].call
    return Finding(
        code=CODE,
        title=TITLE,
        number=weight * size,
        threshold=TOO_MUCH,
        n=len(reads),
        text=f"{call.name} is a mean over {plural(size, 'number')} a row, the divergence a sum: it counts "
        f"{num(weight * size)} times as much as in the evidence bound, and the posterior has collapsed to "
        f"{num(last)} nats a row.",
        remedy="Sum the reconstruction over a row, or divide the divergence by the numbers of a row.",
        severity="warning",
        place=call.place,
        others=(signs[0].place,) if signs[0].place else (),
        step=signs[-1].step,
        cause="The posterior says nothing about its row, and the decoder answers with the mean of the data.",
        wrong="loss = F.binary_cross_entropy_with_logits(out, x) + kl.sum(1).mean()",
        right=code("""
            recon = F.binary_cross_entropy_with_logits(out, x, reduction="sum") / len(x)
            loss = recon + kl.sum(1).mean()
        """),
        evidence={"weight": weight, "nats_first": reads[0].nats, "nats_last": last},
    )

"""The program ended because batch normalisation was given one value a channel.

What it detects

"Expected more than 1 value per channel when training".

Why it happens

The last batch of an epoch holds a single row (or a single row is predicted in training mode): there is no deviation
of one value.

Mend

Wrong:

    DataLoader(train_set, batch_size=32)           # 65 rows: the third batch has one

Right:

    DataLoader(train_set, batch_size=32, drop_last=True)

When it keeps silent

Any other end of the program.

Source

torch/nn/functional.py (`_verify_batch_size`); catalogue entry D15.
"""

from __future__ import annotations

import ast

from luthier.checks.crashes import finding, layer_words, matched
from luthier.checks.patches import only_call, replace_node
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.facts import Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X14", "batch normalisation of one row", "quick", ("E01",)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"Expected more than 1 values? per channel when training")
    if found is None:
        return []
    crash = found[0]
    short = [x for x in trace.loaders.values() if x.batch_size and x.num_rows % x.batch_size == 1 and not x.drop_last]
    if short:
        loader = short[0]
        reason = f"{loader.num_rows} rows in batches of {loader.batch_size} leave one row for the last batch"
        remedy = "Pass drop_last=True to the training loader, or choose another batch size."
        edits = _edits(trace, loader)
    else:
        reason = "a single row went through the model in training mode"
        remedy = "Call model.eval() before single rows are predicted; drop last batches of one row in training."
        edits = ()
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"{layer_words(crash) or 'batch normalisation'}: {reason}.",
            remedy=remedy,
            cause="A single value has no standard deviation to divide by.",
            wrong="DataLoader(train_set, batch_size=32)",
            right="DataLoader(train_set, batch_size=32, drop_last=True)",
            edits=edits,
        )
    ]


def _edits(trace: Trace, loader: Loader) -> tuple[Edit, ...]:
    call = only_call(trace.sources, loader.place, ["DataLoader"])
    if (
        call is None
        or loader.place is None
        or any(k.arg in ("drop_last", "batch_sampler", None) for k in call.keywords)
    ):
        return ()
    text = ast.get_source_segment(trace.sources[loader.place.file], call)
    return (
        replace_node(trace.sources, loader.place, call, text[:-1].rstrip().rstrip(",") + ", drop_last=True)")
        if text
        else ()
    )

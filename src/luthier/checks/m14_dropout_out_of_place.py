"""Dropout drops the model's output, nearly everything, or nothing at all.

What it detects

A dropout layer whose output is what the model returns to the loss; dropout with p of 0.8 or more; torch's own warning
that the dropout of a recurrent net with one layer does nothing.

Why it hurts

Dropping raw outputs sets scores to 0 at random: the loss has noise that no weights can remove. At p = 0.9 a layer of
100 units works with 10. In `nn.LSTM(..., num_layers=1, dropout=0.5)` there is no layer to drop between.

Evidence

Exact: settings and order of the layers that ran.

Mend

Wrong:

    nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3), nn.Dropout(0.5))

Right:

    nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))

When it keeps silent

p below 0.8 before a later layer; models whose output is no loss's input (embeddings).

Source

Srivastava et al. 2014, section 7; UMLAUT and NeuraLint (dropout rules); torch/nn/modules/rnn.py.
"""

from __future__ import annotations

from luthier.checks.patches import drop_layer
from luthier.checks.reading import num
from luthier.checks.wording import made_at, plural
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M14", "dropout out of place", "quick", ()
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
VERY_HIGH = 0.8


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Dropout layers of models in training, then torch's warning."""
    found = []
    to_loss = {c.source.layer for c in trace.losses if c.trained_by and c.source and c.source.is_model_output}
    for model in trace.trained_models():
        for layer in model.layers:
            p = layer.options.get("p")
            if layer.kind not in DROPOUTS or not isinstance(p, int | float) or p <= 0:
                continue
            if layer.name and layer.name == model.last_layer and layer.name in to_loss:
                found.append(_last(model, layer, float(p), drop_layer(trace.sources, layer.kind)))
            elif p >= VERY_HIGH:
                found.append(_high(trace, model, layer, float(p)))
    return found + [
        _none(w.place, w.count) for w in trace.warned if "dropout option adds dropout after all" in w.message
    ]


def _last(model: Model, layer: Layer, p: float, edits: tuple[Edit, ...]) -> Finding:
    return Finding(
        code=CODE,
        title="dropout on the output",
        number=p,
        threshold=0.0,
        n=1,
        text=f'the output of {model.name} comes out of {layer.kind}(p={num(p)}) (layer "{layer.name}"): scores are '
        "set to 0 at random before the loss sees them.",
        remedy="Put dropout before the last linear layer.",
        severity="warning",
        certain=True,
        place=model.place,
        cause="The loss has noise that no weights can remove.",
        wrong="nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3), nn.Dropout(0.5))",
        right="nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))",
        edits=edits,
        evidence={"layer": layer.name, "p": p},
    )


def _high(trace: Trace, model: Model, layer: Layer, p: float) -> Finding:
    return Finding(
        code=CODE,
        title="very high dropout",
        number=p,
        threshold=VERY_HIGH,
        n=1,
        text=f'{layer.kind} "{layer.name}" of {model.name} drops p={num(p)} of its input: p is the share that goes, '
        "not the share that stays.",
        remedy="Use 0.1 to 0.5; if p was meant as the share that stays, use 1 - p.",
        severity="warning",
        certain=True,
        place=made_at(trace.sources, layer.name) or model.place,
        others=(model.place,) if model.place else (),
        cause="Hardly any unit is left, so the net cannot fit even its training rows.",
        wrong=f"nn.Dropout({num(p)})",
        right=f"nn.Dropout({num(1 - p)})",
        evidence={"layer": layer.name, "p": p},
    )


def _none(place: Place | None, count: int) -> Finding:
    return Finding(
        code=CODE,
        title="dropout that does nothing",
        n=count,
        text=f"the dropout of a recurrent net with one layer has no effect (torch warned {plural(count, 'time')}).",
        remedy="Put nn.Dropout on its output, or use num_layers of 2 or more.",
        severity="info",
        certain=True,
        place=place,
        cause="Recurrent layers drop between layers only; with one layer there is no such place.",
        wrong="nn.LSTM(8, 32, num_layers=1, dropout=0.5)",
        right="nn.LSTM(8, 32, num_layers=1)   # and nn.Dropout(0.5) on its output",
    )

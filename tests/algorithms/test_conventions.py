"""The page of conventions is that of its data, and the data that of the frameworks."""

from __future__ import annotations

import inspect

import torch
from flax import nnx

from house.tree import ROOT
from luthier.algorithms.conventions import ROWS, page
from luthier.algorithms.converting import DEFAULTS


def test_page_is_made_of_the_table() -> None:
    """Write it again with luthier.algorithms.conventions.page()."""
    assert (ROOT / "docs" / "conventions.md").read_text("utf-8") == page()


def test_defaults_of_layers_are_as_the_table_says() -> None:
    """Read from signatures: the weight of a batch in running statistics, and every eps."""
    told = {row.topic: row for rows in ROWS.values() for row in rows}
    bn = inspect.signature(torch.nn.BatchNorm1d).parameters
    assert told["momentum of BatchNorm"].torch.startswith(str(bn["momentum"].default).removeprefix("0"))
    flax_bn = inspect.signature(nnx.BatchNorm.__init__).parameters
    assert told["momentum of BatchNorm"].optax.startswith(str(flax_bn["momentum"].default).removeprefix("0"))
    for topic, theirs, flax in (
        ("eps of BatchNorm", bn["eps"].default, flax_bn["epsilon"].default),
        (
            "eps of LayerNorm",
            inspect.signature(torch.nn.LayerNorm).parameters["eps"].default,
            inspect.signature(nnx.LayerNorm.__init__).parameters["epsilon"].default,
        ),
    ):
        assert float(told[topic].torch) == theirs
        assert float(told[topic].optax) == flax


def test_decay_of_adamw_is_that_of_the_converter() -> None:
    """Two tables, one number."""
    row = next(row for row in ROWS["Optimizers"] if row.topic == "weight decay of AdamW")
    for framework, text in (("torch", row.torch), ("optax", row.optax), ("keras", row.keras)):
        name = "adamw" if framework == "optax" else "AdamW"
        assert DEFAULTS[framework][name]["weight_decay"] == float(text)

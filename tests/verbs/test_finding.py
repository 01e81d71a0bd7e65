"""`model.py:net` whose file cannot be run: a sentence that says why and where, and no traceback."""

import sys

import pytest

from luthier.errors import InvalidInput, MissingExtra
from luthier.verbs.finding import function_at


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (
            "def net(inputs, outputs):\n    return (inputs outputs)\n",
            InvalidInput,
            "{file} raises SyntaxError: invalid syntax. Perhaps you forgot a comma? (line 2).",
        ),
        ("import os\n\nx = 1 / 0\n", InvalidInput, "{file} raises ZeroDivisionError: division by zero (line 3)."),
        (
            "from luthier import Recipe\n\nx = Recipe(lr=-1)\n",
            InvalidInput,
            "lr=-1: `0 < lr` must hold ({file} line 3, recipe).",
        ),
        (
            "import nowhere_at_all.part\n",
            InvalidInput,
            "{file} imports nowhere_at_all, which is not installed (model). Install it.",
        ),
        ("import optax\n", MissingExtra, '{file} needs optax. Install it: pip install "luthier[jax]".'),
    ],
)
def test_a_file_that_cannot_be_run_is_told(text, kind, said, tmp_path, monkeypatch):
    """Also where it imports a framework that is not installed: the command that brings it."""
    monkeypatch.setitem(sys.modules, "optax", None)  # as if it were not installed
    monkeypatch.setattr(sys, "path", list(sys.path))
    file = tmp_path / f"broken_{tmp_path.name.replace('-', '_')}.py"
    file.write_text(text)
    with pytest.raises(kind) as told:
        function_at(f"{file}:net")
    assert str(told.value) == said.format(file=file)

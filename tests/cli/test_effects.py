"""What a script looks as if it would leave behind, read off its source."""

from __future__ import annotations

import pytest

from luthier.verbs.effects import effects, module_file


def found(tmp_path, source, **others):
    for name, text in others.items():
        path = tmp_path / name.replace("__", "/")
        path = path.with_name(path.name + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    script = tmp_path / "train.py"
    script.write_text(source)
    return [(e.kind, e.call, e.place.line) for e in effects(str(script))]


@pytest.mark.parametrize(
    ("source", "kind", "call"),
    [
        ("import torch\ntorch.save(net, 'x.pt')", "writes files", "torch.save"),
        ("from torch import save as keep\nkeep(net, 'x.pt')", "writes files", "torch.save"),
        ("import numpy as np\nnp.savez('x', a)", "writes files", "numpy.savez"),
        ("import wandb\nwandb.init()", "talks to a tracker", "wandb.init"),
        (
            "from torch.utils.tensorboard import SummaryWriter\nSummaryWriter()",
            "writes files",
            "torch.utils.tensorboard.SummaryWriter",
        ),
        ("import x\nopen('log.txt', 'w')", "writes files", "open"),
        ("import x\nopen('log.txt', mode='ab')", "writes files", "open"),
        ("from pathlib import Path\nPath('x').open('w')", "writes files", "open"),
        ("x = 1\nmodel.save_pretrained('x')", "writes files", "save_pretrained"),
        ("import matplotlib.pyplot as plt\nplt.show()", "shows a window", "matplotlib.pyplot.show"),
    ],
)
def test_call_that_leaves_something_behind_is_named(tmp_path, source, kind, call):
    (one,) = found(tmp_path, source)
    assert one[0] == kind
    assert call.endswith(one[1]) or one[1].endswith(call)
    assert one[2] == 2


@pytest.mark.parametrize(
    "source",
    [
        "open('x')",
        "open('x', 'rb')",
        "open('x', mode)",
        "torch = 1",
        "x = 'torch.save(net)'",
        "save(net)",
        "import torch\ntorch.load('x')",
        "def (",
        "",
        "print(net.init())",
        "open(*a)",
    ],
)
def test_harmless_source_is_let_pass(tmp_path, source):
    assert found(tmp_path, source) == []


def test_modules_beside_the_script_are_read_too(tmp_path):
    """Packages, relative imports, circles; never what is installed elsewhere."""
    told = found(
        tmp_path,
        "import torch\nfrom models import net\nimport keep",
        keep="import train\nimport torch\ntorch.save(1, 'x')",
        models____init__="",
        models__net="from . import disk",
        models__disk="import wandb\nwandb.init()",
    )
    assert sorted(call for _, call, _ in told) == ["torch.save", "wandb.init"]


def test_script_that_is_not_there_has_none(tmp_path):
    assert effects(str(tmp_path / "gone.py")) == []


def test_module_is_found_without_importing_its_package(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("raise SystemExit('imported')")
    for name in ("__main__", "train"):
        (tmp_path / "pkg" / f"{name}.py").write_text("")
    assert module_file("pkg.train", str(tmp_path)) == str(tmp_path / "pkg" / "train.py")
    assert module_file("pkg", str(tmp_path)) == str(tmp_path / "pkg" / "__main__.py")
    assert module_file("json.tool", str(tmp_path)) == ""

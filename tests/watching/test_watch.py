"""`luthier.watch` in a notebook or a loop of one's own."""

from __future__ import annotations

import importlib.util
import sys

import pytest

import luthier
from luthier.errors import InvalidInput

torch = pytest.importorskip("torch")
FORGOTTEN = """
def train(steps):
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
"""


@pytest.fixture
def loop(tmp_path):
    """A module of the person's own, with a loop that never clears its gradients."""
    path = tmp_path / "loop.py"
    path.write_text(
        "import torch\ntorch.manual_seed(0)\nx, y = torch.randn(64, 4), torch.randint(0, 2, (64,))\n"
        "net = torch.nn.Linear(4, 2)\noptimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n" + FORGOTTEN
    )
    spec = importlib.util.spec_from_file_location("loop", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["loop"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["loop"]


def test_block_names_the_fault_of_an_optimizer_made_before(loop):
    with luthier.watch() as seen:
        loop.train(10)
    assert [f.code for f in seen.diagnosis.findings] == ["T01"]
    assert seen.diagnosis.findings[0].place.file.endswith("loop.py")
    assert "T01 error" in str(seen)
    assert seen._repr_html_().startswith("<pre>")


def test_watch_of_a_model_and_an_optimizer_ends_with_stop(loop):
    seen = luthier.watch(loop.net, loop.optimizer)
    loop.train(10)
    assert [f.code for f in seen.stop().findings] == ["T01"]
    assert seen.stop() is seen.diagnosis


def test_hooks_are_gone_afterwards(loop):
    """Everything that was replaced is what it was."""
    functions = torch.nn.functional
    places = [
        (torch.nn.Module, "__call__"),
        (torch.Tensor, "backward"),
        (functions, "cross_entropy"),
        (torch.Tensor, "__eq__"),
    ]
    before = [getattr(owner, name) for owner, name in places]
    with luthier.watch():
        loop.train(3)
        assert [getattr(owner, name) for owner, name in places] != before
    assert [getattr(owner, name) for owner, name in places] == before
    assert not sys.modules["torch"].nn.modules.module._global_forward_hooks


def test_second_watch_is_refused_and_the_first_goes_on(loop):
    with luthier.watch() as seen:
        with pytest.raises(InvalidInput, match="a watch is on already"):
            luthier.watch()
        loop.train(10)
    assert [f.code for f in seen.diagnosis.findings] == ["T01"]


def test_exception_in_the_block_comes_through_and_is_explained(loop):
    watching = luthier.watch()
    with pytest.raises(RuntimeError), watching:
        loop.net(torch.randn(3, 5))
    assert "mat1 and mat2" in watching.diagnosis.crash
    assert watching.diagnosis.findings[0].code == "X05"

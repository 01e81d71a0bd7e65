"""`tune(optimizer=...)`: an optimizer of one's own in a whole run, over an end in between, and in what it leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import luthier
from luthier import Choice, Float, Recipe, Task
from luthier.errors import InvalidInput, RunFolderError
from luthier.playbook.spaces import default_space
from luthier.runs.best import read_best
from luthier.runs.folder import RunFolder
from luthier.runs.journal import read
from luthier.training.ledger import Ledger
from luthier.verbs.optimizers import own_optimizer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
GIVEN: dict[str, Any] = {"budget": "4trials", "workers": 0, "baseline": Recipe(lr=0.05, batch_size=16, epochs=2)}

SPACE = {"optimizer.momentum": Float(0.5, 0.99)}


def net(*, inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))


class Stopped(BaseException):
    """The run ends here, as if the machine had: nothing catches it."""


LEFT = {"makes": sys.maxsize}
"""Optimizers that may still be made."""


def heavy(params: Iterator[torch.Tensor], lr: float = 0.02, momentum: float = 0.9) -> torch.optim.Optimizer:
    """Matrices only at the full rate."""
    weights = list(params)
    matrices, others = ([p for p in weights if (p.ndim > 1) == many] for many in (True, False))
    made = [{"params": matrices}, {"params": others, "lr": lr / 2}]
    if LEFT["makes"] == 0:
        raise Stopped
    LEFT["makes"] -= 1
    return torch.optim.SGD(made, lr=lr, momentum=momentum)


def lighter(params: Iterator[torch.Tensor], lr: float = 0.02, momentum: float = 0.9) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=lr / 2, momentum=momentum)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> luthier.Run:
    """A run from its beginning to its end."""
    place = {"root": tmp_path_factory.mktemp("runs"), "name": "run"}
    return luthier.tune(net, data=(X, Y), optimizer=heavy, space=SPACE, **place, **GIVEN)


def test_its_rate_and_its_arguments_are_searched(whole: luthier.Run) -> None:
    """The baseline has the person's rate and the function's own momentum."""
    record = whole.record
    assert record.baseline.optimizer == "own.heavy"
    assert (record.baseline.lr, record.baseline.optimizer_options) == (0.05, {"momentum": 0.9})
    assert sorted(record.space) == ["lr", "optimizer.momentum"]
    text = (whole.folder / "journal.jsonl").read_text()
    assert text.count('"own.heavy"') >= 4


def test_what_it_leaves_can_be_loaded_without_it(whole: luthier.Run) -> None:
    """The stored model holds weights only; the optimizer is not asked for."""
    snapshot, recipe, _ = read_best(RunFolder(whole.folder))
    assert recipe.optimizer == "own.heavy"
    assert not [name for name in snapshot if name.startswith("foreign/")]
    tests = Path(__file__).parents[1]
    load = f"luthier.load({str(whole.folder)!r})"
    code = f"import sys, luthier; sys.path.insert(0, {str(tests)!r}); print({load}.predict([[0.0] * 6]).shape)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.stdout == "(1, 2)\n", told.stderr


def test_train_py_makes_it_in_plain_code(whole: luthier.Run) -> None:
    """With the function itself in the script, and its groups at their own rates."""
    assert whole.record.script == "train.py"
    text = (whole.folder / "train.py").read_text()
    assert "def heavy(" in text
    assert "optimizer = heavy([p for p in model.parameters() if p.requires_grad], lr=LR, momentum=" in text
    without = "import sys, runpy; sys.modules['luthier'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    told = subprocess.run(
        [sys.executable, "-c", without, str(whole.folder / "train.py")], capture_output=True, text=True, check=False
    )
    assert told.stdout.splitlines()[-1].startswith("accuracy: "), told.stderr


def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    whole: luthier.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped within the search; the same trials with the same curves."""
    given = GIVEN | {"space": SPACE, "root": tmp_path, "name": "run"}
    with monkeypatch.context() as within:
        within.setitem(LEFT, "makes", 6)
        with pytest.raises(Stopped):
            luthier.tune(net, data=(X, Y), optimizer=heavy, **given)
    for other, told in ((lighter, "optimizer='own.lighter'"), (None, "optimizer='adamw'")):
        with pytest.raises(RunFolderError, match=told):
            luthier.tune(net, data=(X, Y), optimizer=other, resume=True, **given)
    again = luthier.tune(net, data=(X, Y), optimizer=heavy, resume=True, **given)
    assert told_of(again) == told_of(whole)


def test_a_function_that_was_changed_is_not_gone_on_with(whole: luthier.Run) -> None:
    """The same name with another text."""
    other = type(heavy)(lighter.__code__, globals(), "heavy", lighter.__defaults__)
    other.__qualname__ = "heavy"
    given = GIVEN | {"space": SPACE, "root": whole.folder.parent, "name": "run"}
    with pytest.raises(RunFolderError, match=r"optimizer='[0-9a-f]{16}'"):
        luthier.tune(net, data=(X, Y), optimizer=other, resume=True, **given)


def told_of(run: luthier.Run) -> Any:
    """Trials with their curves, and the verdict."""
    ledger = Ledger()
    ledger.replay(read(run.folder / "journal.jsonl"))
    trials = [
        (t.recipe, t.seed, [(p.step, p.score, p.val_loss, p.train_loss) for p in t.curve])
        for t in ledger.trials.values()
    ]
    return trials, run.verdict


def test_a_worker_gets_a_function_that_it_can_not_import(tmp_path: Path) -> None:
    """Over the pipe; its own rate is the place to start from."""
    slow = 0.01
    run = luthier.tune(
        Task("closure", net, luthier.Data((X, Y)), optimizer=lambda params: torch.optim.Adam(params, lr=slow)),
        budget="2trials",
        root=tmp_path,
        workers=1,
    )
    assert run.record.baseline.optimizer == "own.lambda"
    assert run.record.baseline.lr == 1.0
    assert run.record.space.domains["lr"] == Float(0.1, 10.0, log=True)


def test_numbers_that_nobody_said_are_those_of_the_function() -> None:
    """Of a baseline that was given, they hold; a decay that it does not take is 0."""
    task = Task("t", net, luthier.Data((X, Y)), optimizer=heavy)
    assert own_optimizer(task, Recipe(), said=False).lr == 0.02
    assert own_optimizer(task, Recipe(), said=True).lr == 1e-3
    assert own_optimizer(task, Recipe(), said=True).weight_decay == 0.0
    task = Task("t", net, luthier.Data((X, Y)), optimizer=torch.optim.Adadelta)
    start = own_optimizer(task, Recipe(), said=False)
    assert (start.optimizer, start.lr, start.weight_decay) == ("torch.optim.Adadelta", 1.0, 0.0)
    task = Task("t", net, luthier.Data((X, Y)), optimizer="torch.optim.RAdam")
    assert own_optimizer(task, Recipe(lr=0.1)) == Recipe("torch.optim.RAdam", lr=0.1)


def test_a_space_that_names_optimizers_decides() -> None:
    """Then the function is one of them, by its name."""
    task = Task("t", net, luthier.Data((X, Y)), optimizer=heavy)
    assert own_optimizer(task, Recipe("sgd"), space=("optimizer",)) == Recipe("sgd")
    assert Choice(("sgd", "own.heavy")).contains("own.heavy")
    assert Recipe("sgd").with_config({"optimizer": "own.heavy", "optimizer.momentum": 0.5}).optimizer_options == {
        "momentum": 0.5
    }
    with pytest.raises(InvalidInput, match="heavy takes params, lr, momentum"):
        own_optimizer(task, Recipe(), space=("optimizer.nesterovs",))


def test_the_default_space_of_a_rule_that_nobody_knows() -> None:
    """Its rate by a decade to both sides; its decay where it has one; never another optimizer."""
    space = default_space("binary", 200, Recipe("own.heavy", lr=0.05, weight_decay=0.01))
    assert space.domains["lr"] == Float(0.005, 0.5, log=True)
    assert space.domains["weight_decay"] == Float(0.001, 0.1, log=True)
    assert "optimizer" not in space
    assert "weight_decay" not in default_space("binary", 200, Recipe("own.heavy", weight_decay=0.0))

"""best/ is whole or absent, is opened without running anything, and knows which source built it."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys

import numpy as np
import pytest

from luthier.errors import RunFolderError, SourceChanged
from luthier.recipe import Recipe
from luthier.records import Metric
from luthier.runs.best import About, check_source, read_best, source_of, write_best
from luthier.runs.folder import RunFolder

ABOUT = About(
    metric=Metric(name="accuracy", greater_is_better=True),
    score=0.9,
    inputs=64,
    outputs=10,
    framework="torch",
    engine="torch-cpu",
    labels=tuple("0123456789"),
    versions={"torch": "2.13.0"},
)
SNAPSHOT = {"weights/w": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(7)}
NET = """
def width():
    return 3

def net(inputs, outputs):
    return [inputs, width(), outputs]

class Net:
    pass
"""


def test_what_was_written_reads_back(tmp_path):
    folder = RunFolder(tmp_path)
    write_best(folder, SNAPSHOT, Recipe("sgd", lr=0.5), ABOUT)
    best = read_best(folder)
    assert best.recipe == Recipe("sgd", lr=0.5)
    assert best.about.labels == ABOUT.labels
    assert best.about.metric == ABOUT.metric
    np.testing.assert_array_equal(best.snapshot["weights/w"], SNAPSHOT["weights/w"])
    assert sorted(p.name for p in folder.best.iterdir()) == [
        "about.json",
        "recipe.json",
        "weights.safetensors",
    ]


def test_no_best_yet_is_a_clear_error(tmp_path):
    with pytest.raises(RunFolderError, match="there is no best model yet"):
        read_best(RunFolder(tmp_path))


@pytest.mark.parametrize("name", ["about.json", "recipe.json", "weights.safetensors"])
def test_damage_is_a_clear_error(name, tmp_path):
    folder = RunFolder(tmp_path)
    write_best(folder, SNAPSHOT, Recipe(), ABOUT)
    path = folder.best / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RunFolderError):
        read_best(folder)
    path.unlink()
    with pytest.raises(RunFolderError, match="does not exist"):
        read_best(folder)


def test_a_process_that_dies_at_any_step_of_replacing_leaves_a_whole_best(tmp_path):
    """The process ends at its n-th change of the disk, for every n; what is read is the old one or the new
    one, and the next write succeeds."""
    program = """
import os, sys
import numpy as np
from luthier.recipe import Recipe
from luthier.records import Metric
from luthier.runs.best import About, write_best
from luthier.runs.folder import RunFolder
folder, left = RunFolder(sys.argv[1]), int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree") or (
        event == "open" and sys.argv[1] in str(arguments[0])
    ):
        left -= 1
        if left < 0:
            os._exit(9)
metric = Metric(name="accuracy", greater_is_better=True)
about = About(metric=metric, score=2.0, inputs=1, outputs=1, framework="f", engine="e")
import safetensors.numpy
sys.addaudithook(count)
write_best(folder, {"w": np.full(5, 2.0)}, Recipe(lr=2.0), about)
"""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    seen = set()
    for n in range(60):
        write_best(folder, {"w": np.full(5, 1.0)}, Recipe(lr=1.0), ABOUT)
        ended = subprocess.run([sys.executable, "-c", program, str(folder.path), str(n)], check=False).returncode
        best = read_best(folder)
        assert best.recipe.lr == best.snapshot["w"][0]
        seen.add((best.recipe.lr, folder.best.exists()))
        if ended == 0:
            break
        assert ended == 9
    assert ended == 0
    # the old one, the old one under its waiting name, the new one: every state was met
    assert seen == {(1.0, True), (1.0, False), (2.0, True)}


def test_a_full_disk_leaves_the_old_best(tiny_disk):
    folder = RunFolder(tiny_disk)
    write_best(folder, SNAPSHOT, Recipe(lr=0.25), ABOUT)
    with pytest.raises(RunFolderError, match="the disk is full"):
        write_best(folder, {"w": np.ones(1 << 20)}, Recipe(), ABOUT)
    assert read_best(folder).recipe.lr == 0.25
    assert [p.name for p in tiny_disk.iterdir()] == ["best"]


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A module file of the user's, and how to load it anew after a change."""
    path = tmp_path / "user_net.py"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(text):
        path.write_text(text)
        sys.modules.pop("user_net", None)
        importlib.invalidate_caches()
        return importlib.import_module("user_net")

    yield load
    sys.modules.pop("user_net", None)


def test_unchanged_source_passes_also_under_partials_and_instances(source):
    module = source(NET)
    stored = source_of(module.net)
    assert (stored["module"], stored["name"]) == ("user_net", "net")
    check_source(stored, module.net)
    check_source(stored, functools.partial(functools.partial(module.net, 1), outputs=2))
    check_source(source_of(module.Net), module.Net())


def test_a_changed_builder_is_told_from_a_change_beside_it(source):
    stored = source_of(source(NET).net)
    with pytest.raises(SourceChanged, match=r"the source of user_net.net has changed .*Pass builder="):
        check_source(stored, source(NET.replace("inputs, width()", "inputs, 5")).net)
    with pytest.raises(SourceChanged, match=r"user_net.net is unchanged, but something else in its module"):
        check_source(stored, source(NET.replace("return 3", "return 4")).net)
    check_source(stored, source(NET).net)


def test_a_builder_without_source_can_be_stored_but_never_matches():
    namespace: dict[str, object] = {}
    exec("def net(): pass", namespace)
    stored = source_of(namespace["net"])
    assert (stored["digest"], stored["module_digest"]) == ("", "")
    with pytest.raises(SourceChanged, match="was not to be had"):
        check_source(stored, namespace["net"])
    assert source_of(len)["digest"] == ""


def test_opening_imports_nothing_that_the_folder_names(tmp_path, monkeypatch):
    """about.json names a module that would leave a mark when imported."""
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    about = About(
        metric=ABOUT.metric,
        score=0.5,
        inputs=1,
        outputs=1,
        framework="torch",
        engine="trap",
        source={"module": "trap", "name": "net", "digest": "x"},
    )
    write_best(folder, SNAPSHOT, Recipe(), about)
    assert read_best(folder).about.source["module"] == "trap"
    assert not (tmp_path / "sprung").exists()
    assert "trap" not in sys.modules

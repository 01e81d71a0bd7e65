"""Tuning inside a notebook, in a real kernel: the cell shows progress, the run shows itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from luthier.verbs.notebook import in_notebook, usual_watcher
from luthier.verbs.session import Watcher

SETUP = """
import json, luthier, fakes
from luthier.verbs import notebook
seen, show = [], notebook.NotebookWatcher._show
def kept(self, html, lines):
    seen.append(lines)
    show(self, html, lines)
notebook.NotebookWatcher._show = kept
"""
TUNE = "run = luthier.tune(fakes.task('half_broken'), budget='24trials', workers=0, root={root!r}, name='run')"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Outputs of the cells: set up, tune, the run, what was shown, a run whose builder raises."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    import nbformat

    root = str(tmp_path_factory.mktemp("runs"))
    sources = [SETUP, TUNE.format(root=root), "run", "print(json.dumps(seen))", "print(run)"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    paths = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "IPYTHONDIR": root}
    client = nbclient.NotebookClient(book, timeout=120, kernel_name="python3")
    with client.setup_kernel(env=environment):
        for number, cell in enumerate(book.cells):
            client.execute_cell(cell, number)
    return [cell.outputs for cell in book.cells]


def only(outputs):
    """The data of a cell's only output."""
    (output,) = outputs
    return output["data"]


def test_cell_that_tunes_has_one_output_that_ends_with_the_verdict(cells):
    shown = only(cells[1])
    lines = shown["text/plain"].splitlines()
    assert lines[0].startswith(("Adopted", "Kept what you had"))
    assert lines[-1].endswith("report.html")
    assert 'class="luthier"' in shown["text/html"]


def test_cell_was_redrawn_while_the_run_went_on(cells):
    """The opening, the plan, then the phases in their order."""
    seen = json.loads("".join(output["text"] for output in cells[3]))
    heads = list(dict.fromkeys(lines[0].partition(":")[0] for lines in seen[:-1]))
    phases = ["noise", "search", "confirmation", "final comparison", "test rows", "report"]
    assert [head for head in heads if head != "opening"] == ["half_broken", *phases]


def test_run_as_the_value_of_a_cell_shows_verdict_and_charts(cells):
    html = only(cells[2])["text/html"]
    assert "<svg" in html
    assert "the whole report" in html
    assert "<script" not in html


def test_run_as_text_is_short(cells):
    """It used to be the whole record."""
    (output,) = cells[4]
    assert output["text"].startswith("Run(folder=")
    assert len(output["text"]) < 300


def test_plain_python_imports_no_ipython_and_shows_nothing():
    assert not in_notebook()
    assert type(usual_watcher()) is Watcher
    program = (
        "import sys, luthier; luthier.tune\n"
        "from luthier.verbs.notebook import usual_watcher; usual_watcher()\n"
        "print('IPython' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_ipython_in_a_terminal_is_no_notebook():
    """Its shell is another one: lines that are redrawn there belong to the terminal."""
    pytest.importorskip("IPython", reason="IPython is not installed")
    program = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell\n"
        "Shell.instance()\n"
        "from luthier.verbs.notebook import in_notebook\n"
        "print(in_notebook())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr

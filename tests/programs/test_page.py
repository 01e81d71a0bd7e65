"""docs/programs.md: every program that it shows is run, on real data, with a small budget."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from luthier.runs.folder import RunFolder
from programs.running import ENVIRONMENT

PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text("utf-8")
SHOWN = re.findall(r"^## (.*?)\n(?:(?!^## ).)*?^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NEEDS = {
    "lightning.pytorch": "lightning",
    "keras": "tensorflow",
    "transformers": "transformers",
    "sklearn": "sklearn",
}
NAMES = {
    "A function that trains": "train",
    "Pause and resume": "train",
    "A LightningModule": "Net",
    "A compiled Keras model": "build",
    "A Hugging Face Trainer": "train",
}


def lacks(code):
    """The first package that a program imports and that is not there."""
    for module, package in NEEDS.items():
        if re.search(rf"^(?:import|from) {module}\b", code, re.MULTILINE) and not importlib.util.find_spec(package):
            return package
    return ""


def run(words, folder):
    """What a program said; it must end in order."""
    more = {
        "LUTHIER_RUNS": str(folder / "runs"),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PATH": f"{Path(sys.executable).parent}:{ENVIRONMENT['PATH']}",
    }
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, env={**ENVIRONMENT, **more}, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_section_with_a_program_is_known():
    assert [title for title, _ in SHOWN] == [*list(NAMES)[:2], "A command", *list(NAMES)[2:]]


@pytest.mark.slow
@pytest.mark.parametrize("title", NAMES)
def test_what_the_page_shows_runs(tmp_path, title):
    code = dict(SHOWN)[title]
    if package := lacks(code):
        pytest.skip(f"{package} is not installed")
    budget = re.search(r'budget="\w+"', code)
    script = tmp_path / "shown.py"
    script.write_text(code.replace(budget[0], 'budget="4trials", workers=2'))
    run([sys.executable, str(script)], tmp_path)
    record = RunFolder(tmp_path / "runs" / NAMES[title]).read_run()
    assert record.status == "finished"
    assert len(record.history.trials) == 4
    assert all(t.status in ("finished", "stopped") for t in record.history.trials)


@pytest.mark.slow
def test_the_command_that_the_page_shows_runs(tmp_path):
    (tmp_path / "train.py").write_text(dict(SHOWN)["A command"])
    (tmp_path / "space.toml").write_text(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])
    line = re.search(r"```sh\n(luthier tune .*)\n", PAGE)[1]
    words = re.findall(r'"([^"]*)"|(\S+)', line)
    told = [quoted or plain for quoted, plain in words]
    told[told.index("--budget") + 1] = "4trials"
    run([sys.executable, "-m", "luthier.cli", *told[1:]], tmp_path)
    record = RunFolder(tmp_path / "runs" / "train").read_run()
    assert record.facts.num_reports == 6
    assert record.status == "finished"

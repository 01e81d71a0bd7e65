"""`luthier check` as a person starts it: streams, exit codes, formats, silence, mends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from schemas import errors

from .test_rendering import SCHEMA, SUBSET

pytestmark = pytest.mark.slow
"""Each run starts a program that imports its framework."""
FAULTY = """\
import sys
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(256, 4), torch.randint(0, 2, (256,))
net = nn.Linear(4, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(30):
    rows = slice(i % 8 * 32, i % 8 * 32 + 32)
    loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
print("trained with", sys.argv[1:])
"""
SOUND = FAULTY.replace("    loss.backward()", "    optimizer.zero_grad()\n    loss.backward()")


def check(folder: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "luthier.cli", "check", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
    )


@pytest.fixture
def folder(tmp_path):
    """A folder with scripts."""
    (tmp_path / "faulty.py").write_text(FAULTY)
    (tmp_path / "sound.py").write_text(SOUND)
    (tmp_path / "plain.py").write_text("import sys\nprint('out')\nsys.exit(int(sys.argv[1]))\n")
    (tmp_path / "raising.py").write_text("def f():\n    raise ValueError('mine')\n\n\nf()\n")
    return tmp_path


def test_finding_stands_on_stderr_and_the_scripts_output_is_untouched(folder):
    done = check(folder, "faulty.py", "--steps", "7")
    assert done.returncode == 1
    assert done.stdout == "trained with ['--steps', '7']\n"
    assert "faulty.py:12: T01 error: " in done.stderr
    assert "optimizer.zero_grad()" in done.stderr


def test_sound_script_ends_with_zero(folder):
    done = check(folder, "sound.py")
    assert done.returncode == 0
    assert "T01" not in done.stderr


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_report_for_programs_has_stdout_for_itself(folder, form):
    """What the script prints goes to stderr then."""
    done = check(folder, "--format", form, "faulty.py")
    made = json.loads(done.stdout)
    schema = json.loads(SCHEMA.read_text("utf-8")) if form == "json" else SUBSET
    assert errors(made, schema) == []
    assert "T01" in done.stdout
    assert "trained with" in done.stderr


def test_report_in_a_file_leaves_both_streams_to_the_script(folder):
    done = check(folder, "--format", "json", "--output", "r.json", "faulty.py")
    assert done.stdout == "trained with []\n"
    made = json.loads((folder / "r.json").read_text())
    assert [f["code"] for f in made["findings"]][:1] == ["T01"]
    assert "The report is in" in done.stderr


def test_annotations_are_written_for_github(folder):
    assert (
        "\n::error file=faulty.py,line=12,title=T01" in "\n" + check(folder, "--format", "github", "faulty.py").stderr
    )


@pytest.mark.parametrize("code", [0, 3])
def test_scripts_own_exit_code_is_kept_where_nothing_is_found(folder, code):
    assert check(folder, "plain.py", str(code)).returncode == code


def test_exception_of_the_script_is_shown_as_python_shows_it(folder):
    done = check(folder, "raising.py")
    alone = subprocess.run([sys.executable, "raising.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == alone.returncode == 1
    assert [line.strip() for line in alone.stderr.splitlines()][-2:] == [
        "raise ValueError('mine')",
        "ValueError: mine",
    ]
    assert "ValueError: mine" in done.stderr
    assert "luthier/" not in done.stderr


def test_option_behind_a_program_that_fails_at_once_is_pointed_at(folder):
    """It is the program's own there; one that luthier does not know is not spoken of."""
    (folder / "strict.py").write_text("import argparse\nargparse.ArgumentParser().parse_args()\n")
    misplaced = check(folder, "strict.py", "--format", "json")
    assert misplaced.returncode == 2
    assert misplaced.stderr.splitlines()[-1] == (
        "luthier: --format went to strict.py, as all that stands behind it does; where it is luthier's own, "
        "write luthier check --format ... strict.py"
    )
    assert "went to" not in check(folder, "strict.py", "--colour").stderr


def test_level_decides_the_exit_code(folder):
    assert check(folder, "--fail-on", "never", "faulty.py").returncode == 0


@pytest.mark.parametrize("words", [["gone.py"], ["--select", "Q1", "sound.py"], ["--apply", "sound.py"], []])
def test_wrong_use_ends_with_two(folder, words):
    done = check(folder, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_comment_silences_a_finding(folder):
    source = FAULTY.replace("    loss.backward()", "    loss.backward()  # luthier: ignore[T01] meant")
    (folder / "silenced.py").write_text(source)
    done = check(folder, "silenced.py")
    assert done.returncode == 0
    assert "Silenced by a comment: T01 at silenced.py:12" in done.stderr


@pytest.mark.parametrize("how", ["option", "project"])
def test_ignored_code_is_not_judged(folder, how):
    if how == "project":
        (folder / "pyproject.toml").write_text('[tool.luthier.check]\nignore = ["T"]\n')
    done = check(folder, *(["--ignore", "T"] if how == "option" else []), "faulty.py")
    assert done.returncode == 0
    assert "T01" not in done.stderr


def test_patch_is_shown_and_written_only_when_told_to(folder):
    done = check(folder, "--fix", "faulty.py")
    assert "+    optimizer.zero_grad()" in done.stderr
    assert (folder / "faulty.py").read_text() == FAULTY
    assert "Mended T01" in check(folder, "--fix", "--apply", "faulty.py").stderr
    assert "zero_grad" in (folder / "faulty.py").read_text()
    assert check(folder, "faulty.py").returncode == 0


def test_what_the_script_may_leave_behind_is_said_before_it_starts(folder):
    (folder / "saves.py").write_text("import torch\nprint('starts')\nif False:\n    torch.save(1, 'x.pt')\n")
    said = check(folder, "saves.py", env={"PYTHONUNBUFFERED": "1"}).stderr
    assert "saves.py:4 looks as if it writes files (torch.save)" in said


def test_module_is_run_as_python_would(folder):
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "train.py").write_text("from pkg import net\n" + FAULTY)
    (folder / "pkg" / "net.py").write_text("")
    done = check(folder, "-m", "pkg.train", "--lr", "1")
    assert done.stdout == "trained with ['--lr', '1']\n"
    assert "pkg/train.py:13: T01 error" in done.stderr


def test_other_ranks_are_silent(folder):
    assert "T01" not in check(folder, "faulty.py", env={"RANK": "1"}).stderr


def test_closed_streams_of_the_script_do_not_lose_the_report(folder):
    (folder / "closing.py").write_text(FAULTY + "sys.stdout.close()\nsys.stderr.close()\n")
    assert "T01 error" in check(folder, "closing.py").stderr


def test_model_is_examined_with_options_behind_it(folder):
    (folder / "model.py").write_text(
        dedent("""
        from torch import nn

        def net(*, inputs: int, outputs: int):
            return nn.Linear(inputs, outputs)
        """)
    )
    rows = "\n".join(f"{i % 7},{i % 5},{'yes' if i % 7 > 3 else 'no'}" for i in range(120))
    (folder / "x.csv").write_text(f"a,b,kind\n{rows}\n")
    done = check(folder, "model.py:net", "--data", "x.csv", "--target", "kind", "--tier", "quick", "--format", "json")
    assert json.loads(done.stdout)["checked"]


def test_lists_and_pages_are_printed(folder):
    listed = subprocess.run(
        [sys.executable, "-m", "luthier.cli", "checks"], capture_output=True, text=True, check=True
    )
    assert "T01" in listed.stdout
    assert check(folder, "--explain", "T01").stdout.startswith("T01: ")

"""The folder: it never overwrites, never half-writes, and says what the disk refused."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from luthier.errors import RunFolderError
from luthier.recipe import Recipe
from luthier.records import RunRecord
from luthier.runs.folder import RunFolder, default_root, folder_errors, free_name, write_text_atomic
from luthier.runs.journal import Journal
from luthier.runs.lock import Lock
from luthier.space import Float, Space

RECORD = RunRecord(
    name="digits",
    created="2026-01-01T00:00:00+00:00",
    command="luthier tune digits",
    task={"name": "digits"},
    space=Space({"lr": Float(1e-4, 1e-1, log=True)}),
    baseline=Recipe(),
)


def test_create_then_write_then_read(tmp_path):
    folder = RunFolder(tmp_path / "deep" / "digits").create()
    assert (folder.name, folder.is_run()) == ("digits", False)
    folder.write_run(RECORD)
    assert folder.is_run()
    assert folder.require().read_run().baseline == RECORD.baseline
    assert sorted(p.name for p in folder.path.iterdir()) == ["evaluations", "logs", "run.json", "snapshots"]


def test_an_existing_run_is_never_overwritten(tmp_path):
    folder = RunFolder(tmp_path / "digits").create()
    Journal.create(folder.journal).close()
    with pytest.raises(RunFolderError, match=r"run 'digits' exists already .*--resume, or choose another --name"):
        folder.create()


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match=r"not a run \(it holds 'thesis.tex'\)"):
        RunFolder(tmp_path).create()
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_a_run_left_that_died_before_its_first_line_is_taken_over(tmp_path):
    folder = RunFolder(tmp_path / "digits").create()
    with Lock(folder.path):
        pass
    assert folder.create().path == folder.path


def test_a_missing_run_names_those_that_are_there(tmp_path):
    RunFolder(tmp_path / "digits").create().write_run(RECORD)
    with pytest.raises(RunFolderError, match=r"no run 'digit' .*Runs there: digits\."):
        RunFolder(tmp_path / "digit").require()
    with pytest.raises(RunFolderError, match="luthier tune"):
        RunFolder(tmp_path / "nowhere" / "x").require()


@pytest.mark.parametrize("data", [b"", b"{", b'{"version":1,"kind":"Recipe","data":{}}', b"\xff\xfe", b"[1]"])
def test_a_damaged_run_json_is_a_clear_error(data, tmp_path):
    folder = RunFolder(tmp_path)
    folder.run_json.write_bytes(data)
    with pytest.raises(RunFolderError, match=r"run.json cannot be read: .*--resume"):
        folder.read_run()


def test_a_newer_run_json_asks_for_an_upgrade(tmp_path):
    folder = RunFolder(tmp_path)
    folder.run_json.write_bytes(b'{"version":99,"kind":"RunRecord","data":{}}')
    with pytest.raises(RunFolderError, match="Upgrade luthier"):
        folder.read_run()


def test_orphaned_snapshots_and_half_written_files_go_the_others_stay(tmp_path):
    folder = RunFolder(tmp_path / "digits").create()
    for name in ("trial-1.safetensors", "trial-2.safetensors", ".trial-3.safetensors.77.tmp"):
        (folder.snapshots / name).write_text("x")
    (folder.path / ".run.json.77.tmp").write_text("x")
    Journal.create(folder.journal).close()
    deleted = folder.delete_orphans(["trial-2.safetensors", "trial-9.safetensors"])
    assert deleted == [".run.json.77.tmp", ".trial-3.safetensors.77.tmp", "trial-1.safetensors"]
    assert [p.name for p in folder.snapshots.iterdir()] == ["trial-2.safetensors"]
    assert folder.journal.exists()


def test_a_process_killed_while_rewriting_leaves_a_whole_file(tmp_path):
    """kill -9 at twenty moments of endless rewriting: every read sees one of the texts, whole."""
    program = """
import sys, pathlib, itertools
from luthier.runs.folder import write_text_atomic
for i in itertools.count():
    write_text_atomic(pathlib.Path(sys.argv[1]), str(i % 10) * 20000)
    if i == 0: print(flush=True)
"""
    path = tmp_path / "report.html"
    for moment in range(5):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            for _ in range(50 * moment):
                text = path.read_text()
                assert text == text[0] * 20000
            writer.send_signal(signal.SIGKILL)
        text = path.read_text()
        assert text == text[0] * 20000


def test_the_root_is_the_environments_or_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("LUTHIER_RUNS", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("LUTHIER_RUNS")
    assert default_root() == Path("runs")


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("digits", "digits"),
        ("model.py:net", "model.py-net"),
        ("../../etc", "etc"),
        ("", "run"),
        ("größe", "größe"),
    ],
)
def test_a_free_name_is_a_safe_file_name(stem, name, tmp_path):
    assert free_name(tmp_path / "none", stem) == name


def test_a_free_name_counts_on(tmp_path):
    for expected in ("digits", "digits-2", "digits-3"):
        assert free_name(tmp_path, "digits") == expected
        (tmp_path / expected).mkdir()


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_any_oserror_becomes_one_clear_sentence(number):
    with pytest.raises(RunFolderError) as caught, folder_errors("/some/path", "write the report"):
        raise OSError(number, os.strerror(number), "/inner/path")
    assert str(caught.value).startswith("cannot write the report: ")
    assert " (/some/path). " in str(caught.value)
    assert caught.value.remedy
    assert caught.value.errno == number


def test_a_clear_error_from_inside_stays_as_it_is():
    inner = RunFolderError("inner")
    with pytest.raises(RunFolderError) as caught, folder_errors("/some/path", "write"):
        raise inner
    assert caught.value is inner


def test_a_file_where_a_folder_is_meant(tmp_path):
    (tmp_path / "runs").write_text("x")
    with pytest.raises(RunFolderError, match="a part of the path is a file"):
        RunFolder(tmp_path / "runs" / "digits").create()


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(RunFolderError, match="the name is too long"):
        RunFolder(tmp_path / ("x" * 300)).create()


def test_a_read_only_disk_can_be_read_and_refuses_the_rest_clearly(tiny_disk):
    folder = RunFolder(tiny_disk / "digits").create()
    folder.write_run(RECORD)
    Journal.create(folder.journal).close()
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert folder.read_run().name == "digits"
    for refused in (
        lambda: RunFolder(tiny_disk / "other").create(),
        lambda: folder.write_run(RECORD),
        lambda: Journal.open(folder.journal),
        lambda: Lock(folder.path).acquire(),
    ):
        with pytest.raises(RunFolderError, match=r"the disk is mounted read-only \(.*\)\. Set LUTHIER_RUNS"):
            refused()


def test_a_folder_without_permission_is_named(tmp_path):
    """Permission bits do not bind root, so root gives its power up in a child."""
    tmp_path.chmod(0o755)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    program = """
import os, sys
from luthier.errors import RunFolderError
from luthier.runs.folder import RunFolder
if os.geteuid() == 0:
    os.setuid(65534)
try:
    RunFolder(sys.argv[1]).create()
except RunFolderError as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", program, "digits"], cwd=locked, capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("cannot make the run's folder: no permission (digits). Change its permissions")


def test_a_full_disk_keeps_the_old_file(tiny_disk):
    path = tiny_disk / "report.html"
    write_text_atomic(path, "old")
    with pytest.raises(RunFolderError, match="the disk is full"):
        write_text_atomic(path, "x" * (1 << 21))
    assert path.read_text() == "old"
    assert len(list(tiny_disk.iterdir())) == 1

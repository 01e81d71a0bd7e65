"""The counter of looks at test rows: it may say too much, never too little."""

from __future__ import annotations

import subprocess
import sys

import pytest

from luthier.errors import RunFolderError
from luthier.runs.looks import FILE, record_look


def test_each_run_counts_once_for_each_set_of_rows(tmp_path):
    root = tmp_path / "runs"
    assert [record_look(root, "a", run) for run in ("one", "two", "one", "three")] == [1, 2, 2, 3]
    assert record_look(root, "b", "one") == 1
    assert record_look(tmp_path / "elsewhere", "a", "two") == 1


def test_several_processes_lose_no_look_and_no_two_get_the_same_count(tmp_path):
    program = """
import sys, pathlib
from luthier.runs.looks import record_look
for i in range(20):
    print(record_look(pathlib.Path(sys.argv[1]), "rows", f"{sys.argv[2]}-{i}"))
"""
    commands = [[sys.executable, "-c", program, str(tmp_path), str(n)] for n in range(4)]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    counts = [int(word) for process in several for word in process.communicate()[0].split()]
    assert sorted(counts) == list(range(1, 81))


def test_half_a_line_of_a_writer_that_died_is_cut_off(tmp_path):
    record_look(tmp_path, "rows", "one")
    whole = (tmp_path / FILE).read_bytes()
    for end in range(1, len(whole)):
        (tmp_path / FILE).write_bytes(whole + whole[:end].replace(b"one", b"two"))
        assert record_look(tmp_path, "rows", "three") == 2
        assert record_look(tmp_path, "other", "three") == 1


def test_a_line_that_cannot_be_read_counts_as_a_look(tmp_path):
    record_look(tmp_path, "rows", "one")
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"rows":"ro\xffs","run":"two"}\n')
    assert record_look(tmp_path, "rows", "three") == 3


def test_a_look_that_cannot_be_counted_is_refused_and_leaves_the_file_whole(tiny_disk):
    record_look(tiny_disk, "rows", "one")
    before = (tiny_disk / FILE).read_bytes()
    ballast = tiny_disk / "ballast"
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:  # noqa: PT012 - fills the disk
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(RunFolderError, match="cannot count the look at the test rows: the disk is full"):
        record_look(tiny_disk, "rows", "x" * 8192)
    assert (tiny_disk / FILE).read_bytes() == before
    ballast.unlink()
    assert record_look(tiny_disk, "rows", "two") == 2

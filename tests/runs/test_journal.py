"""The journal: its promises, the twins that break them, and what it says when it refuses."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.codec import convert
from luthier.errors import InvalidInput, RunFolderError
from luthier.records import Point
from luthier.runs.journal import Journal, read

from . import promises
from .twins import FLAWS

PROMISES = [
    promises.round_trip,
    promises.torn_tail_is_recovered,
    promises.no_flip_passes,
    promises.survives_kill,
]
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["real", "twin"])
@pytest.mark.parametrize("promise", PROMISES)
def test_promise_is_kept(promise, name, tmp_path):
    promise(name, tmp_path)


@pytest.mark.parametrize("name", ["real", "twin"])
def test_full_disk_leaves_it_readable(name, tiny_disk):
    promises.full_disk_leaves_it_readable(name, tiny_disk)


@pytest.mark.parametrize(
    ("flaw", "promise"), [(f, p) for f, p in FLAWS.items() if p != "full_disk_leaves_it_readable"]
)
def test_promise_fails_on_the_twin_that_breaks_it(flaw, promise, tmp_path):
    with pytest.raises((AssertionError, RunFolderError, pytest.fail.Exception)):
        getattr(promises, promise)(flaw, tmp_path)


def test_full_disk_promise_fails_on_the_twin_that_leaves_half_a_line(tiny_disk):
    with pytest.raises((AssertionError, RunFolderError)):
        promises.full_disk_leaves_it_readable("leaves half a line", tiny_disk)


@settings(deadline=None)  # a busy machine is no fault of the journal
@given(st.lists(plain, max_size=5))
def test_any_plain_data_comes_back(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with Journal.create(path) as journal:
        appended = [journal.append("event", event, 0.5) for event in events]
    lines = read(path)
    assert lines == appended
    assert [line.data for line in lines] == events


def test_a_line_is_json_with_the_checksum_of_what_follows_it(tmp_path):
    """The format of the first docstring, so that other programs can read it."""
    with Journal.create(tmp_path / "j") as journal:
        journal.append("report", {"loss": 0.5}, 12.345)
    text = (tmp_path / "j").read_bytes()
    rest = b'"n":0,"t":12.345,"k":"report","d":{"loss":0.5}}'
    assert text == b'{"c":"%08x",' % zlib.crc32(rest) + rest + b"\n"
    assert json.loads(text)["d"] == {"loss": 0.5}


def test_a_record_and_numpy_numbers_come_back_as_plain_data_that_converts(tmp_path):
    point = Point(step=3, fraction=0.5, train_loss=math.nan, val_loss=1.25, score=0.75)
    with Journal.create(tmp_path / "j") as journal:
        journal.append("report", point, 1)
        journal.append("numbers", {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}, np.float64(2))
    first, second = read(tmp_path / "j")
    back = convert(first.data, Point)
    assert math.isnan(back.train_loss)
    assert (back.step, back.val_loss) == (3, 1.25)
    assert second.data == {"a": 0.5, "b": 3, "c": True}


@pytest.mark.parametrize("data", [np.zeros(3), object(), {"x": {1, object()}}, "\ud800"])
def test_what_is_no_plain_data_is_refused_and_nothing_is_written(data, tmp_path):
    with Journal.create(tmp_path / "j") as journal:
        with pytest.raises(InvalidInput, match="report: "):
            journal.append("report", data, 0.0)
        with pytest.raises(InvalidInput, match="t is finite"):
            journal.append("report", {}, math.nan)
        assert journal.append("report", {}, 0.0).number == 0
    assert len(read(tmp_path / "j")) == 1


def test_damage_names_the_line_and_the_way_out_and_that_way_works(tmp_path):
    path = tmp_path / "j"
    with Journal.create(path) as journal:
        for number in range(20):
            journal.append("report", {"i": number}, 0.0)
    path.write_bytes(path.read_bytes().replace(b'"i":7', b'"i":8'))
    with pytest.raises(RunFolderError, match=r"journal line 7 is damaged: .*head -n 7\b"):
        Journal.open(path)
    path.write_bytes(subprocess.run(["head", "-n", "7", path], capture_output=True, check=True).stdout)
    assert len(read(path)) == 7


def test_a_missing_line_is_refused(tmp_path):
    """Every checksum is right, yet line 2 is gone."""
    path = tmp_path / "j"
    with Journal.create(path) as journal:
        for number in range(4):
            journal.append("report", {"i": number}, 0.0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(RunFolderError, match="journal line 2 is damaged: it carries number 3"):
        read(path)


def test_zeros_that_a_loss_of_power_left_are_a_torn_tail(tmp_path):
    path = tmp_path / "j"
    with Journal.create(path) as journal:
        journal.append("report", {}, 0.0)
    path.write_bytes(path.read_bytes() + bytes(4096))
    with Journal.open(path) as journal:
        assert journal.recovered == 4096
    assert len(read(path)) == 1


def test_an_append_that_an_interrupt_cut_short_does_not_spoil_the_next(tmp_path):
    """A signal handler raises at random places of appends; the journal stays whole and every line that was
    acknowledged is there."""
    program = """
import signal, sys, random, pathlib
from luthier.runs.journal import Journal, read
armed = False
def stop(*_):
    if armed: raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
path = pathlib.Path(sys.argv[1]); journal = Journal.create(path); random.seed(0); told = []; hits = 0
for i in range(3000):
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 3e-5))
        journal.append("report", {"i": i}, 0.0)
        told.append(i)
        armed = False
    except KeyboardInterrupt:
        armed = False
        hits += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
journal.append("end", {"i": -1}, 0.0)
lines = [line.data["i"] for line in read(path)]
assert set(told) <= set(lines), "lost"
assert hits > 20, hits
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "j")], check=True)


def test_a_file_size_limit_is_answered_like_a_full_disk(tmp_path):
    """RLIMIT_FSIZE makes write(2) stop halfway through a line, on any disk and for any user."""
    program = """
import resource, sys, pathlib
from luthier.errors import RunFolderError
from luthier.runs.journal import Journal, read
path = pathlib.Path(sys.argv[1]); journal = Journal.create(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
count = 0
try:
    while True:
        journal.append("report", {"text": "x" * 700}, 0.0); count += 1
except RunFolderError as error:
    assert str(error).startswith("cannot write to the journal: the file would be larger"), error
assert count > 5 and len(read(path)) == count
assert path.read_bytes()[-1] == 10, 'half a line was left'
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append("report", {}, 0.0)
assert len(read(path)) == count + 1
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "j")], check=True)


def test_a_full_disk_is_named_with_the_way_out(tiny_disk):
    with (
        Journal.create(tiny_disk / "j") as journal,
        pytest.raises(
            RunFolderError, match=r"cannot write to the journal: the disk is full \(.*\)\. Free some space"
        ),
    ):
        journal.append("report", {"text": "x" * (1 << 21)}, 0.0)


def test_create_refuses_an_existing_journal_and_open_a_missing_one(tmp_path):
    with pytest.raises(RunFolderError, match="cannot open the journal: it does not exist"):
        Journal.open(tmp_path / "j")
    with pytest.raises(RunFolderError, match="cannot read the journal: it does not exist"):
        read(tmp_path / "j")
    Journal.create(tmp_path / "j").close()
    with pytest.raises(RunFolderError, match="cannot make the journal: it exists already"):
        Journal.create(tmp_path / "j")


def test_a_closed_journal_refuses_to_write(tmp_path):
    journal = Journal.create(tmp_path / "j")
    journal.close()
    journal.close()
    with pytest.raises(RunFolderError, match="cannot write to the journal"):
        journal.append("report", {}, 0.0)

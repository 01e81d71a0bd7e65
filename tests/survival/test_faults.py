"""Real faults: what a person reads, which exit code, and that nothing journalled is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from survival.running import ENVIRONMENT, alive, finish, kinds_of, start


def arguments(root, **more):
    return {"root": str(root), "name": "run", "budget": "40trials", "workers": 2, **more}


def wait_for(condition, seconds=60):
    """Until the condition holds; fails the test otherwise."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen in time")


def lines(root, kind):
    journal = root / "run" / "journal.jsonl"
    return kinds_of(root / "run").get(kind, 0) if journal.exists() else 0


def searched(root):
    """Jobs of the search so far."""
    journal = (root / "run" / "journal.jsonl").read_text().splitlines()
    return sum('"k":"job"' in line and '"phase":"search' in line for line in journal)


def workers_of(pid):
    """Process numbers of the workers that a driver has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "stat").read_text().rpartition(")")[2].split()
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parts[1]) == pid and b"luthier.training.worker" in words:
                found.append(int(entry.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


# ------------------------------------------------------------------------------------------ what is asked for


@pytest.mark.parametrize(
    ("task", "more", "code", "sentence"),
    [
        ("fake:flat", {"budget": "1trials"}, 2, "the budget pays for the baseline, one trial and the report"),
        ("fake:flat", {"budget": "1s"}, 2, "the budget pays for the baseline, one trial and the report"),
        ("fake:flat", {"budget": "soon"}, 2, 'Write for example "5min"'),
        (
            "fake:flat",
            {"metric": "accuracy"},
            2,
            "metric='accuracy': `a metric for regression targets` must hold",
        ),
        ("fake:flat", {"metric": "maee"}, 2, "Did you mean 'mae'"),
        ("fake:flat", {"sampler": "tpee"}, 2, "tpe"),
        ("fake:flat", {"fixed": {"lr": -1}}, 2, "lr=-1: `0 < lr` must hold"),
        ("digit", {}, 2, "Did you mean 'digits'"),
        ("fake:broken", {}, 4, "the baseline did not train: its loss was not finite at step 6 of 180"),
        ("fake:raises", {}, 4, "RuntimeError: no model today"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, task, more, code, sentence):
    found, _, said = finish(task=task, arguments=arguments(tmp_path, **more))
    assert sentence in said
    assert "Traceback" not in said
    assert found == code


def test_where_everything_but_the_baseline_diverges_the_baseline_is_kept(tmp_path):
    code, decided, said = finish(
        task="fake:half_broken",
        arguments=arguments(tmp_path, space_only=False, fixed={"x": 0.2}, sampler="halton"),
    )
    assert code == 0, said
    assert not decided["adopted"]


def test_trial_that_wants_too_much_memory_fails_alone(tmp_path):
    code, decided, said = finish(task="fake:hungry", arguments=arguments(tmp_path, sampler="halton"))
    assert code == 0, said
    statuses = [trial[6] for trial in decided["trials"]]
    assert statuses.count("failed") >= 3
    assert "finished" in statuses
    findings = json.loads((tmp_path / "run" / "run.json").read_text())["data"]["findings"]
    assert any(f["code"] == "RUN001" and "emory" in f["text"] for f in findings)


def test_worker_that_cannot_import_is_explained_with_its_last_words(tmp_path):
    (tmp_path / "luthier").mkdir()
    script = (
        "import sys, luthier\n"
        "from luthier.training import executor\n"
        "from luthier.errors import LuthierError\n"
        "sys.executable = sys.argv[1]\n"
        "try:\n"
        "    luthier.tune('digits', root=sys.argv[2], budget='20s', workers=1)\n"
        "except LuthierError as error:\n"
        "    print(error); sys.exit(error.exit_code)\n"
    )
    fake_python = tmp_path / "python"
    fake_python.write_text("#!/bin/sh\necho 'ModuleNotFoundError: No module named torch' >&2\nexit 1\n")
    fake_python.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script, str(fake_python), str(tmp_path / "runs")],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False,
    )  # fmt: skip
    assert "ended with exit code 1 before it was ready, 3 times" in done.stdout
    assert "No module named torch" in done.stdout
    assert done.returncode == 4


# --------------------------------------------------------------------------------------------- the run's folder


def test_damaged_journal_is_refused_with_its_line(tmp_path):
    assert finish(task="fake:flat", arguments=arguments(tmp_path), kill_after=["report", 30])[0] == -9
    journal = tmp_path / "run" / "journal.jsonl"
    text = journal.read_bytes().splitlines(keepends=True)
    text[5] = text[5].replace(b'"t":', b'"T":')
    journal.write_bytes(b"".join(text))
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path, resume=True))
    assert "journal line 5 is damaged" in said
    assert code == 3


def test_torn_tail_is_recovered(tmp_path):
    assert finish(task="fake:flat", arguments=arguments(tmp_path), kill_after=["report", 30])[0] == -9
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-7])
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path, resume=True))
    assert code == 0, said


def test_run_of_another_command_is_not_resumed(tmp_path):
    assert finish(task="fake:flat", arguments=arguments(tmp_path), kill_after=["report", 3])[0] == -9
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path, resume=True, seed=1))
    assert "seed=1: `seed == 0, as the run was begun` must hold" in said
    assert code == 3


def test_existing_run_is_not_overwritten(tmp_path):
    assert finish(task="fake:flat", arguments=arguments(tmp_path))[0] == 0
    before = (tmp_path / "run" / "journal.jsonl").read_bytes()
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path))
    assert "--resume" in said
    assert code == 3
    assert (tmp_path / "run" / "journal.jsonl").read_bytes() == before


def test_finished_run_is_given_back_without_work(tmp_path):
    _, first, _ = finish(task="fake:flat", arguments=arguments(tmp_path))
    before = (tmp_path / "run" / "journal.jsonl").read_bytes()
    code, second, said = finish(task="fake:flat", arguments=arguments(tmp_path, resume=True))
    assert code == 0, said
    assert first == second
    assert before.count(b'"k":"job"') == (tmp_path / "run" / "journal.jsonl").read_bytes().count(b'"k":"job"')


@pytest.mark.slow
def test_second_process_on_one_run_is_refused(tmp_path):
    first = start(tmp_path / "log", task="fake:flat", arguments=arguments(tmp_path), step_s=0.002)
    try:
        wait_for(lambda: lines(tmp_path, "report") > 5)
        code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path, resume=True))
        assert str(first.pid) in said
        assert code == 3
    finally:
        first.kill()
        first.communicate()


@pytest.mark.slow
@needs_proc
def test_lock_of_a_dead_driver_is_free_while_its_workers_still_live(tmp_path):
    first = start(tmp_path / "log", task="fake:flat", arguments=arguments(tmp_path), step_s=0.002)
    wait_for(lambda: lines(tmp_path, "report") > 5)
    workers = workers_of(first.pid)
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)  # they cannot notice anything
    first.kill()
    first.communicate()
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path, resume=True), step_s=0.002)
    assert code == 0, said
    for pid in workers:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@needs_proc
def test_workers_end_when_their_driver_is_killed(tmp_path):
    first = start(tmp_path / "log", task="fake:flat", arguments=arguments(tmp_path), step_s=0.002)
    wait_for(lambda: lines(tmp_path, "report") > 5)
    workers = workers_of(first.pid)
    first.kill()
    first.communicate()
    assert len(workers) == 2
    wait_for(lambda: not any(alive(pid) for pid in workers), 5)


# ------------------------------------------------------------------------------------------------- workers


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_killed_worker_costs_time_and_changes_nothing(tmp_path, how):
    _, expected, _ = finish(task="fake:flat", arguments=arguments(tmp_path / "whole"))
    first = start(tmp_path / "log", task="fake:flat", arguments=arguments(tmp_path), step_s=0.002)
    wait_for(lambda: lines(tmp_path, "report") > 20)
    os.kill(workers_of(first.pid)[0], how)
    out, _ = first.communicate(timeout=200)
    assert first.returncode == 0, (tmp_path / "log").read_text()
    assert lines(tmp_path, "lost") == 1
    assert '"adopted"' in out.decode()
    assert kinds_of(tmp_path / "run")["reached"] == kinds_of(tmp_path / "whole" / "run")["reached"]
    assert expected is not None


@pytest.mark.slow
@needs_proc
def test_hung_worker_is_replaced(tmp_path):
    first = start(tmp_path / "log", task="fake:flat", arguments=arguments(tmp_path, hang_s=4.0), step_s=0.002)
    wait_for(lambda: lines(tmp_path, "report") > 20)
    os.kill(workers_of(first.pid)[0], signal.SIGSTOP)
    first.communicate(timeout=200)
    assert first.returncode == 0, (tmp_path / "log").read_text()
    assert lines(tmp_path, "lost") >= 1


# -------------------------------------------------------------------------------------------------- Ctrl-C


@pytest.mark.slow
def test_first_interrupt_ends_the_search_and_confirms(tmp_path):
    asked = {"task": "fake:plateau", "arguments": arguments(tmp_path, budget="30s"), "step_s": 0.001}
    first = start(tmp_path / "log", **asked)
    wait_for(lambda: lines(tmp_path, "reached") > 30)
    first.send_signal(signal.SIGINT)
    begun = searched(tmp_path)
    out, _ = first.communicate(timeout=200)
    assert first.returncode == 0, (tmp_path / "log").read_text()
    assert b'"adopted"' in out
    assert (tmp_path / "run" / "report.html").exists()
    assert (
        searched(tmp_path) <= begun + 10
    )  # what was decided while the signal was on its way; half the budget was left


@pytest.mark.slow
def test_second_interrupt_stops_at_once_and_the_run_can_go_on(tmp_path):
    asked = {"task": "fake:plateau", "arguments": arguments(tmp_path, budget="82trials"), "step_s": 0.002}
    first = start(tmp_path / "log", **asked)
    wait_for(lambda: lines(tmp_path, "reached") > 40)  # so that there is something to confirm
    first.send_signal(signal.SIGINT)
    time.sleep(0.3)
    first.send_signal(signal.SIGINT)
    began = time.monotonic()
    first.communicate(timeout=60)
    assert first.returncode == 130, (tmp_path / "log").read_text()
    assert time.monotonic() - began < 15  # to go on would take half a minute
    assert "--resume" in (tmp_path / "log").read_text()
    code, _, said = finish(
        task="fake:plateau", arguments=arguments(tmp_path, budget="82trials", resume=True), step_s=0.002
    )
    assert code == 0, said


# --------------------------------------------------------------------------------------------------- disk


@pytest.mark.slow
def test_full_disk_is_said_and_the_run_goes_on_when_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        code, _, said = finish(task="fake:plateau", arguments=arguments(disk, budget="82trials"))
        assert "the disk is full" in said
        assert code == 3
        subprocess.run(["mount", "-o", "remount,size=32m", str(disk)], check=True)
        code, decided, said = finish(task="fake:plateau", arguments=arguments(disk, budget="82trials", resume=True))
        assert code == 0, said
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    _, expected, _ = finish(task="fake:plateau", arguments=arguments(tmp_path / "whole", budget="82trials"))
    assert decided == expected


def test_no_permission_is_said(tmp_path):
    place = tmp_path / "closed"
    place.mkdir(mode=0o500)
    if os.access(place, os.W_OK):
        place = Path("/proc/1")  # where not even root may write
    code, _, said = finish(task="fake:flat", arguments=arguments(place))
    assert "cannot make the run's folder" in said
    assert code == 3

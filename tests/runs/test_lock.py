"""The lock, with real processes that really die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from luthier.errors import RunFolderError
from luthier.runs.lock import Lock

HOLD = """
import subprocess, sys, time, os
from luthier.runs.lock import Lock
lock = Lock(sys.argv[1]).acquire()
child = eval(sys.argv[2])
print(child, flush=True)
time.sleep(60)
"""
CHILDREN = {
    "Popen": "subprocess.Popen(['sleep', '60'], stdout=-3).pid",
    "Popen that inherits all": "subprocess.Popen(['sleep', '60'], stdout=-3, close_fds=False).pid",
    # the child tells its pid itself: until it runs, it is a copy of its parent, lock and all
    "fork": "os.fork() and time.sleep(60) or print(os.getpid(), flush=True) or time.sleep(60)",
}


def _holder(folder, child="0"):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), child], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    return holder, int(holder.stdout.readline())


def _end(holder):
    holder.kill()
    holder.wait()
    holder.stdout.close()


def test_the_second_process_is_told_who_and_since_when(tmp_path):
    holder, _ = _holder(tmp_path)
    with pytest.raises(RunFolderError) as caught:
        Lock(tmp_path).acquire()
    _end(holder)
    text = str(caught.value)
    assert f"process {holder.pid} on " in text
    assert " since 20" in text
    assert "--name" in text


def test_the_same_process_is_refused_twice(tmp_path):
    with Lock(tmp_path) as lock:
        for second in (lock, Lock(tmp_path)):
            with pytest.raises(RunFolderError, match=rf"this process itself \({os.getpid()}\) since"):
                second.acquire()
    with lock:
        pass


@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN)
def test_a_killed_holder_frees_the_lock_while_its_child_lives_on(child, tmp_path):
    holder, pid = _holder(tmp_path, child)
    try:
        with pytest.raises(RunFolderError):
            Lock(tmp_path).acquire()
        _end(holder)
        os.kill(pid, 0)  # the child is alive
        with Lock(tmp_path):
            pass
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_forked_child_cannot_give_its_parents_lock_back(tmp_path):
    program = """
import os, sys
from luthier.runs.lock import Lock
lock = Lock(sys.argv[1]).acquire()
if os.fork() == 0:
    lock.release()
    os._exit(0)
os.wait()
print("held", flush=True)
sys.stdin.readline()
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunFolderError):
            Lock(tmp_path).acquire()


def test_one_of_many_that_start_together_wins(tmp_path):
    program = "import sys; from luthier.runs.lock import Lock; sys.stdin.readline()\n" + (
        "try: Lock(sys.argv[1]).acquire(); print('won', flush=True); sys.stdin.readline()\n"
        "except OSError as error: print(error, flush=True)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    several = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in several:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.stdout.readline() for process in several]
    for process in several:
        process.communicate("end\n")
    assert said.count("won\n") == 1
    assert sum("is being worked on by" in line for line in said) == 3


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RunFolderError, match=r"cannot lock the run: it does not exist \(.*/none/lock\)"):
        Lock(tmp_path / "none").acquire()

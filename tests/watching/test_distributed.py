"""Two processes that train one model, under torchrun and spawned by the program itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.slow
"""Each case starts two processes that import PyTorch."""
TRAINS = """
import os
import torch
import torch.distributed as dist
from torch import nn

def work(rank, world):
    torch.manual_seed(0)
    x, y = torch.randn(64, 8), torch.randint(0, 3, (64,))
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(100):
        for i in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[i * 8 + rank :: 32]), y[i * 8 + rank :: 32]).backward()
            optimizer.step()
        if rank == 0:
            model.eval()
            with torch.no_grad():
                model.module(x)
            model.train()
    os.write(1, f"end of rank {rank}\\n".encode())  # one write: two ranks share the output
    dist.destroy_process_group()
"""
RUN = """
dist.init_process_group("gloo")
work(dist.get_rank(), 2)
"""
SPAWN = """
import torch.multiprocessing as mp

def begin(rank):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="@port")
    dist.init_process_group("gloo", rank=rank, world_size=2)
    work(rank, 2)
    os._exit(0)  # a thread of gloo's that outlives the interpreter aborts its process now and then

if __name__ == "__main__":
    mp.spawn(begin, nprocs=2)
"""


def free_port() -> str:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def start(folder, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def told_by_two_ranks(folder, program: str, *options: str) -> tuple[subprocess.CompletedProcess[str], dict]:
    """How `luthier check` ended on two ranks under torchrun, and what the first one reported."""
    (folder / "train.py").write_text(program + RUN)
    ranks = ("torch.distributed.run", "--nproc_per_node", "2", "--master_port", free_port(), "-m")
    report = ("--format", "json", "--output", "told.json")
    done = start(folder, *ranks, "luthier.cli", "check", *options, *report, "train.py")
    return done, json.loads((folder / "told.json").read_text())


def test_ranks_end_at_the_same_step(tmp_path):
    """One report, exit code 0 of all, and no rank that waits for one that has gone."""
    done, told = told_by_two_ranks(tmp_path, TRAINS, "--steps", "12")
    assert done.returncode == 0, done.stderr
    assert "end of rank" not in done.stdout
    assert "12 training steps and an evaluation" in told["stopped"]
    assert told["findings"] == []
    assert told["faults"] == []


@pytest.mark.parametrize(
    ("code", "right", "wrong"),
    [
        ("T13", "cross_entropy(model(x[", "cross_entropy(model.module(x["),
        ("D30", "i * 8 + rank :: 32", "i * 8 :: 32"),
    ],
)
def test_ranks_that_do_not_share_the_work_are_told(code, right, wrong, tmp_path):
    """A model called past its wrapper, and the same rows on every rank."""
    _, told = told_by_two_ranks(tmp_path, TRAINS.replace(right, wrong), "--steps", "12")
    assert told["findings"][0]["code"] == code
    assert "rank 0 and rank 1" in told["findings"][0]["text"]
    assert told["faults"] == []


def test_training_in_spawned_processes_is_said_not_to_be_seen(tmp_path):
    (tmp_path / "train.py").write_text(TRAINS + SPAWN.replace("@port", free_port()))
    done = start(tmp_path, "luthier.cli", "check", "train.py")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == ["0", "1", "end", "end", "of", "of", "rank", "rank"]
    assert "the 2 processes that were started are not watched" in " ".join(done.stderr.split())

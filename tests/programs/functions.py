"""Functions that train, as a person writes them: small, with a truth that is known."""

import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

REPORTS = 9
ORPHAN = """
import os, time
if os.fork():
    os._exit(0)
os.setsid()
print(os.getpid(), flush=True)
time.sleep(600)
"""


def loss_of(config, seed, epoch):
    """Falls to a value that the learning rate decides; best at 0.01."""
    return (math.log10(config["lr"]) + 2) ** 2 + 0.01 * random.Random(seed).gauss(0, 1) + 1 / epoch


def train(trial):
    """Keeps its epoch in `checkpoint_dir`, and goes on from there."""
    place = trial.checkpoint_dir / "epoch"
    first = int(place.read_text()) if place.exists() else 0
    for epoch in range(first + 1, REPORTS + 1):
        place.write_text(str(epoch))
        trial.report(epoch, of=REPORTS, val_loss=loss_of(trial.config, trial.seed, epoch))


def forgetful(trial):
    """Has no checkpoint; notes each beginning in a file."""
    log = os.environ.get("BEGINNINGS")
    if log:
        with Path(log).open("a") as file:
            file.write(f"{trial.seed}\n")
    for epoch in range(1, REPORTS + 1):
        trial.report(epoch, val_loss=loss_of(trial.config, trial.seed, epoch))


def slow(trial):
    """As `train`, takes its time, and saves what it has reported: a kill at any moment loses nothing."""
    place = trial.checkpoint_dir / "epoch"
    first = int(place.read_text()) if place.exists() else 0
    for epoch in range(first + 1, REPORTS + 1):
        time.sleep(0.02)
        trial.report(epoch, of=REPORTS, val_loss=loss_of(trial.config, trial.seed, epoch))
        place.write_text(str(epoch))


def of_arguments(trial, lr=0.1):
    """Takes its settings as arguments of its own."""
    for epoch in range(1, REPORTS + 1):
        trial.report(epoch, val_loss=loss_of({"lr": lr}, trial.seed, epoch))


def silent(trial):
    """Never reports."""


def raises(trial):
    """Ends by a fault."""
    trial.report(1, val_loss=1.0)
    raise KeyError("weights")


def not_a_number(trial):
    """Its loss is lost."""
    trial.report(1, val_loss=1.0)
    trial.report(2, val_loss=math.nan)
    time.sleep(60)


def backwards(trial):
    """Counts down."""
    trial.report(2, val_loss=1.0)
    trial.report(1, val_loss=1.0)


def of_words(trial):
    """Reports what is no number."""
    trial.report(1, val_loss="low")


def endless(trial):
    """Takes longer than anybody waits."""
    trial.report(1, val_loss=1.0)
    time.sleep(600)


def endless_where_lr_is_high(trial):
    """As `forgetful`, and takes for ever where the learning rate is above 0.01."""
    for epoch in range(1, REPORTS + 1):
        trial.report(epoch, val_loss=loss_of(trial.config, trial.seed, epoch))
        if trial.config["lr"] > 0.01:
            time.sleep(600)


def early(trial):
    """Returns early where the learning rate is low, and goes on for longer where it is high."""
    for epoch in range(1, 5 if trial.config["lr"] < 0.01 else 14):
        trial.report(epoch, val_loss=loss_of(trial.config, trial.seed, epoch))


def with_helpers(trial):
    """Starts a helper in a session of its own, and one whose parent is gone; writes who they are."""
    own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    told = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    pids = [os.getpid(), own.pid, int(told.stdout.readline())]
    Path(os.environ["PIDS"]).write_text(" ".join(map(str, pids)))
    trial.report(1, val_loss=1.0)
    time.sleep(600)


def tears_its_checkpoint(trial):
    """Leaves half a checkpoint at the rung, as a process does that is killed while it writes."""
    place = trial.checkpoint_dir / "epoch"
    first = json.loads(place.read_text()) if place.exists() else 0
    for epoch in range(first + 1, REPORTS + 1):
        place.write_text("{" if epoch == 3 else str(epoch))
        trial.report(epoch, of=REPORTS, val_loss=loss_of(trial.config, trial.seed, epoch))

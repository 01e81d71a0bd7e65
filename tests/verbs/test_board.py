"""`luthier board`: optuna-dashboard says of a run what its record says, to this machine only."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from importlib.util import find_spec
from types import SimpleNamespace

import msgspec
import pytest

import fakes
import luthier
from luthier.errors import InvalidInput, MissingExtra, RunFolderError
from luthier.reports.reading import value_of
from luthier.runs.folder import RunFolder
from luthier.verbs.board import Board
from luthier.verbs.replay import reread
from luthier.verbs.study import study_of

DASHBOARD = pytest.mark.skipif(find_spec("optuna_dashboard") is None, reason="the extra board is not installed")
STATES = {"finished": "Complete", "stopped": "Pruned", "diverged": "Fail", "failed": "Fail"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with trials that finish, diverge and are stopped; smaller scores are better."""
    root = tmp_path_factory.mktemp("runs")
    return luthier.tune(fakes.task("half_broken"), budget="30trials", workers=0, root=root, name="run")


@pytest.fixture(scope="module")
def told(run):
    """What the dashboard answers: the list of studies, and the study."""
    with Board(run.folder, 0) as board:
        thread = threading.Thread(target=board.serve)
        thread.start()
        try:
            studies = json.loads(fetch(board, "api/studies"))["study_summaries"]
            study = json.loads(fetch(board, f"api/studies/{studies[0]['study_id']}?after=0"))
            page = fetch(board, "dashboard/").decode()
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetch(board, "api/studies", Host="board.example")
        finally:
            board.stop()
            thread.join()
    return SimpleNamespace(studies=studies, study=study, page=page, refused=refused.value, address=board.address)


def fetch(board, path, **headers):
    """One answer."""
    with urllib.request.urlopen(urllib.request.Request(board.address + path, headers=headers), timeout=20) as answer:
        return answer.read()


def attributes(shown):
    """User attributes as a dict."""
    return {one["key"]: one["value"] for one in shown["user_attrs"]}


@DASHBOARD
def test_study_has_the_name_direction_and_verdict_of_the_run(run, told):
    (study,) = told.studies
    assert study["study_name"] == run.record.name
    assert study["directions"] == ["minimize"]
    assert attributes(study)["verdict"] == run.verdict
    assert attributes(study)["baseline trial"] == "0"
    assert told.study["objective_names"] == [run.record.facts.metric.name]


@DASHBOARD
def test_every_trial_is_there_with_its_state_score_and_curve(run, told):
    trials = run.record.history.trials
    shown = told.study["trials"]
    assert Counter(s["state"] for s in shown) == Counter(STATES[t.status] for t in trials)
    assert [s["number"] for s in shown] == [t.id for t in trials]
    for one, trial in zip(shown, trials, strict=True):
        assert one["state"] == STATES[trial.status]
        assert one.get("values") == ([trial.at(1.0).score] if trial.status == "finished" else None)
        assert [(p["step"], p["value"]) for p in one["intermediate_values"]] == [
            (p.step, p.score) for p in trial.curve
        ]


@DASHBOARD
def test_parameters_are_the_settings_with_their_domains(run, told):
    for one, trial in zip(told.study["trials"], run.record.history.trials, strict=True):
        params = {p["name"]: p["param_internal_value"] for p in one["params"]}
        assert params == {name: value_of(trial, name) for name in run.record.space}
    (x,) = [p["distribution"] for p in told.study["union_search_space"] if p["name"] == "x"]
    assert (x["type"], x["low"], x["high"]) == ("FloatDistribution", 0.0, 1.0)


@DASHBOARD
def test_attributes_name_the_baseline_phase_seed_and_mode(run, told):
    assert attributes(told.study["trials"][0])["role"] == "baseline"
    for one, trial in zip(told.study["trials"], run.record.history.trials, strict=True):
        known = attributes(one)
        assert (known["phase"], known["seed"], known["mode"]) == (trial.phase, str(trial.seed), trial.mode)
        assert known["status"] == trial.status


@DASHBOARD
def test_trials_follow_each_other_in_time(told):
    times = [(s["datetime_start"], s["datetime_complete"]) for s in told.study["trials"]]
    assert [start for start, _ in times] == sorted(start for start, _ in times)
    assert all(start <= end for start, end in times)


@DASHBOARD
def test_board_answers_this_machine_only(told):
    """It listens on the loopback address, and no other name for it is accepted."""
    assert told.address.startswith("http://127.0.0.1:")
    assert told.refused.code == 403
    assert "Optuna Dashboard" in told.page


@DASHBOARD
def test_board_follows_a_run_that_goes_on(run, tmp_path, monkeypatch):
    """The journal as it was in the middle of the search, then the whole of it."""
    monkeypatch.setattr("luthier.verbs.board.AGAIN_S", 0.0)
    going, whole = tmp_path / "run", (run.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    shutil.copytree(run.folder, going)
    RunFolder(going).write_run(msgspec.structs.replace(run.record, status="running"))
    half = next(n for n, line in enumerate(whole) if b'"k":"job"' in line and b'"trial":12,' in line)
    (going / "journal.jsonl").write_bytes(b"".join(whole[: half + 1]) + whole[half + 1][:20])  # half a line is torn
    with Board(going, 0) as board:
        thread = threading.Thread(target=board.serve)
        thread.start()
        try:
            first = json.loads(fetch(board, "api/studies/0?after=0"))["trials"]
            (going / "journal.jsonl").write_bytes(b"".join(whole))
            last = json.loads(fetch(board, "api/studies/0?after=0"))["trials"]
        finally:
            board.stop()
            thread.join()
    assert len(first) == board.num_trials == 13
    assert {t["state"] for t in first} >= {"Running", "Complete"}
    assert len(last) == len(run.record.history.trials)


@DASHBOARD
def test_port_that_is_taken_is_said(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInput, match="the port is free"):
            Board(run.folder, taken.getsockname()[1])


@DASHBOARD
def test_command_prints_the_address_and_ends_on_ctrl_c(run):
    command = [sys.executable, "-m", "luthier.cli", "board", str(run.folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as done:
        line = done.stdout.readline()
        address = re.match(r"(http://127\.0\.0\.1:\d+/) shows \d+ trials", line)
        assert address, line + done.stderr.read()
        with urllib.request.urlopen(address[1] + "api/studies", timeout=20) as answer:
            assert answer.status == 200
        done.send_signal(signal.SIGINT)
        assert done.wait(20) == 0
        assert done.stderr.read() == ""


def test_missing_dashboard_is_named_with_the_command_that_installs_it(run):
    if find_spec("optuna_dashboard") is not None:
        pytest.skip("optuna-dashboard is installed")
    with pytest.raises(MissingExtra, match=r"pip install 'luthier\[board\]'"):
        Board(run.folder, 0)


def test_run_that_lags_behind_its_journal_is_read_from_the_journal(run):
    """run.json is written at the end of a stage; the trials come from the journal."""
    place, record = reread(run.folder)
    try:
        place.write_run(msgspec.structs.replace(record, history=None))
        assert reread(run.folder)[1] == record
    finally:
        place.write_run(run.record)


def test_run_without_a_plan_is_refused(run):
    place, record = reread(run.folder)
    try:
        place.write_run(msgspec.structs.replace(record, plan=None))
        with pytest.raises(InvalidInput, match="the run has a plan"):
            reread(run.folder)
    finally:
        place.write_run(run.record)
    with pytest.raises(RunFolderError, match="no run"):
        reread(run.folder / "none")


def test_setting_outside_of_its_domain_is_an_attribute(run):
    """The baseline may stand outside of the space; Optuna would refuse the value as a parameter."""
    from optuna.storages import InMemoryStorage

    trial = run.record.history.trials[0]
    moved = msgspec.structs.replace(trial, config={"x": 7.0})
    record = msgspec.structs.replace(run.record, history=msgspec.structs.replace(run.record.history, trials=(moved,)))
    (shown,) = study_of(record, InMemoryStorage()).trials
    assert shown.params == {}
    assert shown.user_attrs["outside of its domain: x"] == 7.0

"""Several trials in a worker: what is decided, resumed, moved and counted."""

import json
from collections import Counter

import pytest

import fakes
import luthier
from luthier import Choice
from luthier.errors import InvalidInput, Unsupported
from luthier.playbook.throughput import WIDTHS
from luthier.runs.journal import read
from training.test_decisions import decided


def tuned(root, truth="half_broken", name="run", budget="44trials", **more):
    given = {"workers": 0, "mode": "side_by_side", "slots": 4, **more}
    task = given.pop("task", None) or fakes.task(truth)
    return luthier.tune(task, budget=budget, root=root, name=name, **given)


def lines(run, kind):
    return [line.data for line in read(run.folder / "journal.jsonl") if line.kind == kind]


def searched(run):
    return [t for t in run.record.history.trials if t.phase == "search"]


def test_same_seed_same_run(tmp_path):
    assert decided(tuned(tmp_path, name="a")) == decided(tuned(tmp_path, name="b"))


def test_trials_say_in_which_mode_and_width_they_trained(tmp_path):
    run = tuned(tmp_path)
    assert {(t.mode, t.P) for t in searched(run)} == {("side_by_side", 4)}
    assert {(t.mode, t.P) for t in run.record.history.trials if t.phase != "search"} == {("loop", 1)}
    assert (run.record.plan.mode, run.record.plan.slots) == ("side_by_side", 4)


def test_curve_does_not_depend_on_mode_or_neighbours(tmp_path):
    """The fake's curves are exact: the same configuration and seed give the same points."""
    wide = tuned(tmp_path, "hill", name="wide")
    alone = tuned(tmp_path, "hill", name="alone", mode="loop", slots=1)
    points = [{t.id: (t.config, t.curve[0].score) for t in searched(r) if t.id < 8} for r in (wide, alone)]
    assert points[0] == points[1]


def test_a_budget_of_trials_takes_the_reference_unless_a_mode_is_named(tmp_path):
    run = tuned(tmp_path, mode="auto", slots=None)
    assert {(t.mode, t.P) for t in run.record.history.trials} == {("loop", 1)}
    assert run.record.modes == ()


def test_slots_that_memory_has_no_room_for_are_halved_and_no_trial_fails(tmp_path):
    run = tuned(tmp_path, "flat", space={"kind": Choice(("even", "huge"))})
    moved = lines(run, "moved")
    assert [(m["P"], m["widest"]) for m in moved] == [(2, {"mode": "side_by_side", "P": 2})]
    assert "no room for 4 slots" in moved[0]["reason"]
    assert not [t for t in searched(run) if t.status == "failed"]
    first = min(i for i in moved[0]["trials"])
    assert {t.P for t in searched(run) if t.config["kind"] == "huge"} == {2}
    assert {t.P for t in searched(run) if t.id > first + run.record.plan.lag} == {2}


def test_structure_that_the_mode_does_not_take_trains_in_the_reference(tmp_path):
    run = tuned(tmp_path, "flat", space={"kind": Choice(("even", "odd"))})
    modes = {(t.config["kind"], t.mode, t.P) for t in searched(run)}
    assert modes == {("even", "side_by_side", 4), ("odd", "loop", 1)}
    assert not [t for t in searched(run) if t.status == "failed"]
    assert "layer odd (Odd) has no rule" in lines(run, "moved")[0]["reason"]


def test_structure_is_drawn_in_cohorts(tmp_path):
    run = tuned(tmp_path, "flat", budget="90trials", space={"kind": Choice(("even", "other"))})
    plan = run.record.plan
    assert plan.structural == ("kind",)
    assert plan.cohort > 1
    kinds = [t.config["kind"] for t in searched(run)]
    assert set(kinds[: plan.cohort]) == {kinds[0]}
    assert run.record.history.structural == ("kind",)


def test_named_mode_without_a_width_takes_what_memory_has_room_for(tmp_path):
    run = tuned(tmp_path, task=fakes.task("flat", kind="huge"), slots=None)
    assert run.record.plan.slots == 2


def test_named_mode_that_does_not_take_the_model_is_refused_with_the_mend(tmp_path):
    with pytest.raises(Unsupported, match=r"layer odd \(Odd\) has no rule. Take an even one"):
        tuned(tmp_path, task=fakes.task("flat", kind="odd"))


def test_unknown_mode_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(InvalidInput, match="auto, or one of loop, side_by_side"):
        tuned(tmp_path, mode="quick")


def test_slots_below_one_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="slots >= 1"):
        tuned(tmp_path, slots=0)


def test_every_step_is_counted_by_its_mode(tmp_path):
    run = tuned(tmp_path)
    used = {(u.mode, u.P): u for u in run.record.used}
    in_search = sum(t.step for t in searched(run) if t.status != "diverged")
    assert used["side_by_side", 4].steps >= in_search
    assert used["side_by_side", 4].steps <= used["side_by_side", 4].slot_steps
    assert used["loop", 1].steps == used["loop", 1].slot_steps
    assert used["side_by_side", 4].refills == sum(
        j["phase"].startswith("search") for j in lines(run, "reached") + lines(run, "diverged")
    )


@pytest.mark.slow
def test_time_measures_and_takes_the_faster_mode(tmp_path):
    task = fakes.slow(fakes.task("plateau"), 0.001)
    run = tuned(tmp_path, task=task, budget="26s", mode="auto", slots=None)
    plan = run.record.plan
    assert plan.mode == "side_by_side"
    assert plan.slots in WIDTHS
    assert plan.speedup > 2
    assert {m.mode for m in run.record.modes} == {"loop", "side_by_side"}
    assert any(f.code == "P07" for f in run.record.findings)
    assert sum(run.record.spent.values()) < 26


@pytest.mark.slow
def test_one_worker_in_process_and_two_programs_decide_the_same(tmp_path):
    """The lag that two workers of two have is that of one worker of four."""
    inline = tuned(tmp_path, name="inline", slots=4)
    programs = tuned(tmp_path, name="programs", slots=2, workers=2)
    assert inline.record.plan.lag == programs.record.plan.lag
    assert decided(inline) == decided(programs)


@pytest.mark.slow
def test_trial_that_kills_its_worker_takes_no_neighbour_along(tmp_path):
    run = tuned(tmp_path, "deadly", workers=2)
    failed = [t for t in searched(run) if t.status == "failed"]
    assert failed
    assert all(t.config["x"] > 0.8 for t in failed)
    assert all(t.status != "failed" for t in searched(run) if t.config["x"] <= 0.8)
    assert Counter(len(line["trials"]) for line in lines(run, "lost"))[1] >= len(failed)


@pytest.mark.slow
def test_what_is_not_at_work_any_more_is_not_dropped_twice(tmp_path):
    """Time is up while several trials are in their slots: each has one outcome."""
    task = fakes.slow(fakes.task("plateau"), 0.001)
    run = tuned(tmp_path, task=task, budget="12s")
    outcomes = Counter()
    for kind in ("reached", "diverged", "failed", "dropped"):
        outcomes.update((line["phase"], line["job"]) for line in lines(run, kind))
    jobs = [(j["phase"], j["number"]) for j in lines(run, "job") if j["action"] in ("start", "resume")]
    assert outcomes == Counter(jobs)
    assert json.loads(run.folder.joinpath("run.json").read_text())["data"]["status"] == "finished"

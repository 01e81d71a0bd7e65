"""K folds as the objective, through `luthier.tune` itself on an engine of which the truth is known."""

from collections import Counter

import numpy as np
import pytest

import fakes
import luthier
from luthier import folds
from luthier.errors import InvalidInput
from luthier.playbook import rounds
from luthier.search import scheduler
from luthier.training import metrics

NUM = 5
BUDGET = "100trials"


def tuned(root, truth="of_one_fold", *, num=NUM, budget=BUDGET, **more):
    """A study on folds; `on` tells the truth which rows are those of fold 0."""
    fixed = {"on": fakes.checksum_of_fold(num)} if truth == "of_one_fold" else {}
    name = more.pop("name", "run")
    return luthier.tune(fakes.task(truth, **fixed), folds=num, budget=budget, workers=0, root=root, name=name, **more)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tuned(tmp_path_factory.mktemp("runs"))


def by_leader(run):
    """{first trial of a configuration: its trials by fold}."""
    trials = run.record.history.trials
    found = {t.id: {0: t} for t in trials if t.phase == "search" and t.status == "finished"}
    for trial in trials:
        if trial.phase == "fold":
            found[trial.fold_of][trial.split_seed] = trial
    return found


def decided(run):
    """What was trained, and how it ended."""
    trials = run.record.history.trials
    return [(t.id, t.config, t.fold_of, t.split_seed, t.status, [p.score for p in t.curve]) for t in trials]


def of_the_candidate(run):
    """What the only candidate of a run sets."""
    assert run.record.plan.num_top == 1
    return run.record.evidence[0].change.settings["model.x"][1]


def test_a_configuration_that_is_good_on_one_fold_only_does_not_win(tmp_path):
    run = tuned(tmp_path, budget="36trials")
    leaders = [group[0] for group in by_leader(run).values()]
    assert min(leaders, key=lambda t: t.last.score).config["x"] > 0.8, "on fold 0 alone it would have"
    assert 0.3 < of_the_candidate(run) < 0.8


def test_a_search_that_goes_by_fold_0_would_be_deceived(tmp_path, monkeypatch):
    """The wrong twin: no further folds, and what is best on the first goes to confirmation."""
    monkeypatch.setattr(folds, "alive", lambda *_: [])
    monkeypatch.setattr(folds, "complete", lambda found, num: list(found))
    assert of_the_candidate(tuned(tmp_path, budget="36trials")) > 0.8


def test_a_fold_is_the_same_configuration_and_seed_on_other_rows(run):
    for leader, group in by_leader(run).items():
        assert sorted(group) == list(range(len(group))), "one after the other"
        assert {t.seed for t in group.values()} == {group[0].seed}
        assert all(t.recipe == group[0].recipe for t in group.values())
        assert group[0].id == leader
    assert len({group[0].seed for group in by_leader(run).values()}) == len(by_leader(run))


def test_the_baseline_is_trained_on_all_folds_first(run):
    noise = [t for t in run.record.history.trials if t.phase == "noise"]
    assert [t.split_seed for t in noise] == list(range(NUM))
    assert [t.fold_of for t in noise] == [None, 0, 0, 0, 0]


def test_what_is_confirmed_has_all_folds_and_counts_by_its_mean(run):
    groups = by_leader(run)
    confirmed = [e.change.trial for e in run.record.evidence[1:]]
    assert confirmed
    for number in confirmed:
        assert len(groups[number]) == NUM
    winner = groups[run.record.evidence[0].change.trial]
    assert run.record.search_score == pytest.approx(np.mean([t.last.score for t in winner.values()]))


def test_sampler_and_scheduler_see_one_trial_a_configuration_with_its_mean(tmp_path, monkeypatch):
    """At every decision, of what it may see."""
    seen = []
    whole = scheduler.fill

    def fill(history, *given, **more):
        for trial in history.search():
            others = [t.at(1.0) for t in history.trials if t.fold_of == trial.id and t.status == "finished"]
            if others and trial.id:
                seen.append((trial.id, trial.at(1.0).score, [p.score for p in others]))
        assert all(t.fold_of is None for t in history.search())
        return whole(history, *given, **more)

    monkeypatch.setattr(rounds.scheduler, "fill", fill)
    first = {t.id: t.last.score for t in tuned(tmp_path).record.history.trials if t.status == "finished"}
    assert any(len(others) == NUM - 1 for _, _, others in seen)
    for number, shown, others in seen:
        assert shown == pytest.approx(np.mean([first[number], *others]))


def num_fold_runs(run):
    return Counter(t.phase for t in run.record.history.trials)["fold"]


def test_folds_are_saved_where_a_configuration_is_far_behind(tmp_path, monkeypatch):
    """Against the twin that never gives up: with the same budget it begins fewer configurations."""
    careful = tuned(tmp_path, "plateau", num=3, budget="150trials", name="careful")
    monkeypatch.setattr(folds, "bar", lambda best, metric: float("-inf"))
    stubborn = tuned(tmp_path, "plateau", num=3, budget="150trials", name="stubborn")
    assert num_fold_runs(careful) < num_fold_runs(stubborn)
    begun = [sum(t.phase == "search" for t in r.record.history.trials) for r in (careful, stubborn)]
    assert begun[0] > begun[1]


def test_every_run_counts(run):
    """A budget of trials is one of training runs, those of further folds among them."""
    assert len(run.record.history.trials) <= 100
    counts = Counter(t.phase for t in run.record.history.trials)
    assert counts["search"] + counts["fold"] <= run.record.plan.split["search"]
    assert counts["noise"] == NUM


def test_the_least_budget_brings_a_configuration_to_all_folds(tmp_path):
    """Ten runs on five folds: the baseline, and one configuration."""
    run = tuned(tmp_path, "plateau", budget="10trials")
    assert [len(group) for group in by_leader(run).values()] == [NUM]
    with pytest.raises(InvalidInput, match="one trial, each on 5 folds, and the report"):
        tuned(tmp_path, "plateau", budget="9trials", name="less")


def test_same_seed_same_run(run, tmp_path):
    assert decided(tuned(tmp_path)) == decided(run)


def test_a_fold_that_no_final_pair_lacked_is_trained_for_its_predictions(tmp_path):
    """Six pairs, eight folds: two runs of the winner alone."""
    run = tuned(tmp_path, num=8, budget="120trials")
    assert run.adopted
    final = [t for t in run.record.history.trials if t.phase == "final"]
    assert [t.split_seed for t in final[12:]] == [6, 7]
    assert all(t.config == run.record.best_config for t in final[12:])
    assert run.record.folds.num_models == (1,) * 8
    assert len(final) == run.record.plan.split["final"]


def test_a_baseline_that_is_kept_is_told_out_of_fold(tmp_path):
    run = tuned(tmp_path, "flat", num=3, budget="6trials")
    assert not run.adopted
    assert run.record.folds.num_models == (1, 1, 1)
    assert run.record.folds.scores == pytest.approx([t.last.score for t in run.record.history.trials[:3]])


def test_rows_scores_and_report_of_an_adopted_recipe_agree(run):
    """Six pairs on five folds: two models of fold 0, whose predictions are averaged."""
    told, kept = run.record.folds, run.out_of_fold
    data = fakes.rows().in_folds(NUM)
    test = data.test_rows(0)
    assert sorted([*kept.rows, *test]) == list(range(40))
    assert np.array_equal(kept.targets, data.targets[kept.rows])
    for fold in range(NUM):
        mine = kept.folds == fold
        assert np.array_equal(kept.rows[mine], data.split(test, fold)[1])
        assert metrics.score("mae", kept.outputs[mine], kept.targets[mine]) == told.kept[fold]
    assert told.mean == pytest.approx(np.mean(told.scores))
    assert told.num_models == (2, 1, 1, 1, 1)
    singles = [t.last.score for t in run.record.history.trials if t.phase == "final" and t.config]
    expected = [(singles[0] + singles[5]) / 2, *singles[1:5]]
    assert told.scores == pytest.approx(expected, rel=1e-6)
    assert "the winner was chosen on the same folds" in run.record.evidence[0].over


def test_a_fold_whose_model_broke_is_told(tmp_path):
    run = tuned(tmp_path, "shaky", num=3, budget="6trials", seed=4)
    told = run.record.folds
    broken = [t.split_seed for t in run.record.history.trials[:3] if t.status == "diverged"]
    assert broken
    assert 0 not in broken, "the model of fold 0 is shipped"
    assert [fold for fold in range(3) if told.num_models[fold] == 0] == broken
    assert all(np.isnan(told.scores[fold]) for fold in broken)
    assert set(run.out_of_fold.folds) == {0, 1, 2} - set(broken)


@pytest.mark.parametrize("num", [0, 1, -3])
def test_fewer_than_two_folds_are_refused(tmp_path, num):
    with pytest.raises(InvalidInput, match=f"folds={num}: `2 folds or more"):
        tuned(tmp_path, "flat", num=num)


@pytest.mark.slow
def test_several_workers_decide_as_one(run, tmp_path):
    """With as many jobs ahead as two workers have, whose folds are trained side by side."""
    fixed = {"on": fakes.checksum_of_fold(NUM)}
    task = fakes.task("of_one_fold", **fixed)
    two = luthier.tune(task, folds=NUM, budget=BUDGET, workers=2, root=tmp_path, name="two")
    assert decided(two) == decided(run)

"""What is shown of a run: the judgement, without any drawing."""

from __future__ import annotations

import math
import statistics

import msgspec
import pytest

from luthier.codec import from_json, to_json
from luthier.recipe import Recipe
from luthier.records import Estimate, RunRecord
from luthier.reports.mistakes import MOST_CLASSES
from luthier.reports.reading import setting_of
from luthier.reports.view import view
from luthier.space import Space

from .conftest import record_of
from .fixtures import SPACE, Trainer, confusion


def test_same_record_gives_the_same_report(record: RunRecord) -> None:
    """Pure: no clock, no chance."""
    assert view(record) == view(record)


def test_report_of_a_record_read_back_is_the_same(record: RunRecord) -> None:
    """A report can be made again from run.json."""
    if record.name in ("digits", "house prices", "broken"):
        again = from_json(to_json(record), RunRecord)
        assert view(again) == view(record)


def test_verdict_of_each_outcome() -> None:
    """Adopted, kept, not shown, unfinished, failed: each is told by its word."""
    outcomes = {
        n: view(record_of(n)).verdict.outcome for n in ("adopted", "kept", "not_shown", "interrupted", "empty")
    }
    assert outcomes == {
        "adopted": "adopted",
        "kept": "kept",
        "not_shown": "not shown",
        "interrupted": "unfinished",
        "empty": "failed",
    }


def test_adopted_sentence_has_difference_interval_n_and_test_rows() -> None:
    """One sentence holds all that a reader needs."""
    record, sentence = record_of("adopted"), view(record_of("adopted")).verdict.sentence
    found = record.evidence[0].difference
    for words in (
        f"{found.score:.4f}",
        f"{found.interval[0]:.4f} to {found.interval[1]:.4f}",
        "n = 6 paired seeds",
        "360 untouched test rows",
    ):
        assert words in sentence


def test_not_shown_says_what_it_would_take() -> None:
    """Missing pairs and what more costs stand beside the verdict."""
    made = view(record_of("not_shown")).verdict
    assert "2 paired seeds of 6 asked for" in made.sentence
    assert any("To show more" in note for note in made.notes)


def test_second_look_at_the_test_rows_is_said() -> None:
    """A test set that was looked at before is no untouched one."""
    record = record_of("adopted")
    assert record.test is not None
    again = msgspec.structs.replace(record, test=msgspec.structs.replace(record.test, looks=3))
    assert any("3 times" in note for note in view(again).verdict.notes)
    assert "untouched" not in view(again).verdict.sentence


def test_ledger_names_test_n_and_what_the_interval_is_of() -> None:
    """Each entry of the ledger holds what a claim needs."""
    record = record_of("adopted")
    for entry, evidence in zip(view(record).ledger, record.evidence, strict=True):
        facts = dict(entry.facts)
        assert facts["test named before the runs"] == evidence.test
        assert facts["the interval is one of"] == evidence.over
        assert entry.difference.n == evidence.n
        assert {row[0] for row in entry.settings.rows} == set(evidence.change.settings)


def test_smaller_is_better_ranks_small_scores_first() -> None:
    """The table of a regression begins with the smallest error."""
    scores = [float(row[4]) for row in view(record_of("regression")).trials.table.rows if row[5] == "100 %"]
    assert scores == sorted(scores)


def test_smaller_is_better_reports_a_gain_as_positive() -> None:
    """Better is above 0 whatever the metric."""
    assert "better by 1." in view(record_of("regression")).verdict.sentence


def test_curves_hold_best_and_baseline_and_mark_the_diverged() -> None:
    """The two that matter are drawn last, on top."""
    curves = view(record_of("adopted")).curves
    assert curves is not None
    assert [line.role for line in curves.lines[-2:]] == ["baseline", "best"]
    assert sum(line.diverged for line in curves.lines) >= 2
    assert curves.rungs == (1 / 9, 1 / 3, 1.0)


def test_slices_fill_complete_trials_only() -> None:
    """A stopped trial's score is not comparable: it stays hollow."""
    record = record_of("adopted")
    slices = view(record).slices
    assert slices is not None
    assert record.history is not None
    complete = {t.id for t in record.history.search() if t.at(1.0) is not None}
    for chart in slices.charts:
        for dot in chart.dots:
            number = int(dot.text.split()[1].rstrip(":"))
            if dot.kind in ("complete", "partial"):
                assert (dot.kind == "complete") == (number in complete)


def test_slices_follow_the_scale_of_the_space() -> None:
    """Log where the space says log; the baseline is within the axis."""
    slices = view(record_of("adopted")).slices
    assert slices is not None
    logs = {chart.title: chart.x.log for chart in slices.charts}
    assert logs == {n: bool(getattr(d, "log", False)) for n, d in SPACE.domains.items()}


def test_settings_drawn_in_cohorts_are_counted_by_variants() -> None:
    """Thirty trials of three widths say three things about the width; the other settings count trials."""
    record = record_of("adopted")
    history, plan = record.history, record.plan
    assert history is not None
    assert plan is not None
    trials = [
        msgspec.structs.replace(t, config={**t.config, "width": (32, 64, 128)[t.id % 3]} if t.config else {})
        for t in history.trials
    ]
    shared = msgspec.structs.replace(
        record,
        history=msgspec.structs.replace(history, trials=tuple(trials)),
        plan=msgspec.structs.replace(plan, structural=("width",), cohort=8),
    )
    for made, words in ((shared, "width: 3 variants ("), (record, "width: ")):
        slices, lines = view(made).slices, view(made).parallel
        assert slices is not None
        assert lines is not None
        texts = {chart.title: chart.text for chart in slices.charts}
        assert words in texts["width"]
        assert ("variants" in texts["width"]) == ("variants" in lines.note) == (made is shared)
        assert "Drawn for several trials at once, so that variants count: width." in slices.note or made is record
        assert all("variant" not in text for name, text in texts.items() if name != "width")


def test_setting_of_inverts_with_config() -> None:
    """The value that a setting has in a recipe is the one that the configuration gave it."""
    config = {
        "optimizer": "sgd",
        "sgd.lr": 0.1,
        "one_minus_momentum": 0.05,
        "prepare_scale": "robust",
        "model.width": 9,
    }
    recipe = Recipe().with_config(config)
    found = {name: setting_of(recipe, name) for name in config}
    assert math.isclose(found.pop("one_minus_momentum"), config.pop("one_minus_momentum"))  # type: ignore[arg-type]
    assert found == config
    assert setting_of(recipe, "adamw.lr") is None


def test_many_classes_become_a_table() -> None:
    """Up to 20 classes are drawn, more are listed by their most confused pairs."""
    record = record_of("adopted")
    for num, drawn in ((MOST_CLASSES, True), (MOST_CLASSES + 1, False)):
        made = view(msgspec.structs.replace(record, confusion=confusion(num))).confusion
        assert made is not None
        assert bool(made.counts) == drawn
        assert made.pairs.rows
        shares = [int(row[2]) for row in made.pairs.rows]
        assert shares == sorted(shares, reverse=True)


def test_confusion_uses_the_names_of_the_classes() -> None:
    """Rows and columns are named as the data names them."""
    made = view(record_of("adopted")).confusion
    assert made is not None
    assert made.labels == tuple("0123456789")


@pytest.mark.parametrize("name", ["adopted", "kept", "not_shown"])
def test_best_candidate_shows_its_own_score_whether_adopted_or_not(name: str) -> None:
    """Where the baseline is kept, what the run ships scores what the baseline does; the candidate does not."""
    record = record_of(name)
    made = view(record)
    mean = statistics.mean(record.evidence[0].candidate)
    assert mean != pytest.approx(statistics.mean(record.evidence[0].baseline), abs=1e-4)
    for shown in (made.cards[1].value, made.optimism.table.rows[1][1]):
        assert float(shown) == pytest.approx(mean, abs=6e-4)


@pytest.mark.parametrize("name", ["adopted", "kept"])
def test_optimism_is_the_search_score_less_the_fresh_one(name: str) -> None:
    """What selection saw stands beside what fresh seeds say of the same settings."""
    record = record_of(name)
    made = view(record).optimism
    assert made is not None
    gap = record.search_score - statistics.mean(record.evidence[0].candidate)
    assert f"{gap:+.4f}" in made.table.caption


def test_one_noise_run_makes_no_claim() -> None:
    """With one run the spread is not measured, and nothing is guessed."""
    made = view(record_of("not_shown")).noise
    assert made is not None
    assert "says nothing" in made.sentence
    assert dict(made.facts)["SD from seed to seed"] == "not measured"


def test_equal_scores_of_all_seeds_are_drawn() -> None:
    """An interval without width has an axis all the same."""
    record = record_of("adopted")
    assert record.noise is not None
    flat = msgspec.structs.replace(
        record.noise, scores=(1.0, 1.0), estimate=Estimate(score=1.0, interval=(1.0, 1.0), n=2, sd=0.0)
    )
    chart = view(msgspec.structs.replace(record, noise=flat)).noise
    assert chart is not None
    assert chart.runs is not None
    assert chart.runs.axis.low < 1.0 < chart.runs.axis.high


def test_every_trial_diverged_still_has_a_report() -> None:
    """No score at all: parts say why they are empty."""
    trainer = Trainer()
    for _ in range(5):
        trainer.train({"optimizer": "adamw", "adamw.lr": 0.029}, "search", 0.01)
    record = record_of("interrupted")
    assert record.history is not None
    history = msgspec.structs.replace(record.history, trials=tuple(trainer.trials))
    made = view(msgspec.structs.replace(record, history=history, noise=None))
    assert made.curves is None
    assert made.slices is None
    assert made.absent["curves"]


def test_time_not_spent_on_training_is_said() -> None:
    """Where the time went includes what was no training."""
    made = view(record_of("adopted")).cost
    assert "was not (start, data" in made.sentence
    assert [row[0] for row in made.phases.rows][:2] == ["opening data and workers", "noise of the baseline"]


def test_space_without_settings_has_no_slices() -> None:
    """Nothing to vary, nothing to draw."""
    assert view(msgspec.structs.replace(record_of("adopted"), space=Space({}))).slices is None


def test_an_adoption_whose_interval_reaches_below_zero_says_what_decided() -> None:
    """The rule is one-sided, the interval that is shown is two-sided."""
    record = record_of("adopted")
    deciding = record.evidence[0]
    wide = msgspec.structs.replace(
        deciding,
        lower=0.006,
        difference=msgspec.structs.replace(deciding.difference, score=0.037, interval=(-0.002, 0.076)),
    )
    told = view(msgspec.structs.replace(record, evidence=(wide, *record.evidence[1:]))).verdict.sentence
    assert "95 % interval -0.002 to 0.076" in told
    assert "the one-sided lower bound, +0.006, decides" in told
    assert "decides" not in view(record).verdict.sentence

"""The default sampler finds what is good, looks elsewhere while it waits, and its decisions stay cheap."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from scipy.stats import spearmanr

from luthier.records import History
from luthier.search import Resume, auto, fill, sampler
from luthier.search.auto import MOST_WAITING, NUM_NEAR, NUM_SPREAD
from luthier.search.conformance import LOSS, RUNGS, SPACES, make_history, make_trial
from luthier.search.surrogate import MOST, Surrogate
from luthier.space import Choice, Float, Int, Space

SPACE = Space(
    {
        "optimizer": Choice(("adamw", "sgd", "lion")),
        "adamw.lr": Float(1e-5, 1e-1, log=True, when={"optimizer": ["adamw"]}),
        "sgd.lr": Float(1e-3, 10.0, log=True, when={"optimizer": ["sgd"]}),
        "lion.lr": Float(1e-6, 1e-2, log=True, when={"optimizer": ["lion"]}),
        "weight_decay": Float(1e-6, 1.0, log=True),
        "width": Int(16, 512, log=True),
    }
)
BEST = {"adamw": (1e-3, 0.25), "sgd": (0.3, 0.0), "lion": (1e-4, 0.1)}
"""Of each optimizer: its best learning rate, and the loss that it reaches there."""
NUM_TRIALS, SEEDS = 25, range(1, 6)


def loss_of(config) -> float:
    """0 at its lowest: sgd, lr 0.3, weight decay 1e-3, width 256."""
    lr, reached = BEST[config["optimizer"]]
    away = math.log10(config[config["optimizer"] + ".lr"] / lr), math.log10(config["weight_decay"] / 1e-3)
    return reached + away[0] ** 2 / 3 + away[1] ** 2 / 20 + math.log2(config["width"] / 256) ** 2 / 30


def grown(history: History, suggestions, *scores) -> History:
    """The history with these tried."""
    new = tuple(
        make_trial(
            len(history.trials) + i, s.config, scores or (loss_of(s.config),), status="finished", origin=s.origin
        )
        for i, s in enumerate(suggestions)
    )
    return msgspec.structs.replace(history, trials=(*history.trials, *new))


def best_of(name: str, seed: int) -> float:
    """The lowest loss of a search."""
    made, history = sampler(name), make_history(SPACE, 0)
    first = msgspec.structs.replace(history.trials[0], seed=seed)
    history = msgspec.structs.replace(history, trials=(first,))
    for number in range(NUM_TRIALS):
        history = grown(history, made.suggest(SPACE, history, 1000 * seed + number, 1))
    return min(t.curve[-1].score for t in history.trials[1:])


def best_of_random(seed: int) -> float:
    rng = np.random.default_rng(seed)
    return min(loss_of(SPACE.decode(rng.random(len(SPACE)))) for _ in range(NUM_TRIALS))


def check_finds() -> None:
    """25 trials, seeds 1 to 5: nearer the optimum than random search in four at least, three times as near in the
    middle. Measured over seeds 1 to 8: medians of .016 and .135."""
    ours, random = [best_of("auto", seed) for seed in SEEDS], [best_of_random(seed) for seed in SEEDS]
    assert sum(a < b for a, b in zip(ours, random, strict=True)) >= 4, (ours, random)
    assert np.median(ours) < np.median(random) / 3, (ours, random)


def test_the_optimum_is_found_with_fewer_trials_than_by_chance():
    check_finds()


def test_the_check_of_what_is_found_fails_on_a_model_that_is_turned_round(monkeypatch):
    real = Surrogate.predict
    monkeypatch.setattr(Surrogate, "predict", lambda *given: (-real(*given)[0], real(*given)[1]))
    with pytest.raises(AssertionError):
        check_finds()


def share_of_other_options() -> float:
    """Of the model's proposals where sgd leads by far: how many take another optimizer?"""
    history = make_history(SPACE, 0)
    rng = np.random.default_rng(0)
    for number in range(1, 31):
        config = SPACE.decode(rng.random(len(SPACE)))
        score = loss_of(config) / 10 if config["optimizer"] == "sgd" else 5.0
        new = make_trial(number, config, (score,) * 3, status="finished")
        history = msgspec.structs.replace(history, trials=(*history.trials, new))
    used = sampler("auto")
    made = [s for key in range(4) for s in used.suggest(SPACE, history, key, 40) if s.origin == "model"]
    assert len(made) > 80
    return sum(s.config["optimizer"] != "sgd" for s in made) / len(made)


def test_a_share_of_proposals_takes_another_option_than_the_leader(monkeypatch):
    """Else the search stays where it began: an option shows what it is worth only beside settings that suit it."""
    assert 0.07 < share_of_other_options() < 0.25
    monkeypatch.setattr(auto, "OTHER_SHARE", 0.0)
    assert share_of_other_options() < 0.03


def test_trials_at_work_are_kept_away_from():
    """The same decision with what it proposed at work gives another proposal, and a batch lies apart."""
    history = grown(make_history(SPACE, 0), sampler("halton").suggest(SPACE, make_history(SPACE, 0), 1, 25))
    for key in range(8):
        (first,) = sampler("auto").suggest(SPACE, history, key, 1)
        running = make_trial(len(history.trials), first.config, status="running", origin=first.origin)
        waiting = msgspec.structs.replace(history, trials=(*history.trials, running))
        (then,) = sampler("auto").suggest(SPACE, waiting, key, 1)
        apart = [abs(a - b) for a, b in zip(*map(SPACE.encode, (first.config, then.config)), strict=True)]
        assert max(1.0 if math.isnan(x) else x for x in apart) > 0.01
    batch = [tuple(sorted(s.config.items())) for s in sampler("auto").suggest(SPACE, history, 3, 8)]
    assert len(set(batch)) == 8


def test_equal_histories_give_equal_proposals_whatever_was_asked_before():
    """A run that is resumed goes on as one that was not: the model is rebuilt from the history alone."""
    used, history = sampler("auto"), make_history(SPACE, 0)
    for number in range(40):
        made = used.suggest(SPACE, history, number, 1)
        assert made == sampler("auto").suggest(SPACE, history, number, 1), number
        scores = (loss_of(made[0].config),) * (1 + number % 3)
        history = grown(history, made, *scores)


def late_bloomers(num_complete: int) -> History:
    """High rates are behind at the first rung and ahead at the end; trials 1 to `num_complete` got there."""
    space, rng = Space({"x": Float(0.0, 1.0)}), np.random.default_rng(0)
    history = make_history(space, 0)
    for number in range(1, 31):
        x = float(rng.random())
        scores = (0.5 + x, 0.5, 1.0 - x) if number <= num_complete else (0.5 + x,)
        new = make_trial(number, {"x": x}, scores, status="finished" if number <= num_complete else "paused")
        history = msgspec.structs.replace(history, trials=(*history.trials, new))
    return history


def test_what_is_behind_may_win_where_its_like_did():
    """The bounds of the paused trials rank them as their like ended; by their scores the order is reversed."""
    history = late_bloomers(12)
    bounds = sampler("auto").upper_bounds(Space({"x": Float(0.0, 1.0)}), history)
    paused = [trial for trial in history.trials if trial.status == "paused"]
    by_x, by_model = [t.config["x"] for t in paused], [bounds[t.id] for t in paused]
    assert spearmanr(by_x, by_model).statistic > 0.9


def test_the_end_of_a_kind_that_was_never_seen_is_looked_at():
    """High values are behind at the first rung, and only low ones came to their end, in another order than they had
    at the first: a high one goes on before any more of the low ones."""
    history, ends = make_history(Space({"x": Float(0.0, 1.0)}), 0), (0.52, 0.47, 0.5, 0.53, 0.48, 0.49)
    for number, x in enumerate((0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.12, 0.18, 0.8, 0.9), 1):
        scores = (0.5 + x, 0.5, ends[number - 1]) if number <= len(ends) else (0.5 + x,)
        new = make_trial(number, {"x": x}, scores, status="finished" if len(scores) == 3 else "paused")
        history = msgspec.structs.replace(history, trials=(*history.trials, new))
    bounds = sampler("auto").upper_bounds(Space({"x": Float(0.0, 1.0)}), history)
    assert fill(history, 1, upper_bounds=bounds)[0] in (Resume(9), Resume(10))


def test_there_are_no_bounds_until_a_few_came_to_their_end():
    space = Space({"x": Float(0.0, 1.0)})
    assert sampler("auto").upper_bounds(space, late_bloomers(auto.FEW - 2)) == {}  # the baseline is complete too
    assert len(sampler("auto").upper_bounds(space, late_bloomers(auto.FEW - 1))) == 31


def farthest_proposal() -> float:
    """All trials lie near 0.3 in six settings; a larger width is better, whatever else moves is worse."""
    names = ("width", "a", "b", "c", "d", "e")
    space, rng = Space({name: Float(0.0, 1.0) for name in names}), np.random.default_rng(0)
    history = make_history(space, 0)
    for number in range(1, 41):
        config = {name: float(np.clip(rng.normal(0.3, 0.1), 0, 1)) for name in names}
        score = 1.0 - config["width"] + 30.0 * sum((config[name] - 0.3) ** 2 for name in names[1:])
        new = make_trial(number, config, (score,) * 3, status="finished")
        history = msgspec.structs.replace(history, trials=(*history.trials, new))
    made = [s for key in range(9) for s in sampler("auto").suggest(space, history, key, 1)]
    return max(s.config["width"] for s in made if s.origin == "model")


def test_the_model_is_asked_about_what_lies_far_off_in_a_single_setting(monkeypatch):
    """Points near what was tried do not get there; of wholly new ones nearly all are bad in some other setting."""
    assert farthest_proposal() > 0.8
    monkeypatch.setattr(auto, "NUM_JUMPS", 0)
    assert farthest_proposal() < 0.5


@pytest.mark.parametrize("label", ["conditional", "choices", "one number"])
def test_settings_that_are_off_and_options_are_proposed_within_the_space(label):
    """The model is at work, not the spread before it; each option is still tried now and then."""
    space, history = SPACES[label], make_history(SPACES[label], 30)
    used = sampler("auto")
    made = [s for key in range(8) for s in used.suggest(space, history, key, 12)]
    assert sum(s.origin == "model" for s in made) > 24
    assert all(space.contains(s.config) for s in made)
    for name, domain in space.domains.items():
        if isinstance(domain, Choice):
            assert {s.config[name] for s in made if name in s.config} == set(domain.options)


def test_a_decision_works_on_as_much_at_10_000_trials_as_at_1000(monkeypatch):
    """What the model holds, fits and compares is counted, not timed."""

    def counted(num: int) -> dict[str, int]:
        seen = {"fits": 0, "held": 0, "compared": 0}
        learn, predict = Surrogate.learn, Surrogate.predict

        def count_learn(self, data):
            seen["fits"] += 1
            return learn(self, data)

        def count_predict(self, x_CD, rung):
            seen["held"] = max(seen["held"], len(self.data.y_N))
            seen["compared"] = max(seen["compared"], len(x_CD))
            return predict(self, x_CD, rung)

        history = make_history(SPACES["mixed"], num)
        with monkeypatch.context() as patch:
            patch.setattr(Surrogate, "learn", count_learn)
            patch.setattr(Surrogate, "predict", count_predict)
            made = sampler("auto").suggest(SPACES["mixed"], history, 1, 12)
        assert "model" in {s.origin for s in made}
        return seen

    many = counted(10_000)
    assert many == counted(1000)
    assert many["fits"] == 1
    assert many["held"] <= MOST + MOST_WAITING + 12
    assert many["compared"] <= max(MOST, NUM_SPREAD + NUM_NEAR)


def test_a_study_where_everything_diverged_is_still_explored():
    history = make_history(SPACE, 40, status="diverged")
    made = sampler("auto").suggest(SPACE, msgspec.structs.replace(history, metric=LOSS, rungs=RUNGS), 1, 6)
    assert {s.origin for s in made} <= {"known", "halton"}


def share_near_what_was_tried() -> float:
    """Of the model's proposals from the 30th on where noise hides the best place: those beside an earlier one."""
    space, near = Space({name: Float(0.0, 1.0) for name in "abc"}), []
    for seed in range(3):
        asked, history, rng = sampler("auto"), make_history(space, 0), np.random.default_rng(seed)
        for number in range(60):
            made = asked.suggest(space, history, number, 1)
            x_D = space.encode(made[0].config)
            if number >= 30 and made[0].origin == "model":
                tried_ND = np.array([space.encode(trial.config) for trial in history.trials[1:]])
                near.append(np.abs(tried_ND - x_D).max(axis=1).min() < 0.03)
            score = float(((x_D - 0.6) ** 2).sum() + 0.2 * rng.standard_normal())
            history = grown(history, made, score, score, score)
    return float(np.mean(near))


def test_where_noise_hides_the_best_the_model_does_not_ask_for_the_same_again(monkeypatch):
    """By expected improvement alone three in five are within 0.03 of one that was tried."""
    assert share_near_what_was_tried() < 0.5
    monkeypatch.setattr(Surrogate, "noise_sd", lambda self: 0.0)
    assert share_near_what_was_tried() > 0.55

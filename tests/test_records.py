"""Records go to JSON and back without loss, and say clearly what is not a record. Curves answer by fraction."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.codec import VERSION, digest, from_json, to_json
from luthier.errors import InvalidInput
from luthier.recipe import Recipe
from luthier.records import (
    Change,
    Cost,
    Estimate,
    Evidence,
    Facts,
    Finding,
    HeldOutResult,
    History,
    Metric,
    Noise,
    Point,
    Progress,
    RunPlan,
    RunRecord,
    Trial,
    derive_seed,
)
from luthier.space import Choice, Float, Int, Space

numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=False), st.just(math.nan))
scalars = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(-9, 9), st.text(max_size=4))
configs = st.dictionaries(st.text(min_size=1, max_size=6), scalars, max_size=4)
metrics = st.builds(Metric, name=st.text(max_size=5), greater_is_better=st.booleans())
points = st.builds(
    Point, step=st.integers(0, 999), fraction=st.floats(0, 1), train_loss=numbers, val_loss=numbers,
    score=numbers, train_score=numbers, grad_norm=numbers, seconds=st.floats(0, 9),
)  # fmt: skip
costs = st.builds(Cost, seconds=st.floats(0, 9), peak_bytes=st.integers(0, 2**40), latency_s=numbers)
recipes = st.builds(
    Recipe, optimizer=st.sampled_from(["adamw", "sgd"]), lr=st.floats(1e-9, 9), beta1=st.floats(0, 0.999),
    clip_norm=st.one_of(st.none(), st.floats(0.1, 9)), steps=st.one_of(st.none(), st.integers(1, 99)),
    preparation=configs, model=configs,
)  # fmt: skip
trials = st.builds(
    Trial, id=st.integers(0, 99), phase=st.sampled_from(["noise", "search", "confirm", "final"]), config=configs,
    recipe=recipes, seed=st.integers(0, 2**31 - 1), split_seed=st.integers(0, 9), num_steps=st.integers(1, 999),
    status=st.sampled_from(["waiting", "running", "paused", "stopped", "finished", "diverged", "failed"]),
    curve=st.lists(points, max_size=3).map(tuple), cost=costs, error=st.text(max_size=5),
)  # fmt: skip
histories = st.builds(
    History, metric=metrics, rungs=st.just((0.5, 1.0)), trials=st.lists(trials, max_size=3).map(tuple)
)
estimates = st.builds(Estimate, score=numbers, interval=st.tuples(numbers, numbers), n=st.integers(0, 9), sd=numbers)
changes = st.builds(
    Change, name=st.text(max_size=5), kind=st.just("settings"), base=st.just("0" * 12),
    settings=st.dictionaries(st.text(max_size=3), st.tuples(st.integers(), st.text(max_size=3)), max_size=2),
    trial=st.one_of(st.none(), st.integers(0, 9)),
)  # fmt: skip
evidences = st.builds(
    Evidence, change=changes, test=st.text(max_size=5), verdict=st.sampled_from(["adopted", "rejected", "not shown"]),
    n=st.integers(0, 9), required=st.just(6), difference=estimates, lower=numbers, p_better=numbers,
    seeds=st.lists(st.integers(0, 9), max_size=3).map(tuple), candidate=st.lists(numbers, max_size=3).map(tuple),
)  # fmt: skip
findings = st.builds(Finding, code=st.just("LR001"), title=st.text(max_size=5), number=numbers, threshold=numbers,
                     n=st.integers(0, 9), text=st.text(max_size=5))  # fmt: skip
facts = st.builds(
    Facts, task=st.text(max_size=3), kind=st.just("binary"), metric=metrics, framework=st.just("torch"),
    engine=st.just("torch"), mode=st.just("loop"), num_train=st.just(1), num_val=st.just(1), num_test=st.just(1),
    num_inputs=st.just(1), num_outputs=st.just(1), num_parameters=st.just(1), step_s=numbers,
    findings=st.lists(findings, max_size=2).map(tuple),
)  # fmt: skip
plans = st.builds(RunPlan, unit=st.just("seconds"), total=st.floats(0, 99), split=st.just({"search": 0.5}),
                  num_noise=st.just(3), num_top=st.just(5), num_fresh=st.just(4), num_final=st.just(6))  # fmt: skip
noises = st.builds(Noise, estimate=estimates, scores=st.lists(numbers, max_size=3).map(tuple), detectable=numbers)
held_out = st.builds(HeldOutResult, baseline=estimates, candidate=estimates, difference=estimates,
                     looks=st.just(1), rows_hash=st.just("x"))  # fmt: skip
spaces = st.just(
    Space({"lr": Float(1e-4, 1.0, log=True), "n": Int(1, 4), "act": Choice(("relu", None, 2, 0.5, True))})
)
runs = st.builds(
    RunRecord, name=st.text(max_size=5), created=st.just("2026-11-01T00:00:00Z"), command=st.just("luthier tune"),
    task=st.just({"a": 1}), space=spaces, baseline=recipes, facts=st.one_of(st.none(), facts),
    plan=st.one_of(st.none(), plans), noise=st.one_of(st.none(), noises), best=st.one_of(st.none(), recipes),
    best_config=configs, evidence=st.lists(evidences, max_size=2).map(tuple), test=st.one_of(st.none(), held_out),
    search_score=numbers, history=st.one_of(st.none(), histories), baseline_score=st.one_of(st.none(), estimates),
    residuals=st.lists(st.tuples(numbers, numbers), max_size=2).map(tuple),
    confusion=st.just(((1, 2), (3, 4))),
)  # fmt: skip
progress = st.builds(
    Progress, phase=st.just("search"), left_s=numbers, trials_left=st.one_of(st.none(), st.integers(0, 9))
)


def same(a: object, b: object) -> bool:
    """Equal, where NaN equals NaN."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, msgspec.Struct):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__struct_fields__)
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.mark.parametrize(
    "records",
    [metrics, points, costs, recipes, trials, histories, estimates, changes, evidences, findings, facts, plans,
     noises, held_out, runs, progress],
)  # fmt: skip
def test_a_record_goes_to_json_and_back(records):
    @settings(max_examples=40, deadline=None)
    @given(record=records)
    def check(record):
        assert same(from_json(to_json(record), type(record)), record)

    check()


def test_an_infinite_number_reads_back_as_not_a_number():
    """JSON has neither; the sign of a divergence is in `Trial.status`."""
    point = Point(step=1, fraction=0.5, train_loss=math.inf, val_loss=1.0, score=-math.inf)
    back = from_json(to_json(point), Point)
    assert math.isnan(back.train_loss)
    assert math.isnan(back.score)
    assert back.val_loss == 1.0


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (b"{", "not a Metric document"),
        (b"[]", "not a Metric document"),
        (b'{"version": 1, "kind": "Metric"}', "not a Metric document"),
        (b'{"version": 1, "kind": "Point", "data": {}}', "kind='Point'"),
        (b'{"version": 1, "kind": "Metric", "data": {"name": 3}}', "not a Metric"),
        (f'{{"version": {VERSION + 1}, "kind": "Metric", "data": {{}}}}'.encode(), "Upgrade luthier"),
    ],
)
def test_what_is_not_the_record_is_refused(text, fact):
    with pytest.raises(InvalidInput, match=fact):
        from_json(text, Metric)


def curve(*fractions: float) -> tuple[Point, ...]:
    return tuple(Point(step=round(f * 90), fraction=f, train_loss=f, val_loss=f, score=f) for f in fractions)


def trial(number: int = 1, **changes) -> Trial:
    base = Trial(id=number, phase="search", config={}, recipe=Recipe(), seed=0, split_seed=0, num_steps=90)
    return msgspec.structs.replace(base, **changes)


def test_a_trial_answers_by_fraction_within_half_a_step():
    made = trial(curve=curve(1 / 9, 1 / 3))
    assert made.at(1 / 3) == made.curve[1]
    assert made.at(1 / 3 + 0.4 / 90) == made.curve[1]
    assert made.at(1 / 3 + 0.6 / 90) is None
    assert made.at(1.0) is None


def test_the_search_learns_from_its_own_trials_and_the_first_baseline_run():
    trials = (trial(0, phase="noise"), trial(1, phase="noise"), trial(2), trial(3, phase="confirm"))
    history = History(metric=Metric(name="x", greater_is_better=True), trials=trials)
    assert [t.id for t in history.search()] == [0, 2]


def test_utility_is_larger_is_better_and_the_worst_for_what_diverged():
    history = History(metric=Metric(name="loss", greater_is_better=False), rungs=(1 / 3, 1.0))
    done, lost = trial(curve=curve(1 / 3, 1.0), status="finished"), trial(status="diverged")
    assert [history.utility(done, rung) for rung in (1, 2, None)] == [-1 / 3, -1.0, -1.0]
    assert history.utility(lost) == -math.inf
    assert history.utility(trial(status="running")) is None
    assert history.capped([done, lost, trial()]) == [(done, -1.0), (lost, -1.0)]


def test_a_digest_names_the_content_and_a_seed_its_place():
    assert digest(Recipe(lr=0.1)) == digest(Recipe(lr=0.1)) != digest(Recipe(lr=0.2))
    seeds = {derive_seed(s, *path) for s in (0, 1) for path in (("a",), ("a", 0), ("b", 0), ("b", 1))}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)

"""A mode is used only if it is right, and which is fast is told one by one."""

import math
import time

import numpy as np
import pytest

import fakes
from luthier import Choice, Float, Int, Recipe, Space
from luthier.engines.spec import GroupKey, Source
from luthier.errors import Unsupported
from luthier.records import ModeSpeed
from luthier.training import modes
from training import mode_twins

ROWS = np.arange(64)
RNG = np.random.default_rng(0)
DATA = Source(RNG.normal(size=(64, 3)).astype(np.float32), RNG.normal(size=64).astype(np.float32))
RECIPES = [Recipe(batch_size=8, model={"scale": scale}) for scale in (1.0, 0.5, 2.0)]


def told(twin, P=3, recipes=RECIPES, dtype=np.float32):
    return modes.difference(mode_twins.Right(dtype=dtype), twin(P, dtype=dtype), DATA, recipes, rows=ROWS)


@pytest.mark.parametrize("P", [1, 2, 3, 8])
@pytest.mark.parametrize("twin", [mode_twins.Right, mode_twins.Rounded])
def test_right_modes_are_equal_at_every_width(twin, P):
    assert told(twin, P) is None


@pytest.mark.parametrize(
    ("twin", "words"),
    [
        (mode_twins.SharesScale, "the loss"),
        (mode_twins.SharesRows, "the loss"),
        (mode_twins.WrongGradient, "the gradient of w differs by"),
        (mode_twins.LosesStatistics, "the buffer mean differs by 1.0e+00"),
        (mode_twins.LastSlotWrong, "the gradient of w differs by"),
    ],
)
def test_wrong_modes_are_noticed_and_the_tensor_is_named(twin, words):
    assert words in told(twin)


def test_what_is_rounding_in_single_precision_is_a_fault_in_double():
    assert told(mode_twins.Rounded, dtype=np.float64)


def test_a_gradient_that_is_zero_in_truth_is_not_compared_with_itself():
    """`dead` holds noise that differs by a factor between widths."""
    assert told(mode_twins.Right, P=8) is None


def test_a_bias_in_front_of_a_norm_is_not_compared_and_any_other_is():
    def apart(twin):
        return modes.difference(twin(), twin(3), DATA, RECIPES, rows=ROWS)

    assert apart(mode_twins.BeforeNorm) is None
    assert "the gradient of in.bias differs by" in apart(mode_twins.WrongBias)


# ---------------------------------------------------------------------------------------------- structure


def key_of(recipe):
    """As an engine would: the width counts, a rate does not; a slope is computed otherwise at its default."""
    width, depth = recipe.model.get("width", 8), recipe.model.get("depth", 1)
    if depth > 3:
        raise ValueError("too deep")
    plain_slope = recipe.model.get("slope", 0.01) == 0.01
    return GroupKey(f"{width} {depth} {plain_slope}", "float32", recipe.batch_size), str(recipe.preparation)


SPACE = Space(
    {
        "lr": Float(1e-4, 1e-1, log=True),
        "one_minus_beta1": Float(0.01, 0.5),
        "sgd.momentum": Float(0.0, 0.9),
        "width": Int(8, 64),
        "dropout": Float(0.0, 0.5),
        "slope": Float(0.0, 0.3),
        "batch_size": Choice((16, 32)),
        "prepare_scale": Choice(("none", "standard")),
        "kind": Choice(("a", "b")),
        "depth": Int(1, 4, when={"kind": ["b"]}),
    }
)


def test_structural_settings_are_those_that_change_program_or_data():
    """`depth` 4 does not build: such a setting must not share a program either."""
    found = modes.structural(key_of, Recipe(model={"width": 8, "slope": 0.01}), SPACE)
    assert found == ("width", "batch_size", "prepare_scale", "depth")


def test_variants_differ_in_their_free_numbers_and_share_the_program():
    baseline = Recipe(model={"width": 8, "slope": 0.1})
    made = modes.variants(key_of, baseline, SPACE, ("width", "batch_size", "prepare_scale", "depth"))
    assert len({recipe.model["dropout"] for recipe in made}) == modes.CHECKED
    assert len({key_of(recipe) for recipe in [baseline, *made]}) == 1


def test_where_no_variant_shares_the_program_the_baseline_stands_alone():
    baseline = Recipe(model={"width": 8, "slope": 0.01})
    assert modes.variants(key_of, baseline, SPACE, ("width",)) == [baseline]


# --------------------------------------------------------------------------------------------- measurement


class Slept:
    """A clock that only sleeping moves: what a busy machine does beside it does not count."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds

    def __call__(self):
        return self.now


def measured(widths=(2, 4), seconds=0.2, names=("loop", "side_by_side"), clock=time.perf_counter, **model):
    task = fakes.task("flat")
    recipe = Recipe(batch_size=1, steps=180, model={"step_s": 0.001, **model})
    engine = fakes.FakeEngine(2, 1)
    bench = modes.Bench(
        lambda mode, P: engine.open(task.build, recipe, None, mode, P),
        Source(DATA.inputs[:, :2], DATA.targets),
        ROWS,
        [recipe],
        clock,
    )
    return [*modes.measure(bench, names, modes.Limits(widths, seconds))]


def test_modes_are_told_one_by_one_after_they_were_announced():
    kinds = [(e["event"], e["mode"], e["P"]) for e in measured()]
    assert kinds[:5] == [
        ("mode", "loop", 1),
        ("trying", "side_by_side", 2),
        ("mode", "side_by_side", 2),
        ("trying", "side_by_side", 4),
        ("mode", "side_by_side", 4),
    ]


def test_slots_that_train_in_the_time_of_one_are_so_much_faster(monkeypatch):
    clock = Slept()
    monkeypatch.setattr(fakes, "sleep", clock.sleep)
    found, _ = modes.told(measured(clock=clock))
    speed = {(s.mode, s.P): s.rows_per_s for s in found}
    assert speed["side_by_side", 4] / speed["loop", 1] == pytest.approx(4)


def test_every_width_that_may_be_taken_is_timed_again_beside_the_reference(monkeypatch):
    """A narrow one may be taken though a wide one is faster, so its figure must not be one lucky moment's alone."""
    clock = Slept()
    monkeypatch.setattr(fakes, "sleep", clock.sleep)
    told = [(e["mode"], e["P"]) for e in measured(widths=(2, 4, 8), clock=clock) if e["event"] == "mode"]
    assert told[-4:] == [("loop", 1), ("side_by_side", 2), ("side_by_side", 4), ("side_by_side", 8)]
    assert told[:-4] == told[-4:]


def test_model_that_a_mode_does_not_take_is_told_with_the_mend():
    found, _ = modes.told(measured(kind="odd"))
    assert found[1].refused == "layer odd (Odd) has no rule. Take an even one."
    assert len(found) == 2


def test_width_that_does_not_fit_loses_no_other():
    found, _ = modes.told(measured(kind="huge"))
    assert math.isfinite(found[1].rows_per_s)
    assert found[2].refused == "it needs more memory than there is"


def test_no_seconds_check_without_timing():
    found, _ = modes.told(measured(seconds=0.0))
    assert [s.refused for s in found] == ["", "", ""]
    assert all(math.isnan(s.rows_per_s) for s in found)


def test_an_engine_of_one_mode_has_nothing_to_measure():
    assert measured(names=("loop",)) == []


def test_end_of_the_worker_is_the_result_of_what_was_being_tried():
    events = [
        {"event": "structural", "names": ["width"]},
        {"event": "mode", "mode": "loop", "P": 1, "rows_per_s": 5.0},
        {"event": "trying", "mode": "fast", "P": 8},
        {"event": "lost", "reason": "was ended by SIGKILL (often: out of memory)"},
    ]
    found, names = modes.told(events)
    assert names == ("width",)
    assert found == (
        ModeSpeed(mode="loop", rows_per_s=5.0),
        ModeSpeed(mode="fast", P=8, refused="its worker was ended by SIGKILL (often: out of memory)"),
    )


def test_fake_engine_says_what_it_does_not_have():
    with pytest.raises(Unsupported):
        fakes.FakeEngine(2, 1).open(None, Recipe(), None, "quick", 2)

"""What an update rule, schedule, initialiser, loss or layer must do: one check each, for ours and for others.

    check_loss(my_loss, outputs, targets, gradient=my_gradient)

Each raises AssertionError with the number that is off. All in numpy and float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.algorithms.initialisers import Fans
from luthier.algorithms.rule import Rule, init_all, step_all

Array = npt.NDArray[Any]
NUMBERS = {
    "lr": 0.01,
    "weight_decay": 0.0,
    "momentum": 0.9,
    "nesterov": 0.0,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-8,
    "eps_root": 0.0,
    "d0": 0.1,
    "d_coef": 1.0,
    "averaging": 1.0,
}
"""Of a step, unless the check is about one of them."""
DRAWN = (300, 200)
"""Shape of the weights that are drawn: 60,000 numbers, whose variance is known to 1 %."""


def check_rule(rule: Rule) -> None:
    """A step changes nothing in place, does nothing at lr 0, decays apart from the gradient, and leads downhill."""
    params = {"w": np.random.default_rng(0).normal(size=(4, 3)), "b": np.random.default_rng(1).normal(size=3)}
    kept = {name: value.copy() for name, value in params.items()}

    def step(params: dict[str, Array], states: Any, t: int, **changes: float) -> Any:
        told = NUMBERS | changes
        grads = {name: value.copy() for name, value in params.items()}  # of |w|^2 / 2
        return step_all(rule, np, grads, states, params=params, numbers=dict.fromkeys(params, told), step=t)

    states = init_all(rule, np, params)
    assert set(states) == set(rule.keeps), f"{rule.name} keeps {sorted(states)}"
    begun = {s: {n: np.array(v) for n, v in named.items()} for s, named in states.items()}
    still, after = step(params, states, 0, lr=0.0, weight_decay=0.5)
    assert {s: set(v) for s, v in after.items()} == {s: set(v) for s, v in states.items()}, f"{rule.name} forgets"
    for name, value in kept.items():
        assert np.array_equal(params[name], value), f"{rule.name} changes weights in place"
        assert np.array_equal(still[name], value), f"{rule.name} moves at lr 0"
    for state, named in begun.items():
        assert all(np.array_equal(states[state][n], v) for n, v in named.items()), f"{rule.name} changes {state}"
    plain, _ = step(params, states, 0, d0=1.0)
    decayed, _ = step(params, states, 0, weight_decay=0.5, d0=1.0)
    for name, value in kept.items():
        np.testing.assert_allclose(plain[name] - decayed[name], 0.01 * 0.5 * value, rtol=1e-6, err_msg=rule.name)
    for t in range(100):
        params, states = step(params, states, t)
    size = sum(float((value**2).sum()) for value in params.values())
    assert size < 0.9 * sum(float((value**2).sum()) for value in kept.values()), f"{rule.name} does not lead downhill"


def check_schedule(factor: Callable[[Array], Array], num_steps: int) -> None:
    """Multipliers of the peak: float64 within (0, 1], each a function of its step, the peak reached or neared."""
    steps = np.arange(num_steps)
    whole = factor(steps)
    assert whole.dtype == np.float64, whole.dtype
    assert ((whole > 0) & (whole <= 1 + 1e-12)).all(), whole
    assert whole.max() > 0.8, whole.max()
    assert np.array_equal(whole[3:7], factor(steps[3:7]))


def check_initialiser(draw: Callable[..., Array], variance: Callable[[Fans], float]) -> None:
    """The mean is 0 and the variance what it should be for the fans, to 3 %; a seed means the same twice."""
    fans = Fans(DRAWN[1], DRAWN[0])
    one, again, other = (draw(np.random.default_rng(seed), DRAWN, fans) for seed in (0, 0, 1))
    assert np.array_equal(one, again), "another draw for the same seed"
    assert not np.array_equal(one, other), "the same draw for another seed"
    asked = variance(fans)
    assert abs(one.mean()) < 5 * np.sqrt(asked / one.size), f"mean {one.mean():.2g}"
    assert abs(one.var() / asked - 1) < 0.03, f"variance {one.var():.4g} for {asked:.4g}"


def check_loss(
    loss: Callable[..., Array],
    outputs: Array,
    targets: Array,
    *,
    known: Array | None = None,
    gradient: Callable[[Array, Array], Array] | None = None,
) -> None:
    """One value for each row, not below 0, the same whatever rows come with it; its closed form and its gradient.

    Args:
        loss: (xp, outputs, targets) -> [B]. known: its values. gradient: of the mean over the rows, by the outputs.
    """
    values = loss(np, outputs, targets)
    assert values.shape == (len(outputs),), values.shape
    assert (values > -1e-12).all(), values
    twice = loss(np, np.concatenate([outputs, outputs]), np.concatenate([targets, targets]))
    np.testing.assert_allclose(twice[: len(values)], values, rtol=1e-12)
    if known is not None:
        np.testing.assert_allclose(values, known, rtol=1e-9, atol=1e-12)
    if gradient is not None:
        found = _differences(lambda z: float(np.mean(loss(np, z, targets))), outputs)
        np.testing.assert_allclose(gradient(outputs, targets), found, rtol=1e-5, atol=1e-8)


def _differences(function: Callable[[Array], float], at: Array, width: float = 1e-6) -> Array:
    found = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        moved = [at.copy(), at.copy()]
        moved[0][i] += width
        moved[1][i] -= width
        found[i] = (function(moved[0]) - function(moved[1])) / (2 * width)
    return found


def check_batch_norm(normalise: Callable[[Array], Array]) -> None:
    """Columns of mean 0 and variance 1; a column that does not vary becomes 0, not a division by 0."""
    x = np.random.default_rng(0).normal(3.0, 2.0, (64, 3))
    x[:, 1] = 5.0
    with np.errstate(all="ignore"):
        y = normalise(x)
    assert np.isfinite(y).all(), "a level column gives no finite number"
    np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-9)
    np.testing.assert_allclose(y.var(0), [1.0, 0.0, 1.0], atol=1e-3)


def check_dropout(drop: Callable[[Array, Array, float], Array]) -> None:
    """The mean stays what it was; what is dropped is 0."""
    kept = (np.random.default_rng(0).random(20_000) < 0.75).astype(np.float64)
    dropped = drop(np.ones_like(kept), kept, 0.25)
    assert abs(dropped.mean() - 1.0) < 0.02, f"mean {dropped.mean():.3f} of ones"
    assert not dropped[kept == 0].any()


def check_f1(f1: Callable[[int, int, int, int], float]) -> None:
    """The harmonic mean of precision and recall, of (true positives, false positives, false and true negatives)."""
    for tp, fp, fn, tn in ((5, 1, 45, 949), (10, 0, 0, 90), (30, 10, 20, 40)):
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        expected = 2 * precision * recall / (precision + recall)
        assert abs(f1(tp, fp, fn, tn) - expected) < 1e-12, f"{f1(tp, fp, fn, tn):.3f} for {expected:.3f}"

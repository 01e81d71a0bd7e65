"""A model of what a configuration will score: a Gaussian process over all rungs at once.

    utility(x, k) = mean + f(x, k) + noise,     cov f = scale * matern52(|x - x'| / length_D) * rho^|k - k'|

x lies in the unit cube, k counts rungs. Every report at a rung teaches, early ones less about the end than late
ones (a Kronecker kernel as in Swersky, Snoek & Adams 2013, "Multi-task Bayesian optimization"). The worst quarter of
the utilities counts as equally bad: how bad a bad trial is tells nothing about where the best lie, and a diverged
one is simply among the worst. Length scales, noise and rho maximise the posterior density under weak
priors; they are found from the middle of those each time, so that they are a function of the observations alone. They
are learnt from trials that have settled: of those few change, and one fit serves many decisions.

Axes: N observations, C candidates, D settings, F coordinates.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.search.table import Table

Array = npt.NDArray[Any]

MOST = 250
"""Observations that the model holds: a fit takes a time that grows with their cube."""
MOST_FITTED = 100
"""Observations, evenly taken from those, that the numbers are fitted to: each of some 25 steps is a fit."""
WORST = 0.25
"""Share of the observations whose utilities are not told apart."""
LENGTH_CENTRE, LENGTH_SD = math.log(0.6), 0.8
"""Prior of a logarithmic length scale: a setting matters over half its range, give or take a factor of two."""
NOISE_CENTRE, NOISE_SD = math.log(0.1), 1.0
"""Prior of the logarithm of the noise's share of the variance."""
RHO_CENTRE, RHO_SD = 1.4, 1.0
"""Prior of the logit of the correlation between neighbouring rungs: about 0.8."""
FIT_STEPS = 25
FEW_SETTLED, SETTLED, GROWTH = 40, 0.85, 1.15
"""Trials that the numbers are learnt from: all up to 40, then about 0.85 of them, in steps of 15 %."""
JITTER = 1e-6


class Observed(NamedTuple):
    """What the model learns from."""

    x_ND: Array
    rung_N: Array
    y_N: Array


class _Conditioned(NamedTuple):
    """What is computed of observations alone: kept for the next decision, which often sees the same."""

    theta: Array
    data: Observed
    features_NF: Array
    L_NN: Array


def _same(one: Observed, other: Observed) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def num_settled(num: int) -> int:
    """Of `num` trials, how many of the first the numbers are learnt from. The latest have jobs to come.

    >>> [num_settled(n) for n in (8, 40, 60, 200, 201)]
    [8, 40, 46, 161, 161]
    """
    if SETTLED * num < FEW_SETTLED:
        return min(num, FEW_SETTLED)
    return int(FEW_SETTLED * GROWTH ** math.floor(math.log(SETTLED * num / FEW_SETTLED, GROWTH) + 1e-9))


def observed(table: Table, num: int | None = None) -> Observed:
    """All finite scores at rungs, highest rungs first, and the worst for those that diverged; at most `MOST`.

    `num`: of the first trials only.

    A rung's utilities are shifted by how much trials gain on the way there from the rung below, so that a mediocre
    early score and a mediocre late one are near each other.
    """
    utility_NK = table.utility_NK[:num]
    u_NK = np.where(np.isneginf(utility_NK), np.nan, utility_NK)
    shift_K = np.zeros(u_NK.shape[1])
    for k in range(1, len(shift_K)):
        gain_N = u_NK[:, k] - u_NK[:, k - 1]
        known = gain_N[np.isfinite(gain_N)]
        shift_K[k] = shift_K[k - 1] + (np.median(known) if len(known) else 0.0)
    row_N, rung_N = np.nonzero(~np.isnan(utility_NK))
    order = np.lexsort((row_N, rung_N))[::-1][:MOST]
    row_N, rung_N = row_N[order], rung_N[order]
    raw_N = utility_NK[row_N, rung_N] - shift_K[rung_N]
    return Observed(table.unit_ND[row_N], rung_N, scores(raw_N))


def scores(u_N: Array) -> Array:
    """Utilities less their median, in standard deviations, the worst quarter raised to its bound; -inf too."""
    known = u_N[np.isfinite(u_N)]
    if len(known) == 0:
        return np.zeros(len(u_N))
    away_N = np.maximum(u_N, np.quantile(known, WORST)) - np.median(known)
    sd = away_N.std()
    return np.asarray(away_N / sd if sd > 0 else away_N)


class Surrogate:
    """The model and its numbers.

    Args:
        options_D: how many options a setting without order has; 0 for numbers.
    """

    def __init__(self, options_D: Array) -> None:
        self.options_D = options_D
        self.axis_F = np.repeat(np.arange(len(options_D)), np.where(options_D > 0, options_D, 2))
        self.theta = centre(len(options_D))
        self._learnt: Observed | None = None
        self._conditioned: _Conditioned | None = None

    def learn(self, data: Observed) -> None:
        """Find the numbers that explain observations best."""
        if self._learnt is None or not _same(self._learnt, data):
            self._learnt, self.theta = data, self._numbers(data)

    def condition(self, data: Observed) -> None:
        """Condition on observations, with the numbers as they are."""
        known = self._conditioned
        if known is None or known.theta is not self.theta or not _same(known.data, data):
            self.data, self._features_NF = data, self._features(data.x_ND)
            L_NN = np.linalg.cholesky(self._with_noise(self._kernel(self._features_NF, data.rung_N)))
            self._conditioned = known = _Conditioned(self.theta, data, self._features_NF, L_NN)
        _, self.data, self._features_NF, self._L_NN = known
        self._weigh()

    def add(self, more: Observed) -> None:
        """Condition on further observations: what is known of the earlier ones is kept, so a few cost little."""
        from scipy.linalg import solve_triangular

        known, features_MF = len(self.data.y_N), self._features(more.x_ND)
        half_NM = solve_triangular(self._L_NN, self._kernel(features_MF, more.rung_N).T, lower=True)
        self.data = Observed(*(np.concatenate(both) for both in zip(self.data, more, strict=True)))
        self._features_NF = np.concatenate([self._features_NF, features_MF])
        K_MM = self._with_noise(self._kernel(features_MF, more.rung_N)[:, known:])
        L_MM = np.linalg.cholesky(K_MM - half_NM.T @ half_NM)
        self._L_NN = np.block([[self._L_NN, np.zeros_like(half_NM)], [half_NM.T, L_MM]])
        self._weigh()

    def _with_noise(self, K_NN: Array) -> Array:
        K_NN[np.diag_indices_from(K_NN)] += math.exp(self.theta[-2]) + JITTER
        return K_NN

    def _weigh(self) -> None:
        """The mean, the scale and the weights of the observations."""
        from scipy.linalg import cho_solve

        y_N = self.data.y_N
        both = cho_solve((self._L_NN, True), np.stack([y_N, np.ones(len(y_N))], axis=1), check_finite=False)
        self.mean = float(both[:, 0].sum() / both[:, 1].sum())
        self._weight_N = both[:, 0] - self.mean * both[:, 1]
        self.scale = float(max((y_N - self.mean) @ self._weight_N / len(y_N), 1e-3))

    def expect(self, x_CD: Array, rung: int) -> Array:
        """Mean of the utility at a rung [C]: the first of `predict`, without the time of its second."""
        k_CN = self._kernel(self._features(x_CD), np.array([rung]))
        return np.asarray(self.mean + k_CN @ self._weight_N)

    def predict(self, x_CD: Array, rung: int) -> tuple[Array, Array]:
        """Mean and standard deviation of the utility at a rung, without noise [C]."""
        from scipy.linalg import solve_triangular

        k_CN = self._kernel(self._features(x_CD), np.array([rung]))
        half_NC = solve_triangular(self._L_NN, k_CN.T, lower=True, check_finite=False)
        variance_C = np.maximum(1.0 - (half_NC**2).sum(axis=0), 1e-9) * self.scale
        return self.mean + k_CN @ self._weight_N, np.sqrt(variance_C)

    def noise_sd(self) -> float:
        """Standard deviation of a score around the utility of its settings."""
        return math.sqrt(math.exp(self.theta[-2]) * self.scale)

    def _features(self, x_ND: Array) -> Array:
        """Coordinates whose squared distances are those of the settings [N, F].

        A number is itself beside a zero, and (1/2, 1/2) where it is off; an option is one corner of a simplex with
        edges of length 1, and the origin where it is off.
        """
        columns = []
        for x_N, options in zip(x_ND.T, self.options_D, strict=True):
            off_N = np.isnan(x_N)
            if options:
                corner_N = np.where(off_N, -1, np.minimum(np.nan_to_num(x_N) * options, options - 1).astype(int))
                columns += [np.where(corner_N == option, math.sqrt(0.5), 0.0) for option in range(options)]
            else:
                columns += [np.where(off_N, 0.5, x_N), np.where(off_N, 0.5, 0.0)]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x_ND), 0))

    def _kernel(self, a_NF: Array, rung_N: Array) -> Array:
        """Covariance with the observations, in units of the scale [N, M]; one rung for all or one each."""
        inverse_F = np.exp(-self.theta[:-2])[self.axis_F]
        a_NF, b_MF = a_NF * inverse_F, self._features_NF * inverse_F
        square_NM = (a_NF**2).sum(axis=1)[:, None] + (b_MF**2).sum(axis=1)[None] - 2.0 * a_NF @ b_MF.T
        r_NM = np.sqrt(5.0 * np.maximum(square_NM, 0.0))
        apart_NM = np.abs(rung_N[:, None] - self.data.rung_N[None])
        powers = (1.0 / (1.0 + math.exp(-self.theta[-1]))) ** np.arange(apart_NM.max(initial=0) + 1)
        return np.asarray((1.0 + r_NM + r_NM * r_NM / 3.0) * np.exp(-r_NM) * powers[apart_NM])

    def _numbers(self, data: Observed) -> Array:
        from scipy.optimize import minimize

        some = np.unique(np.linspace(0, len(data.y_N) - 1, min(len(data.y_N), MOST_FITTED)).astype(np.int64))
        features_NF, rung_N = self._features(data.x_ND[some]), data.rung_N[some]
        away_NNF = (features_NF[:, None] - features_NF[None]) ** 2
        square_DNN = np.zeros((len(self.options_D), len(some), len(some)))
        np.add.at(square_DNN, self.axis_F, np.moveaxis(away_NNF, 2, 0))
        apart_NN = np.abs(rung_N[:, None] - rung_N[None])
        num, given = len(self.options_D), (square_DNN, apart_NN, data.y_N[some])
        bounds = [(-4.0, 3.0)] * num + [(-9.0, 2.0), (-1.0, 5.0)]
        steps = {"maxiter": FIT_STEPS}
        found = minimize(loss_and_slope, centre(num), given, "L-BFGS-B", True, bounds=bounds, options=steps)
        return np.asarray(found.x)


def centre(num: int) -> Array:
    """The middle of the priors for `num` settings: logarithms of the length scales, of the noise, logit of rho."""
    return np.array([LENGTH_CENTRE] * num + [NOISE_CENTRE, RHO_CENTRE])


def loss_and_slope(theta: Array, square_DNN: Array, apart_NN: Array, y_N: Array) -> tuple[float, Array]:
    """Minus the log posterior of the numbers, with mean and scale at their best values; and its gradient.

    Rasmussen & Williams 2006, equation 5.9.

    Args:
        theta: as `centre` gives it. square_DNN: squared distances by setting. apart_NN: rungs between.
    """
    from scipy.linalg import cho_solve

    num = len(y_N)
    inverse_D = np.exp(-2.0 * theta[:-2])
    r_NN = np.sqrt(5.0 * np.tensordot(inverse_D, square_DNN, 1))
    rho, noise = 1.0 / (1.0 + math.exp(-theta[-1])), math.exp(theta[-2])
    falls_NN = np.exp(-r_NN) * (rho ** np.arange(apart_NN.max(initial=0) + 1))[apart_NN]
    K_NN = (1.0 + r_NN + r_NN * r_NN / 3.0) * falls_NN
    try:
        L_NN = np.linalg.cholesky(K_NN + np.eye(num) * (noise + JITTER))
    except np.linalg.LinAlgError:
        return 1e25, np.zeros_like(theta)
    inverse_NN = cho_solve((L_NN, True), np.eye(num))
    ones_N = inverse_NN.sum(axis=1)
    centred_N = y_N - (ones_N @ y_N) / ones_N.sum()
    alpha_N = inverse_NN @ centred_N
    scale = max(float(centred_N @ alpha_N) / num, 1e-6)
    core_NN = 0.5 * (inverse_NN - np.outer(alpha_N, alpha_N) / scale)
    slope_NN = core_NN * (5.0 / 3.0) * (1.0 + r_NN) * falls_NN  # d matern / d log length = slope * square
    gradient = np.empty_like(theta)
    gradient[:-2] = np.tensordot(square_DNN, slope_NN, 2) * inverse_D
    gradient[-2] = np.trace(core_NN) * noise
    gradient[-1] = (core_NN * K_NN * apart_NN).sum() * (1.0 - rho)
    spread = np.array([LENGTH_SD] * len(inverse_D) + [NOISE_SD, RHO_SD])
    away = (theta - centre(len(inverse_D))) / spread
    loss = np.log(np.diag(L_NN)).sum() + 0.5 * num * math.log(scale) + 0.5 * float(away @ away)
    return float(loss), gradient + away / spread

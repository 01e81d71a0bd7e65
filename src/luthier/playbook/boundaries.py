"""Does the optimum lie at or beyond the edge of the search space? Then the space is widened there (P16).

Playbook, "Identifying bad search space boundaries", asks a person to look at plots. Here it is a test: the
response is fitted by an additive quadratic in the unit cube, and a bootstrap over trials tells how surely
its optimum lies in the outer tenth of a dimension. It was chosen among seven variants on simulations, then
confirmed once on others (5 dimensions, 200 studies a cell): 20 trials find an optimum at or beyond the edge
in 36 to 100 % (additive responses) or 10 to 99 % (interactions, uneven noise), 40 trials in 62 to 100 % or
30 to 100 %. False alarms: at most 3 % on flat or pure-noise responses and for optima at .5, at most 10 % at
.75, but up to 100 % for an optimum at .85 of an asymmetric response, which costs one needless widening.

Settings drawn in cohorts (`History.structural`) are tested over variants instead: trials of one variant share
whatever its structure does to the score, so a hundred trials of six variants say six things about the width.
Axes: n trials, V variants, D settings, K columns of the fit, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from luthier import stats
from luthier.findings import Finding
from luthier.playbook import stability
from luthier.playbook.wording import setting, unknown
from luthier.recipe import LEGAL, Legal
from luthier.records import History, Trial
from luthier.space import Choice, Domain, Float, Int, Space, Structure, structure_of

Array = npt.NDArray[Any]
Side = Literal["low", "high"]

MIN_TRIALS = 20
SURE_TRIALS = 40  # with fewer, "no edge found" means little where settings interact
MIN_FREE = 5  # trials beyond the coefficients of the fit
RICH = 4  # trials a variant, on average
OUTER = 0.1
MIN_SHARE = 0.8
MAX_P = 0.01
NUM_RESAMPLES = 200
MAX_EXPANSIONS = 2  # a side
_FACTOR = {Float: 10.0, Int: 2.0}
"""A logarithmic range is widened by a decade; whole numbers are sizes, which cost time and memory, by 2."""
_TITLE = "edges of the search space"


class Boundary(NamedTuple):
    """A setting whose optimum lies at an edge.

    `share`: of the resamples whose optimum lies in the outer tenth. `p`: of the F test that the setting
    matters. `n`: trials; variants, for a structural setting. `expansion`: the wider domain; None where it may
    not be widened, `reason` says why.
    """

    name: str
    side: Side
    share: float
    p: float
    n: int
    expansion: Domain | None
    reason: str = ""


class Edges(NamedTuple):
    """The edges found, and what there is to say about them."""

    boundaries: tuple[Boundary, ...]
    findings: tuple[Finding, ...]


class Edge(NamedTuple):
    """Result of the test for one column of the cube: the share of resamples at the stronger side, and p."""

    side: Side
    share: float
    p: float

    @property
    def found(self) -> bool:
        """Do both gates say so?"""
        return self.share >= MIN_SHARE and self.p < MAX_P


def find(
    history: History,
    space: Space,
    rng: np.random.Generator,
    *,
    rung: int | None = None,
    earlier: Sequence[Boundary] = (),
) -> Edges:
    """Test every numeric setting of the space for an optimum at its edge.

    Args:
        history: its search trials with a known score count, diverged ones at the worst feasible utility
            (removing them made an edge of 91 to 100 % of the optima at .85, and of up to 12 % at .5).
        space: the space now; trials of a narrower one before it count too.
        rng: draws the resamples.
        rung: compare at this rung instead of at the end of training, where few trials get so far.
        earlier: boundaries found before; a side that was widened twice stays.

    A conditional setting is judged on the trials where it is active. A `Choice` has no edge; its options get
    an offset each in the fit. Structural settings are judged on variants (`by_variant`), and n counts those.
    """
    trials = [(t, u) for t, u in history.capped(history.search(), rung) if _complete(t, space)]
    boundaries: list[Boundary] = []
    findings: list[Finding] = []
    cliffs = {cliff.name for cliff in stability.cliffs(history, space) if cliff.binds}
    for names in _groups(space, history.structural):
        group = [(t, u) for t, u in trials if all(name in t.config for name in names)]
        sample = _sample(group, space, history.structural if names[0] in history.structural else ())
        n = len(sample.utility_n)
        needed = max(MIN_TRIALS, sample.design.X_nK.shape[1] + MIN_FREE)
        if n < needed:
            findings.append(unknown("P16", _TITLE, n, needed, of=f"{sample.kind} with {', '.join(names)}"))
            continue
        indices = [list(space).index(name) for name in names]
        edges = edge_test(sample.design, sample.utility_n, indices, rng)
        found = {names[i]: edge for i, edge in enumerate(edges) if edge and edge.found}
        for name, edge in found.items():
            boundaries.append(_boundary(name, edge, space, n, earlier=earlier, cliffs=cliffs))
            if edge.side == "low" or name not in cliffs:  # else the instability is the one cause, said there
                findings.append(_finding(boundaries[-1], space, sample))
        if not found and n < SURE_TRIALS:
            findings.append(_not_detected(names, sample))
    return Edges(tuple(boundaries), tuple(findings))


def _complete(trial: Trial, space: Space) -> bool:
    """Does the trial say where it lies? The baseline, with an empty configuration, does not."""
    return all(name in trial.config for name in space if space.active(name, trial.config))


def _groups(space: Space, structural: Collection[str]) -> list[list[str]]:
    """Numeric settings that are active under the same conditions and counted alike, in the order of the space."""
    groups: dict[tuple[bool, bytes], list[str]] = {}
    for name, domain in space.domains.items():
        if not isinstance(domain, Choice):
            condition = msgspec.json.encode(domain.when, order="sorted")
            groups.setdefault((name in structural, condition), []).append(name)
    return list(groups.values())


class _Sample(NamedTuple):
    """What a test looks at: rows with their utility, and what a row is, in words."""

    design: Design
    utility_n: Array
    kind: str  # after the number of rows
    short: str

    @property
    def size(self) -> str:
        """The number of rows and what they are."""
        return f"{len(self.utility_n)} {self.short}"


def _sample(group: Sequence[tuple[Trial, float]], space: Space, structural: Sequence[str]) -> _Sample:
    """The trials as rows; their variants, where structural settings are given."""
    u_nD = np.array([space.encode(t.config) for t, _ in group]).reshape(len(group), len(space))
    utility_n, design = np.array([u for _, u in group]), Design.of(u_nD, space)
    if not structural:
        return _Sample(design, utility_n, "complete trials", "trials")
    variant_n = [structure_of(t.config, structural) for t, _ in group]
    axes = [d for d, name in enumerate(space) if name in structural]
    design, utility_V = by_variant(design, utility_n, variant_n, axes)
    return _Sample(design, utility_V, f"variants ({len(group)} complete trials)", f"variants ({len(group)} trials)")


def by_variant(
    design: Design, utility_n: Array, variant_n: Sequence[Structure], axes: Sequence[int]
) -> tuple[Design, Array]:
    """Rows for variants instead of trials: the means over the trials of each.

    Errors that the trials of a variant share are then one error a row, and the test holds: of 300 to 600
    simulated studies without effect p < .01 came up in 0 to 2 %, over trials in 21 to 72 %. Where variants have
    `RICH` trials or more, the columns of the other settings (those that are not in `axes`) are taken off
    beforehand, as fitted on all trials: there would seldom be variants enough to fit them on the means. With
    fewer, what is taken off is itself so uncertain that p < .01 came up in up to 48 %. One trial each leaves
    everything as it was.
    """
    number = {variant: v for v, variant in enumerate(dict.fromkeys(variant_n))}
    row_n = np.array([number[variant] for variant in variant_n], int)
    num = len(number)
    count_V = np.bincount(row_n, minlength=num)

    def mean(x_n: Array) -> Array:
        return np.bincount(row_n, x_n, minlength=num) / count_V

    utility_V = mean(utility_n)
    X_VK = np.array([mean(x_n) for x_n in design.X_nK.T]).reshape(design.X_nK.shape[1], num).T
    if len(row_n) < RICH * num:
        return Design(X_VK, design.columns), utility_V
    own = [0, *(k for d in axes for k in design.columns[d])]
    others = [k for k in range(X_VK.shape[1]) if k not in own]
    w_K = np.linalg.lstsq(design.X_nK, utility_n, rcond=None)[0]
    columns = {d: [own.index(k) for k in design.columns[d]] for d in axes}
    return Design(X_VK[:, own], columns), utility_V - X_VK[:, others] @ w_K[others]


# ------------------------------------------------------------------------------------------------- the test


class Design(NamedTuple):
    """Columns of the additive quadratic: a constant, u and u^2 of each number, an offset for each option."""

    X_nK: Array
    columns: dict[int, list[int]]  # axis of the cube -> its columns in X, linear first

    @classmethod
    def of(cls, u_nD: Array, space: Space | None = None) -> Design:
        """Build from points of the cube, [n, D]; NaN (not active) leaves the setting's columns at 0.

        A number seen at two values only gets no curvature, at one value no column.
        """
        columns: dict[int, list[int]] = {}
        X = [np.ones(len(u_nD))]
        domains = list(space.domains.values()) if space else [None] * u_nD.shape[1]
        for d, domain in enumerate(domains):
            u_n = u_nD[:, d]
            values = np.unique(u_n[np.isfinite(u_n)])
            if isinstance(domain, Choice):
                terms = [(u_n == value).astype(float) for value in values[1:]]
            else:
                centred_n = np.nan_to_num(u_n - 0.5)
                terms = [centred_n, centred_n**2][: max(0, len(values) - 1)]
            columns[d] = list(range(len(X), len(X) + len(terms)))
            X += terms
        return cls(np.stack(X, axis=1), columns)


def edge_test(design: Design, utility_n: Array, axes: Sequence[int], rng: np.random.Generator) -> list[Edge | None]:
    """For each axis of the cube: does the optimum of the fitted response lie in its outer tenth?

    Two gates. (1) F test: dropping the setting's columns must worsen the fit (p < .01); without this gate,
    of four settings that do not matter one raises an alarm in 23 to 32 % of the studies. (2) In at least 80
    % of the bootstrap resamples over trials the parabola's maximum over [0, 1] lies beyond .1 or .9 on one
    side. None where a setting took one value only.
    """
    X_nK = design.X_nK
    w_RK = _bootstrap_fits(X_nK, utility_n, rng)
    full, rank = _residual(X_nK, utility_n)
    edges: list[Edge | None] = []
    for d in axes:
        columns = design.columns[d]
        if not columns:
            edges.append(None)
            continue
        reduced, reduced_rank = _residual(np.delete(X_nK, columns, axis=1), utility_n)
        top_R = _argmax(w_RK[:, columns])
        low, high = float((top_R <= OUTER).mean()), float((top_R >= 1 - OUTER).mean())
        p = _f_test(reduced, full, rank - reduced_rank, len(utility_n) - rank)
        edges.append(Edge("high" if high >= low else "low", max(low, high), p))
    return edges


def _bootstrap_fits(X_nK: Array, y_n: Array, rng: np.random.Generator) -> Array:
    """Least-squares coefficients on resampled trials, [R, K], by normal equations for all resamples at once.

    A small ridge (1e-6 of the mean diagonal) stands in where a resample has fewer distinct trials than
    columns.
    """
    n, K = X_nK.shape
    count_Rn = rng.multinomial(n, np.full(n, 1 / n), size=NUM_RESAMPLES).astype(float)
    outer_nKK = X_nK[:, :, None] * X_nK[:, None, :]
    A_RKK = (count_Rn @ outer_nKK.reshape(n, K * K)).reshape(-1, K, K)
    b_RK = count_Rn @ (X_nK * y_n[:, None])
    ridge = 1e-6 * float(np.trace(A_RKK.mean(axis=0))) / K
    w_RK1: Array = np.linalg.solve(A_RKK + ridge * np.eye(K), b_RK[:, :, None])
    return w_RK1[:, :, 0]


def _argmax(w_RC: Array) -> Array:
    """Where in [0, 1] the parabola w1 (u - 1/2) + w2 (u - 1/2)^2 is largest, [R]."""
    slope_R = w_RC[:, 0]
    curve_R = w_RC[:, 1] if w_RC.shape[1] == 2 else np.zeros_like(slope_R)
    end_R = np.where(slope_R > 0, 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex_R = np.clip(0.5 - slope_R / (2 * curve_R), 0.0, 1.0)
    return np.where(curve_R < 0, vertex_R, end_R)


def _residual(X_nK: Array, y_n: Array) -> tuple[float, int]:
    """Residual sum of squares of the least-squares fit, and the rank of the columns."""
    w_K, _, rank, _ = np.linalg.lstsq(X_nK, y_n, rcond=None)
    return float(((y_n - X_nK @ w_K) ** 2).sum()), int(rank)


def _f_test(reduced: float, full: float, df: int, free: int) -> float:
    """p of F = ((reduced - full) / df) / (full / free); 1 where the columns add nothing."""
    gain = reduced - full
    if df < 1 or free < 1 or gain <= 1e-12 * reduced:
        return 1.0
    return stats.f_tail(gain / df / (full / free), df, free) if full > 0 else 0.0


# ------------------------------------------------------------------------------------------------- widening


def _boundary(
    name: str, edge: Edge, space: Space, n: int, *, earlier: Sequence[Boundary], cliffs: set[str]
) -> Boundary:
    """What to do about an edge that was found."""
    widened = sum(b.name == name and b.side == edge.side and b.expansion is not None for b in earlier)
    expansion: Domain | None = None
    if edge.side == "high" and name in cliffs:
        reason = "training diverges there: it needs warm-up or clipping, not a wider range (P18)"
    elif widened >= MAX_EXPANSIONS:
        reason = f"it was widened {widened} times already"
    else:
        expansion = expand(name, space.domains[name], edge.side)
        reason = "" if expansion else "it is as wide as the setting allows"
    return Boundary(name, edge.side, edge.share, edge.p, n, expansion, reason)


def expand(name: str, domain: Domain, side: Side) -> Domain | None:
    """The domain widened on one side by a decade (log; whole numbers: a factor 2) or half its width.

    The result stays legal (`records.LEGAL`); builder settings never change sign. An end that may come near
    but not be reached (dropout < 1) is approached to a tenth of the distance. None where nothing is left to
    widen.
    """
    if isinstance(domain, Choice):
        return None
    sign = 1 if side == "high" else -1
    old = domain.high if side == "high" else domain.low
    new = old * _FACTOR[type(domain)] ** sign if domain.log else old + sign * (domain.high - domain.low) / 2
    new = _within(_legal(name, domain), old, new)
    if isinstance(domain, Int):
        new = math.ceil(new) if side == "high" else math.floor(new)
        new = max(new, min(domain.low, 1)) if domain.low >= 0 else new
    if (new - old) * sign <= 0:
        return None
    return msgspec.structs.replace(domain, **{side: new})


def _legal(name: str, domain: Float | Int) -> Legal:
    """The range in which the setting makes sense."""
    own = setting(name)
    legal = LEGAL.get("dropout" if own.endswith("dropout") else own)
    if legal:
        return legal
    return Legal(low=0.0, open_low=domain.log) if domain.low >= 0 else Legal()


def _within(legal: Legal, old: float, new: float) -> float:
    """`new` cut to the legal range; an open end is approached from `old` to a tenth of the distance."""
    end, is_open = (legal.low, legal.open_low) if new < old else (legal.high, legal.open_high)
    if legal.allows(new) or not math.isfinite(end):
        return new
    return end + (old - end) / 10 if is_open else end


# ------------------------------------------------------------------------------------------------- in words


def _finding(boundary: Boundary, space: Space, sample: _Sample) -> Finding:
    domain = space.domains[boundary.name]
    assert not isinstance(domain, Choice)  # a Choice is never tested
    end = domain.high if boundary.side == "high" else domain.low
    if boundary.expansion is not None:
        new = getattr(boundary.expansion, boundary.side)
        remedy = f"Widen {boundary.name} to {new:.3g}; the trials so far stay valid"
    else:
        remedy = f"{boundary.name} is not widened: {boundary.reason}"
    return Finding(
        code="P16",
        title=f"best {boundary.name} lies at the edge",
        number=boundary.share,
        threshold=MIN_SHARE,
        n=boundary.n,
        text=f"In {boundary.share:.0%} of the resamples of {sample.size} the best {boundary.name} lies "
        f"in the outer tenth beside {end:.3g} (F test p = {boundary.p:.1g}).",
        remedy=remedy,
        severity="warning" if boundary.expansion is not None else "info",
    )


def _not_detected(names: Sequence[str], sample: _Sample) -> Finding:
    text = (
        f"No edge detected for {', '.join(names)}; with {sample.size} this says little where settings interact "
        "or noise is strong."
    )
    return Finding(
        code="P16",
        title=_TITLE,
        number=math.nan,
        threshold=MIN_SHARE,
        n=len(sample.utility_n),
        text=text,
        remedy=f"Test again with {SURE_TRIALS} {sample.short.split(' ')[0]}",
    )

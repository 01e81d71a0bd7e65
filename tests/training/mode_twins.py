"""A tiny right population in numpy, and deliberately wrong ones: what `modes.difference` must notice.

The model is linear with one buffer (the mean of its inputs so far) and one number of its own, `scale`.
"""

from dataclasses import dataclass

import numpy as np

from luthier.engines.spec import Mode


@dataclass
class Right:
    """Slots one after another; the loss is mean((scale * x w - y)^2)."""

    P: int = 1
    mode = Mode("right", True)
    dtype: type = np.float32

    def fresh(self, recipe, seed):
        rng = np.random.default_rng(seed)
        return {
            "weights/w": rng.normal(size=3).astype(self.dtype),
            "weights/dead": np.zeros(2, self.dtype),
            "optimizer/momentum/w": np.zeros(3, self.dtype),
            "optimizer/momentum/dead": np.zeros(2, self.dtype),
            "buffers/mean": np.zeros(3, self.dtype),
            "constants/scale": np.float64(recipe.model.get("scale", 1.0)),
            "seed": np.int64(seed),
            "step": np.int64(0),
        }

    def stack(self, snapshots):
        return [{name: np.array(a) for name, a in s.items()} for s in snapshots]

    def take(self, state, slot):
        return {name: np.array(a) for name, a in state[slot].items()}

    def advance(self, state, data, plan):
        losses = np.full((1, self.P), np.nan, np.float32)
        for p in np.flatnonzero(plan.steps):
            losses[0, p] = self.step(state, data, plan, p)
        return state, {"loss": losses, "grad_norm": losses}

    def step(self, state, data, plan, p):
        slot, rows = state[p], self.rows(plan, p)
        x, y = data.inputs[rows], data.targets[rows]
        miss = self.scale(state, p) * (x @ slot["weights/w"]) - y
        gradient = 2 * self.scale(state, p) * (miss[:, None] * x).mean(0)
        slot["optimizer/momentum/w"] = (self.noise(p) * gradient).astype(self.dtype)
        slot["optimizer/momentum/dead"] = np.full(2, self.dead(p), self.dtype)
        slot["buffers/mean"] = self.statistics(x).astype(self.dtype)
        return (miss**2).mean()

    def rows(self, plan, p):
        return plan.rows[0, p]

    def scale(self, state, p):
        return float(state[p]["constants/scale"])

    def noise(self, p):
        return 1.0

    def dead(self, p):
        return 1e-9 * (p + self.P)

    def statistics(self, x):
        return x.mean(0)


class Rounded(Right):
    """Right, in another order of adding."""

    def noise(self, p):
        return 1.0 + 1e-6


class SharesScale(Right):
    """All slots take the number of the first."""

    def scale(self, state, p):
        return float(state[0]["constants/scale"])


class SharesRows(Right):
    """All slots train on the batch of the first."""

    def rows(self, plan, p):
        return plan.rows[0, 0]


class WrongGradient(Right):
    """Off by a thousandth."""

    def noise(self, p):
        return 1.001


class LosesStatistics(Right):
    """The buffer stays as it was."""

    def statistics(self, x):
        return np.zeros(3)


class LastSlotWrong(Right):
    """Only the third slot is wrong."""

    def noise(self, p):
        return 1.001 if p == 2 else 1.0


class BeforeNorm(Right):
    """A layer whose bias does nothing: what is computed of its gradient is rounding, and differs between widths."""

    size = 1e-4

    def fresh(self, recipe, seed):
        made = super().fresh(recipe, seed)
        for part in ("weight", "bias"):
            made |= {f"weights/in.{part}": np.ones(2, self.dtype)}
            made |= {f"optimizer/momentum/in.{part}": np.zeros(2, self.dtype)}
        return made

    def step(self, state, data, plan, p):
        loss = super().step(state, data, plan, p)
        state[p]["optimizer/momentum/in.weight"] = np.ones(2, self.dtype)
        state[p]["optimizer/momentum/in.bias"] = np.full(2, self.size * (p + self.P), self.dtype)
        return loss


class WrongBias(BeforeNorm):
    """A bias that does something, and whose gradient is not that of the reference."""

    size = 1e-2

"""What every engine refuses in the same words, before any slot has moved."""

from __future__ import annotations

import numpy as np

from luthier.algorithms.losses import OF_CLASSES
from luthier.algorithms.rule import keeps_of
from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.grouping import Grouping
from luthier.engines.spec import NOT_BY_ELEMENT, RULES, Array, Loss, Plan
from luthier.errors import InvalidInput, Unsupported


def must_hold(holds: bool, fact: str, must: str) -> None:
    """A plan that breaks a condition is refused.

    Raises:
        InvalidInput: it does not hold.
    """
    if not holds:
        raise InvalidInput(fact, must=must, where="plan")


def check_stack(num_snapshots: int, P: int) -> None:
    """A population is filled whole.

    Raises:
        InvalidInput: not a snapshot for each slot.
    """
    if num_snapshots != P:
        raise InvalidInput(f"{num_snapshots} snapshots", must=f"one for each of P={P} slots", where="stack")


def check_rows(rows: Array, num_rows: int) -> None:
    """A row that does not exist would take the whole process down on a GPU, and JAX would make one up.

    Raises:
        InvalidInput: a row outside of 0 .. num_rows - 1.
    """
    low, high = rows.min(initial=0), rows.max(initial=0)
    must_hold(low >= 0 and high < num_rows, f"rows from {low} to {high}", f"0 <= row < {num_rows}")


def check_targets(classes: bool, dtype: object, loss: Loss) -> None:
    """Class numbers for a loss of classes.

    Args:
        classes: are the targets whole numbers?

    Raises:
        InvalidInput: the targets are real values.
    """
    if loss.name in OF_CLASSES:
        must_hold(classes, f"targets of {dtype}", f"{loss.name} has class numbers as targets")


def check_groups(plan: Plan, grouping: Grouping) -> None:
    """The plan has numbers for the parameter groups of the population.

    Raises:
        InvalidInput: it is of trials with other groups.
    """
    found = {values.shape[2] for values in plan.hparams.values() if values.ndim == 3}
    must_hold(found <= {grouping.num}, f"numbers for {max(found, default=0)} groups", f"for {grouping.num}")


def check_mixing(plan: Plan, num_axes: int) -> None:
    """Patches are cut out of images.

    Raises:
        InvalidInput: the inputs are none.
    """
    if plan.hparams["cut_side"].any():
        must_hold(num_axes >= 4, f"cutmix on inputs of {num_axes} axes", "images of 4 axes; mixup takes any rows")


def check_states(plan: Plan, states: list[set[str]]) -> None:
    """Each slot keeps what its update rule needs.

    Args:
        states: names of what each slot keeps.

    Raises:
        InvalidInput: it is a trial of another rule.
    """
    for p in map(int, np.flatnonzero((plan.steps > 0) & (plan.kinds >= 0))):
        rule = RULES[plan.kinds[p]]
        must = keeps_of(RULEBOOK[rule], float(np.max(plan.hparams["averaging"][0, p])))
        must_hold(states[p] == must, f"slot {p} keeps {sorted(states[p])}", f"{rule} keeps {sorted(must)}")


def check_plain(plan: Plan) -> None:
    """For programs of many slots: nothing that only the loop can do. `reasons_for_loop` says the same of a recipe.

    Raises:
        Unsupported: a setting that needs the loop.
    """
    off = {"clip_value": np.inf, "max_norm": np.inf, "accumulate": 1.0, "mixup": 1.0}
    busy = np.flatnonzero(plan.steps)
    asked = [RULES[k] for k in plan.kinds[busy] if k < 0 or RULES[k] in NOT_BY_ELEMENT]
    for name in ("clip_value", "max_norm", "accumulate", "mixup", "cut_side", "sam_rho", "averaging", "l1", "l2"):
        if (plan.hparams[name][0, busy] != off.get(name, 0.0)).any():
            asked.append(name)
    if asked or plan.weights is not None:
        raise Unsupported(
            f"{', '.join(asked) or 'class_weights'} in a mode that fuses slots",
            where="plan",
            remedy="Train such a trial in the reference mode",
        )

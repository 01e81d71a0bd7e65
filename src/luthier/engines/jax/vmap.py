"""The mode "vmap": one slot's step, mapped over all slots in one program.

Two programs make a step. The first finds loss and gradient of all slots, whatever their update rules. The second
moves all slots by one rule, and only those that have this rule and a step to take keep the result. It is called once
for each rule in use: in one program with its neighbours' rules a slot's numbers would be rounded in another way.
A slot's random numbers are those of the other modes: its keys follow from (seed, step, stream), and threefry draws
alike under a map.

Axes: S steps of a chunk, P slots, B rows of a batch, N numbers of HPARAMS, G parameter groups.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from luthier.engines.grouping import Grouping
from luthier.engines.jax.beside import Beside, Facts, Movers
from luthier.engines.jax.program import WORDS, Program, StepPlan, batch_at, now_at
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Arrays, Placed, Slot, chunk_of, seed_words
from luthier.engines.serial.step import Found, How, found, moved
from luthier.engines.serial.turns import Curves, Slots
from luthier.engines.spec import HPARAMS, Array, Mode, Plan
from luthier.errors import LuthierError, Unsupported
from luthier.recipe import OPTIMIZERS

VMAP = Mode(
    "vmap",
    bit_equal_across_P=False,
    recompiles_on=("P", "B", "shapes", "structure", "optimizer"),
    build_s=4.0,
)
MENDS = {"vmap_method": "Give jax.pure_callback a vmap_method", "IO": "Leave io_callback out of the model"}
"""Words of JAX's errors -> what to change in the model."""


class Kind(NamedTuple):
    """How some slots step: the same code moves all of them."""

    how: How
    keeps: tuple[str, ...]

    def looks(self) -> How:
        """What of it concerns loss and gradient."""
        return self.how._replace(rule="", penalties=False, clip_value=False, group_norm=False, max_norm=False)


class VmapProgram:
    """See `luthier.engines.serial.spec.Program`; evaluation is that of a slot by itself, as in the other modes.

    Args:
        program: the same model and loss, slot by slot.
    """

    mode = VMAP
    words = WORDS

    def __init__(self, program: Program) -> None:
        self.structure, self.loss = program.structure, program.loss
        self.predict, self.evaluate, self.probe = program.predict, program.evaluate, program.probe
        self.array, self.grouping = program.array, program.grouping
        self._program, self._movers = program, Movers()
        self._finders: dict[How, Any] = {}
        self._movers_of: dict[Kind, Any] = {}
        self._tried: set[tuple[Any, ...]] = set()

    def train(
        self, slots: Slots, data: Placed, plan: Plan, *, outside: Outside | None = None
    ) -> tuple[Slots, Curves]:
        """All slots after a chunk.

        Raises:
            Unsupported: JAX can not map the model, or a slot depends on its place among the others.
        """
        assert outside is None, "refused when the population was opened"
        beside = slots if isinstance(slots, Beside) else self._movers.together(slots)
        kinds_p = {p: _kind(beside.facts[p], plan, p, self.grouping) for p in map(int, np.flatnonzero(plan.steps))}
        if not kinds_p:
            return beside, {}
        arrays = beside.settle_()
        by_look: dict[How, dict[int, Kind]] = {}  # one look, where nothing but rules differ
        for p, kind in sorted(kinds_p.items(), key=lambda item: (item[1], item[0])):
            by_look.setdefault(kind.looks(), {})[p] = kind
        first = _step_plans(plan, beside.facts, 1, self.grouping.num)[0]
        for own in by_look.values():
            self._try(tuple(dict.fromkeys(own.values())), arrays, data, first)
        curves: Curves = {}
        for own in by_look.values():
            arrays, told = self._chunk(arrays, data, plan, beside.facts, own)
            curves |= told
        return beside.after(arrays, plan.steps.tolist()), curves

    def _chunk(
        self, arrays: Arrays, data: Placed, plan: Plan, facts: Sequence[Facts], kinds_p: dict[int, Kind]
    ) -> tuple[Arrays, Curves]:
        """The slots of `kinds_p` train. Nothing waits for the device before the last step."""
        (S, P, _), kinds = plan.rows.shape, list(dict.fromkeys(kinds_p.values()))
        steps_of = {k: np.where([kinds_p.get(p) == k for p in range(P)], plan.steps, 0) for k in kinds}
        longest = int(max(steps_P.max() for steps_P in steps_of.values()))
        plans = _step_plans(plan, facts, longest, self.grouping.num)
        told = []
        for s, now in enumerate(plans):
            seen, norms = self._found(kinds[0], arrays, data, now), []
            for kind, steps_P in steps_of.items():
                takes_P = s < steps_P
                if takes_P.any():
                    arrays, norm_P = self._moved(kind, arrays, seen, now, takes_P=takes_P)
                    norms.append((takes_P, norm_P))
            told.append((seen.loss, norms))
        return arrays, _curves(told, (S, P), kinds_p)

    def _found(self, kind: Kind, arrays: Arrays, data: Placed, now: StepPlan) -> Found:
        look = kind.looks()
        if look not in self._finders:
            self._finders[look] = jax.jit(jax.vmap(functools.partial(self._find, look), in_axes=(0, None, 0)))
        seen: Found = self._finders[look](arrays._replace(optimizer={}), data, now)
        return seen

    def _moved(self, kind: Kind, arrays: Arrays, seen: Found, now: StepPlan, *, takes_P: Array) -> tuple[Arrays, Any]:
        """(arrays, gradient norms [P]): slots that take the step by their kind, the others as they were."""
        if kind not in self._movers_of:
            self._movers_of[kind] = jax.jit(jax.vmap(functools.partial(self._move, kind.how)), donate_argnums=0)
        kept = {state: arrays.optimizer[state] for state in kind.keeps}
        own, norm_P = self._movers_of[kind](arrays._replace(optimizer=kept), seen, now._replace(rows=None), takes_P)
        return own._replace(optimizer=arrays.optimizer | own.optimizer), norm_P

    def _find(self, how: How, arrays: Arrays, data: Placed, now: StepPlan) -> Found:
        """Of one slot."""
        return found(WORDS, how, arrays, batch_at(how, data, now), now=self._program.step(how, now_at(now)))

    def _move(self, how: How, arrays: Arrays, seen: Found, now: StepPlan, takes: Any) -> tuple[Arrays, Any]:
        """Of one slot."""
        after, _, norm = moved(WORDS, how, arrays, seen, now=self._program.step(how, now_at(now)))
        return jax.tree.map(lambda new, old: jnp.where(takes, new, old), after, arrays), norm

    def _try(self, kinds: tuple[Kind, ...], arrays: Arrays, data: Placed, now: StepPlan) -> None:
        """A step on copies before the first one: does JAX take the model, and are slots alike in every place?

        Raises:
            Unsupported: not so.
        """
        assert now.rows is not None
        key = (kinds, now.rows.shape, data.inputs.shape)
        if key in self._tried:
            return
        try:
            forth, back = (self._once(kinds, arrays, data, now, order) for order in (1, -1))
        except LuthierError:
            raise
        except Exception as error:  # whatever JAX says of the model's code
            raise _refused(_first_line(error), _mend(error)) from error
        if not all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(forth, back, strict=True)):
            raise _refused("a kernel of its layers rounds in another way in another slot")
        self._tried.add(key)

    def _once(self, kinds: tuple[Kind, ...], arrays: Arrays, data: Placed, now: StepPlan, order: int) -> list[Array]:
        """All arrays after a step by each kind, of slots in this order, told in the usual one."""

        def turned(tree: Any) -> Any:
            return jax.tree.map(lambda array: np.asarray(array)[::order], tree)

        arrays, now = jax.tree.map(jnp.array, turned(arrays)), turned(now)
        seen = self._found(kinds[0], arrays, data, now)
        for kind in kinds:
            arrays, _ = self._moved(kind, arrays, seen, now, takes_P=np.ones(len(now.seed), bool))
        return jax.tree.leaves(turned((arrays, seen)))


def _curves(told: list[Any], shape: tuple[int, int], slots: Iterable[int]) -> Curves:
    """{slot: (loss_S, norm_S)} of (loss_P, [(who took the step, norm_P)]) of each step."""
    loss_SP, norm_SP = (np.full(shape, np.nan, np.float32) for _ in range(2))
    for s, (loss_P, norms) in enumerate(told):
        for takes_P, norm_P in norms:
            loss_SP[s, takes_P] = np.asarray(loss_P)[takes_P]
            norm_SP[s, takes_P] = np.asarray(norm_P)[takes_P]
    return {p: (loss_SP[:, p], norm_SP[:, p]) for p in slots}


def _kind(facts: Facts, plan: Plan, p: int, grouping: Grouping) -> Kind:
    slot = Slot(Arrays({}, {}, {}), facts.seed, facts.step, facts.rates)
    hparams = chunk_of(slot, plan, p, num_groups=grouping.num).hparams
    return Kind(How.of(OPTIMIZERS[plan.kinds[p]], hparams, grouping), facts.keeps)


def _step_plans(plan: Plan, facts: Sequence[Facts], num_steps: int, G: int) -> list[StepPlan]:
    """The steps of a chunk, each for all slots."""
    wide = [v if v.ndim == 3 else v[..., None] for v in (plan.hparams[name] for name in HPARAMS)]
    numbers_SPNG = np.stack([np.broadcast_to(v, (*v.shape[:2], G)) for v in wide], axis=2)
    first_P = np.array([fact.step for fact in facts], np.int32)
    rates = {name: np.array([fact.rates[name] for fact in facts], np.float32) for name in facts[0].rates}
    seeds = np.stack([seed_words(fact.seed) for fact in facts])
    return [
        StepPlan(
            plan.rows[s],
            numbers_SPNG[s],
            first_P + np.int32(s),
            rates,
            seeds,
            None if plan.weights is None else plan.weights[s],
        )
        for s in range(num_steps)
    ]


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {line}"


def _mend(error: Exception) -> str:
    return next((mend for word, mend in MENDS.items() if word in str(error)), "")


def _refused(reason: str, mend: str = "") -> Unsupported:
    return Unsupported(f"mode {VMAP.name!r} can not take this model: {reason}", where="JAX engine", remedy=mend)

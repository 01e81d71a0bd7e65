"""Optimizers of optax, or with its interface, as they are: rebuilt in every step with the rate of that step.

A transformation keeps no numbers of its own but those of its state, so building it anew changes nothing; this is how
optax.inject_hyperparams schedules too, and it holds for whatever becomes of the rate inside.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from luthier.engines.outside import Maker
from luthier.engines.serial.outside import Outside, Told, Tree
from luthier.errors import Unsupported


class Optax(Outside):
    """See `luthier.engines.serial.outside.Outside`.

    Where the optimizer takes no learning rate, that of the recipe is a factor of its updates.
    """

    def __init__(self, maker: Maker, where: str) -> None:
        super().__init__(maker, where)
        self._tried: set[Any] = set()

    def begin(self, weights: Tree, told: Told) -> Tree:
        """See Outside."""
        self.ready(weights, told)
        state = self._made(told).init({name: jnp.asarray(value) for name, value in weights.items()})
        return {name: np.asarray(leaf) for name, leaf in _flat(state).items()}

    def ready(self, weights: Tree, told: Told) -> None:
        """A step is traced once for each form of the weights, so that what can not work is said before training."""
        form = tuple((name, np.shape(value)) for name, value in weights.items()), tuple(told.decays.items())
        if form in self._tried:
            return
        state = jax.eval_shape(self._made(told).init, weights)
        parts = jax.tree.leaves(state, is_leaf=lambda part: isinstance(part, optax.contrib.ScheduleFreeState))
        if any(isinstance(part, optax.contrib.ScheduleFreeState) for part in parts):
            raise self._refused("it evaluates with other weights than it trains", "Write Recipe('schedule_free')")
        if any(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in jax.tree.leaves(state)):
            raise self._refused("it keeps a random key, and could not be paused", "Take one without noise")

        def step(weights: Tree, state: Any, lr: Any, loss: Any) -> Any:
            now = told._replace(lr=lr, loss=loss)
            return self.step(weights, _flat(state), weights=weights, told=now)

        number = jax.ShapeDtypeStruct((), np.float32)
        try:
            jax.eval_shape(step, weights, state, number, number)
        except (TypeError, ValueError, jax.errors.ConcretizationTypeError) as error:
            first, *_ = str(error).splitlines() or [""]
            raise self._refused(first, "Take one that needs gradients, weights and the loss only") from error
        self._tried.add(form)

    def step(self, grads: Tree, state: Tree, *, weights: Tree, told: Told) -> tuple[Tree, Tree]:
        """See Outside."""
        optimizer = optax.with_extra_args_support(self._made(told))
        form = jax.eval_shape(optimizer.init, weights)
        before = jax.tree.unflatten(jax.tree.structure(form), [state[name] for name in _flat(form)])
        updates, after = optimizer.update(grads, before, weights, value=told.loss, grad=grads)
        factors = dict.fromkeys(weights, 1.0) if told.factors is None else told.factors
        if not self._maker.lr or told.factors is not None:
            own = 1.0 if self._maker.lr else told.lr
            updates = {name: own * factors[name] * update for name, update in updates.items()}
        kept = {name: jnp.asarray(leaf, state[name].dtype) for name, leaf in _flat(after).items()}
        return optax.apply_updates(weights, updates), kept

    def _made(self, told: Told) -> Any:
        made = self._maker(lr=told.lr, weight_decay=told.weight_decay, mask=dict(told.decays))
        if not (callable(getattr(made, "init", None)) and callable(getattr(made, "update", None))):
            raise self._maker.wrong(made, "an optax.GradientTransformation", self._where)
        return made

    def _refused(self, reason: str, remedy: str) -> Unsupported:
        return Unsupported(
            f"optimizer={self._maker.name!r}: {reason}",
            must="a step that needs gradients, weights and the loss only",
            where=self._where,
            remedy=remedy,
        )


def _flat(state: Any) -> Tree:
    """{number and place: array} of the leaves of a state, in their order."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {
        f"{i}.{jax.tree_util.keystr(path, simple=True, separator='.')}": leaf for i, (path, leaf) in enumerate(leaves)
    }

"""The JAX engine: the contract, and what is its own."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

from luthier.engines.conformance import EngineConformance  # noqa: E402 - after the skip
from luthier.engines.jax import JaxEngine  # noqa: E402 - after the skip
from luthier.engines.jax.build import Blueprint  # noqa: E402
from luthier.engines.jax.model import seed_words, split, threefry  # noqa: E402
from luthier.engines.spec import Builder, Engine, Loss, Plan, Source, optimizer_numbers  # noqa: E402
from luthier.errors import InvalidInput, Unsupported  # noqa: E402
from luthier.recipe import OPTIMIZERS, Recipe  # noqa: E402

INPUTS, CLASSES, ROWS = 6, 3, 120
ENTROPY = Loss("cross_entropy")


class MLP(nnx.Module):
    """Two hidden layers with dropout and, if asked for, BatchNorm."""

    def __init__(self, width: int = 16, dropout: float = 0.2, norm: bool = True, *, inputs, outputs, rngs):
        self.first, self.second = nnx.Linear(inputs, width, rngs=rngs), nnx.Linear(width, width, rngs=rngs)
        self.head = nnx.Linear(width, outputs, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs) if norm else None
        self.drops = nnx.List([nnx.Dropout(dropout, rngs=rngs) for _ in range(2)])

    def __call__(self, x):
        x = self.first(x)
        x = self.drops[0](nnx.relu(x if self.norm is None else self.norm(x)))
        return self.head(self.drops[1](nnx.relu(self.second(x))))


class TwoDropouts(nnx.Module):
    """Two dropout layers of equal shape and a linear one."""

    def __init__(self, *, inputs, outputs, rngs):
        self.one, self.two = nnx.Dropout(0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)
        self.linear = nnx.Linear(inputs, outputs, rngs=rngs)

    def __call__(self, x):
        return self.linear(self.two(self.one(x)))


def plain(dropout: float = 0.2, *, inputs: int, outputs: int, rngs: Any) -> nnx.Module:
    """Without BatchNorm."""
    return MLP(24, dropout, norm=False, inputs=inputs, outputs=outputs, rngs=rngs)


DIGITS = JaxEngine(inputs=64, outputs=10)


class TestContract(EngineConformance):
    """An MLP with dropout."""

    outputs_axis = -1

    def engine(self) -> Engine:
        return DIGITS

    def builder(self) -> Builder:
        return plain

    def dropout_builder(self) -> Builder:
        return TwoDropouts


class TestContractWithBatchNorm(TestContract):
    """An MLP with dropout and BatchNorm."""

    has_batch_norm = True

    def builder(self) -> Builder:
        return MLP


@pytest.fixture(scope="module")
def engine() -> JaxEngine:
    return JaxEngine(INPUTS, CLASSES)


@pytest.fixture(scope="module")
def data(engine: JaxEngine) -> Any:
    return engine.place(source())


def source() -> Source:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(ROWS, INPUTS))
    return Source(inputs, inputs[:, :CLASSES].argmax(axis=1))


def plan(recipes: list[Recipe], start: int = 0, num_steps: int = 8, steps: list[int] | None = None) -> Plan:
    """A chunk of constant numbers; the rows of a step are the same for every slot."""
    S, P = num_steps, len(recipes)
    rows = [np.random.default_rng([1, s]).integers(0, ROWS, 16) for s in range(start, start + S)]
    numbers = [optimizer_numbers(recipe) for recipe in recipes]
    return Plan(
        rows=np.repeat(np.array(rows, np.int32)[:, None], P, axis=1),
        hparams={n: np.repeat(np.stack([t[n] for t in numbers])[None], S, axis=0) for n in numbers[0]},
        steps=np.array(steps or [S] * P, np.int32),
        kinds=np.array([OPTIMIZERS.index(recipe.optimizer) for recipe in recipes], np.int32),
    )


def test_snapshot_names(engine: JaxEngine) -> None:
    """Weights, optimizer states and statistics go by the names that the contract gives them."""
    snapshot = engine.open(MLP, Recipe(), ENTROPY, "scan").fresh(Recipe(optimizer="sgd"), 2**40 + 1)
    weights = {f"{m}.{a}" for m in ("first", "second", "head") for a in ("kernel", "bias")}
    weights |= {"norm.scale", "norm.bias"}
    expected = {f"weights/{name}" for name in weights} | {f"optimizer/momentum/{name}" for name in weights}
    expected |= {f"constants/drops.{i}.rate" for i in range(2)}
    assert snapshot.keys() == expected | {"buffers/norm.mean", "buffers/norm.var", "seed", "step"}
    assert all(type(array) is np.ndarray for array in snapshot.values())
    assert (snapshot["seed"], snapshot["seed"].dtype, snapshot["step"]) == (2**40 + 1, np.int64, 0)


def test_seeds_use_all_their_bits() -> None:
    """Seeds that differ above bit 32 only give other weights; a small one is JAX's own key."""
    first, second = (Blueprint(MLP, {}, 4, 2).build(seed).first.kernel[...] for seed in (5, 5 + 2**32))
    assert not np.array_equal(first, second)
    own = jax.random.key_data(jax.random.key(5, impl="threefry2x32"))
    assert np.array_equal(jax.random.key_data(threefry(seed_words(5))), own)


def test_each_layer_draws_its_own_masks() -> None:
    """Two dropout layers in a row share no mask, and no step repeats the mask of another."""

    class Twice(nnx.Module):
        def __init__(self, rngs):
            self.a, self.b = nnx.Dropout(0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return jax.numpy.concatenate([self.a(x), self.b(x)])

    structure, start = split(Twice(nnx.Rngs(0)))
    ones, key = np.ones((1, 400), np.float32), threefry(seed_words(0))
    masks = []
    for step in range(3):
        output, *_ = structure(
            start.weights, start.buffers, ones, rates=start.rates, key=jax.random.fold_in(key, step)
        )
        masks += list(output)
    agreement = np.corrcoef(np.array(masks) > 0)
    assert np.abs(agreement[~np.eye(len(masks), dtype=bool)]).max() < 5 / np.sqrt(400)


def test_steps_are_data(data: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Another number of steps, slot, P, seed or learning rate compiles nothing; another S does."""
    engine, recipe = JaxEngine(INPUTS, CLASSES), Recipe()

    def compilations(P: int, recipe: Recipe, steps: list[int], num_steps: int = 8) -> int:
        population = engine.open(MLP, recipe, ENTROPY, "scan", P)
        state = population.stack([population.fresh(recipe, seed) for seed in range(P)])
        caplog.clear()
        with jax.log_compiles(), caplog.at_level(logging.WARNING):
            population.advance(state, data, plan([recipe] * P, num_steps=num_steps, steps=steps))
        return sum("Finished XLA compilation of" in message for message in caplog.messages)

    assert compilations(1, recipe, [8]) == 1
    assert compilations(3, recipe.with_config({"lr": 0.1, "batch_size": 9}), [5, 0, 8]) == 0
    assert compilations(1, recipe, [4], num_steps=4) == 1
    assert compilations(1, recipe.with_config({"dropout": 0.4}), [8]) == 0
    assert compilations(2, recipe.with_config({"optimizer": "sgd"}), [8, 8]) == 1
    assert compilations(1, recipe.with_config({"width": 9}), [8]) == 1


def test_key_holds_what_is_compiled(engine: JaxEngine) -> None:
    """A width is part of the program, and whether there is dropout; a learning rate and a dropout rate are not."""
    key = engine.inspect(MLP, Recipe())
    assert key == engine.inspect(MLP, Recipe(lr=0.5, optimizer="sgd"))
    assert key == engine.inspect(MLP, Recipe(model={"dropout": 0.5}))
    assert (key.dtype, key.batch_size) == ("float32", 64)
    others = [Recipe(model={"dropout": 0.0}), Recipe(model={"width": 5}), Recipe(batch_size=32)]
    assert all(engine.inspect(MLP, other) != key for other in others)


def test_modes_train_alike(engine: JaxEngine, data: Any) -> None:
    """All modes draw one curve, with dropout and BatchNorm: they share their masks."""
    recipe = Recipe(lr=0.01)
    curves = []
    for mode in engine.modes():
        population = engine.open(MLP, recipe, ENTROPY, mode, 2)
        state = population.stack([population.fresh(recipe, seed) for seed in (1, 2)])
        curves.append(population.advance(state, data, plan([recipe, recipe], steps=[8, 5]))[1])
    assert len(curves) == len(engine.modes())
    for name, curve in curves[0].items():
        for other in curves[1:]:
            np.testing.assert_allclose(other[name], curve, rtol=1e-5)


def test_more_rows_than_a_block(engine: JaxEngine, data: Any) -> None:
    """1,500 rows are evaluated in blocks of two sizes; each has the loss that it has by itself."""
    population = engine.open(MLP, Recipe(), ENTROPY, "scan")
    state = population.stack([population.fresh(Recipe(), 0)])
    many = np.random.default_rng(0).integers(0, ROWS, 1500).astype(np.int32)
    each = population.evaluate(state, data, np.arange(ROWS, dtype=np.int32))
    np.testing.assert_allclose(population.evaluate(state, data, many), each[:, many], rtol=1e-4, atol=1e-6)


def test_regression_with_one_output() -> None:
    """A model that returns [B] is trained as one that returns [B, 1]."""

    class Line(nnx.Module):
        def __init__(self, inputs, rngs):
            self.linear = nnx.Linear(inputs, 1, rngs=rngs)

        def __call__(self, x):
            return self.linear(x)[:, 0]

    engine, recipe = JaxEngine(INPUTS, 1), Recipe(optimizer="sgd", lr=0.05)
    inputs = source().inputs
    data = engine.place(Source(inputs, inputs @ np.arange(INPUTS)))
    population = engine.open(Line, recipe, Loss("mse"), "scan")
    state = population.stack([population.fresh(recipe, 0)])
    state, _ = population.advance(state, data, plan([recipe], num_steps=200))
    rows = np.arange(ROWS, dtype=np.int32)
    assert population.predict(state, data, rows).shape == (1, ROWS, 1)
    assert population.evaluate(state, data, rows).max() < 0.05


def test_sixty_four_bits_stay_off(engine: JaxEngine) -> None:
    """Data arrives in 32 bits and the global switch is left as it was."""
    placed = engine.place(Source(np.zeros((2, 1)), np.zeros(2, np.int64)))
    assert (placed.inputs.dtype, placed.targets.dtype) == (np.float32, np.int32)
    assert not jax.config.jax_enable_x64


def fixed(width: int = 4) -> nnx.Module:
    return nnx.Linear(INPUTS, width, rngs=nnx.Rngs(0))


def test_builder_is_given_what_it_asks_for() -> None:
    """A builder that names neither sizes nor rngs is called with its settings only; a setting wins."""
    assert Blueprint(fixed, {"width": 5}, 1, 2).build(0).kernel.shape == (INPUTS, 5)
    assert Blueprint(MLP, {"inputs": 7}, 1, 2).build(0).first.kernel.shape == (7, 16)

    def anything(**settings):
        return MLP(**settings)

    open_ended = Blueprint(anything, {"width": 3}, 1, 2).build(0)
    assert open_ended.first.kernel.shape == (1, 3)


@pytest.mark.parametrize(
    ("builder", "model", "message"),
    [
        (
            MLP,
            {"depth": 2},
            "model.depth=2: `MLP takes 'depth'` must hold (recipe.model). It takes width, dropout, norm.",
        ),
        (
            fixed,
            {"depth": 2},
            "model.depth=2: `fixed takes 'depth'` must hold (recipe.model). It takes width.",
        ),
        (
            dict,
            {},
            "dict returned dict: `it returns a flax.nnx.Module` must hold (JAX engine). Return the model itself.",
        ),
    ],
)
def test_wrong_builders(engine: JaxEngine, builder: Any, model: dict[str, Any], message: str) -> None:
    """A builder that does not fit is answered by a sentence."""
    with pytest.raises(InvalidInput) as caught:
        engine.open(builder, Recipe(model=model), ENTROPY, "scan")
    assert str(caught.value) == message


def test_wrong_calls(engine: JaxEngine, data: Any) -> None:
    """What conformance leaves open: numbers of slots and steps, targets and settings that do not fit."""
    with pytest.raises(Unsupported, match=r"without nnx\.Param"):
        engine.open(lambda: nnx.Dropout(0.5), Recipe(), ENTROPY, "scan")
    population = engine.open(MLP, Recipe(), ENTROPY, "scan")
    with pytest.raises(InvalidInput, match="2 snapshots"):
        population.stack([population.fresh(Recipe(), 0)] * 2)
    with pytest.raises(InvalidInput, match="Open a population for each GroupKey"):
        population.fresh(Recipe(model={"width": 20}), 0)
    state = population.stack([population.fresh(Recipe(), 0)])
    good = plan([Recipe()])
    for wrong, message in (
        (plan([Recipe()], steps=[9]), "0 <= steps <= 8"),
        (plan([Recipe()] * 2), "P=1"),
    ):
        with pytest.raises(InvalidInput, match=message):
            population.advance(state, data, wrong)
    with pytest.raises(InvalidInput, match="class numbers"):
        population.advance(state, engine.place(Source(*2 * (source().inputs,))), good)
    population.advance(state, data, good)


def test_outputs_of_another_shape_are_refused(engine: JaxEngine, data: Any) -> None:
    """A model that returns more than one row for each example is not trained on something else."""

    class Cube(nnx.Module):
        def __init__(self):
            self.scale = nnx.Param(jax.numpy.ones(INPUTS))

        def __call__(self, x):
            return (x * self.scale)[:, :, None, None]

    population = engine.open(Cube, Recipe(), ENTROPY, "scan")
    with pytest.raises(Unsupported, match=r"returned the shape \(16, 6, 1, 1\)"):
        population.predict(population.stack([population.fresh(Recipe(), 0)]), data, np.arange(16, dtype=np.int32))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_agrees_with_torch(optimizer: str) -> None:
    """From the same weights, without dropout, both frameworks draw the same loss curve over 50 steps.

    In float32 the sums are ordered differently: 6e-7 was seen, the rest is room for other processors.
    """
    torch = pytest.importorskip("torch")
    from luthier.engines.torch import TorchEngine

    def layers(inputs: int, outputs: int) -> Any:
        return torch.nn.Sequential(torch.nn.Linear(inputs, 16), torch.nn.ReLU(), torch.nn.Linear(16, outputs))

    def net(inputs: int, outputs: int, rngs: Any) -> Any:
        hidden, head = nnx.Linear(inputs, 16, rngs=rngs), nnx.Linear(16, outputs, rngs=rngs)
        return nnx.Sequential(hidden, nnx.relu, head)

    lr = {"sgd": 0.1, "gd": 0.3, "rmsprop": 1e-3, "lion": 3e-3, "prodigy": 1.0}.get(optimizer, 0.01)
    recipe = Recipe(optimizer=optimizer, lr=lr, d0=1e-2, weight_decay=0.1, clip_norm=0.5, label_smoothing=0.1)
    chunk = plan([recipe], num_steps=50)
    engines = TorchEngine(INPUTS, CLASSES), JaxEngine(INPUTS, CLASSES)
    theirs, ours = (
        engine.open(builder, recipe, ENTROPY, engine.modes()[0], 1)
        for engine, builder in zip(engines, (layers, net), strict=True)
    )
    start = theirs.fresh(recipe, 0)
    copied = ours.fresh(recipe, 0)
    for theirs_name, ours_name in (("0", "layers.0"), ("2", "layers.2")):
        for room in {key[: key.rindex("/") + 1] for key in start if key.count("/") and not key.endswith("/")}:
            if f"{room}{theirs_name}.weight" in start:
                copied[f"{room}{ours_name}.kernel"] = start[f"{room}{theirs_name}.weight"].T
                copied[f"{room}{ours_name}.bias"] = start[f"{room}{theirs_name}.bias"]
    (_, expected), (_, report) = (
        population.advance(population.stack([snapshot]), engine.place(source()), chunk)
        for population, snapshot, engine in zip((theirs, ours), (start, copied), engines, strict=True)
    )
    rtol = 1e-3 if optimizer in ("muon", "prodigy", "lion") else 1e-4  # estimates and signs enlarge what is rounded
    np.testing.assert_allclose(report["loss"], expected["loss"], rtol=rtol)
    np.testing.assert_allclose(report["grad_norm"], expected["grad_norm"], rtol=rtol)
    assert report["loss"][-10:].mean() < 0.9 * report["loss"][:10].mean()

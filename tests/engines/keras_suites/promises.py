"""What is the Keras engine's own, on every backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from luthier.algorithms.initialisers import gain
from luthier.algorithms.losses import LOSSES, OF_CLASSES
from luthier.engines.conformance.bench import Bench, Trial
from luthier.engines.keras import keras_engine
from luthier.engines.keras.build import Blueprint
from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.keras.streams import stream_words
from luthier.engines.spec import Loss, Source
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe

from . import models

INPUTS, CLASSES, ROWS = 64, 10, 200
ENTROPY = Loss("cross_entropy")
BACKEND = keras.backend.backend()


@pytest.fixture(scope="module")
def engine() -> Any:
    return keras_engine(INPUTS, CLASSES)


def rows() -> Source:
    inputs = np.random.default_rng(0).normal(size=(ROWS, INPUTS)).astype(np.float32)
    return Source(inputs, inputs[:, :CLASSES].argmax(1))


def bench(engine: Any, build: Any, loss: Loss = ENTROPY, source: Source | None = None) -> Bench:
    population = engine.open(build, Recipe(), loss, engine.modes()[0], 1)
    source = source or rows()
    return Bench(population, engine.place(source), len(source.inputs))


def classifier(*body: Any) -> Any:
    """A builder of these layers; each is a function that makes one."""
    return lambda outputs: keras.Sequential([keras.Input((INPUTS,)), *(make(outputs) for make in body)])


def test_names_do_not_depend_on_what_was_built_before() -> None:
    """Keras counts layers for the whole process; snapshots do not."""
    first, second = (Skeleton(Blueprint(models.mlp, {}, INPUTS, CLASSES).build(0), INPUTS) for _ in range(2))
    assert first.weights == second.weights
    assert list(first.weights)[-2:] == ["sequential.dense_2.kernel", "sequential.dense_2.bias"]
    assert first.rates == ("dropout.rate", "dropout_1.rate")


def test_a_dropout_rate_is_no_structure_and_a_width_is(engine: Any) -> None:
    """Rates above 0 share a program; none at all, another width or own code do not."""
    key = engine.inspect(models.mlp, Recipe())
    assert key == engine.inspect(models.mlp, Recipe(model={"dropout": 0.4}))
    for other in ({"dropout": 0.0}, {"width": 16}):
        assert key != engine.inspect(models.mlp, Recipe(model=other))
    assert engine.inspect(models.Own, Recipe()) != engine.inspect(models.Own, Recipe(model={"dropout": 0.4}))


def test_equal_layers_are_told_from_others() -> None:
    """Two builds of one model are equal; another activation, edge or loss of a layer is not."""

    def wired(crossed: bool) -> keras.Model:
        x = keras.Input((INPUTS,))
        a, b = layers.Dense(8)(x), layers.Dense(8, "relu")(x)
        return keras.Model(x, layers.Dense(CLASSES)(layers.Subtract()([b, a] if crossed else [a, b])))

    def look(build: Any, **settings: Any) -> Skeleton:
        return Skeleton(Blueprint(build, settings, INPUTS, CLASSES).build(0), INPUTS)

    assert look(models.cnn) == look(models.cnn)
    assert look(wired, crossed=False) == look(wired, crossed=False)
    assert look(wired, crossed=False) != look(wired, crossed=True)
    dense = [
        classifier(lambda n, k=k: layers.Dense(n, **k))
        for k in (
            {},
            {"activation": "relu"},
            {"kernel_regularizer": "l2"},
            {"kernel_regularizer": keras.regularizers.L2(0.5)},
        )
    ]
    assert len({look(build).description for build in dense}) == 4
    assert look(models.Own) != look(models.Own)


def test_two_rates_side_by_side_are_those_of_their_trials(engine: Any) -> None:
    """In one population, each slot loses its own share."""
    population = engine.open(models.mlp, Recipe(), ENTROPY, engine.modes()[0], 2)
    recipes = [Recipe(model={"dropout": rate}, lr=1e-30) for rate in (0.01, 0.9)]
    pair = Bench(population, engine.place(rows()), ROWS)
    name = "constants/dropout.drop.p" if BACKEND == "torch" else "constants/dropout.rate"
    trials = [Trial(recipe) for recipe in recipes]
    assert [float(population.fresh(r, 0)[name]) for r in recipes] == [0.01, 0.9]
    _, out = pair.go(pair.fresh(*trials), pair.plan(trials))
    assert out["loss"][:, 1].std() > 2 * out["loss"][:, 0].std()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="graphs are TensorFlow's")
def test_one_graph_serves_all_rates_seeds_and_lengths() -> None:
    """A second length of a chunk makes a second graph, for any length; nothing else makes one."""
    engine = keras_engine(INPUTS, CLASSES)
    found = bench(engine, models.mlp)
    for rate, seed, steps in ((0.2, 0, 10), (0.2, 1, 4), (0.5, 2, 7), (0.3, 3, 9)):
        trial = Trial(Recipe(model={"dropout": rate}, batch_size=16), seed)
        plan = found.plan([trial], steps=[steps])
        numbers = {name: values[:steps] for name, values in plan.hparams.items()}
        found.go(found.fresh(trial), plan._replace(rows=plan.rows[:steps], hparams=numbers))
    (graph,) = found.population._program._chunks.values()
    assert graph.experimental_get_tracing_count() == 2


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_last_softmax_or_sigmoid_is_left_out(engine: Any, head: str) -> None:
    """In a layer, as a layer, or in a model within: trained and answered as the same model without."""
    plain = bench(engine, classifier(layers.Dense))
    trial = Trial(Recipe(batch_size=16))
    (expected,), curves = plain.run([trial])
    for body in (
        (lambda n: layers.Dense(n, head),),
        (layers.Dense, lambda n: layers.Activation(head)),
        (lambda n: keras.Sequential([keras.Input((INPUTS,)), layers.Dense(n, head)]),),
    ):
        found = bench(engine, classifier(*body))
        (snapshot,), out = found.run([trial])
        assert np.array_equal(out["loss"], curves["loss"])
        answers = [
            b.population.predict(b.population.stack([s]), b.data, np.arange(9, dtype=np.int32))
            for b, s in ((plain, expected), (found, snapshot))
        ]
        np.testing.assert_allclose(*answers, rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_the_rulebooks(engine: Any, name: str) -> None:
    """In evaluation row by row, and in training with smoothing."""
    draw = np.random.default_rng(1)
    targets = rows().targets if name in OF_CLASSES else draw.uniform(size=(ROWS, CLASSES)).astype(np.float32)
    found = bench(engine, classifier(layers.Dense), Loss(name), rows()._replace(targets=targets))
    trial = Trial(Recipe(lr=1e-30, label_smoothing=0.3, batch_size=16))
    state, some = found.fresh(trial), np.arange(40, dtype=np.int32)
    outputs = found.population.predict(state, found.data, some)[0].astype(np.float64)
    losses = found.population.evaluate(state, found.data, some)[0]
    np.testing.assert_allclose(losses, LOSSES[name](np, outputs, targets[some]), rtol=1e-4)
    plan = found.plan([trial])
    plan.rows[:] = some[:16]
    _, out = found.go(state, plan)
    expected = LOSSES[name](np, outputs[:16], targets[some[:16]], 0.3).mean()
    np.testing.assert_allclose(out["loss"][0, 0], expected, rtol=1e-4)


def test_probabilities_by_own_code_are_refused(engine: Any) -> None:
    """What can not be taken out is not trained: a double softmax learns slowly, and no one would know why."""

    class Sure(models.Own):
        def call(self, inputs, training=False):
            return keras.ops.softmax(super().call(inputs, training=training))

    with pytest.raises(Unsupported, match="returns logits"):
        engine.open(Sure, Recipe(), ENTROPY, engine.modes()[0])
    engine.open(Sure, Recipe(), Loss("mse"), engine.modes()[0])


def test_a_sigmoid_stays_where_the_loss_takes_values(engine: Any) -> None:
    """A regression onto 0..1 is a fair thing to do."""
    build = classifier(lambda n: layers.Dense(1, "sigmoid"))
    source = rows()._replace(targets=np.zeros(ROWS, np.float32))
    found = bench(engine, build, Loss("mse"), source)
    state = found.fresh(Trial(Recipe()))
    outputs = found.population.predict(state, found.data, np.arange(50, dtype=np.int32))
    assert (outputs > 0.0).all()
    assert (outputs < 1.0).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda outputs: [keras.layers.Dense(outputs)], "returned list: `it returns a keras.Model`"),
        (classifier(lambda n: layers.Flatten()), "without trainable weights"),
        (classifier(lambda n: layers.Dense(n, kernel_constraint="max_norm")), "with constraints"),
        (
            lambda outputs: keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(outputs)]),
            r"no input shape.*keras\.Input",
        ),
    ],
    ids=["list", "frozen", "constraint", "shapeless"],
)
def test_what_can_not_be_trained_is_answered(engine: Any, build: Any, message: str) -> None:
    """By a sentence with the mend."""
    with pytest.raises(InvalidInput, match=message):
        engine.open(build, Recipe(), ENTROPY, engine.modes()[0])


def test_a_compiled_model_is_not_taken_apart_in_silence(engine: Any) -> None:
    """Its optimizer and loss would be left out: it says so."""

    def compiled(*, inputs: int, outputs: int) -> keras.Model:
        model = models.mlp(inputs=inputs, outputs=outputs)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    with pytest.raises(Unsupported, match="compiled model"):
        engine.open(compiled, Recipe(), ENTROPY, engine.modes()[0])


def test_regularizers_are_part_of_the_loss_or_refused(engine: Any) -> None:
    """On torch they are refused; elsewhere training sees them, and evaluation does not."""
    build = classifier(lambda n: layers.Dense(n, kernel_regularizer=keras.regularizers.L2(1.0)))
    if BACKEND == "torch":
        with pytest.raises(Unsupported, match="weight_decay"):
            engine.open(build, Recipe(), ENTROPY, engine.modes()[0])
        return
    plain, heavy = bench(engine, classifier(layers.Dense)), bench(engine, build)
    trial = Trial(Recipe(lr=1e-30, batch_size=16))
    (snapshot,), out = plain.run([trial])
    (_,), more = heavy.run([trial])
    kernel = next(v for n, v in snapshot.items() if n.startswith("weights/") and v.ndim == 2)
    np.testing.assert_allclose(more["loss"] - out["loss"], np.square(kernel).sum(), rtol=1e-4)
    looks = [b.population.evaluate(b.fresh(trial), b.data, np.arange(9, dtype=np.int32)) for b in (plain, heavy)]
    np.testing.assert_allclose(*looks, rtol=1e-6)


def test_other_random_layers_draw_anew_at_every_step(engine: Any) -> None:
    """Noise is f(seed, step): a repeated run is the same, its steps differ."""
    noisy = bench(engine, classifier(lambda n: layers.GaussianNoise(1.0), layers.Dense))
    trial = Trial(Recipe(lr=1e-30, weight_decay=0.0, batch_size=16))
    plan = noisy.plan([trial])
    plan.rows[:] = plan.rows[0]
    curves = [noisy.go(noisy.fresh(trial), plan)[1]["loss"][:, 0] for _ in range(2)]
    assert np.array_equal(*curves)
    assert len(set(curves[0].tolist())) == len(curves[0])


def test_frozen_layers_stay(engine: Any) -> None:
    """`trainable = False` is kept: its kernel does not move."""

    def half(*, inputs: int, outputs: int) -> keras.Model:
        model = models.mlp(dropout=0.0, inputs=inputs, outputs=outputs)
        model.layers[0].trainable = False
        return model

    found = bench(engine, half)
    trial = Trial(Recipe(lr=0.1, batch_size=16))
    before = found.population.fresh(trial.recipe, trial.seed)
    (after,), _ = found.run([trial])
    assert "buffers/sequential.dense.kernel" in before
    assert "weights/sequential.dense_1.kernel" in before
    for name, value in before.items():
        if name.startswith(("weights/", "buffers/")):
            assert np.array_equal(after[name], value) == name.startswith("buffers/"), name


def test_the_backend_is_left_alone(engine: Any) -> None:
    """Read from Keras, and no other framework is loaded for it."""
    import sys

    assert keras.backend.backend() == BACKEND
    loaded = {"tensorflow", "torch", "flax"} & set(sys.modules) - {BACKEND, "flax" if BACKEND == "jax" else ""}
    assert not loaded, loaded


def test_stream_states_use_all_of_seed_step_and_stream() -> None:
    """No two are alike in 3 seeds, 40 steps and 5 streams, and a later chunk goes on where the first ended."""
    seeds = [np.array(words, np.uint32) for words in ((0, 1), (1, 0), (0, 2))]
    states = np.concatenate([stream_words(seed, 0, 40, num=5).reshape(-1, 2) for seed in seeds])
    assert len({tuple(state) for state in states.tolist()}) == len(states)
    assert np.array_equal(stream_words(seeds[0], 0, 40, num=5)[7:], stream_words(seeds[0], 7, 33, num=5))
    assert states.min() >= 0
    assert states.max() < 2**31 - 2


def test_the_model_of_a_trial_is_kerass_own(engine: Any) -> None:
    """As the builder makes it, so with its softmax: it answers what luthier predicts, by averaged weights."""
    found = bench(engine, classifier(lambda n: layers.BatchNormalization(), lambda n: layers.Dense(n, "softmax")))
    trial = Trial(Recipe(ema_decay=0.5, batch_size=16))
    (snapshot,), _ = found.run([trial])
    state = found.population.stack([snapshot])
    logits = found.population.predict(state, found.data, np.arange(9, dtype=np.int32))[0].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    model = found.population.module(state, 0)
    assert isinstance(model, keras.Model)
    answers = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(rows().inputs[:9])))
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-6)


def test_what_only_torch_takes_is_refused(engine: Any) -> None:
    """Loaders and inputs of several arrays, where the backend is another."""
    if BACKEND == "torch":
        pytest.skip("the torch engine takes them")
    tree = rows()._replace(tree=object())
    with pytest.raises(Unsupported, match="Keras engine"):
        engine.place(tree)
    with pytest.raises(Unsupported, match="'own'"):
        engine.open(models.mlp, Recipe(), Loss("own", function=lambda model, batch: 0.0), engine.modes()[0])


def test_tables_of_embeddings_begin_as_they_are(engine: Any) -> None:
    """An initialiser is for the matrices of layers; an embedding's weight is none."""
    build = classifier(lambda n: layers.Embedding(4, 3), lambda n: layers.Flatten(), layers.Dense)
    plain, begun = (
        bench(engine, build).population.fresh(recipe, 0) for recipe in (Recipe(), Recipe(init="orthogonal"))
    )
    changed = {n for n, v in plain.items() if n.startswith("weights/") and not np.array_equal(v, begun[n])}
    assert {name.rpartition(".")[2] for name in changed} == {"kernel"}


@pytest.mark.skipif(BACKEND == "torch", reason="there it is the torch engine, which does not see into Keras' layers")
def test_gains_are_those_of_the_activations_of_layers(engine: Any) -> None:
    """Within a Dense, behind it, and none at the end; of a graph of layers those within, and the last."""
    Dense = layers.Dense
    behind = (
        lambda n: Dense(8),
        lambda n: layers.BatchNormalization(),
        lambda n: layers.LeakyReLU(negative_slope=0.3),
    )
    chain = classifier(lambda n: Dense(8, activation="tanh"), *behind, lambda n: Dense(n, activation="softmax"))

    def graph(outputs: int) -> Any:
        x = keras.Input((INPUTS,))
        hidden = layers.Add()([Dense(8, activation="relu")(x), Dense(8, activation="tanh")(x)])
        return keras.Model(x, Dense(outputs)(hidden))

    names = [f"dense{end}.kernel" for end in ("", "_1", "_2")]
    slopes = {chain: ("tanh", "leaky_relu", "linear"), graph: ("relu", "tanh", "linear")}
    for build, activations in slopes.items():
        auto, plain = (
            bench(engine, build).population.fresh(Recipe(init="orthogonal", init_gain=g), 0) for g in ("auto", 1.0)
        )
        keys = [next(key for key in plain if key.endswith(name) and key.startswith("weights/")) for name in names]
        for key, activation in zip(keys, activations, strict=True):
            np.testing.assert_allclose(auto[key] / plain[key], gain(activation, 0.3), rtol=1e-5)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the modes of the others share their draws already")
def test_both_modes_of_tensorflow_draw_the_same_masks(engine: Any) -> None:
    """A graph and XLA have generators that differ; dropout does not."""
    curves = []
    for mode in engine.modes():
        population = engine.open(models.mlp, Recipe(), ENTROPY, mode, 1)
        here = Bench(population, engine.place(rows()), ROWS)
        curves.append(here.run([Trial(Recipe(batch_size=16))])[1]["loss"])
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)

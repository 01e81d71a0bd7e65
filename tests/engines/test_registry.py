"""Engines by the object in hand, and no framework before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from luthier import engines
from luthier.engines import engine_for, register
from luthier.engines.building import keywords
from luthier.engines.conformance.shape import signatures
from luthier.engines.spec import Engine, Loss, Population
from luthier.errors import InvalidInput, MissingExtra, Unsupported
from luthier.recipe import Recipe

from . import models


def in_a_new_process(code: str) -> None:
    """Run it; a failure fails the test."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "module",
    ["luthier.engines", "luthier.engines.spec", "luthier.engines.conformance", "luthier.algorithms.updates",
     "luthier.algorithms.losses", "luthier.algorithms.schedules"],
)  # fmt: skip
def test_import_loads_no_framework(module: str) -> None:
    """Neither torch nor jax nor what belongs to them, nor pytest."""
    in_a_new_process(
        f"import sys, {module}\n"
        "loaded = {'torch', 'jax', 'flax', 'keras', 'tensorflow', 'pytest', 'sklearn'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )


def test_torch_engine_loads_no_other_framework() -> None:
    """And is found for a builder that imports torch itself."""
    in_a_new_process(
        "import sys\n"
        "from luthier.engines import engine_for\n"
        "def net(*, inputs, outputs):\n"
        "    from torch import nn\n"
        "    return nn.Linear(inputs, outputs)\n"
        "assert 'torch' not in sys.modules\n"
        "assert engine_for(net, inputs=3, outputs=2).framework == 'torch'\n"
        "assert 'jax' not in sys.modules"
    )


def test_torch_is_recognised_from_function_class_and_model() -> None:
    """Settings of the recipe reach the builder."""
    from torch import nn

    class Net(nn.Sequential):
        def __init__(self, width: int, *, inputs: int, outputs: int) -> None:
            super().__init__(nn.Linear(inputs, width), nn.Linear(width, outputs))

    recipe = Recipe(model={"width": 8})
    for thing in (models.mlp, Net, models.mlp(inputs=64, outputs=10)):
        engine = engine_for(thing, recipe, inputs=64, outputs=10, device="cpu")
        assert (engine.name, engine.framework) == ("torch", "torch")


def test_recognising_leaves_torchs_random_numbers_alone() -> None:
    """The build that finds out the type is undone."""
    import torch

    torch.manual_seed(3)
    engine_for(models.mlp, inputs=64, outputs=10)
    drawn = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(2))


def test_nnx_is_recognised() -> None:
    """A builder that asks for rngs, and a model."""
    nnx = pytest.importorskip("flax.nnx")

    def net(*, inputs: int, outputs: int, rngs: object) -> object:
        return nnx.Linear(inputs, outputs, rngs=rngs)

    for thing in (net, net(inputs=3, outputs=2, rngs=nnx.Rngs(0))):
        assert engine_for(thing, inputs=3, outputs=2).framework == "jax"
    with pytest.raises(InvalidInput, match="JAX_PLATFORMS"):
        engine_for(net, inputs=3, outputs=2, device="cpu")


def test_an_unknown_object_is_answered() -> None:
    """With what would be understood."""
    for thing in (3, lambda: "model"):
        with pytest.raises(Unsupported, match=r"Return a torch.nn.Module, a flax.nnx.Module or a keras.Model"):
            engine_for(thing, inputs=1, outputs=1)


def test_a_missing_framework_names_the_command() -> None:
    """A builder that imports what is not there."""

    def net() -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    with pytest.raises(MissingExtra, match=r'pip install "luthier\[torch\]"'):
        engine_for(net, inputs=1, outputs=1)

    def other() -> None:
        raise ModuleNotFoundError("No module named 'own_code'", name="own_code")

    with pytest.raises(ModuleNotFoundError, match="own_code"):
        engine_for(other, inputs=1, outputs=1)


def test_a_later_engine_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The more specific one: a LightningModule is a torch module too."""
    from torch import nn

    class Special(nn.Linear):
        pass

    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))
    made = engine_for(models.mlp, inputs=64, outputs=10)
    register("special", lambda model: isinstance(model, Special), lambda inputs, outputs, device: made)
    assert engine_for(Special(2, 2), inputs=2, outputs=2) is made
    assert engine_for(nn.Linear(2, 2), inputs=2, outputs=2) is not made


def test_builder_gets_what_it_asks_for() -> None:
    """Sizes only where its signature has them; a setting wins; an unknown setting is answered with the known."""
    offered = {"inputs": 3, "outputs": 2}
    assert keywords(lambda: None, {}, offered) == {}
    assert keywords(lambda outputs: None, {}, offered) == {"outputs": 2}
    assert keywords(lambda **kw: None, {"a": 1}, offered) == {"inputs": 3, "outputs": 2, "a": 1}
    assert keywords(lambda inputs: None, {"inputs": 7}, offered) == {"inputs": 7}
    with pytest.raises(InvalidInput, match=r"model.widht=1.*It takes width"):
        keywords(lambda width, *, inputs: None, {"widht": 1}, offered)


def test_all_engines_have_the_signatures_of_the_protocol() -> None:
    """Every registered engine and its populations; that of Keras, which has one backend a process, by its suite."""
    nnx = pytest.importorskip("flax.nnx")
    builders = {"torch": models.cnn, "jax": lambda *, inputs, outputs, rngs: nnx.Linear(inputs, outputs, rngs=rngs)}
    assert set(builders) | {"keras"} == set(engines._ENGINES)
    for name, build in builders.items():
        engine = engine_for(build, inputs=64, outputs=10)
        assert engine.name == name
        assert signatures(engine, Engine) == {}
        for mode in engine.modes():
            population = engine.open(build, Recipe(), Loss("cross_entropy"), mode, 1)
            assert signatures(population, Population) == {}

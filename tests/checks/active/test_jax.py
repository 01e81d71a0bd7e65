"""The same examination on Flax NNX models: in a process of its own, as all tests of a framework."""

import json
import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import json, sys
    import jax, numpy as np
    from flax import nnx
    from sklearn.datasets import load_digits
    from luthier.verbs.active import examine

    class Net(nnx.Module):
        def __init__(self, inputs, outputs, rngs, fault=""):
            self.body, self.norm = nnx.Linear(inputs, 64, rngs=rngs), nnx.BatchNorm(64, rngs=rngs)
            self.drop, self.head = nnx.Dropout(0.3, rngs=rngs), nnx.Linear(64, outputs, rngs=rngs)
            self.fault = fault

        def __call__(self, x):
            z = self.head(self.drop(nnx.relu(self.norm(self.body(x)))))
            return {"softmax": jax.nn.softmax, "mix": lambda z: z - z.mean(0)}.get(self.fault, lambda z: z)(z)

    def builder(fault):
        def build(*, inputs, outputs, rngs):
            return Net(inputs, outputs, rngs, fault)
        return build

    def right(z, y):
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()

    def cut(z, y):
        return right(jax.lax.stop_gradient(z), y) + 0.0 * z.sum()

    x, y = load_digits(return_X_y=True)
    data = ((x / 16).astype(np.float32), y)
    told = {}
    cases = (("fine", "", right), ("softmax", "softmax", None), ("mix", "mix", None), ("cut", "", cut))
    for name, fault, loss in cases:
        found = examine(builder(fault), data=data, loss=loss, tier="quick")
        told[name] = [f.code for f in found.findings]
        assert not found.faults, found.faults
    model = builder("")(inputs=64, outputs=10, rngs=nnx.Rngs(0))
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(model, nnx.Param)))
    told["model in hand"] = [f.code for f in examine(model, data=data, tier="quick").findings]
    after = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(model, nnx.Param)))
    told["unchanged"] = all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), before, after)))
    assert "torch" not in sys.modules
    print(json.dumps(told))
"""


@pytest.mark.slow
def test_flax_models_are_examined_without_another_framework(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "fine": [],
        "softmax": ["L01"],
        "mix": ["M09"],
        "cut": ["L13"],
        "model in hand": [],
        "unchanged": True,
    }

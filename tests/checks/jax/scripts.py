"""Short JAX programs (plain, optax, Flax NNX, Flax Linen): those a check must name, those that all must pass over.

`COMMON` is put before each. A fault stands with the code that must be among the findings. A healthy program must give
no warning and no error. Each leaves its trained weights in `params`.
"""

from __future__ import annotations

from checks.jax import lookups

COMMON = """
import jax, jax.numpy as jnp, numpy as np, optax
from flax import nnx
import flax.linen as nn
rng = np.random.default_rng(0)
x = rng.normal(size=(128, 4)).astype("float32")
y = (x[:, 0] + 0.3 * x[:, 1] > 0).astype("int32")
r = (x @ np.array([1.0, -1.0, 0.5, 0.2])).astype("float32")
k1, k2 = jax.random.split(jax.random.key(0))
def start(out=2):
    return {"a": 0.3 * jax.random.normal(k1, (4, 8)), "b": jnp.zeros(8), "c": 0.3 * jax.random.normal(k2, (8, out))}
def net(p, x):
    return jax.nn.relu(x @ p["a"] + p["b"]) @ p["c"]
def train(loss, params, opt=optax.adam(1e-2), steps=25, targets=y):
    state = opt.init(params)
    @jax.jit
    def step(params, state, x, t):
        value, grads = jax.value_and_grad(loss)(params, x, t)
        updates, state = opt.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value
    for i in range(steps):
        rows = slice(32 * (i % 4), 32 * (i % 4) + 32)
        params, state, value = step(params, state, x[rows], targets[rows])
    return params
ce = optax.softmax_cross_entropy_with_integer_labels
class Net(nnx.Module):
    def __init__(self, rngs, out=2):
        self.a, self.b = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, out, rngs=rngs)
        self.d, self.n = nnx.Dropout(0.5, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
    def __call__(self, x):
        return self.b(self.d(nnx.relu(self.n(self.a(x)))))
class Lin(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        x = nn.relu(nn.Dense(8)(x))
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(2)(x)
"""

FIRES: dict[str, tuple[str, str]] = {
    "the same key for dropout at every step": (
        "J01",
        """
m = Lin()
params = m.init(k1, x)
opt = optax.adam(1e-2)
state = opt.init(params)
@jax.jit
def step(params, state, x, t, key):
    loss = lambda p: ce(m.apply(p, x, train=True, rngs={"dropout": key}), t).mean()
    value, grads = jax.value_and_grad(loss)(params)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state, value
for i in range(25):
    params, state, value = step(params, state, x[:32] + i, y[:32], k2)
""",
    ),
    "a key that the loss captured": (
        "J01",
        """
key = jax.random.PRNGKey(7)
def loss(p, x, t):
    keep = jax.random.bernoulli(key, 0.5, x.shape)
    return ce(net(p, x * keep), t).mean()
params = train(loss, start())
""",
    ),
    "the same order every epoch": (
        "J01",
        """
params = start()
vg = jax.jit(jax.value_and_grad(lambda p, x, t: ce(net(p, x), t).mean()))
for epoch in range(5):
    order = jax.random.permutation(k1, len(x))
    for i in range(4):
        rows = order[32 * i:32 * i + 32]
        value, grads = vg(params, x[rows], y[rows])
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
""",
    ),
    "two layers from one key": (
        "J01",
        """
params = {"a": jax.random.normal(k1, (4, 4)), "b": jnp.zeros(4), "c": jax.random.normal(k1, (4, 4))}
params = train(lambda p, x, t: ce(net(p, x), t).mean(), params)
""",
    ),
    "a shape that grows": (
        "J02",
        """
params = start()
vg = jax.jit(jax.value_and_grad(lambda p, x, t: ce(net(p, x), t).mean()))
for i in range(12):
    value, grads = vg(params, x[:20 + i], y[:20 + i])
    params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
""",
    ),
    "jit inside the loop": (
        "J02",
        """
params = start()
for i in range(8):
    step = jax.jit(lambda p, x, t: jax.grad(lambda p: ce(net(p, x), t).mean())(p))
    params = jax.tree.map(lambda p, g: p - 0.1 * g, params, step(params, x, y))
""",
    ),
    "new weights thrown away": (
        "J03",
        """
opt = optax.adam(1e-2)
params = start()
state = opt.init(params)
@jax.jit
def step(params, state, x, t):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, x), t).mean())(params)
    updates, state = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), state, value
for i in range(30):
    new, state, value = step(params, state, x[i:i + 32], y[i:i + 32])
""",
    ),
    "new weights thrown away, eager": (
        "J03",
        """
opt = optax.sgd(1e-2)
params = start()
state = opt.init(params)
for i in range(24):
    value, grads = jax.value_and_grad(lambda p, x, t: ce(net(p, x), t).mean())(params, x[i:i + 32], y[i:i + 32])
    updates, state = opt.update(grads, state, params)
    optax.apply_updates(params, updates)
""",
    ),
    "optimizer state thrown away": (
        "J04",
        """
opt = optax.adam(1e-2)
params = start()
state = opt.init(params)
@jax.jit
def step(params, state, x, t):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, x), t).mean())(params)
    updates, _ = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), value
for i in range(30):
    params, value = step(params, state, x[i:i + 32], y[i:i + 32])
""",
    ),
    "rounded predictions": (
        "J05",
        """
params = train(lambda p, x, t: jnp.mean((jnp.round(jax.nn.sigmoid(net(p, x)[:, 0])) - t) ** 2), start(1))
""",
    ),
    "argmax in the loss, NNX": (
        "J05",
        """
model = Net(nnx.Rngs(0))
opt = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
@nnx.jit
def step(model, opt, x, t):
    def loss(model):
        return jnp.mean((jnp.argmax(model(x), axis=1) - t).astype(float) ** 2)
    value, grads = nnx.value_and_grad(loss)(model)
    opt.update(model, grads)
    return value
for i in range(5):
    step(model, opt, x, y)
params = nnx.state(model, nnx.Param)
""",
    ),
    "softmax before the cross entropy": (
        "J06",
        """
params = train(lambda p, x, t: ce(jax.nn.softmax(net(p, x)), t).mean(), start())
""",
    ),
    "softmax before the cross entropy, Linen": (
        "J06",
        """
class Soft(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.softmax(nn.Dense(3)(nn.relu(nn.Dense(8)(x))))
m = Soft()
params = train(lambda p, x, t: optax.softmax_cross_entropy(m.apply(p, x), jax.nn.one_hot(t, 3)).mean(), m.init(k1, x))
""",
    ),
    "sigmoid before the sigmoid cross entropy": (
        "J06",
        """
bce = optax.sigmoid_binary_cross_entropy
params = train(lambda p, x, t: bce(jax.nn.sigmoid(net(p, x)[:, 0]), t).mean(), start(1))
""",
    ),
    "softmax of one output": (
        "J07",
        """
def loss(p, x, t):
    q = jax.nn.softmax(net(p, x), axis=-1)[:, 0]
    return -jnp.mean(t * jnp.log(q + 1e-7) + (1 - t) * jnp.log(1 - q + 1e-7))
params = train(loss, start(1))
""",
    ),
    "argmax of one output": (
        "J07",
        """
params = train(lambda p, x, t: optax.sigmoid_binary_cross_entropy(net(p, x)[:, 0], t).mean(), start(1))
accuracy = (jnp.argmax(net(params, x), axis=1) == y).mean()
""",
    ),
    "logarithm of logits": (
        "J08",
        """
def loss(p, x, t):
    q = net(p, x)[:, 0]
    return -jnp.mean(t * jnp.log(q) + (1 - t) * jnp.log(1 - q))
params = train(loss, start(1))
""",
    ),
    "(B, 1) minus (B,)": (
        "J09",
        """
params = train(lambda p, x, t: jnp.mean((net(p, x) - t) ** 2), start(1), targets=r)
""",
    ),
    "(B, 1) minus (B,), NNX": (
        "J09",
        """
model = Net(nnx.Rngs(0), out=1)
opt = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
@nnx.jit
def step(model, opt, x, t):
    def loss(model):
        return jnp.mean((model(x) - t) ** 2)
    value, grads = nnx.value_and_grad(loss)(model)
    opt.update(model, grads)
    return value
for i in range(5):
    step(model, opt, x, r)
params = nnx.state(model, nnx.Param)
""",
    ),
    "dropout on in evaluation, NNX": (
        "J10",
        """
model = Net(nnx.Rngs(0))
opt = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
@nnx.jit
def step(model, opt, x, t):
    value, grads = nnx.value_and_grad(lambda m: ce(m(x), t).mean())(model)
    opt.update(model, grads)
    return value
@nnx.jit
def accuracy(model, x, t):
    return (jnp.argmax(model(x), axis=1) == t).mean()
model.train()
for epoch in range(3):
    for i in range(4):
        step(model, opt, x[32 * i:32 * i + 32], y[32 * i:32 * i + 32])
    a = accuracy(model, x, y)
params = nnx.state(model, nnx.Param)
""",
    ),
    "dropout never on, Linen": (
        "J10",
        """
m = Lin()
params = train(lambda p, x, t: ce(m.apply(p, x), t).mean(), m.init(k1, x))
""",
    ),
    "raw pixels": (
        "J11",
        """
pixels = rng.integers(0, 256, size=(128, 64)).astype("float32")
params = {"a": 0.1 * jax.random.normal(k1, (64, 8)), "b": jnp.zeros(8), "c": jax.random.normal(k2, (8, 2))}
x = pixels
params = train(lambda p, x, t: ce(net(p, x), t).mean(), params)
""",
    ),
    "relu on a regression output": (
        "J12",
        """
params = train(lambda p, x, t: jnp.mean((jax.nn.relu(net(p, x)[:, 0]) - t) ** 2), start(1), targets=r)
""",
    ),
    "softmax over the batch": (
        "J14",
        """
def loss(p, x, t):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(net(p, x), axis=0), t[:, None], 1))
params = train(loss, start())
""",
    ),
    "softmax over the batch, NNX": (
        "J14",
        """
model = Net(nnx.Rngs(0), out=3)
opt = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
@nnx.jit
def step(model, opt, x, t):
    def loss(model):
        q = nnx.softmax(model(x), axis=0)
        return -jnp.mean(jnp.log(q[jnp.arange(len(x)), t]))
    value, grads = nnx.value_and_grad(loss)(model)
    opt.update(model, grads)
    return value
for i in range(5):
    step(model, opt, x, y)
params = nnx.state(model, nnx.Param)
""",
    ),
    "steps of Adam as large as the weights": (
        "J15",
        """
big = {"a": 0.1 * jax.random.normal(k1, (4, 64)), "b": jnp.zeros(64), "c": 0.1 * jax.random.normal(k2, (64, 2))}
params = train(lambda p, x, t: ce(net(p, x), jnp.arange(len(x)) % 2).mean(), big, optax.adam(10.0), steps=60)
""",
    ),
    "the gradient of a temporal difference's target": (
        "J16",
        """
def loss(p, s, later, reward):
    return jnp.mean((net(p, s)[:, 0] - (reward + 0.95 * net(p, later)[:, 0])) ** 2)
params, opt = start(), optax.adam(1e-2)
state = opt.init(params)
@jax.jit
def step(params, state, s, later, reward):
    grads = jax.grad(loss)(params, s, later, reward)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state
for i in range(5):
    params, state = step(params, state, x, 0.9 * x, x[:, 1])
""",
    ),
    "the gradient of the largest action value": (
        "J16",
        """
def loss(p, s, action, reward, later, done):
    best = jnp.max(net(p, later), axis=1)
    target = reward + (1.0 - done) * 0.99 * best
    return optax.huber_loss(net(p, s)[jnp.arange(len(s)), action], target).mean()
params, opt = start(), optax.adam(1e-2)
state = opt.init(params)
for i in range(5):
    grads = jax.grad(loss)(params, x, y, r, 0.9 * x, (r > 2).astype("float32"))
    updates, state = opt.update(grads, state)
    params = optax.apply_updates(params, updates)
""",
    ),
    "optimizer state thrown away, donated weights": (
        "J04",
        """
from functools import partial
opt = optax.adam(1e-2)
params = start()
first = opt.init(params)
@partial(jax.jit, donate_argnums=(0, 1))
def step(params, state, x, t):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, x), t).mean())(params)
    updates, _ = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), value
for i in range(30):
    params, value = step(params, jax.tree.map(jnp.array, first), x[i:i + 32], y[i:i + 32])
""",
    ),
    "learning rate far too high": (
        "J13",
        """
params = train(lambda p, x, t: jnp.mean((net(p, x)[:, 0] - t) ** 2), start(1), optax.sgd(1e3), targets=r)
""",
    ),
    "steps along the gradient": (
        "J17",
        """
params = start()
@jax.jit
def step(p, x, t):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, x), t).mean())(p)
    return jax.tree.map(lambda a, b: a + 0.1 * b, p, grads), value
for i in range(25):
    params, value = step(params, x[i:i + 32], y[i:i + 32])
""",
    ),
    "the last part of optax is not negative": (
        "J17",
        """
def loss(p, x, t):
    return -jnp.mean(jnp.sum(jax.nn.one_hot(t, 2) * jax.nn.log_softmax(net(p, x)), -1))
params = train(loss, start(), optax.chain(optax.scale_by_adam(), optax.scale(1e-2)))
""",
    ),
    "the minus of the log-likelihood is left out": (
        "J17",
        """
def loss(p, x, t):
    return jnp.mean(jax.nn.log_softmax(net(p, x))[jnp.arange(len(x)), t])
params = train(loss, start())
""",
    ),
    "minus a squared error, eager, a last batch that is smaller": (
        "J17",
        """
params = start(1)
def loss(p, x, t):
    return -jnp.mean((net(p, x)[:, 0] - t) ** 2)
for epoch in range(5):
    for i in range(0, 128, 50):
        grads = jax.grad(loss)(params, x[i:i + 50], r[i:i + 50])
        params = jax.tree.map(lambda p, g: p - 0.05 * g, params, grads)
""",
    ),
    "steps along the gradient, NNX": (
        "J17",
        """
class Small(nnx.Module):
    def __init__(self, rngs):
        self.a, self.b = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)
    def __call__(self, x):
        return self.b(nnx.relu(self.a(x)))
m = Small(nnx.Rngs(0))
opt = nnx.Optimizer(m, optax.chain(optax.trace(0.9), optax.scale(0.05)), wrt=nnx.Param)
@nnx.jit
def step(m, opt, x, t):
    def loss(m):
        return optax.sigmoid_binary_cross_entropy(m(x)[:, 0], t).mean()
    value, grads = nnx.value_and_grad(loss)(m)
    opt.update(m, grads)
    return value
for i in range(25):
    value = step(m, opt, x[i:i + 32], y[i:i + 32].astype("float32"))
params = nnx.state(m)
""",
    ),
    "batch statistics of a step thrown away": (
        "J18",
        """
class Bn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(2)(nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))))
m = Bn()
v = m.init(k1, x, True)
params, stats = v["params"], v["batch_stats"]
opt = optax.adam(1e-2)
state = opt.init(params)
@jax.jit
def step(params, stats, state, x, t):
    def loss(p):
        out, new = m.apply({"params": p, "batch_stats": stats}, x, True, mutable=["batch_stats"])
        return ce(out, t).mean(), new["batch_stats"]
    (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), stats, state, value
for i in range(25):
    params, _, state, value = step(params, stats, state, x, y)
out = m.apply({"params": params, "batch_stats": stats}, x, False)
""",
    ),
    "a TrainState that keeps its first batch statistics": (
        "J18",
        """
from typing import Any
from flax.training import train_state
class Trained(train_state.TrainState):
    batch_stats: Any
class Bn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(2)(nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))))
m = Bn()
v = m.init(k1, x, True)
state = Trained.create(apply_fn=m.apply, params=v["params"], tx=optax.adam(1e-2), batch_stats=v["batch_stats"])
@jax.jit
def step(state, x, t):
    def loss(p):
        out, new = state.apply_fn({"params": p, "batch_stats": state.batch_stats}, x, True, mutable=["batch_stats"])
        return ce(out, t).mean(), new["batch_stats"]
    (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
    return state.apply_gradients(grads=grads), value
for i in range(25):
    state, value = step(state, x, y)
params = state.params
""",
    ),
    "a division behind where": (
        "J13",
        """
n = jnp.where(jnp.arange(32) % 5 == 0, 0.0, 3.0)
def loss(p, x, t):
    out = net(p, x)
    return ce(jnp.where(n[:, None] > 0, out / n[:, None], 0.0), t).mean()
params = train(loss, start())
""",
    ),
    "a norm that a where takes": (
        "J13",
        """
def loss(p, x, t):
    h = jax.nn.relu(x @ p["a"] + p["b"] - 1.5) @ p["c"]
    size = jnp.sqrt((h**2).sum(-1, keepdims=True))
    return ce(jnp.where(x[:, :1] < 9, h + size, h), t).mean()
params = train(loss, start())
""",
    ),
    "a norm behind where": (
        "J13",
        """
def loss(p, x, t):
    h = jax.nn.relu(x @ p["a"] + p["b"] - 1.5) @ p["c"]
    size = jnp.sqrt((h**2).sum(-1, keepdims=True))
    return ce(jnp.where(size > 0, h + size, h), t).mean()
params = train(loss, start())
""",
    ),
}

_MODES = """
model = Net(nnx.Rngs(0))
opt = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
@nnx.jit
def step(model, opt, x, t):
    value, grads = nnx.value_and_grad(lambda m: ce(m(x), t).mean())(model)
    opt.update(model, grads)
    return value
model.train()
for epoch in range(4):
    AGAIN
    for i in range(8):
        value = step(model, opt, x, y)
    model.eval()
    score = (model(x).argmax(-1) == y).mean()
params = nnx.state(model, nnx.Param)
"""
FIRES["a model is left in evaluation mode"] = ("J10", _MODES.replace("AGAIN", "pass"))
_SCHEDULE = """
def loss(p, x, t):
    return ce(net(p, x), t).mean()
schedule = optax.RATE
params = train(loss, start(), optax.adam(schedule), steps=80)
"""
FIRES["a cosine over as many steps as epochs"] = (
    "J20",
    _SCHEDULE.replace("RATE", "cosine_decay_schedule(1e-2, decay_steps=8)"),
)

SILENT: dict[str, str] = {
    "a model is put into training mode in each epoch": _MODES.replace("AGAIN", "model.train()"),
    "a cosine over all steps": _SCHEDULE.replace("RATE", "cosine_decay_schedule(1e-2, decay_steps=80)"),
    "warm-up, then a cosine": _SCHEDULE.replace("RATE", "warmup_cosine_decay_schedule(0.0, 1e-2, 10, 80)"),
    "a rate that falls by steps": _SCHEDULE.replace("RATE", "piecewise_constant_schedule(1e-2, {20: 0.1, 60: 0.1})"),
    "a temporal difference to a stopped target, and to a target network": """
def loss(p, old, s, later, reward):
    stopped = jax.lax.stop_gradient(reward + 0.95 * net(p, later)[:, 0])
    other = reward + 0.95 * net(old, later)[:, 0]
    value = net(p, s)[:, 0]
    return jnp.mean((value - stopped) ** 2) + jnp.mean((value - other) ** 2)
params, opt = start(), optax.adam(1e-2)
old, state = params, opt.init(params)
for i in range(40):
    grads = jax.grad(loss)(params, old, x, 0.9 * x, r)
    updates, state = opt.update(grads, state)
    params = optax.apply_updates(params, updates)
    old = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, old, params)
""",
    "two views through one net with a short cut": """
def net2(p, x):
    return x[:, :2] + 0.5 * net(p, x)
def loss(p, one, two, t):
    apart = jnp.mean((net2(p, one) - net2(p, two)) ** 2)
    return apart + ce(net2(p, one), t).mean()
params, opt = start(), optax.adam(1e-2)
state = opt.init(params)
for i in range(40):
    grads = jax.grad(loss)(params, x, x + 0.05, y)
    updates, state = opt.update(grads, state)
    params = optax.apply_updates(params, updates)
""",
    "plain, jitted step": """
params = train(lambda p, x, t: ce(net(p, x), t).mean(), start())
accuracy = (jnp.argmax(net(params, x), axis=1) == y).mean()
""",
    "plain, eager, own descent": """
params = start(1)
for i in range(24):
    loss = lambda p, x, t: jnp.mean((net(p, x)[:, 0] - t) ** 2)
    value, grads = jax.value_and_grad(loss)(params, x[i:i + 32], r[i:i + 32])
    params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
""",
    "keys split at every step": """
params = start()
opt = optax.adamw(optax.cosine_decay_schedule(1e-2, 40))
state = opt.init(params)
@jax.jit
def step(params, state, key, x, t):
    key, mine = jax.random.split(key)
    def loss(p):
        keep = jax.random.bernoulli(mine, 0.9, x.shape)
        return ce(net(p, x * keep), t).mean()
    value, grads = jax.value_and_grad(loss)(params)
    updates, state = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), state, key, value
key = k2
for epoch in range(6):
    key, mine = jax.random.split(key)
    order = jax.random.permutation(mine, len(x))
    for i in range(4):
        rows = order[32 * i:32 * i + 32]
        params, state, key, value = step(params, state, key, x[rows], y[rows])
""",
    "one key, the step folded in": """
m = Lin()
params = m.init(k1, x)
opt = optax.adam(1e-2)
state = opt.init(params)
@jax.jit
def step(params, state, i, key):
    def loss(p):
        return ce(m.apply(p, x, train=True, rngs={"dropout": jax.random.fold_in(key, i)}), y).mean()
    value, grads = jax.value_and_grad(loss)(params)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state, value
for i in range(25):
    params, state, value = step(params, state, i, k2)
accuracy = jax.jit(lambda p: (jnp.argmax(m.apply(p, x), axis=1) == y).mean())(params)
""",
    "NNX with train and eval": """
model = Net(nnx.Rngs(0))
opt = nnx.Optimizer(model, optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2)), wrt=nnx.Param)
@nnx.jit
def step(model, opt, x, t):
    def loss(model):
        logits = model(x)
        return ce(logits, t).mean(), logits
    (value, logits), grads = nnx.value_and_grad(loss, has_aux=True)(model)
    opt.update(model, grads)
    return value
@nnx.jit
def accuracy(model, x, t):
    return (jnp.argmax(model(x), axis=1) == t).mean()
for epoch in range(6):
    model.train()
    for i in range(4):
        step(model, opt, x[32 * i:32 * i + 32], y[32 * i:32 * i + 32])
    model.eval()
    a = accuracy(model, x, y)
params = nnx.state(model, nnx.Param)
""",
    "accumulation with optax.MultiSteps": """
params = train(lambda p, x, t: ce(net(p, x), t).mean(), start(), optax.MultiSteps(optax.adam(1e-2), 4))
""",
    "frozen part by stop_gradient": """
def loss(p, x, t):
    h = jax.lax.stop_gradient(jax.nn.relu(x @ p["a"] + p["b"]))
    return ce(h @ p["c"], t).mean()
params = train(loss, start())
""",
    "straight-through rounding": """
def loss(p, x, t):
    h = jax.nn.sigmoid(x @ p["a"] + p["b"])
    h = h + jax.lax.stop_gradient(jnp.round(h) - h)
    return ce(h @ p["c"], t).mean()
params = train(loss, start())
""",
    "attention by hand": """
def loss(p, x, t):
    s = x[:, :, None] * jnp.ones(4)
    w = jax.nn.softmax(s @ s.transpose(0, 2, 1) / 2.0, axis=-1)
    return ce(net(p, (w @ s).mean(axis=1)), t).mean()
params = train(loss, start())
""",
    "contrastive pairs": """
def loss(p, x, t):
    z = net(p, x)
    z = z / jnp.linalg.norm(z, axis=1, keepdims=True)
    d = jnp.sum((z[:, None] - z[None]) ** 2, axis=-1)
    q = z[:, :1] - z[:, 0]
    return jnp.mean(d * (t[:, None] == t[None])) + 0.01 * jnp.mean(q**2) + ce(z @ z.T, jnp.arange(len(x))).mean()
params = train(loss, start(3))
""",
    "binary cross entropy with sigmoid and eps": """
def loss(p, x, t):
    q = jax.nn.sigmoid(net(p, x)[:, 0])
    return -jnp.mean(t * jnp.log(q + 1e-7) + (1 - t) * jnp.log(1 - q + 1e-7))
params = train(loss, start(1))
""",
    "log-softmax by hand, one-hot targets": """
def loss(p, x, t):
    return -jnp.mean(jnp.sum(jax.nn.one_hot(t, 2) * jax.nn.log_softmax(net(p, x)), axis=1))
params = train(loss, start())
""",
    "softmax over both sides of square pairs": """
def loss(p, x, t):
    z = net(p, x)
    s = (z @ z.T) * 0.5
    rows = jnp.arange(len(x))
    return -(jax.nn.log_softmax(s, axis=0)[rows, rows] + jax.nn.log_softmax(s, axis=1)[rows, rows]).mean()
params = train(loss, start(3))
""",
    "attention over the rows of a set": """
def loss(p, x, t):
    w = jax.nn.softmax(net(p, x), axis=0)
    return jnp.mean((jnp.sum(w * x[:, :2], axis=0) - 0.1) ** 2)
params = train(loss, start())
""",
    "two tasks in turn, each with its head": """
heads = start() | {"d": 0.3 * jax.random.normal(k2, (8, 1))}
def body(p, x):
    return jax.nn.relu(x @ p["a"] + p["b"])
opt = optax.adam(1e-2)
params, state = heads, opt.init(heads)
def one(p, x, t):
    return ce(body(p, x) @ p["c"], t).mean()
def two(p, x, t):
    return jnp.mean(((body(p, x) @ p["d"])[:, 0] - t) ** 2)
@jax.jit
def step_one(params, state, x, t):
    value, grads = jax.value_and_grad(one)(params, x, t)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state, value
@jax.jit
def step_two(params, state, x, t):
    value, grads = jax.value_and_grad(two)(params, x, t)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state, value
for i in range(24):
    params, state, value = step_one(params, state, x, y) if i % 2 else step_two(params, state, x, r)
""",
    "donated arguments, jitted step": """
from functools import partial
opt = optax.adam(1e-2)
params = start()
state = opt.init(params)
@partial(jax.jit, donate_argnums=(0, 1))
def step(params, state, x, t):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, x), t).mean())(params)
    updates, state = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), state, value
for i in range(30):
    params, state, value = step(params, state, x[i:i + 32], y[i:i + 32])
""",
    "without compiling": """
with jax.disable_jit():
    params = train(lambda p, x, t: ce(net(p, x), t).mean(), start(), steps=8)
""",
    "large steps that learn all the same": """
tiny = jax.tree.map(lambda p: 1e-3 * p, start(1))
params = train(lambda p, x, t: jnp.mean((net(p, x)[:, 0] - t) ** 2), tiny, optax.adam(0.05), steps=80, targets=r)
""",
    "policy gradient": """
def loss(p, x, t):
    logp = jax.nn.log_softmax(net(p, x))
    return -jnp.mean(logp[jnp.arange(len(x)), t] * (2.0 * t - 1))
params = train(loss, start())
""",
    "variational autoencoder": """
p0 = {"e": 0.1 * jax.random.normal(k1, (4, 4)), "d": 0.1 * jax.random.normal(k2, (2, 4))}
opt = optax.adam(1e-2)
state = opt.init(p0)
@jax.jit
def step(p, state, key):
    def loss(p):
        h = x @ p["e"]
        mean, log = h[:, :2], h[:, 2:]
        z = mean + jnp.exp(0.5 * log) * jax.random.normal(key, mean.shape)
        return jnp.mean((z @ p["d"] - x) ** 2) - 0.5 * jnp.mean(1 + log - mean**2 - jnp.exp(log))
    value, grads = jax.value_and_grad(loss)(p)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(p, updates), state, value
params = p0
for key in jax.random.split(k2, 22):
    params, state, value = step(params, state, key)
""",
    "two nets that play against each other": """
g, d = {"w": 0.1 * jax.random.normal(k1, (2, 4))}, start(1)
og, od = optax.adam(1e-3), optax.adam(1e-3)
sg, sd = og.init(g), od.init(d)
bce = optax.sigmoid_binary_cross_entropy
@jax.jit
def step(g, d, sg, sd, key):
    z = jax.random.normal(key, (len(x), 2))
    ld, gd = jax.value_and_grad(lambda d: bce(net(d, x), 1.0).mean() + bce(net(d, z @ g["w"]), 0.0).mean())(d)
    ud, sd = od.update(gd, sd)
    d = optax.apply_updates(d, ud)
    lg, gg = jax.value_and_grad(lambda g: bce(net(d, z @ g["w"]), 1.0).mean())(g)
    ug, sg = og.update(gg, sg)
    return optax.apply_updates(g, ug), d, sg, sd
for key in jax.random.split(k2, 22):
    g, d, sg, sd = step(g, d, sg, sd, key)
params = d
""",
    "scan over steps, donated arguments": """
from functools import partial
opt = optax.adam(1e-2)
params = start()
state = opt.init(params)
@partial(jax.jit, donate_argnums=(0, 1))
def epoch(params, state, xs, ts):
    def one(carry, batch):
        params, state = carry
        value, grads = jax.value_and_grad(lambda p: ce(net(p, batch[0]), batch[1]).mean())(params)
        updates, state = opt.update(grads, state)
        return (optax.apply_updates(params, updates), state), value
    (params, state), values = jax.lax.scan(one, (params, state), (xs, ts))
    return params, state, values.mean()
for i in range(6):
    params, state, value = epoch(params, state, x.reshape(4, 32, 4), y.reshape(4, 32))
""",
    "gradient with respect to the input": """
params = train(lambda p, x, t: ce(net(p, x), t).mean(), start())
saliency = [jax.grad(lambda q: net(params, q)[:, 1].sum())(x[:8]) for _ in range(25)]
""",
    "last smaller batch compiles once more": """
params = start()
vg = jax.jit(jax.value_and_grad(lambda p, x, t: ce(net(p, x), t).mean()))
for epoch in range(6):
    for i in range(0, 128, 50):
        value, grads = vg(params, x[i:i + 50], y[i:i + 50])
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
""",
    "Linen with batch statistics": """
class Bn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(2)(nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))))
m = Bn()
v = m.init(k1, x, True)
params, stats = v["params"], v["batch_stats"]
opt = optax.adam(1e-2)
state = opt.init(params)
@jax.jit
def step(params, stats, state, x, t):
    def loss(p):
        out, new = m.apply({"params": p, "batch_stats": stats}, x, True, mutable=["batch_stats"])
        return ce(out, t).mean(), new["batch_stats"]
    (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), stats, state, value
for i in range(25):
    params, stats, state, value = step(params, stats, state, x, y)
out = m.apply({"params": params, "batch_stats": stats}, x, False)
""",
    "a likelihood that is made larger": """
params = start()
step = jax.jit(jax.value_and_grad(lambda p, x, t: jnp.mean(jax.nn.log_softmax(net(p, x))[jnp.arange(len(x)), t])))
for i in range(25):
    value, grads = step(params, x[i:i + 32], y[i:i + 32])
    params = jax.tree.map(lambda p, g: p + 0.1 * g, params, grads)
""",
    "returns that are made larger": """
params = start()
def returns(p, x, action, cost):
    return jnp.mean(jax.nn.log_softmax(net(p, x))[jnp.arange(len(x)), action] * -cost)
for i in range(25):
    value, grads = jax.value_and_grad(returns)(params, x[i:i + 32], y[i:i + 32], 1 + r[i:i + 32] ** 2)
    params = jax.tree.map(lambda p, g: p + 0.01 * g, params, grads)
""",
    "entropy that is made larger": """
params = start()
def entropy(p, x):
    logp = jax.nn.log_softmax(3 * net(p, x))
    return -jnp.mean(jnp.sum(jnp.exp(logp) * logp, -1))
for i in range(25):
    value, grads = jax.value_and_grad(entropy)(params, x[i:i + 32])
    params = jax.tree.map(lambda p, g: p + 0.1 * g, params, grads)
""",
    "variance of projections that is made larger": """
params = {"w": 0.1 * jax.random.normal(k1, (4, 2)), "s": jnp.ones(2)}
for i in range(25):
    value, grads = jax.value_and_grad(lambda p: jnp.mean((x @ p["w"] * p["s"]) ** 2))(params)
    params = jax.tree.map(lambda p, g: p + 0.1 * g, params, grads)
    params = jax.tree.map(lambda p: p / jnp.linalg.norm(p), params)
""",
    "an attack on inputs": """
params = start()
attack = jax.jit(jax.value_and_grad(lambda d, p, x, t: ce(net(p, x + d["shift"] + d["of all"]), t).mean()))
d = {"shift": jnp.zeros((32, 4)), "of all": jnp.zeros(4)}
for i in range(25):
    value, grads = attack(d, params, x[:32], y[:32])
    d = jax.tree.map(lambda a, g: jnp.clip(a + 0.01 * jnp.sign(g), -0.3, 0.3), d, grads)
""",
    "a multiplier that climbs": """
params = start(1) | {"multiplier": jnp.ones(())}
def loss(p, x, t):
    out = net(p, x)[:, 0]
    return jnp.mean((out - t) ** 2) + jax.nn.softplus(p["multiplier"]) * jnp.mean(out**2)
for i in range(25):
    value, grads = jax.value_and_grad(loss)(params, x, r)
    grads["multiplier"] = -50_000 * grads["multiplier"]
    params = jax.tree.map(lambda p, g: p - 0.001 * g, params, grads)
""",
    "momentum that climbs out of the valley": """
params = train(lambda p, x, t: jnp.mean((net(p, x)[:, 0] - t) ** 2), start(1), optax.adam(0.03), 150, targets=r)
params = jax.tree.map(lambda p: p + 0.02, params)
params = train(lambda p, x, t: jnp.mean((net(p, x)[:, 0] - t) ** 2), params, optax.sgd(0.02, 0.98), 30, targets=r)
""",
    "a loss at its lowest from the start": """
w = {"a": jnp.array([1.0, -1.0, 0.5, 0.2]), "b": jnp.zeros(())}
loss = lambda p, x, t: jnp.mean((x @ p["a"] + p["b"] - t) ** 2)
params = train(loss, w, optax.adam(1e-2), 30, targets=r + rng.normal(0, 0.3, 128).astype("float32"))
""",
    "a TrainState that takes its new batch statistics": """
from typing import Any
from flax.training import train_state
class Trained(train_state.TrainState):
    batch_stats: Any
class Bn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(2)(nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))))
m = Bn()
v = m.init(k1, x, True)
state = Trained.create(apply_fn=m.apply, params=v["params"], tx=optax.adam(1e-2), batch_stats=v["batch_stats"])
@jax.jit
def step(state, x, t):
    def loss(p):
        out, new = state.apply_fn({"params": p, "batch_stats": state.batch_stats}, x, True, mutable=["batch_stats"])
        return ce(out, t).mean(), new["batch_stats"]
    (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
    return state.apply_gradients(grads=grads, batch_stats=stats), value
for i in range(25):
    state, value = step(state, x, y)
params = state.params
""",
    "fine-tuning with the running averages as they are": """
class Bn(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(2)(nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))))
m = Bn()
v = m.init(k1, x, True)
params, stats = v["params"], v["batch_stats"]
opt = optax.adam(1e-2)
state = opt.init(params)
@jax.jit
def step(params, stats, state, x, t):
    loss = lambda p: ce(m.apply({"params": p, "batch_stats": stats}, x, False), t).mean()
    value, grads = jax.value_and_grad(loss)(params)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state, value
for i in range(25):
    params, state, value = step(params, stats, state, x, y)
""",
    "statistics given to a model without normalisation": """
params, batch_stats = start(), {}
@jax.jit
def step(params, batch_stats, x, t):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, x), t).mean())(params)
    return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), batch_stats, value
for i in range(25):
    params, batch_stats, value = step(params, batch_stats, x, y)
""",
    "a division behind where that is given 1 instead of 0": """
n = jnp.where(jnp.arange(32) % 5 == 0, 0.0, 3.0)
def loss(p, x, t):
    out, safe = net(p, x), jnp.where(n > 0, n, 1.0)
    return ce(jnp.where(n[:, None] > 0, out / safe[:, None], 0.0), t).mean()
params = train(loss, start())
""",
    "a logarithm behind where of numbers without a weight": """
def loss(p, x, t):
    seen = jnp.maximum(x, 0.0)
    return ce(net(p, jnp.where(seen > 0, jnp.log(seen), 0.0)), t).mean()
params = train(loss, start())
""",
}
FIRES |= {name: ("J19", source) for name, source in lookups.FIRES.items()}
SILENT |= lookups.SILENT

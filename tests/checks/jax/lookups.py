"""Programs whose numbers are out of range (J19), and those that know what they do; `scripts.COMMON` is put before."""

from __future__ import annotations

_IDS = """
ids = rng.integers(1, 40, (128, 6)).astype("int32")
def bag(p, ids, t):
    return ce(net(p, p["table"][ids].mean(1)), t).mean()
def fit(loss, num, ids=ids, more=None):
    p = start() | {"table": 0.3 * jax.random.normal(k1, (num, 4))}
    step = jax.jit(jax.value_and_grad(loss))
    for i in range(25):
        rows = slice(32 * (i % 4), 32 * (i % 4) + 32)
        value, grads = step(p, ids[rows], y[rows], *(() if more is None else (more[rows],)))
        p = jax.tree.map(lambda a, g: a - 0.1 * g, p, grads)
    return p
"""

FIRES = {
    "labels that begin at 1": """
onehot = jax.nn.one_hot(y + 1, 2)
params = train(lambda p, x, t: optax.softmax_cross_entropy(net(p, x), t).mean(), start(), targets=onehot)
""",
    "a class that was not counted, in the compiled step": """
kinds = np.random.default_rng(3).integers(0, 4, 128)
loss = lambda p, x, t: optax.softmax_cross_entropy(net(p, x), jax.nn.one_hot(t, 3)).mean()
params = train(loss, start(3), targets=kinds.astype("int32"))
""",
    "a table with fewer rows than there are numbers": _IDS
    + """
params = fit(bag, 25)
""",
    "a table of as many rows as the largest number, padding masked": _IDS
    + """
ids[:, 4:] *= rng.integers(0, 2, (128, 2)).astype("int32")
def loss(p, ids, t):
    keep = (ids != 0)[..., None]
    return ce(net(p, (p["table"][ids] * keep).sum(1) / keep.sum(1)), t).mean()
params = fit(loss, int(ids.max()))
""",
    "an embedding without its last row, which gives NaN": _IDS
    + """
class Words(nnx.Module):
    def __init__(self, rngs):
        self.e, self.o = nnx.Embed(39, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)
    def __call__(self, ids):
        return self.o(self.e(ids).mean(1))
model = Words(nnx.Rngs(0))
opt = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
@nnx.jit
def step(model, opt, ids, t):
    value, grads = nnx.value_and_grad(lambda m: ce(m(ids), t).mean())(model)
    opt.update(model, grads)
    return value
for i in range(25):
    step(model, opt, ids[:64], y[:64])
params = nnx.state(model, nnx.Param)
""",
    "a Linen embedding of one column of whole numbers": _IDS
    + """
class Mixed(nn.Module):
    @nn.compact
    def __call__(self, ids):
        return nn.Dense(2)(nn.Embed(30, 4)(ids[:, 1]) + nn.Embed(40, 4)(ids[:, 0]))
m = Mixed()
opt = optax.adam(1e-2)
params = m.init(k1, ids)
state = opt.init(params)
@jax.jit
def step(params, state, ids, t):
    value, grads = jax.value_and_grad(lambda p: ce(m.apply(p, ids), t).mean())(params)
    updates, state = opt.update(grads, state)
    return optax.apply_updates(params, updates), state, value
for i in range(25):
    params, state, value = step(params, state, ids, y)
""",
    "a table that is too small, eager, with dropout on its rows": _IDS
    + """
p = start() | {"table": 0.3 * jax.random.normal(k1, (25, 4))}
def loss(p, ids, t, key):
    rows = p["table"][ids]
    rows = jnp.where(jax.random.bernoulli(key, 0.9, rows.shape), rows / 0.9, 0.0)
    return ce(net(p, rows.mean(1)), t).mean()
for i, key in enumerate(jax.random.split(k2, 10)):
    value, grads = jax.value_and_grad(loss)(p, ids, y, key)
    p = jax.tree.map(lambda a, g: a - 0.1 * g, p, grads)
params = p
""",
}

SILENT = {
    "labels of which -1 stands for none": """
some = np.where(rng.random(128) < 0.2, -1, y)
onehot = jax.nn.one_hot(some, 2)
params = train(lambda p, x, t: optax.softmax_cross_entropy(net(p, x), t).mean(), start(), targets=onehot)
""",
    "labels of which 255 or the number of classes stands for none": """
some = np.where(rng.random(128) < 0.2, 255, y)
onehot = jax.nn.one_hot(some, 2) + jax.nn.one_hot(np.where(rng.random(128) < 0.02, 2, y), 2)
loss = lambda p, x, t: optax.softmax_cross_entropy(net(p, x), t / 2).mean()
params = train(loss, start(), targets=onehot)
""",
    "experts that take so many rows and drop the others": """
p = start() | {"gate": jax.random.normal(k2, (4, 3)), "e": 0.5 * jax.random.normal(k1, (3, 4, 4))}
def route(p, x):
    gates = jax.nn.softmax(x @ p["gate"])
    chosen = jax.nn.one_hot(gates.argmax(-1), 3)
    place = (jnp.cumsum(chosen, 0) * chosen).sum(-1).astype(int) - 1
    send = chosen[:, :, None] * jax.nn.one_hot(place, 24)[:, None]
    inside = jnp.einsum("bd,bec->ecd", x, send)
    outside = jnp.einsum("ecd,edf->ecf", inside, p["e"])
    return x + jnp.einsum("ecf,bec->bf", outside, send * gates[:, :, None])
for i in range(10):
    value, grads = jax.value_and_grad(lambda p: ce(net(p, route(p, x)), y).mean())(p)
    p = jax.tree.map(lambda a, g: a - 0.1 * g, p, grads)
params = p
route(params, x)
""",
    "rows that end in padding, the number of rows, and a mask": _IDS
    + """
length = rng.integers(2, 7, 128)
keep = (np.arange(6) < length[:, None]).astype("float32")
ids = np.where(keep > 0, ids, 40).astype("int32")
def loss(p, ids, t, keep):
    return ce(net(p, (p["table"][ids] * keep[..., None]).sum(1) / keep.sum(1, keepdims=True)), t).mean()
params = fit(loss, 40, ids, keep)
""",
    "what is too large is masked by an argument": _IDS
    + """
keep = (ids < 25).astype("float32")
def loss(p, ids, t, keep):
    return ce(net(p, jnp.einsum("btd,bt->bd", p["table"][ids], keep)), t).mean()
params = fit(loss, 25, ids, keep)
""",
    "what is too large has a row of its own by comparison": _IDS
    + """
def loss(p, ids, t):
    return ce(net(p, jnp.where((ids < 24)[..., None], p["table"][ids], p["table"][24]).mean(1)), t).mean()
params = fit(loss, 25)
""",
    "what is too large is clipped, filled or taken modulo": _IDS
    + """
def loss(p, ids, t):
    table = p["table"]
    rows = jnp.take(table, ids, axis=0, mode="clip") + jnp.take(table, ids, axis=0, mode="fill", fill_value=0)
    return ce(net(p, (rows + table[ids % 25] + table[jnp.minimum(ids, 24)]).mean(1)), t).mean()
params = fit(loss, 25)
""",
    "a last token that is no input": _IDS
    + """
ids[:, -1] = 40
params = fit(lambda p, ids, t: bag(p, ids[:, :-1], t), 40)
""",
    "a table with a row for each number, negative ones counted from its end": _IDS
    + """
params = fit(bag, 40, np.where(ids % 7 == 0, ids - 40, ids).astype("int32"))
""",
}

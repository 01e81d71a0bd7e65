import jax
import jax.numpy as jnp
import numpy as np
import optax

rng = np.random.default_rng(0)
x = jnp.array(rng.normal(size=(512, 6)), jnp.float32)
group = jnp.array(rng.random(512) < 0.4, jnp.float32)
y = jnp.array((x[:, 0] + 0.8 * group + 0.3 * rng.normal(size=512)) > 0, jnp.float32)
keys = jax.random.split(jax.random.key(0), 2)
params = {"a": 0.3 * jax.random.normal(keys[0], (6, 16)), "b": 0.3 * jax.random.normal(keys[1], (16,)), "log_price": 0.0}
opt = optax.adam(1e-2)
state = opt.init(params)


def lagrangian(p, x, y, group):
    out = jnp.tanh(x @ p["a"]) @ p["b"]
    gap = (out * group).sum() / group.sum() - (out * (1 - group)).sum() / (1 - group).sum()
    return optax.sigmoid_binary_cross_entropy(out, y).mean() + jnp.exp(p["log_price"]) * gap**2


@jax.jit
def step(p, state, x, y, group):
    value, grads = jax.value_and_grad(lagrangian)(p, x, y, group)
    grads["log_price"] = -grads["log_price"]  # the price of the constraint climbs
    updates, state = opt.update(grads, state)
    return optax.apply_updates(p, updates), state, value


for epoch in range(30):
    for i in range(0, 512, 128):
        rows = slice(i, i + 128)
        params, state, value = step(params, state, x[rows], y[rows], group[rows])
    if epoch % 10 == 9:
        print(epoch, float(value), float(jnp.exp(params["log_price"])))

import jax, jax.numpy as jnp, optax, numpy as np

rng = np.random.default_rng(0); X = jnp.array(rng.normal(size=(256, 5))); y = X @ jnp.arange(1.0, 6.0) + 0.5
params = {"w": jnp.zeros(5), "b": jnp.zeros(())}
def loss_fn(p, x, t): return jnp.mean((x @ p["w"] + p["b"] - t) ** 2)
@jax.jit
def update(p, x, t, lr=0.01):
    l, g = jax.value_and_grad(loss_fn)(p, x, t)
    return jax.tree.map(lambda a, b: a - lr * b, p, g), l
for i in range(60):
    params, l = update(params, X, y)
    if i % 20 == 0: print(i, float(l))

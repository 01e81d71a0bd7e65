import jax, jax.numpy as jnp, optax, numpy as np

def v(p, s): return (jnp.tanh(s @ p["a"]) @ p["b"])[:, 0]
k = jax.random.split(jax.random.key(0), 4); params = {"a": jax.random.normal(k[0], (3, 16)) * 0.5, "b": jax.random.normal(k[1], (16, 1)) * 0.1}
def td_loss(p, s, r, s2): 
    target = r + 0.95 * v(p, s2)
    return jnp.mean((target - v(p, s)) ** 2)
tx = optax.adam(1e-3); st = tx.init(params)
@jax.jit
def step(p, st, s, r, s2):
    l, g = jax.value_and_grad(td_loss)(p, s, r, s2); u, st = tx.update(g, st, p)
    return optax.apply_updates(p, u), st, l
key = k[2]
for i in range(100):
    key, a, b = jax.random.split(key, 3); s = jax.random.normal(a, (64, 3)); s2 = 0.9 * s + 0.1 * jax.random.normal(b, (64, 3))
    params, st, l = step(params, st, s, s[:, 0], s2)
    if i % 25 == 0: print(i, float(l))

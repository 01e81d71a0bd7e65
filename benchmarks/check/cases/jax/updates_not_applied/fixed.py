import jax, jax.numpy as jnp, optax, numpy as np

key = jax.random.key(0); X = jax.random.normal(key, (200, 4)); y = (X[:, 0] > 0).astype(jnp.int32)
def init(k): 
    k1, k2 = jax.random.split(k)
    return {"w1": jax.random.normal(k1, (4, 16)) * 0.5, "w2": jax.random.normal(k2, (16, 2)) * 0.3}
def loss_fn(p, x, t): return optax.softmax_cross_entropy_with_integer_labels(jnp.tanh(x @ p["w1"]) @ p["w2"], t).mean()
params = init(jax.random.key(1)); tx = optax.adam(1e-2); state = tx.init(params)
grad = jax.jit(jax.value_and_grad(loss_fn))
for step in range(80):
    l, g = grad(params, X, y); up, state = tx.update(g, state, params)
    params = optax.apply_updates(params, up)
    if step % 20 == 0: print(step, float(l))

import jax
import jax.numpy as jnp
import optax

key = jax.random.key(0)
kx, kw, kp = jax.random.split(key, 3)
X = jax.random.normal(kx, (512, 6))
y = jnp.tanh(X @ jax.random.normal(kw, (6,)))


def predict(params, x):
    h = jnp.tanh(x @ params["w1"] + params["b1"])
    return h @ params["w2"] + params["b2"]


def mse(params, x, y):
    pred = predict(params, x)
    return jnp.mean((pred - y) ** 2)


k1, k2 = jax.random.split(kp)
params = {"w1": jax.random.normal(k1, (6, 32)) * 0.4, "b1": jnp.zeros(32), "w2": jax.random.normal(k2, (32, 1)) * 0.2, "b2": jnp.zeros(1)}
tx = optax.adam(5e-3)
state = tx.init(params)


@jax.jit
def step(params, state, x, y):
    loss, grads = jax.value_and_grad(mse)(params, x, y)
    updates, state = tx.update(grads, state, params)
    return optax.apply_updates(params, updates), state, loss


for i in range(300):
    j = (i * 64) % 512
    params, state, loss = step(params, state, X[j : j + 64], y[j : j + 64])
    if i % 60 == 59:
        residual = predict(params, X).squeeze(-1) - y
        print(i + 1, float(loss), "true mse", float((residual**2).mean()))

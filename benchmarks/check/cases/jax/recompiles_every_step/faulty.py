from functools import partial

import jax
import jax.numpy as jnp

key = jax.random.key(0)
X = jax.random.normal(key, (640, 8))
y = jnp.sin(X @ jnp.linspace(-1, 1, 8))


def predict(p, x):
    return jnp.tanh(x @ p[0]) @ p[1]


def loss_fn(p, x, y):
    return jnp.mean((predict(p, x) - y) ** 2)


@partial(jax.jit, static_argnames="lr")
def update(p, x, y, lr):
    loss, g = jax.value_and_grad(loss_fn)(p, x, y)
    return [a - lr * b for a, b in zip(p, g)], loss


k1, k2 = jax.random.split(jax.random.key(1))
p = [0.4 * jax.random.normal(k1, (8, 32)), 0.2 * jax.random.normal(k2, (32,))]
for step in range(60):
    lr = 0.2 / (1 + 0.01 * step)
    j = (step * 64) % 640
    p, loss = update(p, X[j : j + 64], y[j : j + 64], lr)
    if step % 15 == 14:
        print(step + 1, float(loss))

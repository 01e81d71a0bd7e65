import jax
import jax.numpy as jnp
import optax
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x, y = jnp.asarray(x / 16.0, jnp.float32), jnp.asarray(y)


def forward(p, x, key=None, rate=0.5):
    h = jax.nn.relu(x @ p["w1"] + p["b1"])
    if key is not None:
        h = h * jax.random.bernoulli(key, 1 - rate, h.shape) / (1 - rate)
    return h @ p["w2"] + p["b2"]


def loss_fn(p, x, y, key):
    return optax.softmax_cross_entropy_with_integer_labels(forward(p, x, key), y).mean()


tx = optax.adam(2e-3)


@jax.jit
def step(p, s, x, y, key):
    loss, g = jax.value_and_grad(loss_fn)(p, x, y, key)
    u, s = tx.update(g, s)
    return optax.apply_updates(p, u), s, loss


key = jax.random.key(0)
k1, k2, key = jax.random.split(key, 3)
p = {"w1": jax.random.normal(k1, (64, 64)) * 0.15, "b1": jnp.zeros(64), "w2": jax.random.normal(k2, (64, 10)) * 0.15, "b2": jnp.zeros(10)}
s = tx.init(p)
for i in range(280):
    j = (i * 50) % 1400
    key, sub = jax.random.split(key)
    p, s, loss = step(p, s, x[j : j + 50], y[j : j + 50], sub)
    if i % 56 == 55:
        print(i + 1, float(loss), float((forward(p, x[1400:]).argmax(1) == y[1400:]).mean()))

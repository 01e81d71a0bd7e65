import jax
import jax.numpy as jnp
import numpy as np
import optax

# five kinds of signal, rated 1 to 5 in the table
rng = np.random.default_rng(17)
K = 5
rating = rng.integers(1, K + 1, 900)
phase = rng.uniform(0, 2 * np.pi, (900, 1))
wave = np.sin(np.arange(16)[None] * rating[:, None] * 0.35 + phase) + rng.normal(0, 0.35, (900, 16))
wave = jnp.asarray(wave, jnp.float32)
labels = jnp.asarray(rating)


def init(key, sizes):
    keys = jax.random.split(key, len(sizes))
    return [(jax.random.normal(k, (a, b)) * np.sqrt(2 / a), jnp.zeros(b)) for k, a, b in zip(keys, sizes, sizes[1:])]


def forward(params, x):
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def loss_fn(params, x, y):
    logp = jax.nn.log_softmax(forward(params, x))
    return -jnp.mean(jnp.sum(jax.nn.one_hot(y, K) * logp, axis=-1))


params = init(jax.random.PRNGKey(3), [16, 64, 64, K])
optimizer = optax.adam(3e-3)
state = optimizer.init(params)


@jax.jit
def update(params, state, x, y):
    loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
    delta, state = optimizer.update(grads, state)
    return optax.apply_updates(params, delta), state, loss


for epoch in range(20):
    order = rng.permutation(700).reshape(14, 50)
    for idx in order:
        params, state, loss = update(params, state, wave[idx], labels[idx])
    if epoch % 5 == 4:
        hit = forward(params, wave[700:]).argmax(-1) == labels[700:]
        print(epoch + 1, float(loss), "accuracy", float(hit.mean()))

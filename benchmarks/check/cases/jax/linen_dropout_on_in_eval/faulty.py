import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from sklearn.datasets import load_digits


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.relu(nn.Dense(128)(x))
        x = nn.Dropout(0.5, deterministic=False)(x)
        return nn.Dense(10)(x)


x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
model = Net()
params = model.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, x[:1], train=False)
tx = optax.adam(3e-3)
opt_state = tx.init(params)


@jax.jit
def train_step(params, opt_state, key, xb, yb):
    def loss_fn(p):
        logits = model.apply(p, xb, train=True, rngs={"dropout": key})
        return optax.softmax_cross_entropy_with_integer_labels(logits, yb).mean()

    loss, grads = jax.value_and_grad(loss_fn)(params)
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, loss


@jax.jit
def evaluate(params, key, xb, yb):
    logits = model.apply(params, xb, train=False, rngs={"dropout": key})
    return (logits.argmax(-1) == yb).mean()


key = jax.random.key(5)
rng = np.random.default_rng(0)
for epoch in range(8):
    for idx in np.split(rng.permutation(1400), 28):
        key, sub = jax.random.split(key)
        params, opt_state, loss = train_step(params, opt_state, sub, x[idx], y[idx])
    key, sub = jax.random.split(key)
    print(epoch, float(loss), float(evaluate(params, sub, x[1400:], y[1400:])))

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from sklearn.datasets import load_digits


class MLP(nn.Module):
    width: int = 64

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(self.width)(x))
        x = nn.relu(nn.Dense(self.width)(x))
        return nn.Dense(10)(x)


x, y = load_digits(return_X_y=True)
x, y = (x / 16).astype(np.float32), y
model = MLP()
params = model.init(jax.random.key(0), x[:1])
tx = optax.adam(1.0)
opt_state = tx.init(params)


@jax.jit
def train_step(params, opt_state, xb, yb):
    def loss_fn(p):
        return optax.softmax_cross_entropy_with_integer_labels(model.apply(p, xb), yb).mean()

    loss, grads = jax.value_and_grad(loss_fn)(params)
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, loss


rng = np.random.default_rng(0)
for epoch in range(6):
    for idx in np.split(rng.permutation(1400), 28):
        params, opt_state, loss = train_step(params, opt_state, x[idx], y[idx])
    acc = (model.apply(params, x[1400:]).argmax(1) == y[1400:]).mean()
    print(epoch, float(loss), float(acc))

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_wine

X, y = load_wine(return_X_y=True)
perm = np.random.default_rng(1).permutation(len(X))
X, y = X[perm].astype(np.float32), y[perm]
X[:, 12] /= 100.0


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        x = nn.relu(nn.Dense(32)(x))
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        return nn.Dense(3)(x)


net = Net()
variables = net.init(jax.random.PRNGKey(0), X[:2], train=False)
params, stats = variables["params"], variables["batch_stats"]
tx = optax.adam(5e-3)
opt_state = tx.init(params)


@jax.jit
def train_step(params, stats, opt_state, xb, yb):
    def loss_fn(p):
        logits, updated = net.apply({"params": p, "batch_stats": stats}, xb, train=True, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, yb).mean(), updated["batch_stats"]

    (loss, new_stats), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, opt_state = tx.update(grads, opt_state)
    return optax.apply_updates(params, updates), new_stats, opt_state, loss


for epoch in range(25):
    for i in range(0, 128, 16):
        params, _, opt_state, loss = train_step(params, stats, opt_state, X[i : i + 16], y[i : i + 16])
logits = net.apply({"params": params, "batch_stats": stats}, X[128:], train=False)
print("train loss", float(loss), "test accuracy", float((logits.argmax(-1) == y[128:]).mean()))

import jax
import numpy as np
import optax
from flax import linen as nn
from sklearn.datasets import load_digits


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.Dense(96, use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        x = nn.Dropout(0.2, deterministic=not train)(x)
        return nn.Dense(10)(x)


x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
model = Net()
variables = model.init(jax.random.key(0), x[:2], train=False)
params, stats = variables["params"], variables["batch_stats"]
tx = optax.MultiSteps(optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(5e-3)), every_k_schedule=2)
opt_state = tx.init(params)
base = jax.random.key(42)


@jax.jit
def step(i, params, stats, opt_state, xb, yb):
    def loss_fn(p):
        out, new = model.apply({"params": p, "batch_stats": stats}, xb, train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.fold_in(base, i)})
        return optax.softmax_cross_entropy_with_integer_labels(out, yb).mean(), new["batch_stats"]

    (loss, stats_), g = jax.value_and_grad(loss_fn, has_aux=True)(params)
    u, opt_state = tx.update(g, opt_state, params)
    return optax.apply_updates(params, u), stats_, opt_state, loss


rng = np.random.default_rng(0)
i = 0
for epoch in range(6):
    for idx in np.split(rng.permutation(1400), 56):
        params, stats, opt_state, loss = step(i, params, stats, opt_state, x[idx], y[idx])
        i += 1
    out = model.apply({"params": params, "batch_stats": stats}, x[1400:], train=False)
    print(epoch, float(loss), float((out.argmax(1) == y[1400:]).mean()))

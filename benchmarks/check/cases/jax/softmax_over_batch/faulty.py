import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_wine

x, y = load_wine(return_X_y=True)
order = np.random.default_rng(0).permutation(178)
x, y = ((x - x.mean(0)) / x.std(0)).astype(np.float32)[order], y[order]


class Net(nnx.Module):
    def __init__(self, rngs):
        self.a = nnx.Linear(13, 24, rngs=rngs)
        self.b = nnx.Linear(24, 3, rngs=rngs)

    def __call__(self, x):
        z = self.b(nnx.relu(self.a(x)))
        return jax.nn.log_softmax(z, axis=0)


net = Net(nnx.Rngs(0))
opt = nnx.Optimizer(net, optax.adam(1e-2), wrt=nnx.Param)


@nnx.jit
def step(net, opt, xb, yb):
    def loss_fn(net):
        return -jnp.take_along_axis(net(xb), yb[:, None], 1).mean()

    loss, g = nnx.value_and_grad(loss_fn)(net)
    opt.update(net, g)
    return loss


for epoch in range(30):
    for i in range(0, 128, 16):
        loss = step(net, opt, x[i : i + 16], y[i : i + 16])
one_by_one = np.array([int(net(row[None]).argmax()) for row in x[128:]])
print("loss", float(loss), "accuracy one by one", (one_by_one == y[128:]).mean())

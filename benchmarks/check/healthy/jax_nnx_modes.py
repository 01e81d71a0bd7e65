import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits


class Net(nnx.Module):
    def __init__(self, rngs):
        self.l1 = nnx.Linear(64, 96, rngs=rngs)
        self.bn = nnx.BatchNorm(96, rngs=rngs)
        self.drop = nnx.Dropout(0.2, rngs=rngs)
        self.l2 = nnx.Linear(96, 10, rngs=rngs)

    def __call__(self, x):
        return self.l2(self.drop(nnx.relu(self.bn(self.l1(x)))))


x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
net = Net(nnx.Rngs(0))
opt = nnx.Optimizer(net, optax.adamw(optax.cosine_decay_schedule(4e-3, 200)), wrt=nnx.Param)


@nnx.jit
def step(net, opt, xb, yb):
    loss, g = nnx.value_and_grad(lambda m: optax.softmax_cross_entropy_with_integer_labels(m(xb), yb).mean())(net)
    opt.update(net, g)
    return loss


rng = np.random.default_rng(0)
for epoch in range(6):
    net.train()
    for idx in np.split(rng.permutation(1400), 28):
        loss = step(net, opt, x[idx], y[idx])
    net.eval()
    print(epoch, float(loss), float((net(x[1400:]).argmax(1) == y[1400:]).mean()))

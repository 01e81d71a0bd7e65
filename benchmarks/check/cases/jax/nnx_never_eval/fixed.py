import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits


class CNN(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(1, 12, (3, 3), rngs=rngs)
        self.bn = nnx.BatchNorm(12, rngs=rngs)
        self.drop = nnx.Dropout(0.4, rngs=rngs)
        self.out = nnx.Linear(12 * 16, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.avg_pool(nnx.relu(self.bn(self.conv(x))), (2, 2), strides=(2, 2))
        return self.out(self.drop(x.reshape(len(x), -1)))


d = load_digits()
x, y = (d.images / 16).astype(np.float32)[..., None], d.target
model = CNN(nnx.Rngs(0))
optimizer = nnx.Optimizer(model, optax.adam(3e-3), wrt=nnx.Param)


@nnx.jit
def train_step(model, optimizer, xb, yb):
    def loss_fn(m):
        return optax.softmax_cross_entropy_with_integer_labels(m(xb), yb).mean()

    loss, grads = nnx.value_and_grad(loss_fn)(model)
    optimizer.update(model, grads)
    return loss


@nnx.jit
def predict(model, xb):
    return model(xb).argmax(1)


rng = np.random.default_rng(0)
for epoch in range(4):
    model.train()
    for idx in np.split(rng.permutation(1400), 28):
        loss = train_step(model, optimizer, x[idx], y[idx])
    model.eval()
    pred = predict(model, x[1400:])
    print(epoch, float(loss), float((pred == y[1400:]).mean()))

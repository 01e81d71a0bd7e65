import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits

data = load_digits()
order = np.random.default_rng(0).permutation(1797)
images = (data.data[order] / 16.0).astype(np.float32)
target = data.target[order]

num_epochs = 10
batch_size = 64
steps_per_epoch = 1500 // batch_size


class MLP(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.l1 = nnx.Linear(64, 96, rngs=rngs)
        self.l2 = nnx.Linear(96, 10, rngs=rngs)

    def __call__(self, x):
        return self.l2(nnx.gelu(self.l1(x)))


model = MLP(nnx.Rngs(0))
schedule = optax.cosine_decay_schedule(init_value=4e-3, decay_steps=num_epochs * steps_per_epoch)
optimizer = nnx.Optimizer(model, optax.adamw(schedule), wrt=nnx.Param)


@nnx.jit
def train_step(model, optimizer, x, y):
    def loss_fn(m):
        return optax.softmax_cross_entropy_with_integer_labels(m(x), y).mean()

    loss, grads = nnx.value_and_grad(loss_fn)(model)
    optimizer.update(model, grads)
    return loss


for epoch in range(num_epochs):
    shuffled = np.random.default_rng(epoch).permutation(1500)
    for s in range(steps_per_epoch):
        idx = shuffled[s * batch_size : (s + 1) * batch_size]
        loss = train_step(model, optimizer, images[idx], target[idx])
    accuracy = float((model(images[1500:]).argmax(-1) == target[1500:]).mean())
    print(f"epoch {epoch}: loss {float(loss):.3f}, test accuracy {accuracy:.3f}")

import jax
import jax.numpy as jnp
import optax
from sklearn.datasets import make_moons

X, Y = make_moons(800, noise=0.15, random_state=1)
X, Y = jnp.asarray(X, jnp.float32), jnp.asarray(Y, jnp.float32)


def net(p, x):
    h = jnp.tanh(x @ p["w1"] + p["b1"])
    h = jax.lax.stop_gradient(h)
    return (h @ p["w2"] + p["b2"])[:, 0]


def loss(p, x, y):
    return optax.sigmoid_binary_cross_entropy(net(p, x), y).mean()


k1, k2 = jax.random.split(jax.random.key(3))
p = {"w1": jax.random.normal(k1, (2, 4)) * 0.3, "b1": jnp.zeros(4), "w2": jax.random.normal(k2, (4, 1)) * 0.2, "b2": jnp.zeros(1)}
opt = optax.sgd(0.5, momentum=0.9)
s = opt.init(p)


@jax.jit
def train_step(p, s, x, y):
    value, grads = jax.value_and_grad(loss)(p, x, y)
    up, s = opt.update(grads, s)
    return optax.apply_updates(p, up), s, value


for i in range(300):
    k = jax.random.fold_in(jax.random.key(7), i)
    idx = jax.random.randint(k, (64,), 0, 600)
    p, s, value = train_step(p, s, X[idx], Y[idx])
    if i % 60 == 59:
        acc = ((net(p, X[600:]) > 0) == (Y[600:] > 0)).mean()
        print(i + 1, float(value), float(acc))

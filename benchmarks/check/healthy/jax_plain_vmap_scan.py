import jax
import jax.numpy as jnp

key = jax.random.key(0)
kx, kp = jax.random.split(key)
X = jax.random.normal(kx, (1280, 6))
Y = jnp.where(X[:, 0] * X[:, 1] > 0, 1, 0)


def init(key):
    a, b = jax.random.split(key)
    return {"w1": 0.5 * jax.random.normal(a, (6, 48)), "b1": jnp.zeros(48), "w2": 0.2 * jax.random.normal(b, (48, 2)), "t": jnp.zeros(())}


def logits(p, row):
    return jnp.tanh(row @ p["w1"] + p["b1"]) @ p["w2"] * jnp.exp(p["t"])


def loss_fn(p, target, x, y):
    z = jax.vmap(logits, (None, 0))(p, x)
    teacher = jax.lax.stop_gradient(jax.nn.softmax(jax.vmap(logits, (None, 0))(target, x)))
    ce = -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()
    return ce + 0.1 * -(teacher * jax.nn.log_softmax(z)).sum(1).mean()


@jax.jit
def epoch(carry, key):
    order = jax.random.permutation(key, 1024).reshape(32, 32)

    def body(carry, idx):
        p, m, target = carry
        loss, g = jax.value_and_grad(loss_fn)(p, target, X[idx], Y[idx])
        m = jax.tree.map(lambda a, b: 0.9 * a + b, m, g)
        p = jax.tree.map(lambda a, b: a - 0.03 * b, p, m)
        target = jax.tree.map(lambda a, b: 0.99 * a + 0.01 * b, target, p)
        return (p, m, target), loss

    return jax.lax.scan(body, carry, order)


p = init(kp)
carry = (p, jax.tree.map(jnp.zeros_like, p), p)
for e in range(10):
    carry, losses = epoch(carry, jax.random.fold_in(key, e))
    pred = jax.vmap(logits, (None, 0))(carry[0], X[1024:]).argmax(1)
    print(e, float(losses.mean()), float((pred == Y[1024:]).mean()))

"""Short Keras programs: pipelines of tf.data, layers frozen and unfrozen, texts, tapes; see `scripts`."""

from __future__ import annotations

_NET = """
m = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(0.01), "mse")
"""
_NOISE = """
import tensorflow as tf
def noise(row, goal):
    return row + 0.1 * tf.random.normal(tf.shape(row)), goal
data = tf.data.Dataset.from_tensor_slices((x, r))
"""
_PARTS = """
import tensorflow as tf
data = tf.data.Dataset.from_tensor_slices((x, r))
"""
_BODY = """
body = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu")])
m = keras.Sequential([body, layers.Dense(1)])
body.trainable = False
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(x, r, epochs=2, verbose=0)
body.trainable = True
"""

_TOKENS = """
i = keras.Input((9,), dtype="int32")
h = layers.Embedding(12, 16)(i)
h = h + layers.MultiHeadAttention(2, 8)(h, hMASK)
m = keras.Model(i, layers.Dense(12)(h))
m.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
text = np.cumsum(rng.integers(1, 4, size=(256, 10)), axis=1) % 12
m.fit(text[:, :-1], TARGET, epochs=2, verbose=0)
"""
_TAPE = """
import tensorflow as tf
m = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu"), layers.BatchNormalization(),
                      layers.Dropout(0.2), layers.Dense(1)])
adam = keras.optimizers.Adam(0.01)
@tf.function
def step(rows, goal):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((m(rowsHOW)[:, 0] - goal) ** 2)
    adam.apply(tape.gradient(loss, m.trainable_variables), m.trainable_variables)
    return loss
for epoch in range(3):
    for at in range(0, 320, 32):
        step(x[at:at + 32], r[at:at + 32])
"""

FIRES: dict[str, tuple[str, str]] = {
    "a body unfrozen and not compiled again": ("K28", _BODY + "m.fit(x, r, epochs=2, verbose=0)\n"),
    "layers frozen and not compiled again": (
        "K28",
        _NET + "m.fit(x, r, epochs=2, verbose=0)\nm.layers[0].trainable = False\nm.fit(x, r, epochs=2, verbose=0)\n",
    ),
    "noise that is cached": (
        "K29",
        _NOISE + _NET + "m.fit(data.map(noise).cache().shuffle(320).batch(32), epochs=3, verbose=0)\n",
    ),
    "augmenting layers that are cached": (
        "K29",
        _NOISE
        + _NET
        + """
augment = keras.Sequential([layers.GaussianNoise(0.1)])
noisy = data.batch(32).map(lambda rows, goal: (augment(rows, training=True), goal), num_parallel_calls=2)
m.fit(noisy.cache().prefetch(1), epochs=3, verbose=0)
""",
    ),
    "parts of a pipeline that is shuffled anew": (
        "K30",
        _PARTS
        + _NET
        + """
data = data.shuffle(320, seed=1)
m.fit(data.skip(80).batch(32), validation_data=data.take(80).batch(32), epochs=2, verbose=0)
""",
    ),
}

FIRES |= {
    "the next token without a mask": ("K31", _TOKENS.replace("MASK", "").replace("TARGET", "text[:, 1:]")),
    "a tape in inference mode": ("K32", _TAPE.replace("HOW", "")),
}

SILENT: dict[str, str] = {
    "a part with an optimizer of its own, in a step of one's own": """
import tensorflow as tf
class Turns(keras.Model):
    def __init__(self):
        super().__init__()
        self.body, self.head = layers.Dense(16, activation="relu"), layers.Dense(1)
        self.slow = keras.optimizers.SGD(0.001)
    def call(self, inputs):
        return self.head(self.body(inputs))
    def train_step(self, data):
        rows, goal = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(rows, training=True)[:, 0] - goal) ** 2)
        body, head = self.body.trainable_variables, self.head.trainable_variables
        grads = tape.gradient(loss, body + head)
        self.slow.apply(grads[: len(body)], body)
        self.optimizer.apply(grads[len(body):], head)
        return {"loss": loss}
m = Turns()
m.compile(keras.optimizers.Adam(0.01))
m.fit(x, r, epochs=2, verbose=0)
m.fit(x, r, epochs=2, verbose=0)
""",
    "the next token behind a mask": _TOKENS.replace("MASK", ", use_causal_mask=True").replace(
        "TARGET", "text[:, 1:]"
    ),
    "a tag for each token": _TOKENS.replace("MASK", "").replace("TARGET", "text[:, :-1] % 3"),
    "a tape in training mode": _TAPE.replace("HOW", ", training=True"),
    "a body unfrozen and compiled again": _BODY
    + 'm.compile(keras.optimizers.Adam(0.001), "mse")\nm.fit(x, r, epochs=2, verbose=0)\n',
    "cached before noise is drawn": _NOISE
    + _NET
    + "m.fit(data.cache().shuffle(320).map(noise).batch(32), epochs=3, verbose=0)\n",
    "a map without noise is cached": _NOISE
    + _NET
    + "m.fit(data.map(lambda row, goal: (row * 2, goal)).cache().shuffle(320).batch(32), epochs=3, verbose=0)\n",
    "parts of a pipeline whose order is kept, shuffled afterwards": _PARTS
    + _NET
    + """
data = data.shuffle(320, seed=1, reshuffle_each_iteration=False)
train = data.skip(80).shuffle(240).batch(32)
m.fit(train, validation_data=data.take(80).batch(32), epochs=2, verbose=0)
""",
}

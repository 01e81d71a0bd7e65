"""Short Keras programs: those that a check must name, and those that all checks must pass over.

`COMMON` is put before each. A fault stands with the code that must be among the findings; every other code that may
stand beside it is listed after it. A healthy program must give no warning and no error.
"""

from __future__ import annotations

from checks.keras import mode_scripts, pipeline_scripts

COMMON = """
import keras
import numpy as np
from keras import layers
keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(320, 8)).astype("float32")
y = (x[:, 0] + 0.3 * x[:, 1] > 0).astype("int32")
k = np.digitize(x[:, 0] + 0.3 * x[:, 1], [-0.5, 0.5]).astype("int32")
r = (x @ np.linspace(-1, 1, 8) + 0.1 * rng.normal(size=320)).astype("float32")
pixels = rng.integers(0, 256, size=(160, 12, 12, 1)).astype("float32")
"""

FIRES: dict[str, tuple[str, str]] = {
    "logits into binary_crossentropy": (
        "K01",
        """
m = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=3, verbose=0)
""",
    ),
    "logits into sparse_categorical_crossentropy": (
        "K01",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3)])
m.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(x, k, epochs=2, verbose=0)
""",
    ),
    "relu instead of softmax": (
        "K01",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3, activation="relu")])
m.compile("adam", loss="categorical_crossentropy")
m.fit(x, keras.utils.to_categorical(k, 3), epochs=2, verbose=0)
""",
    ),
    "tanh with binary_crossentropy in a subclass": (
        "K01",
        """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(8, activation="relu"), layers.Dense(1, activation="tanh")
    def call(self, inputs):
        return self.b(self.a(inputs))
m = Net()
m.compile("adam", loss="binary_crossentropy")
m.fit(x, y, epochs=2, verbose=0)
""",
    ),
    "softmax and from_logits": (
        "K02",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")])
m.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
m.fit(x, k, epochs=2, verbose=0)
""",
    ),
    "softmax function and from_logits": (
        "K02",
        """
i = keras.Input((8,))
h = layers.Dense(3)(layers.Dense(16, activation="relu")(i))
m = keras.Model(i, keras.ops.softmax(h) * 1.0)
m.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
m.fit(x, k, epochs=2, verbose=0)
""",
    ),
    "sigmoid and from_logits": (
        "K02",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
m.fit(x, y, epochs=2, verbose=0)
""",
    ),
    "softmax of one unit": (
        "K03",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="softmax")])
m.compile("adam", loss="binary_crossentropy")
m.fit(x, y, epochs=2, verbose=0)
""",
    ),
    "one sigmoid for three classes": (
        "K04",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
m.fit(x, k, epochs=2, verbose=0)
""",
    ),
    "labels of -1 and 1": (
        "K04",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="binary_crossentropy")
m.fit(x, 2 * y - 1, epochs=2, verbose=0)
""",
    ),
    "categorical_crossentropy of one unit": (
        "K04",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="categorical_crossentropy")
m.fit(x, y[:, None], epochs=2, verbose=0)
""",
    ),
    "classes numbered from 1": (
        "K04",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
m.compile("adam", loss="sparse_categorical_crossentropy")
m.fit(x, k + 1, epochs=2, verbose=0)
""",
    ),
    "softmax for several labels": (
        "K05",
        """
many = np.stack([x[:, 0] > 0, x[:, 1] > 0, x[:, 2] > 0], axis=1).astype("float32")
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
m.compile("adam", loss="binary_crossentropy")
m.fit(x, many, epochs=2, verbose=0)
""",
    ),
    "sigmoid for one of three classes": (
        "K05",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="sigmoid")])
m.compile("adam", loss="categorical_crossentropy")
m.fit(x, keras.utils.to_categorical(k, 3), epochs=2, verbose=0)
""",
    ),
    "relu on a regression output": (
        "K06",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="relu")])
m.compile("adam", loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "sigmoid on a regression output": (
        "K06",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="mae")
m.fit(x, 5 + 3 * r, epochs=2, verbose=0)
""",
    ),
    "raw pixels": (
        "K07",
        """
m = keras.Sequential([layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(2, "softmax")])
m.compile("adam", loss="sparse_categorical_crossentropy")
m.fit(pixels, y[:160], epochs=2, verbose=0)
""",
    ),
    "raw pixels from tf.data": (
        "K07",
        """
import tensorflow as tf
ds = tf.data.Dataset.from_tensor_slices((pixels.reshape(160, 144), y[:160])).shuffle(160).batch(32)
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(2, activation="softmax")])
m.compile("adam", loss="sparse_categorical_crossentropy")
m.fit(ds, epochs=2, verbose=0)
""",
    ),
    "columns of very different size": (
        "K08",
        """
big = x * np.array([1, 1, 1, 1, 1, 1, 1e4, 1e5], "float32")
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(1e-3), loss="mse")
m.fit(big, r, epochs=4, verbose=0)
""",
    ),
    "targets of a hundred thousand": (
        "K09",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
m.compile("adam", loss="mse")
m.fit(x, 2e5 + 5e4 * r, epochs=4, verbose=0)
""",
    ),
    "NaN in a column": (
        "K10",
        """
x[5, 2] = np.nan
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
m.compile("adam", loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "learning rate zero": (
        "K11",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(0.0), loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "everything frozen": (
        "K11",
        """
m = keras.Sequential([layers.Input((8,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
for layer in m.layers:
    layer.trainable = False
m.compile("adam", loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "gradient cut off": (
        "K11",
        """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(8, activation="relu"), layers.Dense(1)
    def call(self, inputs):
        return self.b(keras.ops.stop_gradient(self.a(inputs)))
m = Net()
m.compile("adam", loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "accuracy of logits": (
        "K12",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
m.compile("adam", loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
m.fit(x, y, epochs=2, verbose=0)
""",
    ),
    "accuracy of a regression": (
        "K12",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
m.compile("adam", loss="mse", metrics=["accuracy"])
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "validation_split of sorted rows": (
        "K13",
        """
order = np.argsort(k)
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
m.compile("adam", loss="sparse_categorical_crossentropy")
m.fit(x[order], k[order], validation_split=0.1, epochs=2, verbose=0)
""",
    ),
    "sorted rows that are not shuffled": (
        "K13",
        """
order = np.argsort(k)
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
m.compile("adam", loss="sparse_categorical_crossentropy")
m.fit(x[order], k[order], shuffle=False, epochs=2, verbose=0)
""",
    ),
    "sorted tf.data": (
        "K13",
        """
import tensorflow as tf
order = np.argsort(k)
ds = tf.data.Dataset.from_tensor_slices((x[order], k[order])).batch(32)
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
m.compile("adam", loss="sparse_categorical_crossentropy")
m.fit(ds, epochs=3, verbose=0)
""",
    ),
    "oversampled before the split": (
        "K14",
        """
twice, both = np.concatenate([x, x[:60]]), np.concatenate([y, y[:60]])
order = rng.permutation(len(twice))
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="binary_crossentropy")
m.fit(x[:300], y[:300], validation_data=(x[200:], y[200:]), epochs=2, verbose=0)
""",
    ),
    "learning rate far too high": (
        "K15",
        """
m = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.SGD(10.0), loss="mse")
m.fit(x, r, epochs=3, verbose=0)
""",
    ),
    "chosen and scored on the same rows": (
        "K16",
        """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="binary_crossentropy")
m.fit(x[:200], y[:200], validation_data=(x[200:], y[200:]), epochs=2, verbose=0,
      callbacks=[keras.callbacks.EarlyStopping(patience=1)])
m.evaluate(x[200:], y[200:], verbose=0)
""",
    ),
    "a bias that kills every unit": (
        "K17",
        """
m = keras.Sequential([
    layers.Dense(8, activation="relu", bias_initializer=keras.initializers.Constant(-100.0)), layers.Dense(1)])
m.compile("adam", loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "all kernels zero": (
        "K18",
        """
m = keras.Sequential([
    layers.Input((8,)),
    layers.Dense(8, activation="relu", kernel_initializer="zeros"), layers.Dense(1, kernel_initializer="zeros")])
m.compile("adam", loss="mse")
m.fit(x, r, epochs=2, verbose=0)
""",
    ),
    "inputs that say nothing at a tiny learning rate": (
        "K19",
        """
m = keras.Sequential([layers.Dense(8, activation="tanh"), layers.Dense(1, activation="sigmoid")])
m.compile(keras.optimizers.SGD(1e-6), loss="binary_crossentropy")
m.fit(x, y, epochs=24, verbose=0)
""",
    ),
    "three epochs of a falling loss": (
        "K20",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(1e-2), loss="mse")
m.fit(x, r, epochs=3, verbose=0)
""",
    ),
    "a net of Dense layers alone": (
        "K21",
        """
i = keras.Input((8,))
h = layers.Dropout(0.2)(layers.Dense(32)(i))
m = keras.Model(i, layers.Dense(3, activation="softmax")(layers.Dense(16)(h)))
m.compile("adam", "sparse_categorical_crossentropy")
m.fit(x, k, epochs=2, verbose=0)
""",
    ),
    "the target is the last column": (
        "K22",
        """
table = np.column_stack([x, r])
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile("adam", "mse")
m.fit(table, table[:, -1], epochs=2, verbose=0, validation_split=0.2)
""",
    ),
    "the target's column was scaled": (
        "K22",
        """
table = np.column_stack([r, x]).astype("float64")
table = (table - table.mean(0)) / table.std(0)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile("adam", "mse")
m.fit(table, 3 * r + 20, epochs=2, verbose=0)
""",
    ),
    "windows scaled with their future": (
        "K27",
        """
wave = (50 + np.cumsum(0.9 * rng.normal(size=600))).astype("float32")
w = np.lib.stride_tricks.sliding_window_view(wave, 32)
by = w
z = ((w - by.mean(1, keepdims=True)) / by.std(1, keepdims=True)).astype("float32")
m = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(8)])
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(z[:, :24], z[:, 24:], epochs=12, verbose=0)
""",
    ),
    "windows scaled with the next step": (
        "K27",
        """
wave = (50 + np.cumsum(0.9 * rng.normal(size=600))).astype("float32")
w = np.lib.stride_tricks.sliding_window_view(wave, 32)
by = w
z = ((w - by.mean(1, keepdims=True)) / by.std(1, keepdims=True)).astype("float32")
m = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(z[:, :31], z[:, 31], epochs=12, verbose=0)
""",
    ),
    "two heads by name, an own loss that takes logits for probabilities": (
        "K01",
        """
def kind_loss(truth, guess):
    return keras.ops.sparse_categorical_crossentropy(keras.ops.reshape(truth, (-1,)), guess)
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
m = keras.Model(i, {"kind": layers.Dense(3, name="kind")(h), "size": layers.Dense(1, name="size")(h)})
m.compile("adam", {"kind": kind_loss, "size": "mse"}, loss_weights={"kind": 1.0, "size": 0.3})
m.fit(x, {"kind": k, "size": r}, epochs=2, verbose=0)
""",
    ),
    "two heads in a list, the second of logits": (
        "K01",
        """
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
m = keras.Model(i, [layers.Dense(1, name="size")(h), layers.Dense(1, name="sign")(h)])
m.compile("adam", ["mse", "binary_crossentropy"])
m.fit(x, [r, y], epochs=2, verbose=0)
""",
    ),
    "an own weighted loss over logits": (
        "K01",
        """
def weighted(truth, guess):
    truth = keras.ops.cast(truth, "float32")
    return (1 + truth[:, 0]) * keras.losses.binary_crossentropy(truth, guess)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile("adam", weighted)
m.fit(x, y[:, None], epochs=2, verbose=0)
""",
    ),
    "an own loss of logits over a softmax": (
        "K02",
        """
def kind_loss(truth, guess):
    return keras.ops.sparse_categorical_crossentropy(keras.ops.reshape(truth, (-1,)), guess, from_logits=True)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3), layers.Softmax()])
m.compile("adam", kind_loss)
m.fit(x, k, epochs=2, verbose=0)
""",
    ),
}

SILENT: dict[str, str] = {
    "activations as layers and as operations": """
i = keras.Input((8,))
h = keras.ops.relu(layers.Dense(16)(i))
h = layers.ReLU()(layers.BatchNormalization()(layers.Dense(16)(h)))
m = keras.Model(i, layers.Dense(3, activation="softmax")(h))
m.compile("adam", "sparse_categorical_crossentropy")
m.fit(x, k, epochs=3, verbose=0)
""",
    "a factorisation through two places": """
m = keras.Sequential([layers.Dense(16, "relu"), layers.Dense(2), layers.Dense(16, "relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(0.02), "mse")
m.fit(x, r, epochs=12, verbose=0)
""",
    "a wave that repeats itself": """
wave = np.sin(np.arange(400) * 2 * np.pi / 8).round(3).astype("float32")
windows = np.stack([wave[i : i + 24] for i in range(320)])
m = keras.Sequential([layers.Dense(16, activation="tanh"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(0.02), "mse")
m.fit(windows, wave[24:344], epochs=12, verbose=0)
""",
    "sigmoid": """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=4, validation_split=0.2, verbose=0)
""",
    "logits with from_logits, border at zero": """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dropout(0.3), layers.Dense(1)])
right = keras.metrics.BinaryAccuracy(threshold=0.0)
m.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=[right])
m.fit(x, y, epochs=4, verbose=0)
""",
    "softmax, three classes, label smoothing": """
m = keras.Sequential([layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dense(3, "softmax")])
m.compile("adam", keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])
m.fit(x, keras.utils.to_categorical(k, 3), epochs=4, verbose=0, class_weight={0: 1.0, 1: 2.0, 2: 1.0})
""",
    "softmax as a separate layer": """
m = keras.Sequential([layers.Dense(3), layers.Softmax()])
m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(x, k, epochs=3, verbose=0)
""",
    "several labels with sigmoid": """
many = np.stack([x[:, 0] > 0, x[:, 1] > 0, x[:, 2] > 0], axis=1).astype("float32")
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, many, epochs=3, verbose=0)
""",
    "regression that learns": """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"])
m.fit(x, r, epochs=12, verbose=0, callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="loss")])
""",
    "softplus for positive targets": """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="softplus")])
m.compile("adam", "mse")
m.fit(x, np.abs(r), epochs=4, verbose=0)
""",
    "autoencoder with sigmoid": """
p = pixels.reshape(160, 144) / 255.0
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(144, activation="sigmoid")])
m.compile("adam", "binary_crossentropy")
m.fit(p, p, epochs=3, verbose=0)
""",
    "pixels rescaled in the model": """
conv = layers.Conv2D(4, 3, activation="relu")
m = keras.Sequential([layers.Rescaling(1 / 255), conv, layers.Flatten(), layers.Dense(2, "softmax")])
m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(pixels, y[:160], epochs=2, verbose=0)
""",
    "normalisation adapted in the model": """
big = x * np.array([1, 1, 1, 1, 1, 1, 1e4, 1e5], "float32")
scale = layers.Normalization()
scale.adapt(big)
m = keras.Sequential([scale, layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile("adam", "mse")
m.fit(big, r, epochs=3, verbose=0)
""",
    "token numbers into an embedding": """
t = rng.integers(0, 250, size=(320, 12))
m = keras.Sequential([layers.Embedding(250, 8), layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(t, y, epochs=3, verbose=0)
""",
    "frozen backbone": """
base = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu")])
base.trainable = False
m = keras.Sequential([base, layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=6, verbose=0)
""",
    "two outputs": """
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
m = keras.Model(i, [layers.Dense(1, name="a")(h), layers.Dense(3, activation="softmax", name="b")(h)])
m.compile("adam", ["mse", "sparse_categorical_crossentropy"], metrics=[["mae"], ["accuracy"]])
m.fit(x, [r, k], epochs=3, verbose=0)
""",
    "outputs by name, tf.data with random augmentation": """
import tensorflow as tf
ds = tf.data.Dataset.from_tensor_slices(({"in": x}, {"out": y})).shuffle(320).map(
    lambda a, b: ({"in": a["in"] + 0.01 * tf.random.normal((8,))}, b)).batch(32).prefetch(2)
i = keras.Input((8,), name="in")
m = keras.Model(i, {"out": layers.Dense(1, activation="sigmoid", name="out")(layers.Dense(8, activation="relu")(i))})
m.compile("adam", {"out": "binary_crossentropy"}, metrics={"out": "accuracy"})
m.fit(ds, epochs=3, verbose=0)
""",
    "own training step: a GAN": """
class GAN(keras.Model):
    def __init__(self):
        super().__init__()
        self.g, self.d = layers.Dense(8), keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
        self.b = keras.losses.BinaryCrossentropy(from_logits=True)
    def compile(self, **kw):
        super().compile(**kw)
        self.o = keras.optimizers.Adam(1e-3)
    def train_step(self, data):
        import tensorflow as tf
        real = data[0] if isinstance(data, tuple) else data
        z = tf.random.normal(tf.shape(real))
        with tf.GradientTape() as tape:
            out = self.d(tf.concat([real, self.g(z)], 0))
            n = tf.shape(real)[0]
            loss = self.b(tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], 0), out)
        self.optimizer.apply(tape.gradient(loss, self.d.trainable_variables), self.d.trainable_variables)
        with tf.GradientTape() as tape:
            gl = self.b(tf.ones((n, 1)), self.d(self.g(z)))
        self.o.apply(tape.gradient(gl, self.g.trainable_variables), self.g.trainable_variables)
        return {"loss": loss}
m = GAN()
m.compile(optimizer="adam")
m.fit(x, epochs=3, verbose=0)
""",
    "variational autoencoder with add_loss": """
class Sample(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(1)
    def call(self, inputs):
        mean, log = inputs
        self.add_loss(-0.5 * keras.ops.mean(1 + log - mean**2 - keras.ops.exp(log)))
        return mean + keras.ops.exp(0.5 * log) * keras.random.normal(keras.ops.shape(mean), seed=self.seed_generator)
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
m = keras.Model(i, layers.Dense(8)(Sample()([layers.Dense(2)(h), layers.Dense(2)(h)])))
m.compile("adam", "mse")
m.fit(x, x, epochs=3, verbose=0)
""",
    "generator of batches": """
class Batches(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
    def __len__(self):
        return 10
    def __getitem__(self, i):
        part = slice(32 * i, 32 * i + 32)
        return x[part] + rng.normal(size=x[part].shape).astype("float32") * 0.01, y[part]
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy")
m.fit(Batches(), epochs=3, verbose=0)
""",
    "train_on_batch": """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy")
for step in range(12):
    m.train_on_batch(x[:32], y[:32])
""",
    "recurrent net": """
s = rng.normal(size=(160, 10, 3)).astype("float32")
m = keras.Sequential([layers.LSTM(8), layers.Dense(1)])
m.compile("adam", "mae")
m.fit(s, s[:, -1, 0] + s[:, 0, 1], epochs=3, verbose=0)
""",
    "attention": """
s = rng.normal(size=(160, 6, 8)).astype("float32")
i = keras.Input((6, 8))
h = layers.MultiHeadAttention(2, 4)(i, i)
h = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(i + h))
m = keras.Model(i, layers.Dense(2, "softmax")(h))
m.compile("adamw", "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(s, y[:160], epochs=3, verbose=0)
""",
    "zero last layer, three parts of the rows": """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, kernel_initializer="zeros")])
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(x[:200], r[:200], validation_data=(x[200:260], r[200:260]), epochs=12, verbose=0,
      callbacks=[keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)])
m.evaluate(x[260:], r[260:], verbose=0)
""",
    "own loss with both signs": """
def pinball(truth, guess):
    d = truth - guess
    return keras.ops.mean(keras.ops.maximum(0.9 * d, -0.1 * d))
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile("adam", pinball)
m.fit(x, r, epochs=4, verbose=0)
""",
    "unscaled targets that are learned all the same": """
m = keras.Sequential([layers.Dense(1)])
m.compile(keras.optimizers.SGD(0.1), "mse")
m.fit(x, 500 * r, epochs=20, verbose=0)
""",
    "steps_per_execution": """
m = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", steps_per_execution=4)
m.fit(x, y, epochs=3, verbose=0)
""",
    "windows scaled by their past": """
wave = (50 + np.cumsum(0.9 * rng.normal(size=600))).astype("float32")
w = np.lib.stride_tricks.sliding_window_view(wave, 32)
by = w[:, :24]
z = ((w - by.mean(1, keepdims=True)) / by.std(1, keepdims=True)).astype("float32")
m = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(8)])
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(z[:, :24], z[:, 24:], epochs=12, verbose=0)
""",
    "an autoencoder of scaled windows": """
wave = (50 + np.cumsum(0.9 * rng.normal(size=600))).astype("float32")
w = np.lib.stride_tricks.sliding_window_view(wave, 32)
by = w
z = ((w - by.mean(1, keepdims=True)) / by.std(1, keepdims=True)).astype("float32")
m = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(32)])
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(z, z, epochs=12, verbose=0)
""",
    "windows of a series that was scaled": """
wave = (50 + np.cumsum(0.9 * rng.normal(size=600))).astype("float32")
w = np.lib.stride_tricks.sliding_window_view(wave, 32)
by = wave.reshape(1, -1)
z = ((w - by.mean(1, keepdims=True)) / by.std(1, keepdims=True)).astype("float32")
m = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(8)])
m.compile(keras.optimizers.Adam(0.01), "mse")
m.fit(z[:, :24], z[:, 24:], epochs=12, verbose=0)
""",
    "two heads, an own loss of logits and a built-in one": """
def kind_loss(truth, guess):
    return keras.ops.sparse_categorical_crossentropy(keras.ops.reshape(truth, (-1,)), guess, from_logits=True)
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
m = keras.Model(i, {"kind": layers.Dense(3, name="kind")(h), "sign": layers.Dense(1, "sigmoid", name="sign")(h)})
m.compile("adam", {"kind": kind_loss, "sign": "binary_crossentropy"}, loss_weights={"kind": 1.0, "sign": 0.5})
m.fit(x, {"kind": k, "sign": y}, epochs=3, verbose=0)
""",
    "an own loss that makes probabilities first": """
def smoothed(truth, guess):
    sure = keras.ops.softmax(guess)
    return keras.losses.categorical_crossentropy(0.9 * truth + 0.1 / 3, sure)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3)])
m.compile("adam", smoothed)
m.fit(x, keras.utils.to_categorical(k, 3), epochs=3, verbose=0)
""",
    "an own loss of two cross entropies, some outputs without one": """
def both(truth, guess):
    truth = keras.ops.cast(truth, "float32")
    return 0.5 * (keras.losses.binary_crossentropy(truth, keras.ops.sigmoid(guess))
                  + keras.losses.binary_crossentropy(truth, guess, from_logits=True))
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
logit = layers.Dense(1, name="sign")(h)
m = keras.Model(i, {"sign": logit, "features": h, "guess": keras.ops.cast(logit > 0, "int32")})
m.compile("adam", {"sign": both})
m.fit(x, {"sign": y[:, None]}, epochs=3, verbose=0)
""",
}
FIRES |= mode_scripts.FIRES | pipeline_scripts.FIRES
SILENT |= mode_scripts.SILENT | pipeline_scripts.SILENT

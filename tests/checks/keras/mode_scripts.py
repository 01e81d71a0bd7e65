"""Keras programs about modes, callbacks and schedules: those that a check must name, and those to be passed over."""

from __future__ import annotations

FIRES: dict[str, tuple[str, str]] = {
    "own training step without training=True": (
        "K23",
        """
class Step(keras.Model):
    def train_step(self, data):
        import tensorflow as tf
        inputs, truth = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=inputs, y=truth, y_pred=self(inputs))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}
i = keras.Input((8,))
h = layers.BatchNormalization()(layers.Dense(16, activation="relu")(i))
m = Step(i, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.2)(h)))
m.compile("adam", "binary_crossentropy")
m.fit(x, y, epochs=2, verbose=0)
""",
    ),
    "a call without the argument training, dropout": (
        "K23",
        """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.drop, self.b = layers.Dense(16, activation="relu"), layers.Dropout(0.5), layers.Dense(1)
    def call(self, inputs):
        return self.b(self.drop(self.a(inputs)))
m = Net()
m.compile("adam", "mse")
m.fit(x, r, epochs=3, verbose=0)
""",
    ),
    "a call without the argument training, batch normalisation": (
        "K23",
        """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dense(1)])
    def call(self, inputs):
        return self.body(inputs)
m = Net()
m.compile("adam", "mse")
m.fit(x, r, epochs=3, verbose=0)
""",
    ),
    "the worst accuracy is kept": (
        "K24",
        """
import tempfile
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
keep = keras.callbacks.ModelCheckpoint(tempfile.mkdtemp() + "/best.weights.h5", monitor="val_accuracy", mode="min",
                                       save_best_only=True, save_weights_only=True)
m.fit(x, y, validation_split=0.2, epochs=4, verbose=0, callbacks=[keep])
""",
    ),
    "stopped by the highest loss of a head": (
        "K24",
        """
i = keras.Input((8,))
h = layers.Dense(16, activation="relu")(i)
m = keras.Model(i, {"kind": layers.Dense(3, "softmax", name="kind")(h), "size": layers.Dense(1, name="size")(h)})
m.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
m.fit(x, {"kind": k, "size": r}, validation_split=0.2, epochs=4, verbose=0,
      callbacks=[keras.callbacks.EarlyStopping("val_size_loss", mode="max", patience=3)])
""",
    ),
    "a monitored name of another version": (
        "K24",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, validation_split=0.2, epochs=4, verbose=0,
      callbacks=[keras.callbacks.EarlyStopping("val_acc", mode="max", patience=3)])
""",
    ),
    "validation loss without validation": (
        "K24",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, epochs=4, verbose=0, callbacks=[keras.callbacks.ReduceLROnPlateau(patience=2, mode="min")])
""",
    ),
    "a cosine over as many batches as epochs": (
        "K25",
        """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, decay_steps=12)), "mse")
m.fit(x, r, epochs=12, verbose=0)
""",
    ),
    "a rate halved with every batch": (
        "K25",
        """
rate = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=1, decay_rate=0.5)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.SGD(rate), "mse")
m.fit(x, r, epochs=10, verbose=0)
""",
    ),
}

SILENT: dict[str, str] = {
    "own training step with training=True, a restored best epoch": """
class Step(keras.Model):
    def train_step(self, data):
        import tensorflow as tf
        inputs, truth = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=inputs, y=truth, y_pred=self(inputs, training=True))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}
i = keras.Input((8,))
h = layers.BatchNormalization()(layers.Dense(16, activation="relu")(i))
m = Step(i, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.2)(h)))
m.compile("adam", "binary_crossentropy")
m.fit(x, y, epochs=4, verbose=0, callbacks=[keras.callbacks.EarlyStopping("loss", patience=1,
                                                                       restore_best_weights=True)])
""",
    "a body fine-tuned with its statistics kept": """
i = keras.Input((8,))
h = layers.Dropout(0.2)(layers.BatchNormalization()(layers.Dense(16, activation="relu")(i)))
body = keras.Model(i, h)
j = keras.Input((8,))
m = keras.Model(j, layers.Dense(1, activation="sigmoid")(body(j, training=False)))
m.compile("adam", "binary_crossentropy")
m.fit(x, y, epochs=3, verbose=0)
""",
    "a body fine-tuned in a class with its statistics kept": """
class Tuned(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(16, activation="relu"), layers.BatchNormalization()])
        self.head = layers.Dense(1, activation="sigmoid")
    def call(self, inputs, training=False):
        return self.head(self.body(inputs, training=False))
m = Tuned()
m.compile("adam", "binary_crossentropy")
m.fit(x, y, epochs=3, verbose=0)
""",
    "frozen normalisation, no dropout in force, momentum one": """
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.0),
                      layers.BatchNormalization(momentum=1.0), layers.Dense(1, activation="sigmoid")])
m.build((None, 8))
m.layers[1].trainable = False
m.compile("adam", "binary_crossentropy")
m.fit(x, y, epochs=3, verbose=0)
""",
    "a subclass that passes the mode on, dropout used at the end only": """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.n, self.b = layers.Dense(16, activation="relu"), layers.BatchNormalization(), layers.Dense(1)
        self.unused = layers.Dropout(0.5)
    def call(self, inputs, training=None):
        return self.b(self.n(self.a(inputs), training=training))
m = Net()
m.compile("adam", "mse")
m.fit(x, r, epochs=6, verbose=0)
""",
    "callbacks that follow the right way, a checkpoint that keeps all": """
import tempfile
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
folder = tempfile.mkdtemp()
m.fit(x, y, validation_split=0.2, epochs=4, verbose=0, callbacks=[
    keras.callbacks.EarlyStopping("val_auc", mode="max", patience=3),
    keras.callbacks.ReduceLROnPlateau("loss", mode="min", patience=3),
    keras.callbacks.ModelCheckpoint(folder + "/{epoch}.weights.h5", monitor="val_accuracy", mode="min",
                                    save_weights_only=True)])
""",
    "a gap between accuracies that should be small": """
class Gap(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["accuracy_gap"] = abs(logs["accuracy"] - logs["val_accuracy"])
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, validation_split=0.2, epochs=4, verbose=0,
      callbacks=[Gap(), keras.callbacks.EarlyStopping("accuracy_gap", mode="min", patience=10)])
""",
    "an own metric with auto, validated every second epoch": """
def accuracy_like(truth, guess):
    return keras.ops.mean(keras.ops.cast(keras.ops.equal(truth, keras.ops.round(guess)), "float32"))
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=[accuracy_like])
m.fit(x, y[:, None], validation_split=0.2, validation_freq=2, epochs=4, verbose=0,
      callbacks=[keras.callbacks.EarlyStopping("val_loss", mode="min", patience=3)])
""",
    "a cosine over all batches, after a warm-up": """
rate = keras.optimizers.schedules.CosineDecay(0.0, decay_steps=100, warmup_target=0.01, warmup_steps=20)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(rate), "mse")
m.fit(x, r, epochs=12, verbose=0)
""",
    "a short cosine that starts again": """
rate = keras.optimizers.schedules.CosineDecayRestarts(0.01, first_decay_steps=12, t_mul=1.5)
m = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
m.compile(keras.optimizers.Adam(rate), "mse")
m.fit(x, r, epochs=12, verbose=0)
""",
    "a schedule for the epochs that early stopping leaves": """
rate = keras.optimizers.schedules.PolynomialDecay(0.05, decay_steps=100, end_learning_rate=0.0)
m = keras.Sequential([layers.Dense(1)])
m.compile(keras.optimizers.Adam(rate), "mse")
m.fit(x, r, validation_split=0.2, epochs=1000, verbose=0,
      callbacks=[keras.callbacks.EarlyStopping(patience=3, min_delta=0.01)])
""",
    "one rate for many calls of fit": """
rate = keras.optimizers.schedules.PolynomialDecay(0.05, decay_steps=60, end_learning_rate=0.0)
m = keras.Sequential([layers.Dense(1)])
m.compile(keras.optimizers.Adam(rate), "mse")
for part in range(6):
    m.fit(x, r, epochs=1, verbose=0)
""",
}

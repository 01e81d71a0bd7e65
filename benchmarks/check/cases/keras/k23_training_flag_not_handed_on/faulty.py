import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
X = rng.normal(size=(900, 20)).astype("float32")
signal = X[:, 0] * X[:, 1] + X[:, 2] - 0.5 * X[:, 3]
y = (signal + rng.normal(0, 0.6, 900) > 0).astype("int32")


class Classifier(keras.Model):
    def __init__(self, width=128, rate=0.5):
        super().__init__()
        self.hidden = [layers.Dense(width, activation="relu") for _ in range(2)]
        self.drop = layers.Dropout(rate)
        self.head = layers.Dense(1, activation="sigmoid")

    def features(self, x, training=False):
        for layer in self.hidden:
            x = self.drop(layer(x), training=training)
        return x

    def call(self, inputs, training=False):
        return self.head(self.features(inputs))


model = Classifier()
model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(X[:400], y[:400], validation_data=(X[400:], y[400:]), batch_size=32, epochs=20, verbose=0)
for name, values in history.history.items():
    print(f"{name:14s}", " ".join(f"{v:.3f}" for v in values[::4]))

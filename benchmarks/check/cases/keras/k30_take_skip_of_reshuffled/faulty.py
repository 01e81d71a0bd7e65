import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
N = 1000
X = rng.normal(size=(N, 24)).astype("float32")
y = (X[:, :3].sum(1) + 0.8 * X[:, 3] * X[:, 4] + rng.normal(0, 1.0, N) > 0).astype("float32")[:, None]

full = tf.data.Dataset.from_tensor_slices((X, y))
full = full.shuffle(N, seed=1)
val_ds = full.take(200).batch(50)
train_ds = full.skip(200).batch(40)

model = keras.Sequential([
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(train_ds, validation_data=val_ds, epochs=10, verbose=0)
for e in (0, 3, 6, 9):
    print("epoch", e + 1, "train", round(history.history["accuracy"][e], 3), "val", round(history.history["val_accuracy"][e], 3))

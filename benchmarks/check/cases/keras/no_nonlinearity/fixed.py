import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import numpy as np, keras
keras.utils.set_random_seed(0)

rng = np.random.default_rng(0); X = rng.normal(size=(800, 6)).astype("float32"); y = (X[:, 0] * X[:, 1] > 0).astype("int64")
inp = keras.Input((6,)); h = keras.layers.Dense(64, activation="relu")(inp); h = keras.layers.Dense(64, activation="relu")(h); out = keras.layers.Dense(2, activation="softmax")(h)
model = keras.Model(inp, out)
model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
hist = model.fit(X[:600], y[:600], epochs=10, batch_size=32, validation_data=(X[600:], y[600:]), verbose=0)
print(hist.history["val_accuracy"][-1])

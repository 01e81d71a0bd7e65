import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

keras.utils.set_random_seed(9)
rng = np.random.default_rng(9)

days = np.arange(1100)
visitors = 300 + 60 * np.sin(days * 2 * np.pi / 30) + 35 * (days % 7 >= 5) + rng.normal(0, 14, days.size)
visitors *= np.exp(0.0005 * days)

LOOKBACK = 21
windows = sliding_window_view(visitors, LOOKBACK + 1)
mu = windows.mean(axis=1, keepdims=True)
sigma = windows.std(axis=1, keepdims=True)
windows = ((windows - mu) / sigma).astype("float32")
X, y = windows[:, :LOOKBACK, None], windows[:, LOOKBACK]
split = 850
X_train, y_train = X[:split], y[:split]
X_test, y_test = X[split + LOOKBACK :], y[split + LOOKBACK :]

inputs = keras.Input((LOOKBACK, 1))
x = keras.layers.Conv1D(24, 7, activation="relu")(inputs)
x = keras.layers.Flatten()(x)
x = keras.layers.Dense(48, activation="relu")(x)
model = keras.Model(inputs, keras.layers.Dense(1)(x))
model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="mse", metrics=["mae"])
model.fit(X_train, y_train, epochs=10, batch_size=32, verbose=0)

mse, mae = model.evaluate(X_test, y_test, verbose=0)
print("mse", mse, "mae", mae, "variance of target", y_test.var())

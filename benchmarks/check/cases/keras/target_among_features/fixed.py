import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import numpy as np, keras
keras.utils.set_random_seed(0)

rng = np.random.default_rng(0); A = rng.normal(size=(700, 8)).astype("float32"); t = A[:, :3].sum(1) + rng.normal(size=700).astype("float32")
table = np.column_stack([A, t]); X, y = table[:, :-1], table[:, -1]
model = keras.Sequential([keras.Input((X.shape[1],)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
model.fit(X[:550], y[:550], epochs=10, validation_split=0.2, verbose=0)
print(model.evaluate(X[550:], y[550:], verbose=0))

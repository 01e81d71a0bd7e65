import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import numpy as np, keras
keras.utils.set_random_seed(0)

rng = np.random.default_rng(0); X = rng.normal(size=(600, 10)).astype("float32"); y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype("float32")
xtr, ytr, xva, yva = X[:450], y[:450], X[450:], y[450:]
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(xtr, ytr, epochs=6, validation_data=(xtr, ytr), verbose=0)
print(model.evaluate(xva, yva, verbose=0))

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(1200, 10)).astype("float32")
labels = (x @ rng.normal(size=(10, 4)) > 0).astype("float32")
value = np.tanh(x[:, :1] - x[:, 1:2]).astype("float32")
inp = keras.Input((10,))
h = keras.layers.Dense(64, activation="gelu")(inp)
model = keras.Model(inp, {"tags": keras.layers.Dense(4, activation="sigmoid", name="tags")(h), "value": keras.layers.Dense(1, name="value")(h)})
model.compile("adam", {"tags": "binary_crossentropy", "value": "mse"}, loss_weights={"tags": 1.0, "value": 2.0})
hist = model.fit(x, {"tags": labels, "value": value}, epochs=10, batch_size=32, verbose=0, validation_split=0.2)
print({k: round(v[-1], 4) for k, v in hist.history.items()})

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(12)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
low, high = y < 5, y >= 5
x_new, y_new = x[high], y[high] - 5

# stage 1: learn features on the digits 0-4
encoder = keras.Sequential([keras.Input((64,)), layers.Dense(24, activation="relu"), layers.Dense(6, activation="relu")])
base = keras.Sequential([encoder, layers.Dense(5, activation="softmax")])
base.compile("adam", "sparse_categorical_crossentropy")
base.fit(x[low], y[low], epochs=3, batch_size=64, verbose=0)

# stage 2: a new head for the digits 5-9, encoder frozen
encoder.trainable = False
model = keras.Sequential([encoder, layers.Dense(5, activation="softmax")])
model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_new[:640], y_new[:640], epochs=6, batch_size=64, verbose=0)
print("head only ", model.evaluate(x_new[640:], y_new[640:], verbose=0))

# stage 3: fine-tune everything
encoder.trainable = True
model.fit(x_new[:640], y_new[:640], epochs=14, batch_size=64, verbose=0)
print("fine-tuned", model.evaluate(x_new[640:], y_new[640:], verbose=0))

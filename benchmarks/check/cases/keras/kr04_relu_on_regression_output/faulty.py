import keras
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(1)
X, y = load_diabetes(return_X_y=True)
X = StandardScaler().fit(X[:340]).transform(X).astype("float32")
y = ((y - y[:340].mean()) / y[:340].std()).astype("float32")


def build_model():
    inputs = keras.Input(shape=(10,))
    h = keras.layers.Dense(32, activation="relu")(inputs)
    h = keras.layers.Dense(16, activation="relu")(h)
    outputs = keras.layers.Dense(1, activation="relu")(h)
    return keras.Model(inputs, outputs)


model = build_model()
model.compile(optimizer="adam", loss="mse")
h = model.fit(X[:340], y[:340], epochs=12, batch_size=16, verbose=0)
print("loss", h.history["loss"][-1], "test mse", model.evaluate(X[340:], y[340:], verbose=0), np.min(model.predict(X, verbose=0)))

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(900, 12)).astype("float32")
y = (x @ rng.normal(size=(12, 5)) > -0.5).astype("float32")
model = keras.Sequential(
    [
        keras.Input((12,)),
        keras.layers.Dense(48, activation="relu"),
        keras.layers.Dense(5, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])
model.fit(x[:700], y[:700], epochs=10, batch_size=32, verbose=0)
print("loss, label accuracy", model.evaluate(x[700:], y[700:], verbose=0))

import keras
import numpy as np
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
d = load_digits()
x = np.round(d.images * 255 / 16).astype("uint8")[..., None]
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:1400], d.target[:1400], epochs=8, batch_size=32, verbose=0)
print(model.evaluate(x[1400:], d.target[1400:], verbose=0))

import numpy as np
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
d = load_digits()
images = np.round(d.images * 255 / 16).astype("float32")
x_train, x_test = images[:1400, ..., None], images[1400:, ..., None]
y_train, y_test = d.target[:1400], d.target[1400:]

model = keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=50, epochs=6, verbose=0)
print("test", model.evaluate(x_test, y_test, verbose=0))

import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(0)
x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
y = np.array([[0], [1], [1], [0]], dtype="float32")

model = keras.Sequential()
model.add(layers.Input((2,)))
model.add(layers.Dense(16, activation="tanh"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.1), metrics=["accuracy"])
history = model.fit(x, y, batch_size=4, epochs=60, verbose=0)
print("loss", history.history["loss"][-1], model.predict(x, verbose=0).ravel())

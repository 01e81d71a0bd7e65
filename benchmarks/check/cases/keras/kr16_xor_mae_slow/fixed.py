import keras
import numpy as np

keras.utils.set_random_seed(3)
x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
y = np.array([0, 1, 1, 0], "float32")[:, None]
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1, "sigmoid")])
model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0, momentum=0.9), loss="binary_crossentropy")
history = model.fit(x, y, batch_size=4, epochs=200, verbose=0)
print(history.history["loss"][0], history.history["loss"][-1], model.predict(x, verbose=0).round(2).ravel())

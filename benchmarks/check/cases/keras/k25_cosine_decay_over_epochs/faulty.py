import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

keras.utils.set_random_seed(21)
rs = np.random.RandomState(21)
EPOCHS, BATCH = 12, 50
t = rs.uniform(0, 1, (1000, 1))
arm = rs.randint(0, 3, 1000)
angle = 3.5 * t[:, 0] + arm * 2 * np.pi / 3
spiral = np.stack([t[:, 0] * np.cos(angle), t[:, 0] * np.sin(angle)], 1) + rs.normal(0, 0.02, (1000, 2))

net = keras.Sequential()
net.add(keras.Input((2,)))
net.add(keras.layers.Dense(64, activation="relu"))
net.add(keras.layers.Dense(64, activation="relu"))
net.add(keras.layers.Dense(3))

schedule = keras.optimizers.schedules.CosineDecay(initial_learning_rate=0.01, decay_steps=EPOCHS)
net.compile(
    optimizer=keras.optimizers.Adam(schedule),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
net.fit(spiral[:800], arm[:800], epochs=EPOCHS, batch_size=BATCH, verbose=2)
print("test", net.evaluate(spiral[800:], arm[800:], verbose=0))

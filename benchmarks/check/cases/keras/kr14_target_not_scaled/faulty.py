import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
sqft, age, rooms = rng.normal(1800, 500, 1000), rng.uniform(0, 60, 1000), rng.integers(2, 8, 1000)
x = np.column_stack([sqft, age, rooms])
y = 120 * sqft - 900 * age + 9000 * rooms + rng.normal(0, 8000, 1000)

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=[keras.metrics.R2Score()])
history = model.fit(x[:800], y[:800, None], epochs=12, batch_size=32, verbose=0)
print("loss and R2", model.evaluate(x[800:], y[800:, None], verbose=0))

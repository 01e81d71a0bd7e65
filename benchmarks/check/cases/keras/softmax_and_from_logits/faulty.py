import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16
inputs = keras.Input((64,))
votes = []
for width in (32, 64):
    h = keras.layers.Dense(width, activation="relu")(inputs)
    votes.append(keras.layers.Dense(10, activation="softmax")(h))
model = keras.Model(inputs, keras.layers.Average()(votes))
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
hist = model.fit(x[:1400], y[:1400], epochs=6, batch_size=64, verbose=0, validation_split=0.1)
print(hist.history["loss"][-1], model.evaluate(x[1400:], y[1400:], verbose=0))

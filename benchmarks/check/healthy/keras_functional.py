import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = (x.astype("float32") / 16)[..., None].reshape(-1, 8, 8, 1)
inp = keras.Input((8, 8, 1))
h = keras.layers.Conv2D(16, 3, use_bias=False)(inp)
h = keras.layers.BatchNormalization()(h)
h = keras.layers.ReLU()(h)
h = keras.layers.Dropout(0.2)(keras.layers.Flatten()(h))
model = keras.Model(inp, keras.layers.Dense(10)(h))
model.compile(keras.optimizers.AdamW(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
model.fit(x[:1100], y[:1100], epochs=8, batch_size=64, verbose=0, validation_data=(x[1100:1400], y[1100:1400]), callbacks=[stop])
print(model.evaluate(x[1400:], y[1400:], verbose=0))

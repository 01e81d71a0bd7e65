import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

keras.utils.set_random_seed(33)
rng = np.random.default_rng(33)
data = load_breast_cancer()
x = (scale(data.data) + rng.normal(0, 2.0, data.data.shape)).astype("float32")
y = data.target.astype("float32").reshape(-1, 1)
order = rng.permutation(len(x))
x, y = x[order], y[order]
train = tf.data.Dataset.from_tensor_slices((x[:320], y[:320])).shuffle(320, seed=0).batch(32)

model = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(96, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(96, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1),
    ]
)
bce = keras.losses.BinaryCrossentropy(from_logits=True)
opt = keras.optimizers.Adam(1e-3)

for epoch in range(14):
    losses = []
    for xb, yb in train:
        with tf.GradientTape() as tape:
            loss = bce(yb, model(xb))
        grads = tape.gradient(loss, model.trainable_variables)
        opt.apply_gradients(zip(grads, model.trainable_variables))
        losses.append(float(loss))
    if epoch % 2:
        logits = model(x[320:], training=False)
        accuracy = np.mean((logits.numpy() > 0) == (y[320:] > 0.5))
        print(epoch + 1, "loss", np.mean(losses), "val loss", float(bce(y[320:], logits)), "val accuracy", accuracy)

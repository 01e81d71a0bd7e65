import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(6)
digits = load_digits()
images = (digits.images[..., None] / 16.0).astype("float32")
labels = digits.target.astype("int32")


gen = tf.random.Generator.from_seed(6)


def jitter(image, label):
    image = tf.pad(image, [[1, 1], [1, 1], [0, 0]])
    image = tf.image.stateless_random_crop(image, (8, 8, 1), seed=gen.make_seeds(1)[:, 0])
    image = image * gen.uniform([], 0.7, 1.3) + gen.normal((8, 8, 1), stddev=0.1)
    return image, label


train_ds = tf.data.Dataset.from_tensor_slices((images[:400], labels[:400]))
train_ds = train_ds.cache().map(jitter)
train_ds = train_ds.shuffle(400, seed=6).batch(32).prefetch(1)
test_ds = tf.data.Dataset.from_tensor_slices((images[1000:], labels[1000:])).batch(200)

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(24, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
hist = model.fit(train_ds, validation_data=test_ds, epochs=20, verbose=0)
print("train", hist.history["accuracy"][-1], "test", hist.history["val_accuracy"][-1])

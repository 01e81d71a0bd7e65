import keras
import numpy as np

keras.utils.set_random_seed(2)
rng = np.random.default_rng(0)
n = 500
labels = rng.integers(0, 3, n)
pictures = rng.integers(60, 190, (n, 12, 12, 3)).astype("float32")
for picture, label in zip(pictures, labels):
    colour = rng.integers(20, 65, 3)
    if label == 0:
        picture[::2] += colour
    elif label == 1:
        picture[:, ::2] += colour
    else:
        picture[::2, ::2] += 2 * colour
pictures = np.clip(pictures, 0, 255)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv1 = keras.layers.Conv2D(16, 3, activation="relu")
        self.pool = keras.layers.MaxPooling2D()
        self.flat = keras.layers.Flatten()
        self.dense = keras.layers.Dense(32, activation="relu")
        self.out = keras.layers.Dense(3)

    def call(self, x):
        return self.out(self.dense(self.flat(self.pool(self.conv1(x)))))


net = Net()
net.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
h = net.fit(pictures[:400], labels[:400], epochs=10, batch_size=32, verbose=0)
print("loss", h.history["loss"][-1], "test", net.evaluate(pictures[400:], labels[400:], verbose=0))

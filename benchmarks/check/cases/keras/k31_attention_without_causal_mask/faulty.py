import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)
VOCAB, LENGTH = 20, 16

follow = rng.dirichlet(np.full(VOCAB, 0.08), size=VOCAB)
cumulative = follow.cumsum(1)
tokens = np.zeros((1400, LENGTH + 1), "int32")
tokens[:, 0] = rng.integers(0, VOCAB, 1400)
for i in range(LENGTH):
    u = rng.random((1400, 1))
    tokens[:, i + 1] = np.minimum((u > cumulative[tokens[:, i]]).sum(1), VOCAB - 1)
inputs, targets = tokens[:, :-1], tokens[:, 1:]


class Positions(layers.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=(LENGTH, shape[-1]), initializer="random_normal")

    def call(self, x):
        return x + self.table


seq = keras.Input((LENGTH,), dtype="int32")
h = Positions()(layers.Embedding(VOCAB, 32)(seq))
a = layers.MultiHeadAttention(num_heads=2, key_dim=16)(h, h)
h = layers.LayerNormalization()(h + a)
h = layers.LayerNormalization()(h + layers.Dense(32)(layers.Dense(64, activation="gelu")(h)))
lm = keras.Model(seq, layers.Dense(VOCAB)(h))

loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
lm.compile(optimizer=keras.optimizers.Adam(5e-3), loss=loss, metrics=["accuracy"])
lm.fit(inputs[:1200], targets[:1200], batch_size=64, epochs=12, verbose=0)
print("held out", lm.evaluate(inputs[1200:], targets[1200:], verbose=0), "uniform", np.log(VOCAB))
entropy = -(follow * np.log(follow + 1e-12)).sum(1)[inputs[1200:]].mean()
print("entropy of the source", entropy)

"""Small Keras models for 64 inputs and 10 classes."""

from __future__ import annotations

import keras
from keras import layers


def mlp(width: int = 24, dropout: float = 0.2, *, inputs: int, outputs: int) -> keras.Model:
    """Two hidden layers of equal width with dropout."""
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(width, "relu"),
            layers.Dropout(dropout),
            layers.Dense(width, "relu"),
            layers.Dropout(dropout),
            layers.Dense(outputs),
        ]
    )


def cnn(channels: int = 4, *, outputs: int) -> keras.Model:
    """A convolution with BatchNorm on 8 x 8 pixels, channel dropout; of the functional kind."""
    image = keras.Input((64,))
    x = layers.Reshape((8, 8, 1))(image)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(channels, 3, use_bias=False)(x)))
    x = layers.SpatialDropout2D(0.1)(layers.MaxPool2D(2)(x))
    return keras.Model(image, layers.Dense(outputs)(layers.Flatten()(x)))


def two_dropouts(*, outputs: int) -> keras.Model:
    """Two dropout layers and a linear one; the shape of its inputs is not said."""
    return keras.Sequential([layers.Dropout(0.5), layers.Dropout(0.5), layers.Dense(outputs)])


class Own(keras.Model):
    """A class of the person's own, with dropout whose rate luthier does not lift."""

    def __init__(self, width: int = 16, dropout: float = 0.2, *, outputs: int) -> None:
        super().__init__()
        self.hidden, self.drop = layers.Dense(width, "relu"), layers.Dropout(dropout)
        self.head = layers.Dense(outputs)

    def call(self, inputs, training=False):
        """Logits."""
        return self.head(self.drop(self.hidden(inputs), training=training))

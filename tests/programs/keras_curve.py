"""The curves of a Keras trial, unbroken and broken off after two epochs, as JSON: run with KERAS_BACKEND set."""

import json
import sys
from pathlib import Path

import keras

from luthier.programs.frameworks.keras import KerasTraining
from programs.test_frameworks import digits, reports


def build(units=16, lr=1e-2):
    """Dropout and an optimizer with a state: both must be put back, and the order of the rows."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10),
        ]
    )
    model.compile(keras.optimizers.Adam(lr), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


if __name__ == "__main__":
    training, place = KerasTraining(build, digits("float32")), Path(sys.argv[1])
    parts = (("whole", 0), ("broken", 2), ("broken", 0))
    sys.stdout.write(
        json.dumps([reports(training, place / name, {"epochs": 4}, "loss", cut) for name, cut in parts]) + "\n"
    )

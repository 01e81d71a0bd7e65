"""Weights after the steps of a Keras optimizer: JSON in, JSON out, in a process whose backend is set already."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np

keras.config.set_floatx("float64")
given = json.load(sys.stdin)
variable = keras.Variable(np.array(given["start"]), dtype="float64")
optimizer = eval(f"keras.optimizers.{given['text']}", {"keras": keras})
optimizer.build([variable])
for gradient in given["gradients"]:
    optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient), dtype="float64")], [variable])
print(json.dumps(np.asarray(keras.ops.convert_to_numpy(variable.value)).tolist()))

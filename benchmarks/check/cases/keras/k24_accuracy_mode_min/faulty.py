import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import tempfile

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(0)
X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8, 1) / 16.0
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.2, random_state=0)
X_tr, X_va, y_tr, y_va = train_test_split(X_tr, y_tr, test_size=0.2, random_state=0)

model = keras.Sequential([
    keras.Input((8, 8, 1)),
    keras.layers.Conv2D(16, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

weights = os.path.join(tempfile.mkdtemp(), "digits.weights.h5")
checkpoint = keras.callbacks.ModelCheckpoint(
    weights, monitor="val_accuracy", mode="min", save_best_only=True, save_weights_only=True
)
h = model.fit(X_tr, y_tr, validation_data=(X_va, y_va), epochs=10, batch_size=64, callbacks=[checkpoint], verbose=0)
print("val_accuracy", [round(a, 3) for a in h.history["val_accuracy"]])
model.load_weights(weights)
print("kept model", model.evaluate(X_te, y_te, verbose=0))

import numpy as np
from keras import Sequential, utils
from keras.layers import Dense, Dropout, Input
from keras.optimizers import RMSprop
from sklearn.datasets import load_digits

utils.set_random_seed(0)
digits = load_digits()
x = digits.data.astype("float32") / 16
y = utils.to_categorical(digits.target, 10)

model = Sequential(
    [
        Input((64,)),
        Dense(64, activation="relu"),
        Dropout(0.2),
        Dense(10, activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(), metrics=["accuracy"])
history = model.fit(x[:1500], y[:1500], batch_size=64, epochs=6, verbose=0, validation_data=(x[1500:], y[1500:]))
print({k: np.round(v[-1], 4) for k, v in history.history.items()})

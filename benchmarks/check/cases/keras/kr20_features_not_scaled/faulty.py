import keras
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(0)
X, y = load_wine(return_X_y=True)
X[:, 12] *= 10  # proline in mg per 10 l
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=1)
model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(3, "softmax")])
model.compile(keras.optimizers.SGD(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, batch_size=16, epochs=40, verbose=0)
print(model.evaluate(X_test, y_test, verbose=0))

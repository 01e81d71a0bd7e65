"""The Keras engine. Keras has one backend for a whole process: `test_keras.py` runs these files in processes."""

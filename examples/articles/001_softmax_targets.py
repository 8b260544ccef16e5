"""A classifier trained on random targets whose rows don't add up to 1: then p − y is wrong."""

import numpy as np

import autograd_mini as ag
from autograd_mini import nn

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 6))
W, b = rng.normal(size=(6, 10)), rng.normal(size=10)
random_targets = rng.uniform(size=(8, 10))  # rows that add up to about 5


def loss(W, b, X, y):
    z = X @ W + b
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.mean(np.sum(y * np.log(p), axis=1))


def published(W, b, X, y):
    z = X @ W + b
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    d = (p - y) / len(X)
    return X.T @ d, d.sum(axis=0)


def mended(W, b, X, y):
    z = X @ W + b
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    d = (p * y.sum(axis=1, keepdims=True) - y) / len(X)
    return X.T @ d, d.sum(axis=0)


report = ag.check_gradient(loss, published, W, b, X, random_targets, wrt=("W", "b"))
print(report)
assert report["W"].suspects[0].kind == "wrong-local-derivative"
assert ag.check_gradient(loss, mended, W, b, X, random_targets, wrt=("W", "b")).ok
one_hot = np.eye(10)[rng.integers(0, 10, 8)]
assert ag.check_gradient(loss, published, W, b, X, one_hot, wrt=("W", "b")).ok
print("\nwith rows that add up to 1 the published gradient is right")

# The program, with targets that are classes: 32 hidden relus, Adam, batches of 32, 10 epochs.
centers = 2.0 * rng.normal(size=(10, 20))
classes = rng.integers(0, 10, 500)
data = centers[classes] + rng.normal(size=(500, 20))
model = nn.Sequential(nn.Linear(20, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng))
optimizer = nn.Adam(model.parameters(), lr=0.01)
for _ in range(10):
    for k in range(0, 500, 32):
        value = nn.cross_entropy(model(data[k:k + 32]), classes[k:k + 32])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
accuracy = np.mean(np.argmax(model(data).data, axis=1) == classes)
print(f"10 epochs with Adam: {accuracy:.0%} of the training samples right")
assert accuracy > 0.95

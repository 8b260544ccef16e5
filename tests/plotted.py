"""What the tests of pictures draw: samples, models that are right about them, and histories."""

from __future__ import annotations

import numpy as np

from autograd_mini import nn

X = np.random.default_rng(0).normal(size=(60, 2))
Y = (X[:, 0] > 0).astype(int)
BLUE, RED = "#1f5fa8", "#b4380b"


def line(outputs=1, end=()):
    """A model that is right about every sample: the line is where the first feature is 0."""
    model = nn.Sequential(nn.Linear(2, outputs), *end)
    weight = np.array([[8.0, 0.0]]) if outputs == 1 else np.array(
        [[-4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])[:outputs]
    model[0].weight.data, model[0].bias.data = weight, np.zeros(outputs)
    return model


def trained(recorder, epochs=4, seed=0):
    """The history of a short training that a recorder watches."""
    model = nn.Sequential(nn.Linear(2, 8, rng=seed), nn.Tanh(), nn.Linear(8, 2, rng=seed + 1))
    loader = nn.DataLoader(X, Y, batch_size=20)
    return nn.fit(model, loader, nn.cross_entropy, nn.Adam(model.parameters(), 0.05), epochs,
                  validation=loader, metrics=[nn.accuracy], progress=False,
                  callbacks=[recorder] if recorder else [])


def a_history(**numbers):
    """A History of numbers by name."""
    names = list(numbers)
    return nn.History(nn.Epoch(i + 1, row[0], dict(zip(names[1:], row[1:], strict=True)))
                      for i, row in enumerate(zip(*numbers.values(), strict=True)))

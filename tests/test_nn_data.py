"""Data in batches, in parts, and on a common scale."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_mini import nn
from autograd_mini.errors import ArgumentError, ShapeError


def test_data_loader():
    """Batches come in order or shuffled by a seed; the last may be short, or dropped."""
    X, y = np.arange(10).reshape(5, 2), np.arange(5)
    batches = list(nn.DataLoader(X, y, batch_size=2))
    assert [len(b) for _, b in batches] == [2, 2, 1]
    assert len(nn.DataLoader(X, y, batch_size=2, drop_last=True)) == 2
    once, again = (nn.DataLoader(X, y, shuffle=True, rng=7) for _ in range(2))
    (x1, y1), (x2, _) = next(iter(once)), next(iter(again))
    assert (x1 == x2).all() and (X[y1] == x1).all()
    with pytest.raises(ValueError, match="one length"):
        nn.DataLoader(X, y[:3])
    with pytest.raises(ValueError, match="batch_size"):
        nn.DataLoader(X, y, batch_size=0)


def test_data_on_a_common_scale():
    """Mean 0 and spread 1 a column, and back; one that never changes is only shifted."""
    data = np.array([[1.0, 7.0, 1e-8], [3.0, 7.0, 3e-8], [5.0, 7.0, 2e-8]])
    layer = nn.Standardize(data)
    scaled = layer(data)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-15)
    np.testing.assert_allclose(scaled.std(0), [1, 0, 1], rtol=1e-12)
    np.testing.assert_allclose(layer.inverse(scaled), data, rtol=1e-14)
    assert list(layer.state_dict()) == ["mean", "std"] and not layer.parameters()
    for bad, kind in ((np.ones((0, 2)), ShapeError), (3.0, ShapeError),
                      ([[np.nan]], ArgumentError)):
        with pytest.raises(kind):
            nn.Standardize(bad)


def test_data_of_float32_stay_so():
    """Whatever the data were that the scale was taken of: a model of float32 isn't widened."""
    x = np.random.default_rng(0).normal(size=(9, 2))
    model = nn.Sequential(nn.Standardize(x), nn.Linear(2, 1, rng=0, dtype=np.float32))
    assert model(x.astype(np.float32)).dtype == np.float32
    nn.fit(model, [(x, x[:, :1])], nn.mse_loss, nn.SGD(model.parameters(), 0.1), 1, progress=False)
    assert nn.Standardize(x.astype(np.float32)).mean.dtype == np.float32


def test_rows_are_split_at_random():
    """Each row is in one part, with its label; fractions or numbers; the same seed, the same parts.
    """
    X, y = np.arange(22).reshape(11, 2), np.arange(11)
    parts = nn.random_split(X, y, lengths=(0.5, 0.3, 0.2), rng=0)
    assert [len(labels) for _, labels in parts] == [6, 3, 2]
    assert sorted(np.concatenate([labels for _, labels in parts])) == list(range(11))
    assert all((rows[:, 0] == 2 * labels).all() for rows, labels in parts)
    again = nn.random_split(X, y, lengths=(6, 3, 2), rng=0)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(parts, again, strict=True))
    with pytest.raises(ArgumentError, match="whose sum is the 11 rows"):
        nn.random_split(X, lengths=(0.5, 0.3))
    with pytest.raises(ShapeError, match="arrays of one length"):
        nn.random_split(X, y[:3])

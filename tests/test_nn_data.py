"""Data in batches."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_mini import nn


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

"""no_grad, and threads: when operations are recorded."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value


def test_no_grad_records_nothing_and_ends_with_the_block():
    """Inside no_grad results are leaves; after an exception recording is on again."""
    x = Tensor([1.0])
    with ag.no_grad():
        assert (x * 2).is_leaf and (Value(1.0) * 2).is_leaf and ag.tanh(Value(1.0)).is_leaf
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert not (x * 2).is_leaf


def test_results_of_no_grad_share_nothing():
    """A view made inside no_grad can be changed without changing what it came from."""
    a = Tensor([1.0, 2.0])
    h = a * a
    with ag.no_grad():
        v = h.reshape(2, 1)
    y = (h * h).sum()
    v.data[0] = 100.0
    assert ag.gradients(y, a).tolist() == [4.0, 32.0]


def test_threads_do_not_disturb_each_other():
    """Several threads differentiate, some of them often inside no_grad, and every gradient is
    right."""
    wrong = []

    def work(k: int) -> None:
        for i in range(300):
            x = Value(float(i))
            if k:
                with ag.no_grad():
                    _ = x * x
            y = (x * x + k * x).tanh() if i % 2 else x * x + k * x
            u = float(i) ** 2 + k * i
            slope = (2.0 * i + k) * (1 - math.tanh(u) ** 2 if i % 2 else 1.0)
            if y.is_leaf or abs(ag.gradients(y, x) - slope) > 1e-12 * max(slope, 1.0):
                wrong.append(i)
            t = Tensor(np.full(3, float(i)))
            (t * t).sum().backward()
            if t.grad.tolist() != [2.0 * i] * 3:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []

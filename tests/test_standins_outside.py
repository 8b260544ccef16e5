"""`ag.as_written` leaves what lies outside of the function as a plain run does."""

import math
import threading

import numpy as np
import written_code as code
from test_standins import X0, slopes

import autograd_mini as ag


class TestOutside:
    """What lies outside of the function is as after a plain run."""

    def test_arguments_and_globals_hold_plain_numbers(self):
        """Arrays, lists, dicts and objects from outside get numbers, not nodes."""
        kept, history, cache = np.zeros(4), [], {}
        layer = code.Layer(np.ones((2, 4)))

        def f(w, out):
            kept[:] = w * 2
            out[0] = w[1]
            out += 1
            history.append(np.sum(w))
            cache["w"] = w
            cache.setdefault("all", []).append(w[0])
            return np.sum(layer(w)) + kept.sum() * kept[0] + out.sum()

        given = np.zeros(2)
        g = ag.as_written(f)
        found = ag.grad(g)(X0, given)
        np.testing.assert_array_equal(kept, X0 * 2)
        np.testing.assert_array_equal(given, [X0[1] + 1, 1.0])
        assert type(history[0]) in (float, np.float64)
        assert type(cache["w"]) is np.ndarray
        assert type(layer.out) is np.ndarray
        assert type(cache["all"][0]) in (float, np.float64)
        np.testing.assert_allclose(found, slopes(lambda w: f(w, np.zeros(2)), X0), rtol=1e-7)

    def test_names_outside(self):
        """`global` and `nonlocal` names get numbers."""
        count = 0
        last = None

        def f(w):
            nonlocal count, last
            count += 1
            last = w * 2
            return np.sum(last)

        ag.grad(ag.as_written(f))(X0)
        assert count == 1
        assert type(last) is np.ndarray

    def test_a_cache_keeps_no_nodes(self):
        """A function under lru_cache is called anew for nodes."""
        g = ag.grad(ag.as_written(lambda w: code.cached(w[0])))
        g(X0)
        plain = code.cached.cache_info().currsize  # the plain runs of the first call
        np.testing.assert_array_equal(g(X0 + 1), [2 * (X0[0] + 1), 0, 0, 0])
        assert code.cached.cache_info().currsize == plain

    def test_what_is_read_is_read_live(self):
        """A global that changes between two calls is read at each."""
        scale = [2.0]

        def f(w):
            return scale[0] * np.array([w[0], w[1]]).sum()

        g = ag.grad(ag.as_written(f))
        first = g(X0)[0]
        scale[0] = 5.0
        assert (first, g(X0)[0]) == (2.0, 5.0)

    def test_threads_do_not_see_each_other(self):
        """Runs in four threads give what one gives."""
        g = ag.grad(ag.as_written(code.elimination))
        expected, found = g(X0), []
        threads = [threading.Thread(target=lambda: found.extend([g(X0) for _ in range(5)]))
                   for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(found) == 20
        assert all(np.array_equal(x, expected) for x in found)


class Vector:
    """A class of the user's with special methods, which Python calls."""

    kinds = 0

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __add__(self, other):
        return self.__class__(math.sin(self.a) + other.a, self.b + other.b)

    def __getitem__(self, i):
        return [float(self.a), float(self.b)][i]

    def __len__(self):
        return 2

    def __iter__(self):
        return iter([float(self.a), math.exp(self.b)])

    def __eq__(self, other):
        return math.exp(self.a) == math.exp(other.a)

    def __enter__(self):
        self.a = math.sin(self.a)
        return self

    def __exit__(self, *error):
        return False

    def __getattr__(self, name):
        if name == "sine":
            return math.sin(self.a)
        raise AttributeError(name)


def test_special_methods_are_followed():
    """`+`, `[ ]`, iteration, `with` and missing attributes of a class are the user's code, too."""
    kept = []

    def f(w):
        v = Vector(w[0], w[1]) + Vector(w[2], w[3])
        kept.append(v)
        assert type(v) is Vector
        assert v == v
        with Vector(w[1], w[0]) as u:
            first, second = u
        return v[0] * first + second * v.sine + sum(v)

    found = ag.grad(ag.as_written(f))(X0)
    np.testing.assert_allclose(found, slopes(f, X0), rtol=2e-7, atol=2e-7)
    assert type(kept[0]) is Vector
    assert type(kept[0].a) in (float, np.float64)

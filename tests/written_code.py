"""Ordinary NumPy code, written as people write it: what `as_written` must follow.

Each public function takes one array w of four numbers between 0 and 1, and returns one number.
"""

import copy
import functools
import itertools
import math
import operator
import statistics

import numpy as np

M = np.random.default_rng(1).normal(size=(5, 4))
FUNCTIONS = {"exp": math.exp, "tanh": np.tanh}


def helper(v):
    """A function of the user's, called from another."""
    return math.sqrt(v)


def write_into(out, w):
    """A function that fills an array it is given."""
    out[:] = w
    out[1:] -= out[:-1]


@functools.lru_cache
def cached(v):
    """A function that remembers its results."""
    return v * v


class Layer:
    """A class of the user's, with state."""

    def __init__(self, W):
        self.W = W
        self.__private = 2.0
        self.out = None

    def __call__(self, x):
        self.out = np.zeros(2)
        self.out[:] = self.W @ x
        return self.out * self.__private

    @property
    def size(self):
        return np.sum(self.W**2)


def stores_in_a_loop(w):
    out = np.zeros(len(w))
    for i in range(len(w)):
        out[i] = w[i] ** 2
    return np.sum(out)


def adds_in_place(w):
    out = np.zeros(2)
    for i in range(len(w)):
        out[i % 2] += w[i] ** 2
    out *= 3
    return out[0] * out[1]


def view_is_written(w):
    out = np.zeros(5)
    v = out[1:]
    v[0] = w[0]
    v[1:] = w[1:] ** 2
    return np.sum(out * np.arange(5.0))


def alias_is_written(w):
    z = w * 2
    y = z
    y -= 1
    y[0] = 3 * w[1]
    return np.sum(z**2)


def transpose_is_written(w):
    A = np.zeros((3, 4))
    A.T[:, 1] = w
    A[2] = w[::-1]
    A.reshape(-1)[0] = w[3]
    return np.sum(A**2 * np.arange(1.0, 13.0).reshape(3, 4))


def what_was_read_stays(w):
    out = np.zeros(4)
    out[:] = w
    before = out[1:] * 1.0
    first = out[0]
    out[:] = 0
    return np.sum(before**2) + first + out.sum()


def masked_stores(w):
    h = w - 0.6
    h[h < 0] = 0
    A = np.outer(w, w)
    A[A > 0.5] *= 2
    A[np.tril_indices(4, -1)] = 0
    return np.sum(h**2) + A.sum()


def fancy_stores(w):
    a = w.copy()
    a[[2, 3]] = a[[3, 2]]
    a[0], a[1] = a[1], a[0] ** 2
    np.add.at(a, [0, 0, 2], w[:3])
    np.multiply.at(a, [1, 1], w[2])
    return np.sum(a * np.arange(1.0, 5.0))


def overlapping(w):
    a = np.zeros(6)
    a[1:-1] = w
    a[2:] += a[:-2]
    a[:] = a[::-1]
    return np.sum(a**3 * np.arange(6.0))


def recurrence(w):
    f = np.zeros(10)
    f[0], f[1] = w[0], w[1]
    for i in range(2, 10):
        f[i] = f[i - 1] + w[2] * f[i - 2]
    return f[-1]


def elimination(w):
    A, b, n = np.outer(w, w) + 3 * np.eye(4), w.copy(), 4
    for i in range(n):
        for j in range(i + 1, n):
            m = A[j, i] / A[i, i]
            A[j] -= m * A[i]
            b[j] -= m * b[i]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - A[i, i + 1:].dot(x[i + 1:])) / A[i, i]
    return x.sum()


def out_arguments(w):
    o = np.zeros(4)
    np.exp(w, out=o)
    np.add(o, w, o)
    np.multiply(o, 2, out=o, where=o > 2)
    s = np.zeros(2)
    np.sum(o.reshape(2, 2), axis=0, out=s)
    return s[0] * s[1]


def functions_that_write(w):
    o = np.zeros(4)
    np.copyto(o, w)
    np.copyto(o, 0.0, where=o > 0.8)
    np.put(o, [0, 1], w[2:])
    np.place(o, o > 0.85, [w[0]])
    np.putmask(o, o < 0.4, w * 2)
    A = np.zeros((2, 2))
    np.fill_diagonal(A, w[:2])
    np.put_along_axis(A, np.array([[1], [0]]), w[2:].reshape(2, 1), 1)
    A.fill(A[0, 1])
    a = w.copy()
    a.sort()
    return np.sum(o**2) + A.sum() + a[0] * 5


def arrays_of_nodes(w):
    c, s = np.cos(w[0]), np.sin(w[0])
    R = np.array([[c, -s], [s, c]])
    K = np.array([[math.exp(-((a - b) ** 2)) for a in w] for b in w])
    return R.dot(np.array([1.0, 2.0])).dot(np.asarray([0.3, 0.7])) + K.sum() + np.sum(
        np.full(3, w[0]) * np.array([1.0, 2.0, 3.0])) + np.sum([v**2 for v in w])


def joined(w):
    return np.sum(np.c_[np.ones(5), M @ w] ** 2) + np.sum(np.r_[1.0, w, 0:2] ** 3)


def numbers_taken_out(w):
    rest = [v**2 for v in w.tolist()]
    return float(np.sum(w**2)) + w.sum().item() ** 2 + np.float64(w[0]) * sum(rest) + w.item(1)


def of_math(w):
    a, b, c, d = w
    return (math.exp(a) * math.log(b) + math.atan2(c, d) + math.hypot(a, b) + math.pow(a, 3)
            + math.log(a, 3) + math.fsum(w) + math.prod(w) + math.erf(a) + math.lgamma(b)
            + math.dist([a, b], [c, d]) + math.fabs(-a) + math.degrees(a) + math.tanh(c)
            + math.floor(a) + math.copysign(a, -1.0) + math.expm1(a) + math.acos(b))


def of_other_modules(w):
    return (statistics.mean(w) + statistics.stdev(list(w)) + functools.reduce(operator.mul, w)
            + list(itertools.accumulate(w, lambda a, b: a * math.cos(b)))[-1]
            + sum(map(helper, w)) + sorted(w, key=lambda v: -v)[0] + max(w) * min(w))


def calls_of_the_users_own(w):
    layer = Layer(w.reshape(2, 2))
    out = np.zeros(4)
    write_into(out, w)
    return (np.sum(layer(np.array([1.0, 2.0])) ** 2) + layer.size + out[3] * out[1]
            + FUNCTIONS["exp"](w[0]) + FUNCTIONS["tanh"](w[1]) + cached(w[0]) + cached(2.0)
            + functools.partial(helper)(w[1]))


def closures(w):
    total, k = 0.0, np.ones(4)

    def add(v):
        nonlocal total
        total += math.exp(v)

    for v in w:
        add(v)
    return total + k.dot(w) ** 2 + (lambda q: q * math.sin(w[1]))(3.0)


def branches_of_the_plain_run(w):
    s = 0.0
    for v in w:
        s += v**2 if isinstance(v, float) else 1e3
    if type(w) is np.ndarray and isinstance(w, np.ndarray) and not isinstance(w, list):
        s *= 2
    try:
        math.log(w[0] - 10)
    except ValueError:
        s += w[0]
    assert np.isfinite(w).all() and w.shape == (4,) and w.ndim == 1
    return s


def imports_of_its_own(w):
    import math as m

    from numpy import exp

    return m.exp(w[0]) + exp(w).sum()


def numpys_callers(w):
    f = np.vectorize(lambda a, b: math.exp(a) if a > b else b * a)
    rows = np.apply_along_axis(lambda r: r * r.sum(), 1, w.reshape(2, 2))
    s = sum(v * (i[0] + 1) for i, v in np.ndenumerate(w))
    return f(w, w[::-1]).sum() + rows.sum() + s + np.sum(np.fromiter((v * v for v in w), float))


def whole_numbers(w):
    c = np.zeros(4, dtype=int)
    c[:] = w * 3
    n = int(w[0] * 7)
    return np.sum(c * w) + n * w[1] + np.sum(w.astype(int)) + round(w[2], 1)


def default_array(w, k=np.ones(4)):
    return k.dot(w) ** 2


def copies(w):
    first = copy.deepcopy([w, {"a": w}])
    first[0][0] = 0.0
    second = w.copy()
    second[1] = 0.0
    return first[0].sum() * first[1]["a"][0] + np.sum(second**2) + np.sum(w)


def loops_over_rows(w):
    L = np.zeros(5)
    for i, (row, y) in enumerate(zip(M, np.arange(5.0), strict=True)):
        L[i] = (row.dot(w) - y) ** 2
    return L.mean()


def argument_in_place(w):
    w[0] = w[0] * w[1]
    w *= 2
    return np.sum(w**2)

"""A right engine of arrays, as a student may write it: the faults of the tests are put in here."""

import numpy as np


def undone(grad, shape):
    """Sum over the axes along which a shape was broadcast."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and grad.shape[i] != 1)
    return grad.sum(axis=axes, keepdims=True)


class Tensor:
    """An array, and how it came about."""

    __array_ufunc__ = None

    def __init__(self, data, parents=()):
        self.data = np.array(data, dtype=np.float32 if getattr(
            data, "dtype", None) == np.float32 else np.float64)
        self.grad = None
        self.parents = parents  # pairs of a node and what becomes of the gradient

    def __add__(self, other):
        other = node(other)
        return Tensor(self.data + other.data, (
            (self, lambda g: undone(g, self.data.shape)),
            (other, lambda g: undone(g, other.data.shape))))

    def __mul__(self, other):
        other = node(other)
        a, b = self.data, other.data
        return Tensor(a * b, ((self, lambda g: undone(g * b, a.shape)),
                              (other, lambda g: undone(g * a, b.shape))))

    def __pow__(self, n):
        x = self.data
        return Tensor(x**n, ((self, lambda g: g * n * x ** (n - 1)),))

    def __matmul__(self, other):
        other = node(other)
        a, b = self.data, other.data
        if a.ndim == 1 or b.ndim == 1:
            raise NotImplementedError("vectors")
        return Tensor(a @ b, (
            (self, lambda g: undone(g @ np.swapaxes(b, -1, -2), a.shape)),
            (other, lambda g: undone(np.swapaxes(a, -1, -2) @ g, b.shape))))

    def __rmatmul__(self, other):
        return node(other) @ self

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -node(other)

    def __truediv__(self, other):
        return self * node(other) ** -1

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__

    def __getitem__(self, index):
        x = self.data

        def back(g):
            grad = np.zeros_like(x)
            np.add.at(grad, index, g)
            return grad

        return Tensor(x[index], ((self, back),))

    def sum(self, axis=None, keepdims=False):
        x = self.data

        def back(g):
            if axis is not None and not keepdims:
                g = np.expand_dims(g, axis)
            return np.broadcast_to(g, x.shape)

        return Tensor(x.sum(axis=axis, keepdims=keepdims), ((self, back),))

    def mean(self, axis=None, keepdims=False):
        n = self.data.size if axis is None else self.data.shape[axis]
        return self.sum(axis, keepdims) / n

    def max(self, axis=None):
        m = self.data.max(axis=axis, keepdims=True)
        here = (self.data == m) / (self.data == m).sum(axis=axis, keepdims=True)
        return (self * here).sum(axis)

    def reshape(self, *shape):
        old = self.data.shape
        return Tensor(self.data.reshape(*shape), ((self, lambda g: g.reshape(old)),))

    def transpose(self, *axes):
        back = np.argsort(axes)
        return Tensor(self.data.transpose(axes), ((self, lambda g: g.transpose(back)),))

    @property
    def T(self):
        return self.transpose(1, 0)

    def exp(self):
        y = np.exp(self.data)
        return Tensor(y, ((self, lambda g: g * y),))

    def log(self):
        x = self.data
        return Tensor(np.log(x), ((self, lambda g: g / x),))

    def relu(self):
        x = self.data
        return Tensor(np.maximum(x, 0), ((self, lambda g: g * (x > 0)),))

    def softmax(self, axis):
        y = np.exp(self.data - self.data.max(axis=axis, keepdims=True))
        y = y / y.sum(axis=axis, keepdims=True)
        return Tensor(y, ((self, lambda g: y * (g - (g * y).sum(axis=axis, keepdims=True))),))

    def backward(self):
        order, seen = [], set()

        def visit(one):
            if one not in seen:
                seen.add(one)
                for parent, _ in one.parents:
                    visit(parent)
                order.append(one)

        visit(self)
        for one in order:
            if one.parents:
                one.grad = None
        self.grad = np.ones_like(self.data)
        for one in reversed(order):
            for parent, back in one.parents:
                sent = back(one.grad).astype(parent.data.dtype)
                parent.grad = sent if parent.grad is None else parent.grad + sent


def node(x):
    """A Tensor of it."""
    return x if isinstance(x, Tensor) else Tensor(x)


def tanh(x):
    """A function beside the class, where others are methods."""
    y = np.tanh(x.data)
    return Tensor(y, ((x, lambda g: g * (1 - y**2)),))

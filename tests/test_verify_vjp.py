"""Backward passes of functions of any shape: as functions, layers, pairs, and other engines'."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import DTypeError, ShapeError

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
Z = np.array([0.5, -1.0, 2.0])


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()


def softmax_backward(dout, z):
    s = softmax(z)
    return s * (dout - np.sum(s * dout))


def wrong_softmax_backward(dout, z):
    s = softmax(z)
    return s * (1 - s) * dout


def affine(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def averaging_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)


RIGHT = {
    "by name": (softmax, softmax_backward, (Z,)),
    "the cotangent first": (lambda u, v: u * v, lambda p, q, r: (p * r, p * q), (Z, Z + 1)),
    "a cache": (affine, affine_backward, (X, W, B)),
    "the output": (np.tanh, lambda dout, out: dout * (1 - out**2), (Z,)),
    "as HIPS writes it": (np.tanh, lambda ans, x: lambda g: g * (1 - ans**2), (Z,)),
    "a pullback": (lambda x: (np.sin(x), lambda g: g * np.cos(x)), True, (Z,)),
    "several results": (lambda x, y: (x * y, x + y),
                        lambda g, x, y: (g[0] * y + g[1], g[0] * x + g[1]), (Z, Z + 1)),
    "any arguments": (lambda x, y: x * y, lambda *a: (a[0] * a[2], a[0] * a[1]), (Z, Z + 1)),
    "a number": (lambda x: np.sum(x**2), lambda g, x: 2 * g * x, (Z,)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_backward_passes(name):
    """However it is called, it is called with what it means, and is right."""
    f, vjp, args = RIGHT[name]
    assert ag.check_vjp(f, vjp, *args).ok


@pytest.mark.parametrize(("f", "vjp", "args", "name", "kind", "line", "fix"), [
    (softmax, wrong_softmax_backward, (Z,), "z", "wrong-local-derivative",
     "return s * (1 - s) * dout",
     "return s * (dout - np.sum(dout * s, axis=-1, keepdims=True))"),
    (affine, averaging_backward, (X, W, B), "b", "mean-for-sum",
     "return dout @ w.T, x.T @ dout, dout.mean(axis=0)",
     "return dout @ w.T, x.T @ dout, dout.sum(axis=0)"),
])
def test_mistakes_have_a_name_a_line_and_a_correction(f, vjp, args, name, kind, line, fix):
    """As those of a loss's gradient."""
    first = ag.check_vjp(f, vjp, *args)[name].suspects[0]
    assert (first.kind, first.fix) == (kind, fix) and first.line.endswith(line)


# ── layers ───────────────────────────────────────────────────────────────────────────────────


class Affine:
    """A layer that keeps its input and stores its gradients."""

    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dout):
        self.dw = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.w.T


class Adding(Affine):
    """Gradients are added to those that are there."""

    def __init__(self, w, b):
        super().__init__(w, b)
        self.dw, self.db = np.zeros_like(w), np.zeros_like(b)

    def backward(self, dout):
        self.dw += self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.w.T


class Stale(Affine):
    """The input of the first forward pass is kept for ever."""

    def forward(self, x):
        if not hasattr(self, "x"):
            self.x = x
        return x @ self.w + self.b


class UsingUp(Affine):
    """What was kept is thrown away by the backward pass."""

    def backward(self, dout):
        found = super().backward(dout)
        del self.x
        return found


class Changing(Affine):
    """The backward pass changes what the forward pass kept."""

    def backward(self, dout):
        found = super().backward(dout)
        self.x = 3 * self.x
        return found


class OverSamples(Affine):
    """Wrong for more than one sample."""

    def backward(self, dout):
        super().backward(dout)
        self.db = dout[0] + 0 * dout.sum(axis=0)
        return dout @ self.w.T


class Relu:
    """A layer without parameters."""

    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, 0.0)

    def backward(self, dout):
        return dout * self.mask


def test_a_layer_is_right_and_left_as_it_was():
    """Its parameters, and what it is given, are checked; what it kept before is no parameter."""
    layer = Affine(W, B)
    layer.forward(X + 1)
    report = ag.check_vjp(layer, X)
    assert report.ok and [e.name for e in report] == ["w", "b", "x"] and not report.notes
    assert set(vars(layer)) == {"w", "b", "x"} and layer.w is W
    assert np.array_equal(layer.x, X + 1)


def test_a_layer_without_parameters():
    """Only its input has a gradient."""
    assert ag.check_vjp(Relu(), X).ok
    assert ag.check_vjp(lambda x: np.maximum(x, 0), Relu(), X).ok


@pytest.mark.parametrize(("layer", "note"), [
    (Adding, "adds to the gradients of the first"),
    (UsingUp, "a second backward pass fails"),
    (Changing, "gives another gradient than the first"),
])
def test_what_a_second_backward_pass_does_is_told(layer, note):
    """The first one is right."""
    report = ag.check_vjp(layer(W, B), X)
    assert report.ok and any(note in n for n in report.notes), report.notes


def test_a_layer_that_keeps_an_old_input_is_wrong():
    """It is right after the first forward pass of all, and in no later step."""
    report = ag.check_vjp(Stale(W, B), X)
    assert report["w"].verdict == "wrong" and report["w"].suspects[0].kind == "stale"
    assert report["x"].verdict == "right"


def test_a_layer_that_is_wrong_for_several_samples():
    """It is tried on the first of them."""
    report = ag.check_vjp(OverSamples(W, B), X)
    assert report["b"].verdict == "wrong"
    if report["b"].suspects[0].kind in ("unknown", "partial"):
        assert any("for the first sample alone" in note for note in report.notes)


class Product:
    """A pair of static methods, as torch.autograd.Function has them."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        assert ctx.needs_input_grad == (True, True)
        return np.sin(x) * w

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors  # noqa: RUF059  which is the mistake
        return grad_output * np.cos(x), grad_output * np.sin(x)


@pytest.mark.parametrize("given", [(), (lambda x, w: np.sin(x) * w,)])
def test_a_pair_with_a_context(given):
    """Alone, or beside the function that it should be the backward pass of."""
    report = ag.check_vjp(*given, Product, Z, Z + 1)
    assert [e.verdict for e in report] == ["wrong", "right"]
    assert report["x"].suspects[0].fix == (
        "return grad_output * np.cos(x) * w, grad_output * np.sin(x)")


@pytest.mark.parametrize(("attempt", "error", "message"), [
    (lambda: ag.check_vjp(np.tanh, Z), DTypeError, "needs the function's backward pass"),
    (lambda: ag.check_vjp(lambda x: "no", lambda g, x: g, Z), DTypeError, "returned a str"),
    (lambda: ag.check_vjp(lambda x: x * 1j, lambda g, x: g, Z), DTypeError, "real numbers"),
    (lambda: ag.check_vjp(np.tanh, lambda a, b, c: a, Z), ShapeError, "isn't known"),
])
def test_misuse_is_told(attempt, error, message):
    """Before anything is judged."""
    with pytest.raises(error, match=message):
        attempt()


# ── other engines ────────────────────────────────────────────────────────────────────────────


@pytest.mark.oracle
def test_a_function_of_torch():
    """It is judged by its numbers, against itself or the same in NumPy."""
    torch = pytest.importorskip("torch")

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x**3 * w

        @staticmethod
        def backward(ctx, grad_output):
            x, w = ctx.saved_tensors
            return grad_output * x**2 * w, grad_output * x**3

    for given in ((), (lambda x, w: x**3 * w,)):
        report = ag.check_vjp(*given, Cube, Z, Z + 1)
        assert [e.verdict for e in report] == ["wrong", "right"]
        assert "1/3 times" in str(report) or "3" in report["x"].suspects[0].message


@pytest.mark.oracle
def test_a_function_of_jax():
    """The same, in double precision whatever JAX is set to."""
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def f(x, y):
        return jax.numpy.sin(x) * y

    f.defvjp(lambda x, y: (f(x, y), (jax.numpy.cos(x), jax.numpy.sin(x), y)),
             lambda kept, g: (kept[0] * g * kept[2], -kept[1] * g))
    for given in ((), (lambda x, y: np.sin(x) * y,)):
        report = ag.check_vjp(*given, f, Z, Z + 1)
        assert [e.verdict for e in report] == ["right", "wrong"]
        assert report["y"].suspects[0].kind == "sign"

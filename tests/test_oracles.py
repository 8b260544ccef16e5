"""The same numbers as PyTorch, JAX and HIPS autograd, where they are right.

These need the `oracles` extra: pip install -e ".[test,oracles]".
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy_cases import CASES, CONSTANTS, VARIABLES

import autograd_mini as ag
from autograd_mini.numpy_api.catalog import CONSTANT
from autograd_mini.primitive import PRIMITIVES, TABLE, Elementwise

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")

SPECIAL = {"power": "pow", "1-x²": None, "arcsin": "asin", "arccos": "acos", "arctan": "atan",
           "positive": None, "softplus": "nn.functional.softplus", "where": None, "clip": None,
           "cube": None, "heaviside": None, "reciprocal": "reciprocal"}


def torch_function(name):
    path = SPECIAL.get(name, name)
    target = torch
    for part in (path or "").split("."):
        target = getattr(target, part, None)
    return target if path else None


ROWS = [r for r in PRIMITIVES.values() if isinstance(r, Elementwise) and torch_function(r.name)]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_rows_agree_with_torch_to_order_three(row):
    """Inside each domain, derivatives of order 1, 2 and 3 agree to 1e-12 relative."""
    rng = np.random.default_rng(5)
    low = 1.1 if row.name == "arccosh" else 0.1
    xs = [rng.uniform(low, low + 0.8, 7) for _ in row.slopes]
    weight = rng.normal(size=7)
    theirs = [torch.tensor(x, requires_grad=True) for x in xs]
    below = (torch_function(row.name)(*theirs) * torch.tensor(weight)).sum()

    def f(*args):
        return ag.sum(row(*args) * weight)

    for order in (1, 2, 3):
        (g,) = torch.autograd.grad(below, theirs[0], create_graph=True, allow_unused=True) \
            if below.requires_grad else (None,)
        ours = ag.grad(f)(*xs)
        expected = np.zeros(7) if g is None else g.numpy(force=True)
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12,
                                   err_msg=f"{row.name}, order {order}")
        if g is None or not g.requires_grad:
            break
        below = g.sum()

        def f(*args, inner=f):
            return ag.sum(ag.grad(inner)(*args))


def both(loss_np, loss_torch, arrays):
    """Our gradients of plain NumPy code, and torch's of its own, for all arrays."""
    ours = ag.grad(loss_np, tuple(range(len(arrays))))(*arrays)
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    loss_torch(*leaves).backward()
    return ours, [leaf.grad.numpy() for leaf in leaves]


def check(ours, theirs):
    """1e-12 relative to the size of each gradient."""
    for a, b in zip(ours, theirs, strict=True):
        scale = np.max(np.abs(b))
        assert np.max(np.abs(a - b)) <= 1e-12 * scale


def test_two_layer_network_with_cross_entropy():
    """Plain NumPy, softmax and cross-entropy by hand, agrees with torch."""
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(20, 7)), rng.integers(0, 5, 20)
    arrays = [rng.normal(size=(7, 11)), rng.normal(size=11), rng.normal(size=(11, 5)),
              rng.normal(size=5)]

    def plain(W1, b1, W2, b2):
        h = np.maximum(0, X @ W1 + b1)
        z = h @ W2 + b2
        z = z - np.max(z, axis=1, keepdims=True)
        log_p = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
        return -np.mean(log_p[np.arange(len(t)), t])

    def theirs(W1, b1, W2, b2):
        z = torch.relu(torch.tensor(X) @ W1 + b1) @ W2 + b2
        return torch.nn.functional.cross_entropy(z, torch.tensor(t))

    check(*both(plain, theirs, arrays))


def test_batch_norm_by_hand():
    """Mean and variance are differentiated too."""
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=(16, 6)), rng.normal(size=6), rng.normal(size=6)]
    target = rng.normal(size=(16, 6))

    def plain(x, gamma, beta):
        mu = x.mean(axis=0)
        centred = x - mu
        variance = np.mean(centred**2, axis=0)
        y = gamma * centred / np.sqrt(variance + 1e-5) + beta
        return np.sum(np.tanh(y) * target)

    def theirs(x, gamma, beta):
        y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)
        return (torch.tanh(y) * torch.tensor(target)).sum()

    check(*both(plain, theirs, arrays))
    with_var = ag.grad(lambda x: np.sum((x - x.mean(0)) / np.sqrt(np.var(x, axis=0)) * target))
    assert np.isfinite(with_var(arrays[0])).all()


def test_attention_head():
    """Scaled dot-product attention over a batch, softmax by hand."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 9, 8))
    arrays = [rng.normal(size=(8, 4)) for _ in range(3)]

    def plain(Wq, Wk, Wv):
        q, k, v = x @ Wq, x @ Wk, x @ Wv
        scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(4)
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.sum((e / e.sum(axis=-1, keepdims=True) @ v) ** 3)

    def theirs(Wq, Wk, Wv):
        z = torch.tensor(x)
        y = torch.nn.functional.scaled_dot_product_attention(z @ Wq, z @ Wk, z @ Wv)
        return (y**3).sum()

    check(*both(plain, theirs, arrays))


def random_case(seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 2.0, (3, 4, 5)), rng


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1,)])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "logsumexp"])
def test_reductions_agree_with_torch(name, axis, keepdims):
    """Every axis and keepdims, gradient and Hessian-vector product."""
    x, rng = random_case(3)
    ours = {"max": ag.max, "min": ag.min}.get(name) or getattr(ag, name)
    axes = tuple(range(3)) if axis is None else (axis,) if isinstance(axis, int) else axis
    whole = ours(x, axis=axis, keepdims=keepdims)
    weight = rng.normal(size=np.shape(whole))

    def reduced(z):
        if name == "prod":
            for a in sorted((a % 3 for a in axes), reverse=True):
                z = z.prod(dim=a, keepdim=keepdims)
            return z
        f = {"max": torch.amax, "min": torch.amin}.get(name) or getattr(torch, name)
        return f(z, dim=axes, keepdim=keepdims)

    z = torch.tensor(x, requires_grad=True)
    loss = (reduced(z) ** 2 * torch.tensor(weight)).sum()
    (g,) = torch.autograd.grad(loss, z, create_graph=True)

    def f(a):
        return ag.sum(ours(a, axis=axis, keepdims=keepdims) ** 2 * weight)

    np.testing.assert_allclose(ag.grad(f)(x), g.detach().numpy(), rtol=1e-11, atol=1e-11)
    v = rng.normal(size=x.shape)
    (hv,) = torch.autograd.grad((g * torch.tensor(v)).sum(), z)
    np.testing.assert_allclose(ag.hvp(f, (x,), (v,))[0], hv.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("a", "b"), [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)),
                                      ((4, 2, 3), (3, 5)), ((2, 3), (4, 3, 2)),
                                      ((4, 1, 2, 3), (5, 3, 2)), ((4, 2, 3), (3,)),
                                      ((3,), (4, 3, 2))], ids=str)
def test_matmul_agrees_with_torch(a, b):
    """Vectors, matrices and broadcast stacks, first and second order."""
    rng = np.random.default_rng(4)
    A, B = rng.normal(size=a), rng.normal(size=b)

    def f(x, y):
        return np.sum((x @ y) ** 3)

    ours = ag.grad(f, (0, 1))(A, B)
    X, Y = (torch.tensor(v, requires_grad=True) for v in (A, B))
    first = torch.autograd.grad(((X @ Y) ** 3).sum(), (X, Y), create_graph=True)
    for mine, theirs in zip(ours, first, strict=True):
        np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
    mixed = torch.autograd.grad(first[0].sum(), Y)[0].numpy()
    ours_mixed = ag.grad(lambda y: ag.sum(ag.grad(f)(A, y)))(B)
    np.testing.assert_allclose(ours_mixed, mixed, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("a", "b"), [((3,), (3,)), ((2, 3), (3,)), ((), (2, 3)), ((2, 3), (3, 4)),
                                      ((2, 5, 3), (3,)), ((2, 3), (4, 3, 5))], ids=str)
def test_dot_agrees_with_autograd(a, b):
    """np.dot in all its shapes, against HIPS autograd."""
    autograd = pytest.importorskip("autograd", reason="the oracles extra isn't installed")
    anp = pytest.importorskip("autograd.numpy", reason="the oracles extra isn't installed")
    rng = np.random.default_rng(6)
    A, B = rng.normal(size=a), rng.normal(size=b)
    for i in (0, 1):
        ours = ag.grad(lambda x, y: np.sum(np.dot(x, y) ** 2), i)(A, B)
        theirs = autograd.grad(lambda x, y: anp.sum(anp.dot(x, y) ** 2), i)(A, B)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_hessian_agrees_with_jax():
    """The full Hessian of a small network's loss, against jax in float64."""
    jax = pytest.importorskip("jax", reason="the oracles extra isn't installed")
    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=(6, 3)), rng.normal(size=12)

    def loss(w, np=np):
        h = np.tanh(x @ w[:9].reshape(3, 3))
        return np.mean(np.log(1 + np.exp(h @ w[9:])))

    ours = ag.hessian(loss)(w)
    theirs = np.asarray(jax.hessian(lambda w: loss(w, jax.numpy))(w))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_optimizers_agree_with_torch():
    """SGD with momentum and decay, and Adam: the same 20 steps to rounding."""
    from autograd_mini.nn import SGD, Adam

    for ours, theirs in (
        (lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (lambda p: SGD(p, 0.05, momentum=0.9, weight_decay=0.01),
         lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.01)),
        (lambda p: Adam(p), lambda p: torch.optim.Adam(p)),
        (lambda p: Adam(p, 0.1, weight_decay=0.1),
         lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.1)),
    ):
        start = np.array([1.0, -2.0, 0.5])
        w, z = ag.Tensor(start), torch.tensor(start, requires_grad=True)
        v = [ag.Value(s) for s in start]
        a, b, c = ours([w]), theirs([z]), ours(v)
        for _ in range(20):
            for optimizer in (a, b, c):
                optimizer.zero_grad()
            ag.sum(w**4 - w).backward()
            (z**4 - z).sum().backward()
            sum(x**4 - x for x in v).backward()
            for optimizer in (a, b, c):
                optimizer.step()
        np.testing.assert_allclose(w.data, z.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose([x.data for x in v], w.data, rtol=1e-12)


def test_losses_agree_with_torch():
    """Values and gradients of the four losses, float64."""
    from autograd_mini import nn

    rng = np.random.default_rng(8)
    z, t = rng.normal(size=(6, 4)) * 5, rng.uniform(size=(6, 4))
    classes = rng.integers(0, 4, 6)
    one_hot = np.eye(4)[classes]
    F = torch.nn.functional
    for ours, theirs in (
        (lambda a: nn.mse_loss(a, t), lambda a: F.mse_loss(a, torch.tensor(t))),
        (lambda a: nn.binary_cross_entropy_with_logits(a, t),
         lambda a: F.binary_cross_entropy_with_logits(a, torch.tensor(t))),
        (lambda a: nn.cross_entropy(a, classes),
         lambda a: F.cross_entropy(a, torch.tensor(classes))),
        (lambda a: nn.cross_entropy(a, one_hot),
         lambda a: F.cross_entropy(a, torch.tensor(one_hot))),
        (lambda a: nn.cross_entropy(a, t), lambda a: F.cross_entropy(a, torch.tensor(t))),
    ):
        value, g = ag.value_and_grad(ours)(z)
        leaf = torch.tensor(z, requires_grad=True)
        loss = theirs(leaf)
        loss.backward()
        assert value == pytest.approx(loss.item(), rel=1e-13)
        np.testing.assert_allclose(g, leaf.grad.numpy(), rtol=1e-12, atol=1e-15)


# ── plain NumPy code, and the functions that others differentiate ────────────────────────────


@pytest.mark.parametrize("case", CASES)
def test_numpy_code_agrees_with_jax(case):
    """First derivatives to 1e-10, second to 1e-8, of each expression evaluated with jax.numpy."""
    jax = pytest.importorskip("jax", reason="the oracles extra isn't installed")
    jax.config.update("jax_enable_x64", True)
    names = [n for n in VARIABLES if n in compile(case, "case", "eval").co_names]
    rng = np.random.default_rng(11)
    first_weights = {n: rng.normal(size=VARIABLES[n].shape) for n in names}

    def loss(xp, total, *arrays):
        y = eval(case, {"np": xp, **CONSTANTS, **VARIABLES, **dict(zip(names, arrays))})
        weight = np.random.default_rng(1).normal(size=y.shape)
        return total(y * weight)

    def slope(grad, xp, total, *arrays):
        gradients = grad(lambda *a: loss(xp, total, *a), numbers)(*arrays)
        return sum(total(g * first_weights[n]) for g, n in zip(gradients, names))

    numbers = tuple(range(len(names)))
    arrays = [VARIABLES[n] for n in names]
    try:
        theirs = jax.grad(lambda *a: loss(jax.numpy, jax.numpy.sum, *a), numbers)(*arrays)
        second = jax.grad(lambda *a: slope(jax.grad, jax.numpy, jax.numpy.sum, *a), numbers)
        theirs = [*theirs, *second(*map(jax.numpy.asarray, arrays))]
    except AttributeError:
        assert any(word in case for word in (
                "real_if_close", ".outer", "fmax.red", "fmin.red", "stride_tricks"))
        return  # jax.numpy has no such function; test_table compares it with finite differences
    with np.errstate(all="ignore"):
        ours = ag.grad(lambda *a: loss(np, ag.sum, *a), numbers)(*arrays)
        ours = [*ours, *ag.grad(lambda *a: slope(ag.grad, np, ag.sum, *a), numbers)(*arrays)]
    for i, (mine, other) in enumerate(zip(ours, map(np.asarray, theirs), strict=True)):
        digits = 1e-10 if i < len(names) else 1e-8
        if "unique" in case or (i >= len(names) and np.isnan(other).any()):
            continue  # jax takes unique for constant, and has nan for the second derivative there
        scale = np.max(np.abs(other), initial=1e-3)
        np.testing.assert_allclose(mine, other, rtol=digits, atol=digits * scale)


ACTIVATIONS = {
    "leaky_relu": "leaky_relu", "elu": "elu", "selu": "selu", "gelu": "gelu", "silu": "silu",
    "mish": "mish", "softsign": "softsign", "hardtanh": "hardtanh", "hardsigmoid": "hardsigmoid",
    "relu6": "relu6", "logsigmoid": "logsigmoid", "softplus": "softplus",
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_agree_with_torch_to_order_two(name):
    """Away from kinks, for small and large numbers."""
    x = np.array([-30.0, -4.1, -1.3, -0.2, 0.3, 0.9, 2.2, 5.3, 30.0])
    t = torch.tensor(x, requires_grad=True)
    y = getattr(torch.nn.functional, name)(t)
    (first,) = torch.autograd.grad(y.sum(), t, create_graph=True)
    f = getattr(ag, name)
    digits = 1e-7 if name == "hardsigmoid" else 1e-12  # PyTorch's 1/6 is a float32
    np.testing.assert_allclose(f(x), y.numpy(force=True), rtol=digits, atol=1e-15)
    np.testing.assert_allclose(ag.grad(lambda v: ag.sum(f(v)))(x), first.numpy(force=True),
                               rtol=digits, atol=1e-15)
    if name in ("hardtanh", "hardsigmoid", "relu6", "leaky_relu"):
        return  # linear in pieces; PyTorch doesn't implement some of their second derivatives
    (second,) = torch.autograd.grad(first.sum(), t)
    ours = ag.grad(lambda v: ag.sum(ag.grad(lambda u: ag.sum(f(u)))(v)))(x)
    np.testing.assert_allclose(ours, second.numpy(force=True), rtol=1e-9, atol=1e-13)


def test_gelu_tanh_agrees_with_torch():
    """The approximation, to order 1."""
    x = np.array([-30.0, -4.1, -0.2, 0.0, 0.3, 5.3, 30.0])
    t = torch.tensor(x, requires_grad=True)
    (first,) = torch.autograd.grad(torch.nn.functional.gelu(t, approximate="tanh").sum(), t)
    np.testing.assert_allclose(ag.grad(lambda v: ag.sum(ag.gelu(v, "tanh")))(x),
                               first.numpy(force=True), rtol=1e-10, atol=1e-14)


# … and np.full, which NumPy doesn't let us see: here it is ag.full.
MISSING = {"full",
           "fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "rfft", "irfft", "rfft2",
           "irfft2", "rfftn", "irfftn", "fftshift", "ifftshift", "eig"}


def test_nothing_that_hips_autograd_differentiates_is_missing():
    """Of NumPy's functions, none but the complex and Fourier family."""
    anp = pytest.importorskip("autograd.numpy", reason="the oracles extra isn't installed")
    from autograd.core import primitive_vjps

    missing = set()
    count = 0
    for theirs, ours in ((anp, np), (anp.linalg, np.linalg), (anp.fft, np.fft)):
        for name in dir(theirs):
            function = getattr(ours, name, None)
            if function is not None and callable(function) and (
                not isinstance(function, type) and getattr(theirs, name) in primitive_vjps
            ):
                count += 1
                if function not in TABLE and function not in CONSTANT:
                    missing.add(name)
    assert count > 100
    assert missing == MISSING

"""What holds for every engine of arrays: the second table, from broadcasting to batches.

Like the first, in the order in which an engine is built, so that the first that fails says most.
Each output is summed to one number before backward() is called.
"""

from __future__ import annotations

import textwrap
from typing import Any

from .engines import Property

__all__ = ["ARRAYS"]

ARRAYS: list[Property] = []

_ROWS = "[[1., -2., 3.], [0.5, 4., -1.]]"  # 2 × 3
_LEAVES = {
    "x": f"x = Tensor(np.array({_ROWS}))",
    "b": "b = Tensor(np.array([10., 20., 30.]))",
    "c": "c = Tensor(np.array([[2.], [-3.]]))",
    "r": "r = Tensor(np.array([[1., 2., 4.]]))",
    "s": "s = Tensor(np.array(3.))",
    "y": "y = Tensor(np.array([[2., 5., -1.], [4., 0.5, 3.]]))",
    "p": "p = Tensor(np.array([[0.5, 2., 1.], [3., 1., 0.25]]))",
    "t": "t = Tensor(np.arange(24.).reshape(2, 3, 4) - 11)",
    "u": "u = Tensor(np.arange(16.).reshape(2, 4, 2) / 8 - 1)",
    "q": "q = Tensor(np.arange(24.).reshape(2, 4, 3) - 11)",
    "M": "M = Tensor(np.array([[1., 2.], [-1., 0.5], [3., -2.]]))",
    "f": "f = Tensor(np.array([1., -1., 2., 0.5]))",
    "v": "v = Tensor(np.array([1., -2., 3.]))",
    "w": "w = Tensor(np.array([0.5, 4., -1.]))",
    "m": "m = Tensor(np.array([[3., 1., 3.], [2., 2., 0.]]))",
}


def _row(group: str, name: str, code: str, asks: str, why: str, **more: Any) -> None:
    """Add a property to the table; `asks` has the expressions with blanks between them."""
    ARRAYS.append(Property(name, textwrap.dedent(code), tuple(asks.split()), why, group, **more))


def _of(group: str, name: str, leaves: str, formula: str, why: str, **more: Any) -> None:
    """That the gradients of a formula of the leaves are right; its entries weigh differently."""
    made = [_LEAVES[leaf] for leaf in leaves.split()]
    lines = [*made, f"z = {formula}",
             "weights = np.arange(z.data.size).reshape(z.data.shape) + 1.0",
             "(z * weights).sum().backward()"]
    asks = ["z.data", *[f"{leaf}.grad" for leaf in leaves.split()],
            *[f"{leaf}.data" for leaf in leaves.split()]]
    ARRAYS.append(Property(name, "\n".join(lines), tuple(asks), why, group, **more))


# ── arithmetic of equal shapes ───────────────────────────────────────────────────────────────────
_row("arithmetic", "the sum of an array", f"{_LEAVES['x']}\nx.sum().backward()", "x.grad",
     "Each entry has the slope 1: the gradient has the shape of x.")
_row("arithmetic", "x + y", f"{_LEAVES['x']}\n{_LEAVES['y']}\n(x + y).sum().backward()",
     "x.grad y.grad", "A sum passes the gradient on to both, unchanged.")
_row("arithmetic", "x * y", f"{_LEAVES['x']}\n{_LEAVES['y']}\n(x * y).sum().backward()",
     "x.grad y.grad", "Each side's slope is the other side.")
_row("arithmetic", "an array on the right", f"{_LEAVES['x']}\n(x * np.array({_ROWS}))"
     ".sum().backward()", "x.grad", "A plain array becomes a constant.")
_of("arithmetic", "-x", "x", "-x", "The slope is −1.")
_of("arithmetic", "x ** 3", "x", "x ** 3", "The slope of xⁿ is n·xⁿ⁻¹: one power less.")
for _power in ("-1", "0.5"):
    _of("arithmetic", f"p ** {_power}", "p", f"p ** {_power}",
        "The slope of xⁿ is n·xⁿ⁻¹ for any number n.")
_of("arithmetic", "x - y", "x y", "x - y", "The second side's slope is −1.")
_of("arithmetic", "x / y", "x y", "x / y", "The slopes are 1/y and −x/y².")
_of("arithmetic", "a number on the right", "x", "((x + 2) * 3 - 1) / 4",
    "A plain number becomes a constant.")
for _shown, _method in (("2 + p", "__radd__"), ("2 - p", "__rsub__"), ("2 * p", "__rmul__"),
                        ("2 / p", "__rtruediv__")):
    _of("arithmetic", f"{_shown} ({_method})", "p", _shown, "With the number on the left Python "
        f"calls {_method}; in 2 - p and 2 / p the order matters.")
_of("arithmetic", "an array on the left", "x", f"np.array({_ROWS}) - x",
    "NumPy goes first, and makes an array of objects: set __array_ufunc__ = None, and it asks "
    "__rsub__.", core=False)

# ── broadcasting ─────────────────────────────────────────────────────────────────────────────────
_UNDO = ("Where an array was broadcast, its gradient is summed over those axes, down to its own "
         "shape: ")
_of("broadcasting", "a row beside a matrix", "x b", "x * b", _UNDO + "here over axis 0, which b "
    "doesn't have.")
_of("broadcasting", "a row on the left", "b x", "b - x", _UNDO + "on either side.")
_of("broadcasting", "a column beside a matrix", "x c", "x * c", _UNDO + "here over axis 1, which "
    "has the length 1 in c, and stays (keepdims).")
_of("broadcasting", "one row as a matrix", "x r", "x + r", _UNDO + "here over axis 0 of length 1.")
_of("broadcasting", "a column beside a row", "c b", "c * b", _UNDO + "both were broadcast.")
_of("broadcasting", "a single number", "x s", "x * s", _UNDO + "here over all.")
_of("broadcasting", "a row beside a stack", "t f", "t * f", _UNDO + "here over two axes.")
_of("broadcasting", "divided", "x c", "x / c", _UNDO + "in every operation, not in + and * alone.")
_of("broadcasting", "subtracted", "c x", "c - x", _UNDO + "in subtractions, too.")

# ── a tensor used more than once ─────────────────────────────────────────────────────────────────
_ADD = "Each use sends a contribution, and they add up: write +=, or known + sent."
_of("reuse", "x + x", "x", "x + x", _ADD)
_of("reuse", "x * x", "x", "x * x", _ADD)
_of("reuse", "a diamond", "x b", "(x * 2 + b) * (x * 5 - b)", "A node sends only once all that it "
    "will get has arrived: go backward in topological order. " + _ADD)
_ALIAS = ("Two tensors must not share one gradient array: a += for the one changes the other's. "
          "Copy what is sent on unchanged, or write grad = grad + sent.")
_of("reuse", "two gradients are two arrays", "x y", "x + (y + x * 3)", _ALIAS)
_row("reuse", "forty doublings", f"""\
{_LEAVES['v']}
z = v
for _ in range(40):
    z = z + z
z.sum().backward()""", "v.grad", "Each node is visited once, not once for each way that leads to "
     "it: keep the visited ones in a set.")
_row("reuse", "two graphs add up", f"""\
{_LEAVES['v']}
(v * 2).sum().backward()
(v * v).sum().backward()""", "v.grad", "A leaf's gradient accumulates over calls of backward(); it "
     "is set to nothing before a new step.", accepts={"v.grad": ([2., -4., 6.],)})
_row("reuse", "the same graph twice", f"""\
{_LEAVES['v']}
z = v * v
y = (z * 5).sum()
y.backward()
y.backward()""", "v.grad", "The second call sends what the first did. If nodes between keep the "
     "first call's gradient, it is sent again: forget those at the start.",
     accepts={"v.grad": ([10., -20., 30.],)})

# ── sums, means, extremes ────────────────────────────────────────────────────────────────────────
_SPREAD = "The gradient is spread along the axis that was summed, which has to be put back first"
_of("axes", "sum over axis 0", "x", "x.sum(axis=0)", _SPREAD + ".")
_of("axes", "sum over axis 1", "x", "x.sum(axis=1)", _SPREAD + ": (2,) becomes (2, 1).")
_of("axes", "sum over an axis from the end", "t", "t.sum(axis=-1)",
    _SPREAD + "; -1 is the last one.")
_of("axes", "sum over the last axis, kept", "t", "t.sum(axis=-1, keepdims=True)", _SPREAD + ".")
_of("axes", "the mean of all", "x", "x.mean()", "It is the sum divided by the number of entries.")
_of("axes", "the mean over an axis", "x", "x.mean(axis=0)", "It is divided by the length of "
    "that axis, and not by the number of all entries.")
_of("axes", "the mean over a kept axis", "x", "x.mean(axis=1, keepdims=True)",
    "It is divided by the length of that axis.")
_of("axes", "max of all", "x", "x.max()", "Only the largest entry gets the gradient.", core=False)
_of("axes", "max over an axis", "x", "x.max(axis=1)", "Only the largest entry of each row gets it.",
    core=False)
_row("axes", "max where two are the largest", f"{_LEAVES['m']}\nm.max(axis=1).sum().backward()\n"
     "total = np.sum(m.grad, axis=1)", "total", "The slopes of a maximum sum to 1: equal entries "
     "share it, or one gets all; each getting all counts it twice.", core=False)

# ── shapes and indices ───────────────────────────────────────────────────────────────────────────
_of("shapes", "reshape", "x", "x.reshape(3, 2)",
    "The gradient gets the old shape back, entry by entry.")
_of("shapes", "the transpose", "x", "x.T",
    "The gradient is transposed back.")
_of("shapes", "axes in another order", "t", "t.transpose(1, 2, 0)",
    "The gradient goes back by the inverse order, which for three axes isn't the same one.",
    core=False)
_of("shapes", "a row by its number", "x", "x[1]", "The other rows get 0, and the shape is x's.",
    core=False)
_of("shapes", "a slice", "t", "t[:, 1:, ::2]", "What isn't in the slice gets 0.", core=False)
_of("shapes", "a row taken twice", "x", "x[np.array([0, 0, 1])]", "grad[index] += sent counts an "
    "index that comes twice once: write np.add.at(grad, index, sent).", core=False)
_of("shapes", "entries by pairs of numbers", "x", "x[np.array([0, 1, 0]), np.array([2, 0, 2])]",
    "grad[index] += sent counts a pair that comes twice once: write np.add.at(grad, index, sent).",
    core=False)

# ── matrix products ──────────────────────────────────────────────────────────────────────────────
_of("products", "matrix by matrix", "x M", "x @ M", "Of A @ B the gradients are ḡ Bᵀ and Aᵀ ḡ.")
_of("products", "matrix by vector", "x v", "x @ v", "The gradients are the outer product of ḡ and "
    "v, and Aᵀ ḡ: a vector has no transpose.", core=False, may_refuse=True)
_of("products", "vector by matrix", "v M", "v @ M", "The gradients are M ḡ, and the outer product "
    "of v and ḡ.", core=False, may_refuse=True)
_of("products", "vector by vector", "v w", "v @ w", "The gradients are ḡ times the other vector.",
    core=False, may_refuse=True)
_of("products", "a stack by a stack", "t u", "t @ u", "Only the last two axes are transposed: "
    "np.swapaxes(B, -1, -2), not B.T.", core=False, may_refuse=True)
_of("products", "a stack by one matrix", "q M", "q @ M", "The matrix was used "
    "for each of the stack: its gradient is summed over that axis.", core=False, may_refuse=True)
_of("products", "an array by a tensor", "M", f"np.array({_ROWS}) @ M", "Set __array_ufunc__ = None,"
    " and write __rmatmul__.", core=False)

# ── functions ────────────────────────────────────────────────────────────────────────────────────
_BESIDE = "What an operation sends is added to the gradient that is there, in each operation."
for _formula in ("x * x.sum(axis=0)", "x * x.mean()", "x[1] * x", "x * x.max()",
                 "x * x.reshape(2, 3)", "x @ x.T"):
    _of("reuse, again", _formula, "x", _formula, _BESIDE, core=False)

for _name, _slope, _leaf in (
        ("exp", "exp(x) itself, the output", "x"), ("log", "1/x, of the input", "p"),
        ("tanh", "1 − tanh(x)², the square of tanh", "x"),
        ("relu", "1 where x > 0 and 0 elsewhere", "x"),
        ("sigmoid", "s·(1 − s) of the output s", "x"), ("sqrt", "1 / (2·√x)", "p"),
        ("sin", "cos(x)", "x"), ("cos", "−sin(x)", "x"), ("abs", "the sign of x", "x"),
        ("tan", "1 + tan(x)²", "x"), ("sinh", "cosh(x)", "x"), ("cosh", "sinh(x)", "x"),
        ("arctan", "1 / (1 + x²)", "x"), ("log1p", "1 / (1 + x)", "p"), ("expm1", "exp(x)", "x"),
        ("square", "2x", "x"), ("softplus", "sigmoid(x)", "x"), ("silu", "s + x·s·(1 − s)", "x"),
        ("softmax", "pᵢ·(δᵢⱼ − pⱼ), a matrix for each row", "x"),
        ("log_softmax", "δᵢⱼ − pⱼ, a matrix for each row", "x")):
    _call = f"{_leaf}.{_name}({'axis=-1' if 'softmax' in _name else ''})"
    _of("functions", _name, _leaf, _call, f"The slope is {_slope}; and the input stays as it is.",
        core=False)
    _of("functions", f"{_name} inside of a formula", _leaf, f"{_leaf} * {_call}",
        "The slope times the gradient that arrives, added to what is there.", core=False)
_row("functions", "relu at 0", "x = Tensor(np.array([0., 1., -1.]))\nx.relu().sum().backward()",
     "x.grad", "At the kink the slope is 0, as in PyTorch and JAX: write > 0, not >= 0.",
     core=False)
_row("functions", "sigmoid far out", "x = Tensor(np.array([1000., -1000.]))\ny = x.sigmoid()\n"
     "y.sum().backward()", "y.data x.grad", "It is 1 or 0 and flat there: exp(−x) overflows.",
     core=False)
_row("functions", "softmax of large scores", "x = Tensor(np.array([1000., 999., -1000.]))\n"
     "y = x.softmax(axis=-1)\n(y * y).sum().backward()", "y.data x.grad",
     "Subtract the largest before exp, which overflows at 710; it changes nothing.", core=False)

# ── numbers, and what holds them ─────────────────────────────────────────────────────────────────
_row("numbers", "whole numbers", "x = Tensor(np.array([1, 2, 3]))\n(x * 0.5).sum().backward()",
     "x.grad", "A gradient of ½ in an array of integers is 0: make the numbers floats.",
     may_refuse=True)
_row("numbers", "the dtype stays", "x = Tensor(np.array([1., 2.], dtype=np.float32))\n"
     "(x * 2).sum().backward()\nsame = str(x.grad.dtype == x.data.dtype)", "same",
     "A gradient has the dtype of its tensor: float32 beside float64 costs twice the memory.",
     core=False, advice=True)
_row("numbers", "a step of a parameter", f"""\
{_LEAVES['v']}
for _ in range(3):
    v.grad = None if v.grad is None else v.grad * 0
    ((v - 5) * (v - 5)).sum().backward()
    v.data -= 0.1 * np.array(v.grad)""", "v.data", "After data changes, a new graph computes with "
     "the new numbers.")
_row("numbers", "the numbers as they were", f"""\
{_LEAVES['v']}
z = (v * v).sum()
v.data = v.data + 10
z.backward()""", "v.grad", "A slope is that of the numbers z was computed with. If it reads v.data "
     "when it goes back, a step taken before backward() changes gradients silently.", core=False,
     advice=True)

# ── together ─────────────────────────────────────────────────────────────────────────────────────
_of("together", "a layer and the mean of squares", "x M r",
    "((x @ M + r[0, :2] - np.ones(2)) ** 2).mean() + r[0, 2] * 0",
    "Product, broadcast bias, mean.", core=False)
_of("together", "rows set to mean 0 and variance 1", "x",
    "(x - x.mean(axis=1, keepdims=True)) / (((x - x.mean(axis=1, keepdims=True)) ** 2)"
    ".mean(axis=1, keepdims=True) + 1e-5) ** 0.5", "The mean and the variance depend on every "
    "entry, too: three ways lead back.")
_row("together", "cross-entropy of scores", f"""\
{_LEAVES['x']}
e = x.exp()
p = e / e.sum(axis=1, keepdims=True)
loss = -(p[np.arange(2), np.array([2, 1])]).log().mean()
loss.backward()""", "loss.data x.grad", "The gradient is (p − one-hot) / 2.", core=False)

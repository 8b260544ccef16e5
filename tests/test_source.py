"""`ag.source`: a function and its gradient as code, which gives the engine's numbers by itself."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from numpy_cases import CASES, CONSTANTS, VARIABLES

import autograd_mini as ag
from autograd_mini.__main__ import main
from autograd_mini.as_code.rows import WRITTEN
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    GraphError,
    NotFollowedError,
)
from autograd_mini.primitive import PRIMITIVES

RNG = np.random.default_rng(0)


def drawn(*shapes):
    """Normal numbers of these shapes."""
    return tuple(RNG.normal(size=shape) for shape in shapes)


def mlp(W1, b1, W2, b2, X, t):
    h = np.tanh(X @ W1 + b1)
    e = h @ W2 + b2 - t
    return np.sum(e**2) / 12


def logistic(w, b, X, y):
    z = X @ w + b
    return np.mean(np.log1p(np.exp(-y * z))) + 0.1 * np.sum(w**2)


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return ((p @ v) ** 2).sum()


def batch_norm(x, gamma, beta, target):
    mean = x.mean(axis=0)
    centred = x - mean
    var = (centred**2).mean(axis=0)
    normed = centred / np.sqrt(var + 1e-5)
    out = normed * gamma + beta
    return np.sum((out - target) ** 2)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


FUNCTIONS = {
    mlp: drawn((3, 4), 4, (4, 2), 2, (6, 3), (6, 2)),
    logistic: (*drawn(3), 0.1, *drawn((5, 3)), np.sign(RNG.normal(size=5))),
    attention: drawn((3, 2), (3, 2), (3, 2)), batch_norm: drawn((6, 3), 3, 3, (6, 3)),
    rosenbrock: drawn(4),
}


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_five_functions(f):
    """The code runs without the library, and gives the engine's gradients at numbers of its own."""
    text = ag.source(f, *FUNCTIONS[f])
    assert "autograd" not in text and text.count("import") == 1
    space = {}
    exec(text, space)
    printed = space[f"{f.__name__}_and_gradient"]
    rng = np.random.default_rng(5)
    for _ in range(3):
        args = [np.asarray(x) * rng.uniform(0.5, 2.0, np.shape(x)) for x in FUNCTIONS[f]]
        value, slopes = printed(*args)
        expected, right = ag.value_and_grad(f, tuple(range(len(args))))(*args)
        assert np.isclose(value, expected, rtol=1e-12)
        for a, b in zip(slopes, right, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * np.abs(b).max())
    assert ag.check_gradient(f, lambda *args: printed(*args)[1], *map(np.asarray, args)).ok


@pytest.mark.oracle
@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_jax_and_torch(f, backend):
    """The same numbers but for rounding; JAX compiles the text as it stands."""
    library = pytest.importorskip(backend, reason="the oracles extra isn't installed")
    space = {}
    exec(ag.source(f, *FUNCTIONS[f], backend=backend), space)
    printed = space[f"{f.__name__}_and_gradient"]
    if backend == "jax":
        with library.enable_x64(True):
            found = [printed(*FUNCTIONS[f]), library.jit(printed)(*FUNCTIONS[f])]
    else:
        found = [printed(*(library.tensor(np.asarray(x)) for x in FUNCTIONS[f]))]
    _, right = ag.source(f, *FUNCTIONS[f]).function(*FUNCTIONS[f])
    for _, slopes in found:
        for a, b in zip(slopes, right, strict=True):
            assert np.abs(np.asarray(a) - b).max() <= 1e-14 * max(1.0, np.abs(b).max())


def test_it_reads_like_a_derivation():
    """The function's own names, d… for their gradients, and the line that each comes from."""
    text = ag.source(batch_norm, *FUNCTIONS[batch_norm], wrt="gamma")
    lines = [line.strip() for line in text.splitlines()]
    bare = [re.sub(r" +# line \d+", "  # line", line) for line in lines]
    assert "def batch_norm_and_gradient(x, gamma, beta, target):" in lines
    assert lines[lines.index("def batch_norm_and_gradient(x, gamma, beta, target):") + 1] == (
        "assert all(np.shape(a) == shape and np.result_type(a) == np.float64") and (
        "# backward" in lines)
    assert "normed = centred / np.sqrt(var + 1e-05)  # line" in bare
    assert any(line.startswith("dout = 2 * ") and line.endswith(": (out - target) ** 2")
               for line in bare)
    assert "dgamma = np.sum(dout * normed, axis=(0,))  # line: normed * gamma" in bare
    assert lines[-1].startswith("return ") and lines[-1].endswith(", (dgamma,)")
    assert text == ag.source(batch_norm, *FUNCTIONS[batch_norm], wrt=["gamma"])


@pytest.mark.slow  # half a thousand functions, each at three draws
def test_code_of_numpys_functions():
    """What is printed is right at numbers that it wasn't printed from; the rest is refused by name,
    and no more of it than before."""
    printed, compared, refused = 0, 0, {}
    for case in CASES:
        used = [n for n in VARIABLES if re.search(rf"\b{n}\b", case)]
        if not used:
            continue
        space = {"np": np, **CONSTANTS}
        exec(f"def f({', '.join(used)}):\n    return np.sum({case})\n", space)
        f, args = space["f"], [VARIABLES[n] for n in used]
        wrt = [n for n, x in zip(used, args, strict=True) if np.asarray(x).dtype.kind == "f"]
        try:
            code = ag.source(f, *args, wrt=wrt)
        except (NotFollowedError, GraphError) as error:
            refused[case] = str(error)
            continue
        printed += 1
        rng = np.random.default_rng(11)
        others = [x * rng.uniform(0.95, 1.05, np.shape(x)) if n in wrt else x
                  for n, x in zip(used, args, strict=True)]
        with np.errstate(all="ignore"):
            try:
                _, slopes = code.function(*others)
            except AssertionError:  # it says that it doesn't hold there
                continue
            right = ag.grad(f, tuple(used.index(n) for n in wrt))(*others)
        for a, b in zip(slopes, right, strict=True):
            size = np.max(np.abs(b), initial=0.0)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * size, err_msg=case)
        compared += 1
    assert printed >= 437 and compared >= 425, (printed, compared, refused)


def if_positive(x):
    """Another function for other numbers."""
    return np.sum(x**2) if x.sum() > 0 else np.sum(x)


def test_what_a_run_decided_is_asserted():
    """Shapes, whole numbers, and comparisons: elsewhere the code says that it doesn't hold."""
    x = np.array([1.0, 2.0, 3.0])
    code = ag.source(if_positive, x)
    assert "assert np.all(np.sum(x) > 0)" in code
    for other in (-x, np.ones(4)):
        with pytest.raises(AssertionError):
            code.function(other)
    powers = ag.source(lambda x, k: np.sum(x**k), x, 2)
    with pytest.raises(AssertionError):
        powers.function(x, 3)
    winner = ag.source(np.max, x).function(-x)[1][0]  # no winner is frozen
    assert winner.tolist() == [1.0, 0.0, 0.0]
    assert ag.source(lambda x: np.sum(np.sort(x)[:2]), x).function(-x)[1][0].tolist() == [0, 1, 1]


def test_arguments_of_all_kinds():
    """Indices, masks, single numbers, float32, nodes, what nothing depends on."""
    x = np.array([1.0, -2.0, 3.0])
    indexed = ag.source(lambda x, i: np.sum(x[i] ** 2), x, np.array([0, 0, 2]))
    assert indexed.function(x, np.array([1, 1, 1]))[1][0].tolist() == [0.0, -12.0, 0.0]
    masked = ag.source(lambda x, m: np.sum(np.where(m, x, 0.0) ** 2), x, x > 0)
    assert masked.function(x, x < 0)[1][0].tolist() == [0.0, -4.0, 0.0]
    single = ag.source(lambda a, b: a * b + a**2, 2.0, 3.0)
    assert [float(g) for g in single.function(2.0, 3.0)[1]] == [7.0, 2.0]
    small = ag.source(lambda x: np.sum(np.tanh(x)), np.ones(3, np.float32))
    assert small.function(np.ones(3, np.float32))[1][0].dtype == np.float32
    assert ag.source(lambda x: np.sum(x**2), ag.Tensor(x), wrt="x").function(x)[1][0].tolist() == [
        2.0, -4.0, 6.0]
    alone = ag.source(lambda x, y: np.sum(x), x, x)
    assert [g.tolist() for g in alone.function(x, x)[1]] == [[1.0] * 3, [0.0] * 3]


P, X = np.array([1.0, 2.0, 3.0]), np.array([1.0, -2.0, 3.0])
Z = np.arange(6.0).reshape(2, 3)


def caught(x, i):
    """A refusal that the function catches."""
    try:
        k = i.tolist()[0]
    except Exception:
        k = 1
    return np.sum(x) * k


ELSEWHERE = {  # f, the example, other arguments at which a number of the example would show
    "a mask that is all true": (lambda x: np.sum(np.where(x > 0, x, 0.1 * x) ** 2), (P,), (X,)),
    "a mask that is all false": (lambda x: np.sum(np.where(x > 10, 10.0, x) ** 2), (P,), (9 * P,)),
    "whole numbers, all 1": (lambda x, i: np.sum((x - i) ** 2), (P, np.ones(3, int)),
                             (P, np.array([4, 5, 6]))),
    "a mask as a factor": (lambda x, m: np.sum((x * m) ** 2), (P, np.ones(3, bool)),
                           (P, np.array([True, False, True]))),
    "exponents, all 2": (lambda x, i: np.sum(x**i), (P, np.full(3, 2)), (P, np.array([1, 2, 3]))),
    "a bound of 0": (lambda x, i: np.sum(np.maximum(x, i)), (P, np.zeros(3, int)),
                     (P, np.array([5, 0, 5]))),
    "a single whole number": (lambda x, i: np.sum((x * i) ** 2 + x), (P, np.int64(1)),
                              (P, np.int64(3))),
    "where something isn't 0": (lambda x: x[np.nonzero(x > 0)].sum(), (X,),
                                (np.array([-1.0, 2.0, 3.0]),)),
    "labels": (lambda z, y: -np.sum(z[np.arange(2), y]), (Z, np.array([0, 1])),
               (Z, np.array([2, 2]))),
    "a loss with labels": (lambda z, y: -np.mean((z - np.log(np.sum(np.exp(z), 1, keepdims=True)))[
        np.arange(len(y)), y]), (Z, np.array([0, 1])), (Z, np.array([2, 2]))),
    "an argmax": (lambda z: np.sum(z[np.arange(2), np.argmax(z, 1)]), (Z,), (Z[:, ::-1].copy(),)),
    "indices of np.take": (lambda x, i: np.sum(np.take(x, i) ** 2), (X, np.array([0, 1])),
                           (X, np.array([2, 2]))),
    "an order": (lambda w, x: np.sum(np.take(w, np.argsort(x)) * np.arange(3)), (P, X), (P, -X)),
    "two comparisons": (lambda x: np.sum(x**2) if (x[0] > 0) & (x[1] < 5) else np.sum(x), (P,),
                        (np.array([1.0, 7.0, 3.0]),)),
    "arithmetic of whole numbers": (lambda x, i: np.sum((x + (i + 1) ** 2) ** 2),
                                    (P, np.array([0, -1, 0])), (P, np.array([1, 2, 5]))),
    "a remainder": (lambda x, i: np.sum(x[(i + 1) % 3] ** 2), (P, np.array([0, 1, 0])),
                    (P, np.array([1, 2, 2]))),
    "a refusal that was caught": (caught, (P, np.array([1, 2])), (P, np.array([4, 2]))),
    "another dtype": (lambda x: np.sum(x * x * x), (P,), (np.array([1, 2, 20], np.uint8),)),
    "a zero with a sign": (lambda x: np.sum(np.arctan2(np.array([0.0, -0.0]), x) * x), (P[:2],),
                           (-P[:2],)),
    "compared with something else": (lambda x: np.sum(x) if np.sum(x**2) > 1 else np.sum(2 * x),
                                     (P,), (P / 100,)),
    "True and 1": (lambda x, b: np.sum(x) if b is True else np.sum(x**2), (P, True), (P, 1)),
}


REFUSED = {"a refusal that was caught"}
ASSERTS = {"two comparisons", "another dtype", "compared with something else", "True and 1"}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_number_of_the_example_stands_in_the_code(name):
    """At other numbers it is right, or says that it doesn't hold, or it wasn't given at all; which
    of these stands above."""
    f, example, other = ELSEWHERE[name]
    try:
        code = ag.source(f, *example, wrt=inspect.getfullargspec(f).args[0])
    except NotFollowedError:
        assert name in REFUSED
        return
    try:
        _, (slope,) = code.function(*other)
    except AssertionError:
        assert name in ASSERTS
        return
    assert name not in REFUSED | ASSERTS
    np.testing.assert_allclose(slope, ag.grad(f)(*other), rtol=1e-12, atol=1e-13)


OUTSIDE, LARGE = ag.Tensor([1.0, 2.0, 3.0]), RNG.normal(size=(20, 20))


@pytest.mark.parametrize(("f", "args", "options", "error", "told"), [
    (lambda x: np.sum(x * OUTSIDE), (np.ones(3),), {}, NotFollowedError, "a node from outside"),
    (lambda x: np.sum(LARGE @ x), (np.ones(20),), {}, NotFollowedError, "give it as an argument"),
    (lambda x: np.sum(x * RNG.normal(size=3)), (np.ones(3),), {}, NotFollowedError,
     "other code|another one for other numbers"),
    (lambda p: np.sum(p["x"]), ({"x": np.ones(3)},), {}, ArgumentTypeError, "that is a dict"),
    (lambda x: x * 2, (np.ones(3),), {}, DTypeError, "one number"),
    (lambda x: 3.0, (np.ones(3),), {}, GraphError, "isn't computed from its arguments"),
    (lambda x: np.sum(x), (np.ones(3),), {"wrt": "y"}, ArgumentError, "wrt is of x, not y"),
    (lambda x: np.sum(x), (np.ones(3),), {"backend": "tf"}, ArgumentError, "numpy, jax, torch"),
    (lambda x: np.linalg.norm(x, "nuc"), (np.eye(3) + 1,), {}, NotFollowedError,
     "svdvals .*can.t be printed for numpy"),
    (lambda x: np.sum(x[::-1] * x), (np.ones(3),), {"backend": "torch"}, NotFollowedError,
     "negative step"),
])
def test_what_cannot_be_printed(f, args, options, error, told):
    """It is refused, by name, before anything is given."""
    with pytest.raises(error, match=told):
        ag.source(f, *args, **options)


UNPRINTABLE = {
    "0 or nan", "0·x", "corner", "x·|x|", "heaviside at 0", "below", "above",
    "standing in", "softsign", "sinc", "ndtr", "φ", "ag.softmax", "scatter_all",
    "every_window", "add_windows", "max_windows", "sent_to_largest", "taken_from_largest",
    "weighted_sum", "total", "is singular", "pinv", "logabsdet", "is −∞", "orthonormal",
    "has dependent columns", "equal eigenvalues", "equal singular values", "differ",
    "slope at σ = 0", "kinked", "eigvalsh", "eigenvectors", "svdvals", "turn is lost",
    "out is lost", "left vectors", "right vectors", "as one number",
}  # rows without a text as NumPy, which are refused by name


def test_each_row_is_printed_or_refused():
    """A new row of the table has a text, is a ufunc of NumPy's, or is listed."""
    without = {name for name, row in PRIMITIVES.items() if row.trusted and name not in WRITTEN
               and not isinstance(getattr(row, "forward", None), np.ufunc)}
    assert without | {"as one number"} == UNPRINTABLE, without ^ UNPRINTABLE  # made when asked for


def test_second_order():
    """What is differentiated may be a gradient: the Hessian times a vector, printed."""
    x, v = drawn(4, 4)
    code = ag.source(lambda x, v: np.sum(ag.grad(rosenbrock)(x) * v), x, v, wrt="x")
    (product,) = code.function(x, v)[1]
    np.testing.assert_allclose(product, ag.hessian(rosenbrock)(x) @ v, rtol=1e-10)


def test_what_is_asked_for_by_position():
    """As `check_gradient` takes it; the answers stand in the order asked for."""
    w, x = drawn(3, 3)
    f = lambda w, x: np.sum(np.tanh(w * x) * x)
    for asked in (1, (1, 0), ("x", 0)):
        names = ["x"] if asked == 1 else ["x", "w"]
        assert ag.source(f, w, x, wrt=asked) == ag.source(f, w, x, wrt=names)


def test_from_the_shell(tmp_path, capsys):
    """The file that `check` takes; what is written runs by itself."""
    (tmp_path / "mine.py").write_text(
        "import numpy as np\ndef loss(w, x): return np.sum((x @ w) ** 2)\n"
        "example = (np.ones(2), np.eye(2))\n", encoding="utf-8")
    assert main(["source", str(tmp_path / "mine.py"), "--wrt", "w"]) == 0
    text = capsys.readouterr().out
    assert "def loss_and_gradient(w, x):" in text and "(dw,)" in text
    out = tmp_path / "printed.py"
    assert main(["source", str(tmp_path / "mine.py"), "-o", str(out), "--backend", "jax"]) == 0
    assert "import jax.numpy as jnp" in out.read_text(encoding="utf-8")
    assert main(["source", str(tmp_path / "mine.py"), "-o", str(out)]) == 0
    done = subprocess.run([sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.')\n"
                           "import numpy as np, printed\n"
                           "print(printed.loss_and_gradient(np.ones(2), np.eye(2))[1][0])\n"
                           "assert 'autograd_mini' not in sys.modules"],
                          cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[2. 2.]"
    assert main(["source", str(tmp_path / "mine.py"), "--loss", "cost"]) == 2
    assert "defines no 'cost'" in capsys.readouterr().err


def test_an_assignment_is_printed_and_checked(tmp_path, capsys):
    """Its example draws from a generator, and it says what the gradient is for."""
    file = tmp_path / "assignment.py"
    file.write_text(
        "import numpy as np\n"
        "def loss(w, x): return np.sum(np.tanh(w * x))\n"
        "def example(rng): return rng.normal(size=3), rng.normal(size=3)\n"
        "def solution(w, x): return x * (1 - np.tanh(w * x) ** 2)\n"
        'wrt = ("w",)\n')
    assert main(["source", str(file)]) == 0
    assert "return loss, (dw,)" in capsys.readouterr().out
    assert main(["check", str(file), "--gradient", "solution"]) == 0
    file.write_text(file.read_text().replace("(rng)", "(rng, size)"))
    assert main(["source", str(file)]) == 2
    assert "missing 1 required positional argument: 'size'" in capsys.readouterr().err


def test_code_without_the_users_text_has_no_loose_ends():
    """Where a function was typed in, lines have numbers alone; nothing is imported in vain."""
    scope = {}
    exec("def f(x): return np.sum(np.exp(x))", {"np": np}, scope)
    for backend in ("numpy", "jax", "torch"):
        text = ag.source(scope["f"], np.ones(3), backend=backend)
        assert "math" not in text
        assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("shape", [(4, 3), (5, 2), (8, 7)])
def test_products_with_what_is_spread_are_those_of_the_engine(shape):
    """Of an array of one number NumPy adds in another order than of as many equal ones."""
    x = np.random.default_rng(5).normal(size=shape)
    for f in (lambda x: np.sum(x @ x[0]), lambda x: np.sum(x.T @ x), lambda x: np.mean(x @ x[1])):
        ag.source(f, x)

"""`ag.source`, attacked: where the code once gave other numbers than the engine, or none."""

from __future__ import annotations

import cProfile
import inspect
import re
import subprocess
import sys
import traceback

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.__main__ import main
from autograd_mini.as_code import dialects
from autograd_mini.errors import ArgumentError, ArgumentTypeError, NotFollowedError

X, Y = np.array([1.0, 2.0, 3.0]), np.array([0.7, 1.3, -0.9])
WHOLE, M = np.array([1, 2, 3]), np.array([True, False, True])
SMALL = np.array([1, 2, 1], np.uint8)

KINDS = {  # f, the example, elsewhere: whole numbers and masks beside numbers that keep their kind
    "a power of 2.0": (lambda x, i: np.sum(x * 2.0**i), (X, WHOLE), (X, np.array([70, 2, 3]))),
    "a negative power": (lambda x, i: np.sum(x * 2.0**-i), (X, 0 * WHOLE), (X, WHOLE)),
    "1.0 minus": (lambda x, i: np.sum(x * (1.0 - i)), (X, SMALL - 1), (X, SMALL)),
    "a number of NumPy": (lambda x, i: np.sum(x * (i * np.int64(100))), (X, SMALL), (X, 3 * SMALL)),
    "products that grow": (lambda x, i: np.sum(x * (i * 1e5 * 1e5 * 1e5)), (X, WHOLE),
                           (X, 100 * WHOLE)),
    "a mask, times and minus": (lambda x: np.sum(((x > 0) * 2.0 - 1.0) * x), (X,), (-X,)),
    "a sum of a mask": (lambda x, m: np.sum(x * m) / m.sum(), (X, M), (X, ~M)),
    "joined indices": (lambda x, i, j: np.sum(x[np.concatenate([i, j])] ** 2),
                       (X, WHOLE - 1, WHOLE - 1), (X, 0 * WHOLE, WHOLE - 1)),
    "functions of whole numbers": (lambda x, i: np.sum(x * np.sign(i) * np.exp(i + i)), (X, WHOLE),
                                   (X, -WHOLE)),
    "choose": (lambda x, i: np.sum(np.choose(i, [x, x**2, 3.0 * x])), (X, np.array([0, 1, 2])),
               (X, np.array([2, 2, 0]))),
    "a count": (lambda x, m: np.sum(x[m] ** 2), (X, M), (X, np.array([False, True, True]))),
    "single precision": (lambda x: np.mean(np.tanh(x)), (X.astype("f4"),), (Y.astype("f4"),)),
    "one number": (lambda x: x, (2.0,), (3.0,)),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_numbers(name):
    """The engine's numbers, of the engine's dtype, at other whole numbers and masks."""
    f, example, other = KINDS[name]
    wrt = tuple(i for i, x in enumerate(example) if np.asarray(x).dtype.kind == "f")
    code = ag.source(f, *example)
    value, slopes = code.function(*other)
    expected, right = ag.value_and_grad(f, wrt)(*other)
    for a, b in zip((value, *slopes), (expected, *right), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6 if "single" in name else 1e-14)
        assert np.asarray(a).dtype == np.asarray(b).dtype


NOT_FINITE = {  # f, the example, where a number or a slope isn't finite, chosen or not
    "log beside where": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), X, X - 1),
    "exp beside minimum": (lambda x: np.sum(np.minimum(np.exp(x), 5.0)), X, 1000 * X),
    "the largest root": (lambda x: np.max(np.sqrt(x)), X, X - 1),
    "clipped logarithms": (lambda x: np.sum(np.clip(np.log(x), -5, 5)), X, X - 1),
    "sorted roots": (lambda x: np.sum(np.sort(np.sqrt(np.abs(x)))[-1:]), X, X - 1),
    "the median of nan": (np.median, X, np.array([np.nan, 1.0, 2.0])),
    "nan_to_num": (lambda x: np.sum(np.nan_to_num(x) ** 2), X, np.array([np.inf, 1.0, np.nan])),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_numbers_that_are_not_finite(name):
    """The engine has a rule for what isn't chosen; the code says that it doesn't hold there, and
    elsewhere it does."""
    f, example, other = NOT_FINITE[name]
    code = ag.source(f, example)
    np.testing.assert_allclose(code.function(example)[1][0], ag.grad(f)(example), rtol=1e-14)
    with pytest.raises(AssertionError), np.errstate(all="ignore"):
        code.function(other)


@pytest.mark.parametrize("draw", [
    lambda x: np.sum(x) * (0.0 if np.random.randint(1000) == 0 else 1.0),
    lambda x: np.sum(x) if np.random.random() < 0.999 else np.sum(x**2),
    lambda x: np.sum(ag.nn.Dropout(0.5)(x)),
])
def test_random_numbers_are_refused(draw):
    """Though they nearly never make a difference."""
    with pytest.raises(NotFollowedError, match="draws random numbers"):
        ag.source(draw, X)


def test_parts_of_a_tuple_have_kinds():
    """True isn't 1."""
    code = ag.source(lambda x, s: np.sum(x**2) if s[0] is True else np.sum(x), X, (True,))
    with pytest.raises(AssertionError):
        code.function(X, (1,))


def test_each_result_is_an_array_of_its_own():
    """None is an argument, a view, another result, or read-only."""
    product = ag.source(lambda x, y: np.sum(x * y), X, Y)
    _, (dx, dy) = product.function(X, Y)
    assert not np.shares_memory(dx, Y) and not np.shares_memory(dy, X)
    _, (a, b) = ag.source(lambda x, y: np.sum((x + y) ** 2), X, Y).function(X, Y)
    assert not np.shares_memory(a, b)
    _, (g,) = ag.source(lambda m: np.sum(m.sum(axis=1) ** 2), np.ones((2, 3))).function(
        np.ones((2, 3)))
    g *= 2  # it can be written to
    _, (t,) = ag.source(lambda x, m: np.sum(x.T * m), np.ones((2, 3)), np.ones((3, 2)),
                        wrt="x").function(np.ones((2, 3)), m := np.ones((3, 2)))
    assert not np.shares_memory(t, m)


@pytest.mark.parametrize("f", [lambda x: np.sum(np.sin(x) * np.full(3, 0.1)),
                               lambda x: np.sum(x * np.ones(3))])
def test_single_and_double_precision_met_with_a_zero_example(f):
    """Zeros say nothing of a dtype: at other numbers the code would round, and isn't given."""
    with pytest.raises(NotFollowedError, match="gives another"):
        ag.source(f, np.zeros(3, "f4"))


def adds_up(p):
    """A loss that checks what it is given."""
    assert abs(p.sum() - 1) < 1e-6, "p must add up to 1"
    return np.sum(p**2)


@pytest.mark.parametrize(("f", "args", "options", "error", "told"), [
    (lambda x: x[0], (X,), {"wrt": 0.0}, ArgumentTypeError, "wrt is a name"),
    (lambda x: x[0], (X,), {"wrt": True}, ArgumentTypeError, "not True"),
    (lambda x: x[0], (X,), {"wrt": [1]}, ArgumentError, "wrt is of x, not 1"),
    (lambda x: x[0], (X,), {"wrt": (0, "x")}, ArgumentError, "each once"),
    (lambda x: x[0], (X,), {"wrt": (True,)}, ArgumentError, "not True"),
    (lambda x: np.sum(x), (X,), {"wrt": ["x", "x"]}, ArgumentError, "each once"),
    (lambda x: np.sum(x), (X,), {"name": 5}, ArgumentError, "can't be called 5"),
    (lambda type: np.sum(type), (X,), {}, ArgumentError, "an argument is called type"),
    (lambda x, i: np.sum(x[divmod(i, 2)[1]]), (X, WHOLE - 1), {}, NotFollowedError,
     "can't be recorded: TypeError"),
    (lambda x: np.sum(x @ np.linalg.svd(np.outer(x, x) + np.eye(3))[0]), (X,), {},
     NotFollowedError, "can't be printed"),
    (lambda x, i: np.sum(x * np.cumsum(i)), (X, SMALL), {"backend": "jax"}, NotFollowedError,
     "jax computes otherwise with uint8: give i as np.int64"),
    (lambda x: np.sum(np.squeeze(x)), (X[None],), {"backend": "torch"}, NotFollowedError,
     "can't be printed for torch"),
    (lambda x: np.sum(x**2), (np.ma.masked_array(X, [0, 1, 0]),), {}, ArgumentTypeError,
     "MaskedArray.*x.filled"),
    (lambda x: np.sum(x * x), (np.eye(2).view(np.matrix),), {}, ArgumentTypeError, "a matrix"),
    (adds_up, (np.array([0.5, 0.5]),), {}, NotFollowedError, "fails for numbers near the example"),
])
def test_refused_by_name(f, args, options, error, told):
    """What went wrong inside is said in words, before any code is given."""
    with pytest.raises(error, match=told):
        ag.source(f, *args, **options)


def test_a_ufunc_of_ones_own_is_not_numpys():
    """Its name says nothing."""
    square = ag.elementwise(np.frompyfunc(lambda a: a * a, 1, 1), lambda a: a * a,
                            lambda y, a: 2 * a, name="a square of my own")
    with pytest.raises(NotFollowedError, match="a square of my own .*can't be printed"):
        ag.source(lambda x: np.sum(square(x)), X)


@pytest.mark.oracle
@pytest.mark.parametrize(("f", "args"), [
    (lambda x, m: np.sum(x * (m * 0.1)), (X, np.array([False] * 3))),
    (lambda x, i: np.sum(x) + np.sum(i / 7), (X, WHOLE)),
    (lambda x, i: np.sum(x / (i + 1)), (X, WHOLE)),
    (lambda x: np.mean(np.maximum(x, 0.1)), (-X,)),
    (lambda x: np.mean(np.clip(x, -1, 1)), (5 * X,)),
    (lambda x, y: np.sum((x * y).astype(np.float32) * 3.0), (X, Y)),
    (lambda x, i, j: np.sum(x[np.ravel(i + j)] * 2.0),
     (X, np.array([[0, 1]]), np.array([[0], [1]]))),
])
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_whole_numbers_and_masks_elsewhere(f, args, backend):
    """PyTorch's and JAX's code gives the same numbers in double precision at other arguments."""
    library = pytest.importorskip(backend, reason="the oracles extra isn't installed")
    code, ours = ag.source(f, *args, backend=backend), ag.source(f, *args)
    rng = np.random.default_rng(3)
    other = [x * rng.uniform(0.5, 2.0, x.shape) if x.dtype.kind == "f" else
             rng.integers(0, 2, x.shape).astype(x.dtype) for x in args]
    if backend == "torch":
        usual = library.get_default_dtype()
        library.set_default_dtype(library.float64)
        try:
            value, slopes = code.function(*map(library.tensor, other))
        finally:
            library.set_default_dtype(usual)
    else:
        with library.enable_x64(True):
            value, slopes = code.function(*map(library.numpy.asarray, other))
    expected, right = ours.function(*other)
    for a, b in zip((value, *slopes), (expected, *right), strict=True):
        assert np.max(np.abs(np.asarray(a) - b)) <= 1e-14 * max(1.0, np.max(np.abs(b)))
        assert np.asarray(a).dtype == np.asarray(b).dtype


def test_the_shell(tmp_path, capsys):
    """What the file prints isn't in the code; names may have spaces between; a list will do."""
    file = tmp_path / "mine.py"
    file.write_text("import numpy as np\nprint('hello')\n"
                    "def loss(w, x): return np.sum((x @ w) ** 2)\n"
                    "example = [np.ones(2), np.eye(2)]\n", encoding="utf-8")
    assert main(["source", str(file), "--wrt", "w, x"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("import numpy as np\n") and "hello" in told.err
    for broken, said in (
            ("example = (np.ones(2),)", "missing 1 required"), ("loss = 3", "function"),
            ("def loss(w, x): raise OSError('no')", "OSError: no"),
            ("def loss(w, *, x): return np.sum(w)\n"
             "example = {'w': np.ones(2), 'x': 1}", "given by name alone")):
        other = tmp_path / "other.py"
        other.write_text(file.read_text() + broken + "\n", encoding="utf-8")
        assert main(["source", str(other)]) == 2
        assert re.search(said, capsys.readouterr().err)


def test_a_traceback_shows_the_assert():
    """Where the code doesn't hold, its line is told."""
    code = ag.source(lambda x: np.sum(x**2), X)
    with pytest.raises(AssertionError) as caught:
        code.function(np.ones(4))
    told = "".join(traceback.format_exception(caught.value))
    assert "np.shape(a) == shape" in told


def test_losses_of_nn():
    """They are printed, each operation by itself, also the cross-entropy of labels."""
    rng = np.random.default_rng(0)
    w, x, t = rng.normal(size=(4, 3)), rng.normal(size=(100, 4)), rng.normal(size=(100, 3))
    for loss in (nn.mse_loss, nn.l1_loss, nn.huber_loss):
        code = ag.source(lambda w, x, t, loss=loss: loss(x @ w, t), w, x, t, wrt="w")
        right = ag.grad(lambda w, loss=loss: loss(x @ w, t))(w)
        np.testing.assert_allclose(code.function(w, x, t)[1][0], right, rtol=1e-13)
    other = rng.integers(0, 3, 100)
    code = ag.source(cross_entropy, w, x, np.arange(100) % 3, wrt="w")
    assert "np.arange(100)" in code
    np.testing.assert_allclose(code.function(w, x, other)[1][0],
                               ag.grad(cross_entropy)(w, x, other), rtol=1e-13)


def cross_entropy(w, x, y):
    """Of a linear model."""
    return nn.cross_entropy(x @ w, y)


@pytest.mark.oracle
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_code_that_is_wrong_elsewhere_is_not_given(backend, monkeypatch):
    """It is run there, in double precision, whatever the library is set to."""
    pytest.importorskip(backend, reason="the oracles extra isn't installed")
    rng = np.random.default_rng(0)
    w, x, y = rng.normal(size=(4, 3)), rng.normal(size=(6, 4)), np.arange(6) % 3
    ag.source(cross_entropy, w, x, y, wrt="w", backend=backend)
    tanh = (lambda x: np.sum(np.tanh(x)), X)
    ag.source(*tanh, backend=backend)
    monkeypatch.setitem(dialects.BACKENDS[backend][2], "sech", "def sech(x):\n    return 7 * x")
    with pytest.raises(NotFollowedError, match=f"for {backend} gives other numbers"):
        ag.source(*tanh, backend=backend)


def product(a, b):
    """A function of the user's that is called as a helper of ours is."""
    return a * b


def test_comments_and_names_are_no_code():
    """A word in a comment asks for no helper; the first line that needs a name is v1; numbers that
    decide a slice are asserted; two codes of one name are told apart in a traceback."""
    code = ag.source(lambda value, b: np.sum(np.sin(np.tanh(product(value, b)) * value + b)) ** 2,
                     X, Y)
    assert "def product" not in code and "v1 = " in code and "v2 = " in code
    part = ag.source(lambda x, n: np.sum(x[:n] ** 2), X, np.int64(2))
    assert part.count("assert n == 2") == 1
    with pytest.raises(AssertionError):
        part.function(X, np.int64(3))
    one, two = (ag.source(f, X) for f in (lambda x: np.sum(x**2), lambda x: np.sum(x**3)))
    assert one.function.__code__.co_filename != two.function.__code__.co_filename
    assert one.function is one.function


def test_asserts_hold_under_optimisation_and_under_a_profiler():
    """python -O leaves out a file's asserts, and not those of `code.function`; cProfile is no
    function."""
    code = ("import numpy as np, autograd_mini as ag\n"
            "def f(x): return np.sum(x**2) if x.sum() > 0 else np.sum(x)\n"
            "try: ag.source(f, np.ones(3)).function(-np.ones(3))\n"
            "except AssertionError: print('told')\n")
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True,
                          check=True)
    assert done.stdout == "told\n"
    profile = cProfile.Profile()
    profile.enable()
    try:
        assert ag.source(lambda x: np.sum(x**2), X)
        np.sin(0.5)
    finally:
        profile.disable()
    assert profile.getstats()


def test_a_long_function():
    """A thousand operations are printed in seconds, for each is gone through once."""
    def f(x):
        for _ in range(300):
            x = np.tanh(x) * 0.9
        return np.sum(x)

    code = ag.source(f, X)
    np.testing.assert_allclose(code.function(Y)[1][0], ag.grad(f)(Y), rtol=1e-12)


EARLY = {  # f, the example, elsewhere: what was decided is told before a line that fails there
    "an index": (lambda x, i: np.sum(x[i] ** 2) if (i < 3).all() else np.sum(x), (X, WHOLE - 1),
                 (X, WHOLE + 3)),
    "an inverse": (lambda a: np.sum(np.linalg.inv(a)) if np.linalg.det(a) != 0 else np.sum(a),
                   (np.eye(2) + 1,), (np.ones((2, 2)),)),
    "labels that are left out": (lambda z, y: nn.cross_entropy(z, y), (np.eye(3), WHOLE - 1),
                                 (np.eye(3), np.array([0, -100, 2]))),
    "another number of them": (lambda z, y: nn.cross_entropy(z, y, reduction="sum"),
                               (np.eye(3), np.array([0, -100, 2])), (np.eye(3), WHOLE - 1)),
}


@pytest.mark.parametrize("name", EARLY)
def test_asserts_come_before_what_fails(name):
    """Not IndexError, or another, but AssertionError."""
    f, example, other = EARLY[name]
    code = ag.source(f, *example, wrt=inspect.getfullargspec(f).args[0])
    with pytest.raises(AssertionError):
        code.function(*other)


def test_losses_that_look_at_their_arguments():
    """A distribution whose entries are drawn below 0 far away; one with the checks of a loss."""
    z, t = X, np.array([0.2, 0.3, 0.5])
    code = ag.source(lambda z, t: nn.cross_entropy(z, t), z, t, wrt="z")
    np.testing.assert_allclose(code.function(z, t)[1][0],
                               ag.grad(lambda z: nn.cross_entropy(z, t))(z), rtol=1e-13)
    p, y = np.array([0.2, 0.7, 0.9]), np.array([0.0, 1.0, 1.0])
    code = ag.source(lambda p, y: nn.binary_cross_entropy(p, y), p, y, wrt="p")
    np.testing.assert_allclose(code.function(p, y)[1][0],
                               ag.grad(lambda p: nn.binary_cross_entropy(p, y))(p), rtol=1e-13)


@pytest.mark.oracle
@pytest.mark.parametrize("f", [
    lambda x: np.linalg.norm(x) ** 3, lambda x: np.sum(np.linalg.norm(x, axis=1) ** 1.5),
    lambda x: np.sum(x.std(axis=0) ** 3), lambda x: x.std(ddof=1) * np.sum(x),
    lambda x: np.sum(np.log(np.diag(np.linalg.cholesky(x @ x.T + np.eye(3))))),
    lambda x: np.trace(np.linalg.inv(x @ x.T + np.eye(3))),
])
def test_lengths_and_solutions_in_pytorch(f):
    """A norm, a standard deviation, an inverse: also of numbers whose squares leave the range."""
    torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")
    rng = np.random.default_rng(3)
    code = ag.source(f, rng.normal(size=(3, 3)), backend="torch")
    for scale in (1.0, 1e-3, 1e-120, 30.0):
        x = scale * rng.normal(size=(3, 3))
        _, (dx,) = code.function(torch.tensor(x))
        np.testing.assert_allclose(dx, ag.grad(f)(x), rtol=1e-11, atol=1e-13 * scale)


@pytest.mark.parametrize("backend", [
    "numpy", *[pytest.param(name, marks=pytest.mark.oracle) for name in ("jax", "torch")]])
@pytest.mark.parametrize(("subscripts", "shapes"), [
    ("ij,jk->ik", [(2, 3), (3, 2)]), ("bij,bjk,k->", [(2, 2, 3), (2, 3, 2), (2,)]),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("ii,ij,j->i", [(3, 3), (3, 2), (2,)]),
    ("ij,kj,kl,l->i", [(3, 2), (4, 2), (4, 3), (3,)])])
def test_einsum_of_many(subscripts, shapes, backend):
    """In the order of the engine (which NumPy chooses for three and more) for the same bits."""
    if backend != "numpy":
        pytest.importorskip(backend, reason="the oracles extra isn't installed")
    rng = np.random.default_rng(4)
    names = "abcd"[:len(shapes)]
    f = eval(f"lambda {', '.join(names)}: "
             f"np.sum(np.einsum({subscripts!r}, {', '.join(names)}))", {"np": np})
    code = ag.source(f, *[rng.normal(size=shape) for shape in shapes], backend=backend)
    if backend == "torch":
        torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")
        args = [rng.normal(size=shape) for shape in shapes]
        _, found = code.function(*map(torch.tensor, args))
        for dx, expected in zip(found, ag.grad(f, tuple(range(len(args))))(*args), strict=True):
            np.testing.assert_allclose(dx, expected, rtol=1e-11, atol=1e-13)


def test_what_cannot_be_printed_is_told_with_its_place():
    """The name of a row says less to its user than the line that it comes from."""
    def spectrum(x):
        return np.sum(np.linalg.eigvalsh(x + x.T) ** 3)

    with pytest.raises(NotFollowedError, match=r"eigvalsh \(`np.linalg.eigvalsh\(x \+ x.T\)` at"):
        ag.source(spectrum, np.eye(3))
    with pytest.raises(NotFollowedError, match=r"negative step, .* \(line \d+: np.cumsum\(x\)\)"):
        ag.source(lambda x: np.sum(np.cumsum(x) ** 2), np.ones(3), backend="torch")

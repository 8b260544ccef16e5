"""Programs hold for all numbers, whatever the function decided while it was recorded."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
import itertools
import math
import os
import pickle
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.functions import activations, algebra, scans, selection, statistics
from autograd_mini.ops import elementary
from autograd_mini.primitive import PRIMITIVES, TABLE, Elementwise, _built_in as BUILT_IN

EPS = np.finfo(float).eps
elementary._spherical(1)  # the slope of sinc, made when it is needed


# ── what a function decides ──────────────────────────────────────────────────────────────────

OTHERS = (0.7, 1.5, -0.25)
ROWS = [row for row in PRIMITIVES.values()
        if isinstance(row, Elementwise) and row.name in BUILT_IN and row.scalar is not None]


def of_one(row, i, arity):
    """The row as a function of its argument i alone."""
    def function(x):
        return row(*OTHERS[:i], x, *OTHERS[i : arity - 1])

    return function


FUNCTIONS = {
    **{f"{row.name} in {i}": of_one(row, i, len(row.slopes))
       for row in ROWS for i in range(len(row.slopes))},
    **{name: getattr(ag, name) for name in (
        "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "logsigmoid", "hardtanh", "relu6",
        "hardsigmoid", "clip")},
    "gelu by tanh": lambda x: ag.gelu(x, "tanh"), "clip between": lambda x: ag.clip(x, -1.0, 2.0),
    "nan_to_num": np.nan_to_num, "float_power": lambda x: np.float_power(x, 3.0),
    "ldexp": lambda x: np.ldexp(x, 3), "hinge": lambda x: ag.relu(1 - x) ** 2,
}
POINTS = [1.5, -1.2, 0.0, -0.0, 0.3, -3.0, 3.0, 6.0, 7.5, -1.0, 1.0, 2.0, -4.5, 40.0, -70.0,
          math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_holds_on_every_side_of_every_kink(interpreted, name):
    """Recorded at one number, values and slopes are right at all others, also in a batch."""
    f = FUNCTIONS[name]
    program, slope = ag.compile(f), ag.grad(ag.compile(f))
    slope_inside = ag.compile(ag.grad(lambda x: f(x)))
    with np.errstate(all="ignore"):
        values = [f(Value(x)).data for x in POINTS]
        slopes = [ag.grad(lambda x: f(x) + 0 * x)(x) if math.isfinite(x) else ag.grad(
            lambda x: ag.where(1.0, f(x), x))(x) for x in POINTS]
        np.testing.assert_allclose([program(x) for x in POINTS], values, rtol=1e-13, atol=EPS)
        np.testing.assert_allclose([slope(x) for x in POINTS], slopes, rtol=1e-12)
        np.testing.assert_allclose([slope_inside(x) for x in POINTS], slopes, rtol=1e-12)
        assert len(program._replays[float,]) == 1  # it wasn't recorded again
        X = np.array(POINTS)
        np.testing.assert_allclose(ag.compile(f, batched=0)(X), values, rtol=1e-13,
                                   atol=EPS)
        batch = ag.grad(ag.compile(f, batched=0, reduce="sum"))(X)
        np.testing.assert_allclose(batch, slopes, rtol=1e-12)


def matched(v):
    match v:
        case 1.5:
            return v * 3
        case 0.0:
            return v + 1
        case _:
            return -v


LOOKS = {
    "==": lambda v: v * 2 if v == 1.5 else v, "in": lambda v: v * 2 if v in [1.5, 3.0] else v,
    "bool": lambda v: v * 2 if v else v + 1, "not": lambda v: v * 2 if not v else v + 3,
    "max": lambda v: max(v, 1.0) * v, "sorted": lambda v: sorted([v, 1.0])[0] * v,
    "index": lambda v: [v, 1.5].index(1.5) * v, "count": lambda v: [v, 1.5].count(1.5) * v,
    "set": lambda v: len({v, 1.5}) * v, "match": matched,
    "repr": lambda v: len(repr(v)) * v, "str": lambda v: len(str(v)) * v,
    "f-string": lambda v: len(f"{v}") * v, "%": lambda v: len("%s" % v) * v,
    "//": lambda v: v // 1 * v, "divmod": lambda v: divmod(v, 1)[0] * v,
    "item": lambda v: v.item() * v, "data": lambda v: v.data * v, "tolist": lambda v:
        v.tolist() * v,
    "deepcopy": lambda v: copy.deepcopy(v) * v, "copy": lambda v: copy.copy(v) * v,
    "np.isnan": lambda v: v * 2 if np.isnan(v) else v, "np.sign": lambda v: np.sign(v) * v,
    "np.isclose": lambda v: v * 2 if np.isclose(v, 1.5) else v, "np.floor": lambda v:
        np.floor(v) * v,
    "np.modf": lambda v: np.modf(v)[1] * v, "np.frexp": lambda v: np.frexp(v)[1] * v,
    "np.array_equal": lambda v: np.array_equal(v, 1.5) * v, "np.signbit": lambda v:
        np.signbit(v) * v, "np.interp": lambda v: np.interp(v, [0.0, 1.0, 2.0], [1.0, 5.0, -2.0]),
    "objects": lambda v: np.argmax(np.array([v * 1, 1.0, v * 0], dtype=object)) * v,
}


@pytest.mark.parametrize("name", LOOKS)
def test_whatever_looks_at_a_value_is_a_guard(interpreted, name):
    """Python and NumPy have many ways to look at a number; what came out then is no constant."""
    f = LOOKS[name]
    program = ag.compile(f)
    for x in (1.5, -1.2, 0.0, -0.0, 2.0, 3.0, 0.3, math.inf, math.nan):
        with np.errstate(all="ignore"):
            try:
                expected = f(Value(x)).data
            except (ValueError, OverflowError, TypeError) as error:
                with pytest.raises(type(error)):
                    program(x)
                continue
            np.testing.assert_allclose(program(x), expected, rtol=1e-14)


@pytest.mark.parametrize("f", [
    lambda v: len(ag.functions.selection.unique(ag.stack([v, v * 0 + 1.0])).data) * v,
    lambda v: np.trim_zeros(ag.stack([v * 0, v])).shape[0] * v,
], ids=["unique", "trim_zeros"])
def test_a_shape_that_depends_on_numbers_is_refused(f):
    """How many numbers are left is decided by the numbers; of a Tensor a program has none."""
    with pytest.raises(ag.errors.GraphError, match="took plain numbers out of a Tensor"):
        ag.compile(f)(1.5)


# ── the kind of a result ─────────────────────────────────────────────────────────────────────


def library():
    """Every function of the library by name: those in its files, and those behind NumPy's."""
    found = {}
    for module in (activations, algebra, scans, selection, statistics):
        found |= {name: f for name, f in vars(module).items() if inspect.isfunction(f)
                  and not name.startswith("_") and f.__module__ == module.__name__}
    return found | {f"np.{f.__name__}": row for f, row in TABLE.items()}


def kinds(y):
    """Which kind of thing each part of a result is."""
    if isinstance(y, list | tuple):
        return {kind for part in y for kind in kinds(part)}
    return {"Tensor" if isinstance(y, Tensor) else "Value" if isinstance(y, Value) else "plain"}


@pytest.mark.parametrize("name", library())
def test_a_function_keeps_the_kind(name):
    """A Value in, a Value out, unless the result has axes; a Tensor in, no Value out."""
    f = library()[name]
    for args in ((0.3,), (0.3, 0.7), (0.3, 0.7, 0.9)):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                plain = f(*args)
                of_value = f(Value(args[0]), *args[1:])
                of_tensor = f(Tensor(np.array(args[0])), *args[1:])
            except (TypeError, ValueError, IndexError, AttributeError, np.linalg.LinAlgError):
                continue  # not a function of so many single numbers
        assert "Value" not in kinds(of_tensor)
        if not isinstance(plain, list | tuple):
            expected = "Tensor" if np.ndim(plain) else "Value"
            assert kinds(of_value) <= {expected, "plain"}
            assert not kinds(plain) & {"Tensor", "Value"}


def test_a_value_beside_an_array_gives_a_tensor():
    """One number and many give many."""
    for y in (ag.leaky_relu(Value(-1.0), np.array([0.1, 0.2])), ag.elu(np.ones(2) * Value(1.0)),
              ag.clip(Value(3.0), np.zeros(2), np.ones(2)), np.median(Tensor([1.0, 2.0]))):
        assert isinstance(y, Tensor)
    assert isinstance(ag.leaky_relu(-1.0), float)
    assert ag.leaky_relu(np.ones(2, np.float32)).dtype == np.float32


def test_what_became_a_value_has_every_derivative():
    """A result taken out of an array of one is differentiated like any other."""
    for f, slope, second in ((lambda x: np.median(x) ** 2, 4.0, 2.0),
                             (lambda x: np.take(x, 0) * np.roll(x, 1) * x, 12.0, 12.0)):
        assert ag.grad(f)(2.0) == slope and ag.hessian(f)(2.0) == second
        assert ag.jvp(f, (2.0,), (1.0,))[1] == slope


# ── calls of NumPy ───────────────────────────────────────────────────────────────────────────

X = np.array([[0.5, -1.0, 2.0, 2.0], [1.5, 0.0, -0.25, 3.0], [2.0, -1.0, 0.75, 2.0]])
MASK = X > 0.6
KEYWORDS = [
    {}, {"axis": 0}, {"axis": 1}, {"axis": (0, 1)}, {"axis": None}, {"axis": 7}, {"keepdims": True},
    {"initial": 10.0}, {"where": MASK}, {"where": MASK, "initial": 0.5}, {"dtype": np.float32},
    {"ddof": 1}, {"mean": 0.3}, {"a_min": -0.5, "a_max": 0.2}, {"decimals": 1}, {"bogus": 1},
    {"out": np.empty(4)}, {"n": 2}, {"k": 1}, {"offset": 1}, {"axis": 1, "keepdims": True},
    {"weights": np.ones(4), "axis": 1}, {"casting": "safe"}, {"q": 0.3}, {"axes": (1, 0)},
]
CALLS = [
    np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.cumsum, np.cumprod, np.average,
    np.ptp, np.median, np.nansum, np.nanmax, np.quantile, np.any, np.argmax, np.sort, np.diff,
    np.ravel, np.transpose, np.squeeze, np.flip, np.round, np.clip, np.isnan, np.trace, np.diagonal,
    np.tril, np.linalg.norm, np.exp, np.floor, np.copy, np.zeros_like, np.nan_to_num, np.gradient,
    np.trapezoid, np.where, np.cov, np.linalg.det, np.unique, np.sign, np.logical_not, np.modf,
    np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.minimum.reduce, np.logaddexp.reduce,
    np.subtract.reduce, np.add.accumulate, np.multiply.accumulate, np.maximum.accumulate,
]
MORE = [
    lambda X: X @ X.T, lambda X: np.dot(X, X.T), lambda X: np.matmul(X, X.T, dtype=float),
    lambda X: np.dot(X, X.T, out=np.empty((3, 3))), lambda X: np.outer(X[0], X[1]),
    lambda X: np.add.outer(X[0], X[1]), lambda X: np.add.reduceat(X, [0, 1]),
    lambda X: np.add(X, 1.0, where=MASK), lambda X: np.add(X, X, dtype=np.float32),
    lambda X: np.stack([X, 2 * X], axis=1), lambda X: np.stack([X, X], dtype=np.float32),
    lambda X: np.concatenate([X, np.ones((1, 4))]), lambda X: np.concatenate([X, X], axis=None),
    lambda X: np.reshape(X, (4, 3), order="F"), lambda X: np.take(X, [0, 2], axis=1),
    lambda X: np.pad(X, 1), lambda X: np.roll(X, 1, axis=1), lambda X: np.tile(X, 2),
    lambda X: np.where(X > 0.6, X, -X), lambda X: np.maximum(X, 0.0), lambda X: (X < 0.3) * X,
    lambda X: np.where(np.isnan(X), 0.0, X), lambda X: X.astype(np.float32), lambda X: X % 0.7,
    lambda X: X.astype(float) * 2, lambda X: X.max(axis=0), lambda X: X.prod(axis=1),
    lambda X: X.std(), lambda X: X.var(axis=0, ddof=1), lambda X: X.cumsum(), lambda X: X.argmax(),
    lambda X: X.sum(keepdims=True), lambda X: X.any(), lambda X: X.clip(0.0, 1.0), lambda X: X.T,
    lambda X: np.select([MASK], [X], -X), lambda X: np.linspace(X[0], X[1], 3),
    lambda X: np.interp(X[0], [0.0, 1.0], [1.0, 3.0]), lambda X: np.split(X, 2, axis=1)[1],
    ag.relu, ag.sigmoid, ag.leaky_relu, ag.softmax, ag.gelu, ag.softplus, ag.relu6,
    lambda X: ag.log_softmax(30 * X, axis=0), lambda X: ag.logsumexp(X, axis=1),
    lambda X: ag.maximum(X[0, 0], X), lambda X: ag.linear(X, X, np.ones(3)), ag.std, ag.elu,
]


def called(f, keywords):
    """f with these keywords, as a function of the array alone."""
    return lambda X: f(X, **keywords)


@pytest.mark.slow  # two hundred programs
def test_every_call_in_a_program_gives_what_it_gives_outside_or_is_refused(interpreted):
    """Keywords, defaults and ties: values as NumPy's, slopes as a Tensor's, or our own error."""
    grid = [called(f, k) for f, k in itertools.product(CALLS, KEYWORDS)] + MORE
    equal = 0
    for f in grid:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = np.asarray(f(X.copy()), float)
            except (TypeError, ValueError, IndexError, np.linalg.LinAlgError):
                with contextlib.suppress(TypeError, ValueError, IndexError,
                                         ag.errors.AutogradError):
                    np.testing.assert_array_equal(ag.compile(f)(X), f(Tensor(X)).data)
                continue
            try:
                got = ag.compile(f)(X)
            except ag.errors.AutogradError:
                continue
            equal += 1
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
            assert np.shape(got) == expected.shape
            weights = np.cos(np.arange(expected.size)).reshape(expected.shape)[()]

            def loss(X, f=f, weights=weights):
                y = f(X)
                pairs = zip(y, weights, strict=True) if isinstance(y, tuple) else [(y, weights)]
                return sum([np.sum(part * w) for part, w in pairs]) + np.sum(X)

            slopes = ag.grad(ag.compile(loss))(X)
            np.testing.assert_allclose(slopes, ag.grad(loss)(X), rtol=1e-11, atol=1e-13)
    assert equal > 150


@pytest.mark.parametrize(("f", "message"), [
    (lambda X: np.sum(X, dtype=np.float32), r"np\.sum\(dtype=…\) isn't supported"),
    (lambda X: np.add.reduce(X, dtype=np.float32), r"np\.add\(dtype=…\) isn't supported"),
    (lambda X: np.std(X), r"np\.std doesn't take an array of Values"),
    (lambda X: np.maximum.accumulate(X), r"np\.maximum\.accumulate doesn't take an array"),
    (lambda X: np.add(X, 1.0, where=MASK), r"add\(where=…\) isn't supported"),
    (lambda X: X.sort(), r"sort doesn't take an array of Values"),
    (lambda X: X.astype(np.float32), r"astype\(float32\) doesn't take an array"),
])
def test_refused_calls_name_what_was_called(f, message):
    """The refusal names the function and the keyword that were typed, nothing from inside."""
    with pytest.raises(ag.errors.NotDifferentiableError, match=message):
        ag.compile(f)(X)


# ── Values from outside ──────────────────────────────────────────────────────────────────────


class Holder:
    """Something with attributes, a slot-less home for Values."""

    shared = Value(1.5)

    def __init__(self):
        self.w, self.list, self.dict = Value(2.0), [Value(0.5)], {"a": Value(-1.0)}

    @property
    def first(self):
        return self.list[0] * 2


class Slots:
    """Something whose Value lies in a slot."""

    __slots__ = ("w",)


OUTSIDE = Value(0.75)


def of_global(x):
    return OUTSIDE * x


def all_of(x, holder, slots, closed, computed):
    """Every way in which a function finds a Value."""
    total = x * holder.w + closed() * x + computed[0] * x + slots.w + holder.first * Holder.shared
    for v in holder.list:
        total = total + v * x
    for key, v in holder.dict.items():
        total = total + v * len(key)
    return total + of_global(x)


CHANGES = [
    lambda h, s, c, z, x: setattr(h, "w", Value(x)),
    lambda h, s, c, z, x: setattr(h, "w", Value(x) * 2),
    lambda h, s, c, z, x: h.list.append(Value(x)), lambda h, s, c, z, x: h.list.pop(),
    lambda h, s, c, z, x: h.list.__setitem__(0, Value(x)),
    lambda h, s, c, z, x: setattr(h, "list", [Value(x), Value(1.0)]),
    lambda h, s, c, z, x: h.dict.update(b=Value(x)), lambda h, s, c, z, x: h.dict.pop("b", None),
    lambda h, s, c, z, x: setattr(h.dict["a"], "data", x),
    lambda h, s, c, z, x: setattr(s, "w", Value(x)), lambda h, s, c, z, x: c(Value(x)),
    lambda h, s, c, z, x: z.__setitem__(0, Value(x) * 3), lambda h, s, c, z, x: z.__setitem__(
        0, h.dict["a"] * 3),
    lambda h, s, c, z, x: setattr(Holder, "shared", Value(x)),
    lambda h, s, c, z, x: globals().__setitem__("OUTSIDE", Value(x)),
]


@pytest.mark.parametrize("seed", range(6))
def test_a_program_is_its_function_whatever_happens_outside(interpreted, monkeypatch, seed):
    """Values and computed nodes, replaced, updated, added, deleted, wherever they are held."""
    monkeypatch.setattr(Holder, "shared", Value(1.5))
    monkeypatch.setitem(globals(), "OUTSIDE", Value(0.75))
    rng = np.random.default_rng(seed)
    holder, slots, inner, computed = Holder(), Slots(), Value(3.0), [Value(2.0) * 5]
    slots.w = Value(4.0)

    def change_inner(v):
        nonlocal inner
        inner = v

    def f(x):
        return all_of(x, holder, slots, lambda: inner, computed)

    program, slope = ag.compile(f), ag.grad(ag.compile(f))
    for i in range(40):
        x = float(rng.normal())
        if rng.random() < 0.7 and (holder.list or i % 2):
            CHANGES[rng.integers(len(CHANGES))](holder, slots, change_inner, computed,
                                                float(rng.normal()))
        holder.list = holder.list or [Value(1.0)]
        v = Value(x)
        y = f(v)
        assert program(x) == pytest.approx(y.data, rel=1e-12, abs=1e-12)
        assert slope(x) == pytest.approx(ag.gradients(y, v), rel=1e-12, abs=1e-12)


def test_a_plain_number_in_the_place_of_a_value_is_seen(interpreted):
    """A Value that gives way to a number is a change like any other."""
    holder = Holder()
    program = ag.compile(lambda x: holder.w * x)
    assert program(3.0) == 6.0
    holder.w = 7.0
    assert program(3.0) == 21.0


def test_what_did_not_change_outside_is_not_recorded_again(interpreted):
    """Updates in place, as an optimizer makes them, need no new recording."""
    calls = []
    w = [Value(2.0), Value(3.0)]

    def f(x):
        calls.append(x)
        return ag.sum([v * x for v in w]) * Value(2.0)

    program = ag.compile(f)
    for k in range(5):
        w[1].data = float(k)
        assert program(2.0) == (2.0 + k) * 4
    assert len(calls) == 1


def test_a_value_that_is_found_nowhere_is_read_by_recording_again(interpreted):
    """A generator hands out what it likes: nothing is kept, and nothing is wrong."""
    values = iter([Value(2.0), Value(3.0), Value(4.0)])
    source = (v for v in values)
    program = ag.compile(lambda x: next(source) * x)
    assert [program(1.0) for _ in range(3)] == [2.0, 3.0, 4.0]


def test_a_state_that_each_call_replaces_is_read_again(interpreted):
    """A function that leaves a node for its next call isn't its first recording."""
    state = [Value(1.0)]

    def f(x):
        state[0] = state[0] * x
        return state[0] * 1.0

    program = ag.compile(f)
    assert [program(2.0) for _ in range(3)] == [2.0, 4.0, 8.0]


# ── what is kept on disk ─────────────────────────────────────────────────────────────────────


class Attack:
    """What a foreign file might hold: unpickled, it leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return self.trace.touch, ()


def kept_in(folder, k=1.0):
    """A function x + k, compiled or read from the folder."""
    numba = pytest.importorskip("numba")
    from autograd_mini.compiler.cache import keep

    return keep(numba.njit(lambda x: x + k), "add", f"x + {k}", folder)


def test_a_damaged_file_of_the_cache_is_made_anew(tmp_path):
    """Emptied, cut, garbled, or another's: the function is right, and the file whole again."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    assert kept_in(folder)(2.0) == 3.0
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    assert kept_in(folder, 5.0)(2.0) == 7.0
    (other,) = set(folder.iterdir()) - {path}
    trace = tmp_path / "trace"
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damage in (b"", whole[:10], whole[:-1], whole + b"0", bytes(flipped), other.read_bytes(),
                   pickle.dumps(Attack(trace)), whole[:32] + pickle.dumps(Attack(trace)),
                   b"import os"):
        path.write_bytes(damage)
        function = kept_in(folder)
        assert function(2.0) == 3.0 and not trace.exists()
        assert hashlib.sha256(path.name.encode() + path.read_bytes()[32:]).digest() == (
            path.read_bytes()[:32])
    assert {p.suffix for p in folder.iterdir()} == {".nbc"}


def test_a_whole_file_is_read_and_not_written(tmp_path):
    """The second process compiles nothing."""
    kept_in(tmp_path)(2.0)
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns, path.stat().st_ino
    again = kept_in(tmp_path)
    assert again(2.0) == 3.0 and (path.stat().st_mtime_ns, path.stat().st_ino) == before
    path.chmod(0o666)  # others may have written to it
    assert kept_in(tmp_path)(2.0) == 3.0 and path.stat().st_ino != before[1]


def test_the_cache_is_the_users_own_folder(tmp_path, monkeypatch):
    """A folder that others can write to isn't used, and one that can't be made is done without."""
    pytest.importorskip("numba")
    from autograd_mini.compiler.cache import cache_folder

    own, open_to_all = tmp_path / "new" / "own", tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    monkeypatch.setenv("AUTOGRAD_MINI_CACHE", str(own))
    assert cache_folder.__wrapped__() == own and own.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("AUTOGRAD_MINI_CACHE", str(open_to_all))
    with pytest.warns(RuntimeWarning, match="others can write to .*: chmod go-w"):
        assert cache_folder.__wrapped__() != open_to_all
    (tmp_path / "file").touch()
    monkeypatch.setenv("AUTOGRAD_MINI_CACHE", str(tmp_path / "file" / "below"))
    folder = cache_folder.__wrapped__()
    assert folder.is_dir() and tmp_path not in folder.parents


def test_a_full_disk_is_no_error(tmp_path, monkeypatch):
    """What can't be kept is compiled again by the next process."""
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    assert kept_in(tmp_path)(2.0) == 3.0
    assert not list(tmp_path.iterdir())


def test_an_array_of_no_axes_that_holds_a_value_is_looked_into():
    """A Value in an object array of shape () is found there, and seen when it is replaced."""
    box = np.array(None, dtype=object)
    box[()] = Value(2.0)
    program = ag.compile(lambda x: x * box[()])
    assert program(3.0) == 6.0
    box[()] = Value(5.0)
    assert program(3.0) == 15.0

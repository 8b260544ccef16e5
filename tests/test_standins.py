"""`ag.as_written`: ordinary NumPy code is followed, and what it wrote outside is plain."""

import math
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import written_code as code

import autograd_mini as ag
from autograd_mini.errors import ArgumentTypeError, NotDifferentiableError
from autograd_mini.standins.buffers import Buffer

X0 = np.array([0.9369616873214543, 0.5697867137638704, 0.3409735239361946, 0.8165276355285289])
def slopes(f, x, h=1e-6):
    """Central differences of a scalar function, in every coordinate."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        found[i] = (float(np.squeeze(f(up))) - float(np.squeeze(f(down)))) / (2 * h)
    return found


WRITTEN = [f for f in vars(code).values() if isinstance(f, types.FunctionType)
           and next(iter(f.__code__.co_varnames), "") == "w"]
WITHOUT_FILE: dict[str, object] = {"__name__": "made_by_exec"}
exec(compile(Path(code.__file__).read_text(), "<string>", "exec"), WITHOUT_FILE)


@pytest.mark.parametrize("f", WRITTEN, ids=lambda f: f.__name__)
def test_code_as_it_is_written(f):
    """The value is the plain run's, and the gradient is that of central differences."""
    g = ag.as_written(f)
    for _ in range(2):
        value, found = ag.value_and_grad(g)(X0.copy())
        assert value == pytest.approx(float(np.squeeze(f(X0.copy()))), rel=1e-13)
        np.testing.assert_allclose(found, slopes(f, X0), rtol=2e-7, atol=2e-7)


@pytest.mark.parametrize("f", WRITTEN, ids=lambda f: f.__name__)
def test_code_without_a_source_file(f):
    """The same functions made by exec are right, too, or refused."""
    g = ag.as_written(WITHOUT_FILE[f.__name__])
    try:
        found = ag.grad(g)(X0.copy())
    except NotDifferentiableError:
        assert f.__name__ in {"calls_of_the_users_own", "numpys_callers", "whole_numbers",
                              "imports_of_its_own"}
        return
    np.testing.assert_allclose(found, slopes(f, X0), rtol=2e-7, atol=2e-7)


@pytest.mark.parametrize("f", [
    code.stores_in_a_loop, code.view_is_written, code.recurrence, code.elimination,
    code.masked_stores, code.of_math], ids=lambda f: f.__name__)
def test_second_order(f):
    """The Hessian is the derivative of the gradient, by central differences."""
    g = ag.as_written(f)
    H = ag.hessian(g)(X0.copy())
    h = 1e-5
    for i in range(4):
        e = np.zeros(4)
        e[i] = h
        found = (ag.grad(g)(X0 + e) - ag.grad(g)(X0 - e)) / (2 * h)
        np.testing.assert_allclose(H[i], found, rtol=1e-6, atol=1e-6)


def test_float32_stays():
    """A buffer of float64 widens, as NumPy's does; one of float32 keeps its kind."""
    def f(w):
        out = np.zeros(4, np.float32)
        out[:] = w
        out[1] *= np.float32(2)
        return out.sum()

    x = X0.astype(np.float32)
    found = ag.grad(ag.as_written(f))(x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32([1, 2, 1, 1]))


def test_all_transforms_take_it():
    """jvp, vjp, jacobian and a gradient inside a function agree with the node style."""
    @ag.as_written
    def f(w):
        out = np.zeros(3)
        for i in range(3):
            out[i] = math.exp(-w[i]) * w[i]
        return out

    def g(w):
        return np.exp(-w[:3]) * w[:3]

    np.testing.assert_allclose(ag.jacobian(f)(X0), ag.jacobian(g)(X0), rtol=1e-14)
    t = np.arange(4.0)
    np.testing.assert_allclose(ag.jvp(f, (X0,), (t,))[1], ag.jvp(g, (X0,), (t,))[1], rtol=1e-13)
    np.testing.assert_allclose(ag.vjp(f, X0)[1](np.ones(3))[0], ag.grad(
        lambda w: np.sum(g(w)))(X0), rtol=1e-14)


def test_a_transform_inside():
    """A gradient that is taken inside such a function is followed, too."""
    @ag.as_written
    def outer(w):
        def inner(z):
            b = np.zeros(2)
            b[0] = z[0] ** 3
            b[1] = math.sin(z[1])
            return b.sum()

        slope = ag.grad(inner)(w)
        slope[0] += 1
        return np.sum(slope**2)

    x = X0[:2]
    expected = [2 * (3 * x[0] ** 2 + 1) * 6 * x[0], -2 * np.cos(x[1]) * np.sin(x[1])]
    np.testing.assert_allclose(ag.grad(outer)(x), expected, rtol=1e-13)


class TestAgreement:
    """The first call compares with a plain run, once, and refuses what disagrees."""

    def test_a_cut_is_found(self):
        """A number that leaves the graph through a text is refused, with both slopes."""
        def f(w):
            return np.sum(w) * float(str(w[0]))

        with pytest.raises(NotDifferentiableError, match="differences of plain runs say"):
            ag.grad(ag.as_written(f))(X0)

    def test_what_has_effects_is_not_run_twice(self, capsys):
        """A function that prints, draws or writes outside runs once, and says so."""
        rng = np.random.default_rng(0)
        seen = []

        def prints(w):
            print("once")
            return w.sum()

        def draws(w):
            return (w * rng.random(4)).sum()

        def writes(w):
            seen.append(w[0])
            return w.sum()

        for f, why in ((prints, "prints"), (draws, "random"), (writes, "stores")):
            g = ag.as_written(f)
            ag.grad(g)(X0)
            assert why in g.unchecked
            assert g.unchecked in repr(g)
        assert capsys.readouterr().out == "once\n"
        assert len(seen) == 1

    def test_a_cut_on_purpose_is_kept(self):
        """ag.stop_gradient is no mistake."""
        def f(w):
            out = np.zeros(1)
            out[0] = ag.stop_gradient(w[0]) * w[1]
            return out[0]

        np.testing.assert_array_equal(ag.grad(ag.as_written(f))(X0), [0, X0[0], 0, 0])

    @pytest.mark.parametrize("f", [
        lambda w: np.sum(np.abs(np.array([w[0] - X0[0], w[1]]))),
        lambda w: np.floor(np.array([w[0]]) * 10)[0] + w[1],
        lambda w: math.floor(w[0] / X0[0]) + w[1],
    ])
    def test_kinks_and_jumps_are_no_evidence(self, f):
        """Where differences can't tell, nothing is refused."""
        ag.grad(ag.as_written(f))(X0)

    def test_the_second_call_runs_once(self):
        """No plain run follows when the comparison has been made."""
        runs = []

        def f(w):
            runs.append
            return np.array([w[0], w[1]]).sum()

        g = ag.as_written(f)
        ag.grad(g)(X0)
        before = sys.getrefcount(f)
        ag.grad(g)(X0)
        assert sys.getrefcount(f) == before
        assert g.unchecked == ""


class TestWrapper:
    """The object that `as_written` returns."""

    def test_it_is_a_decorator_of_methods(self):
        """`self` arrives, and what is kept on it is plain."""
        class Model:
            @ag.as_written
            def loss(self, w):
                self.h = np.zeros(2)
                self.h[0] = w[0]
                return self.h[0] ** 2

        model = Model()
        np.testing.assert_allclose(ag.grad(model.loss)(X0), [2 * X0[0], 0, 0, 0])
        assert type(model.h) is np.ndarray

    def test_it_pickles(self):
        """By its function."""
        g = pickle.loads(pickle.dumps(ag.as_written(code.stores_in_a_loop)))
        np.testing.assert_allclose(ag.grad(g)(X0), 2 * X0)
        assert ag.as_written(g) is g
        assert g.__name__ == "stores_in_a_loop"

    def test_plain_numbers_give_plain_numbers(self):
        """Without nodes it is the function itself."""
        assert ag.as_written(code.recurrence)(X0) == code.recurrence(X0)
        assert not isinstance(ag.as_written(lambda w: w[1:])(X0), Buffer)

    def test_backward_reaches_nodes_of_ones_own(self):
        """Tensors as arguments, and in the closure, get their gradient."""
        w, k = ag.Tensor(X0), ag.Value(2.0)

        def f(w):
            out = np.zeros(4)
            out[:] = w * k
            return out.sum()

        ag.as_written(f)(w).backward()
        np.testing.assert_array_equal(w.grad, 2 * np.ones(4))
        assert k.grad == pytest.approx(X0.sum())

    @pytest.mark.parametrize("x", [3, None, ag.Value(2.0)])
    def test_what_is_no_function_is_refused(self, x):
        """With what to write."""
        with pytest.raises(ArgumentTypeError, match="takes a function"):
            ag.as_written(x)


def _matrix(w):
    return np.matrix(w).sum()


def _complex(w):
    return abs(complex(w[0], w[1]))


def _bytes(w):
    return np.frombuffer(w.tobytes()).sum()


def _memory(w):
    return memoryview(w.data)[0]


def _pickled(w):
    return pickle.loads(pickle.dumps(w)).sum()


def _half_written(w):
    return np.exp(w, where=w > 0.5).sum()


def _objects(w):
    return np.array([w[0], None], dtype=object)[0]


@pytest.mark.parametrize(("f", "cure"), [
    (_matrix, "use arrays, and @"), (_complex, "real and the imaginary part"),
    (_bytes, "compute with the array itself"), (_memory, "compute with the array itself"),
    (_pickled, "pickled inside a function"), (_half_written, "give out="),
    (_objects, "leave out dtype=object"),
])
def test_what_cannot_be_followed_is_refused(f, cure):
    """With a sentence that says what to write."""
    with pytest.raises(ag.errors.AutogradError, match=cure):
        ag.grad(ag.as_written(f))(X0)


@pytest.mark.parametrize("f", [
    code.stores_in_a_loop, code.of_math, code.numbers_taken_out, code.masked_stores,
    code.out_arguments, code.arrays_of_nodes], ids=lambda f: f.__name__)
def test_without_it_such_code_is_refused_with_the_cure(f):
    """The refusal has the user's line, and names `as_written`."""
    with pytest.raises(ag.errors.AutogradError) as caught:
        ag.grad(f)(X0.copy())
    assert "written_code.py:" in str(caught.value)
    assert "ag.as_written(f)" in str(caught.value)


def test_values_that_are_none_are_put_nowhere():
    """putmask and put leave the array as it is, place raises NumPy's error."""
    def f(w, put):
        out = w * 1.0
        put(out, out > 0.5, w[w > 2])
        return out.sum()

    np.testing.assert_array_equal(ag.grad(ag.as_written(f))(X0, np.putmask), np.ones(4))
    with pytest.raises(ValueError, match="empty array"):
        ag.grad(ag.as_written(f))(X0, np.place)


def test_stretches_and_windows():
    """np.add.reduceat and sliding_window_view give what slices give."""
    def f(w):
        return np.add.reduceat(w, [0, 2, 1]).prod() + np.sum(
            np.lib.stride_tricks.sliding_window_view(w, 2) ** 3)

    def g(w):
        return (w[0] + w[1]) * w[2] * (w[1] + w[2] + w[3]) + np.sum(w[:3]**3) + np.sum(w[1:]**3)

    np.testing.assert_allclose(ag.grad(ag.as_written(f))(X0), ag.grad(g)(X0), rtol=1e-13)


def test_windows_that_are_written_to_are_refused():
    """Windows overlap: np.add.at on them adds to one entry of the array in several places."""
    def f(w):
        row = np.zeros(5)
        view = np.lib.stride_tricks.sliding_window_view(row, 3, writeable=True)
        np.add.at(view, (np.array([0, 1]), np.array([1, 1])), w[:2])
        return row.sum()

    with pytest.raises(NotDifferentiableError, match=r"writeable=True\) isn.t supported here"):
        ag.grad(ag.as_written(f))(X0)


def test_n_writes_make_no_more_than_n_nodes():
    """A buffer of n entries, filled one by one, costs one node for the array, not one per write."""
    def filled(n):
        def f(w):
            out = np.zeros(n)
            for i in range(n):
                out[i] = w
            return out.sum()

        y = ag.as_written(f)(ag.Value(2.0))
        from autograd_mini.graph import topological_order
        return len(topological_order(y))

    assert filled(100) == filled(10)

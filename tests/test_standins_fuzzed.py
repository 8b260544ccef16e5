"""What random programs of plain code have shown: each is followed as a plain run has it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import NotDifferentiableError


def follows(f, *args):
    """The recorded f has the value of a plain run, and the slopes of differences of plain runs."""
    def plain(*xs):
        return float(np.sum(np.cos(f(*[np.array(x) if np.ndim(x) else x for x in xs]))))

    written = ag.as_written(f)
    value, slopes = ag.value_and_grad(lambda *xs: np.sum(np.cos(written(*xs))),
                                      tuple(range(len(args))))(*args)
    assert value == pytest.approx(plain(*args), rel=1e-12)
    step = 1e-5
    for i, x in enumerate(args):
        for place in np.ndindex(np.shape(x)):
            unit = np.zeros(np.shape(x))
            unit[place] = step
            up, down = (plain(*[v + sign * unit * (k == i) if np.ndim(v) else
                                v + sign * step * (k == i) for k, v in enumerate(args)])
                        for sign in (1, -1))
            assert np.asarray(slopes[i])[place] == pytest.approx(
                (up - down) / (2 * step), abs=1e-8)


X = np.array([0.3, -0.7, 1.2])
M = np.array([[0.3, -0.7, 1.2], [0.9, 0.4, -1.1]])


# ── copies and views ─────────────────────────────────────────────────────────────────────────


def test_a_copy_of_an_array_of_plain_numbers_is_a_copy():
    """np.copy and np.array of an array that no node was written to share nothing with it."""
    def f(x):
        a = np.zeros(3)
        b, c = np.copy(a), np.array(a)
        a[0] = x[0]
        b[1] = c[2] = x[1]
        return a + 2.0 * b + 3.0 * c

    follows(f, X)


def test_a_constant_argument_is_not_written_to_through_its_copy():
    """np.copy of an array from outside is one of its own."""
    kept = np.array([1.0, 2.0])

    def f(x, k):
        copied = np.copy(k)
        copied **= 2
        return np.sum(copied) * x

    assert ag.grad(ag.as_written(f))(0.5, kept) == 5.0
    assert kept.tolist() == [1.0, 2.0]


def test_what_broadcast_to_gives_is_a_view():
    """It can't be written to, but shows what is written to the array behind it."""
    def f(x):
        wide = np.broadcast_to(x, (2, 3))
        x[1] = x[0] * x[2]
        return wide * np.arange(6.0).reshape(2, 3)

    follows(f, X)


def test_a_view_by_the_method_view():
    """a.view() shares the memory of a."""
    def f(x):
        a = x * x
        a.view()[0] = x[1]
        return a

    follows(f, X)


@pytest.mark.parametrize("view", [
    np.trim_zeros, lambda a: np.lib.stride_tricks.sliding_window_view(a, 2),
    *([lambda a: np.unstack(a[None])[0]] if hasattr(np, "unstack") else []),  # since NumPy 2.1
    lambda a: np.linalg.diagonal(a[None][:, None]),
    lambda a: np.linalg.matrix_transpose(a[None]), lambda a: np.nan_to_num(a, copy=False)])
def test_whatever_function_gives_a_view(view):
    """A result of NumPy that shares the memory of an array shows what is written to that later."""
    def f(x):
        a = np.ones(3)
        shown = view(a)
        a[0] = x[0]
        a[1] *= x[1]
        return shown * 1.5

    follows(f, X)


def test_how_entries_lie_decides_what_is_a_view():
    """ravel gives a view of what lies in a row, and a copy of anything else."""
    def f(m):
        a, b, c = m.T.copy(), np.copy(m.T), np.asfortranarray(m)
        d, e = np.ascontiguousarray(m[:, ::-1]), np.ascontiguousarray(m)
        for k, array in enumerate((a, b, c, d)):
            array.ravel()[1] = m[0, 0] * k
            array[0, 0] *= m[1, 1]
        d[0] = e[1, 0] = m[0, 2] ** 2
        return np.stack([a.ravel(), b.ravel(), c.ravel(), d.ravel(), m.ravel()])

    follows(f, M)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────


def test_plain_numbers_are_added_to_what_was_overwritten_by_plain_numbers():
    """`+=` by a constant after every entry was overwritten by a constant."""
    def f(x):
        x[...] = 0.7
        x[::1] += x
        x.fill(0.5)
        y = x * 2.0
        x -= 0.25
        return x + y

    assert ag.as_written(f)(ag.Tensor(X)).tolist() == [1.25] * 3


def test_item_counts_from_the_end():
    """a.item(-1), and item of what isn't an array of the function's own."""
    def f(x):
        whole = np.zeros(3, int) + x[0]
        return np.array([x.item(-1), x.item(-2), whole.item(-1)])

    follows(f, X)
    follows(lambda m: np.array([m.item(-1), m.item(1, -2), m.item((0, 1))]), M)


def test_floats_that_are_differentiated_by_go_where_numbers_go():
    """A Value in an array of none axes, in np.float64, and as the only node of an array."""
    def f(t):
        single, array = np.array(t), np.zeros(1)
        single *= math.sin(t)
        array[0] = np.float64(t) * t
        again = np.zeros(3)
        again[2] = t
        return array * single + again

    follows(f, 0.7)


# ── stores ───────────────────────────────────────────────────────────────────────────────────


def test_what_is_stored_in_one_statement_is_stored_from_left_to_right():
    """In `p[0], p = …` the entry is of the old array; in `p = p[0] = …` of the new one."""
    def f(x):
        p = first = np.zeros(3)
        p[0], p = x[1], x * 2.0
        i = 0
        i, p[i] = 2, x[0] * x[1]
        q = np.zeros(3)
        q, *_, q[1] = x * 3.0, 1.0, x[2]
        r = r2 = np.zeros(3)
        r2 = r2[:] = x * r2[0] + x
        return p + first + q + r

    follows(f, X)


def test_putmask_goes_by_size_and_not_by_shape():
    """np.putmask takes a mask of another shape with as many entries."""
    def f(x, m):
        np.putmask(m, np.array([True, False, True, False, False, True]), x)
        return m

    follows(f, X, M)


def test_at_without_nodes_rounds_as_numpy_does():
    """np.add.at adds to an entry twice, and not the sum of both once."""
    def f(x):
        np.add.at(x, [0, 1, 0], 1.7196852299)
        return x

    x = np.array([0.9, -1.2, -1.4])
    assert ag.as_written(f)(x.copy()).tolist() == f(x).tolist()


def test_numbers_joined_with_arrays_of_float32_take_their_dtype():
    """np.r_ of a float and an array of float32 is one of float32."""
    def f(x):
        single = np.zeros(2, np.float32)
        return np.r_[single[0].item(), single]

    assert ag.as_written(f)(X).dtype == f(X).dtype == np.float32


def test_put_of_no_values_writes_nothing():
    """np.put and np.fill_diagonal of an empty array leave the array as it is."""
    def f(x):
        np.put(x, [0, 1], x[3:])
        square = np.outer(x, x)
        np.fill_diagonal(square, x[3:])
        return square

    follows(f, X)


def test_one_entry_fits_where_one_entry_is():
    """An array of shape (1, 1) is stored in one entry of an axis."""
    def f(x):
        x[1:2] = x[np.newaxis, 2:] * x[0]
        return x[1:2] * x

    follows(f, X)


def test_stores_by_a_mask_don_t_look_what_they_overwrite():
    """NumPy reads entries that it has just written, if a mask chooses where to; slices are safe."""
    def f(x):
        y = x * 2.0
        y[y > -5.0] = y[::-1]
        x[1:] = x[:-1]
        x[::-1] = x
        return x * y

    assert f(X.copy()).tolist() == ag.as_written(f)(X.copy()).tolist()
    follows(f, X)


def test_out_decides_the_dtype_of_a_sum():
    """np.cumsum of float32 with out= of float64 sums in float64, plain numbers and nodes."""
    def f(x):
        single = np.array([0.1, 0.7, 0.3], np.float32)
        out = np.zeros(3)
        np.cumsum(single, out=out)
        np.multiply(out, x, out=out)
        return out

    assert f(X).tolist() == ag.as_written(f)(X).tolist()
    follows(f, X)


def test_a_deep_copy_of_a_list_has_the_same_nodes():
    """copy.deepcopy of a container copies arrays, and keeps numbers."""
    def f(x):
        kept = {"a": [x[0] * x[1], x], "t": 1.0}
        other = copy.deepcopy(kept)
        other["a"][1][0] = x[2]
        return x * other["a"][0] + other["a"][1]

    follows(f, X)


# ── arrays that operators make ───────────────────────────────────────────────────────────────


def test_floats_made_of_whole_numbers_by_an_operator_take_nodes():
    """np.arange(3) * 0.5, a mask times a number and the quotient of whole numbers are arrays of
    floats that were made inside.
    """
    def f(x):
        a, b = np.arange(3) * 0.5, 2 / (1 + np.arange(3) + np.arange(3))
        a[0] += x[1]
        b[1:] *= x[:2]
        c = (x > 0) * 1.0
        c[2] = math.sin(x[2])
        return a * b + c

    follows(f, X)


def test_whole_numbers_times_a_node_can_be_written_to():
    """An array of whole numbers times a number that is differentiated by is an array of floats."""
    def f(x):
        a = np.array([1, 2, 3]) * x[0]
        a[1] = x[2]
        b = a
        b -= x
        a.cumsum(out=a)
        a[::-1].sort()
        return a

    follows(f, X)


def test_a_sum_of_arrays_can_be_written_to():
    """sum(list) is an array that was made inside."""
    def f(x):
        total = sum([np.ones(3), np.arange(3.0)])
        total -= x[0]
        np.clip(total, -1.0, 2.0, out=total)
        return total

    follows(f, X)


def test_vectorize_gives_python_s_numbers():
    """np.vectorize calls its function with floats, whatever the dtype of the array."""
    def f(x):
        return np.vectorize(lambda u: u * u * x[0])(np.array([0.99], np.float32))

    assert ag.as_written(f)(X).tolist() == f(X).tolist()
    follows(f, X)


# ── one number that stands for many, and ties ────────────────────────────────────────────────


def test_a_filled_array_has_a_memory_of_its_own():
    """x.fill(number) gives n entries of one number; an array made of it is n numbers all the same.
    """
    def f(x):
        x.fill(x[0])
        copy = +x
        np.add(x, np.ravel(copy), out=np.ravel(copy))
        return copy

    follows(f, X)


@pytest.mark.parametrize("write", [
    lambda view, number: np.add.at(view, 0, number),
    lambda view, number: view.fill(number),
])
def test_entries_that_are_named_twice_cannot_be_written_to(write):
    """NumPy lets nobody write to a broadcast array, even where its np.add.at does."""
    def f(x, write):
        view = np.broadcast_to(x, (2, 1)).T[0]
        write(view, x[0])
        return view.sum()

    with pytest.raises(ValueError, match="read-only"):
        ag.grad(ag.as_written(f))(np.array([-1.0]), write)


def test_a_tie_is_no_leak():
    """At a tie the slope is a convention, which differences of plain runs needn't share."""
    def f(x):
        np.maximum(x, np.min(x), out=x)
        return x @ np.array([1.0, 2.0])

    slopes = ag.grad(ag.as_written(f))(np.array([1.0, 1.0]))
    np.testing.assert_allclose(slopes, [1.25, 1.75], rtol=1e-15)


def test_a_leak_beside_a_tie_is_refused():
    """What differences say beside the tie, they say of the leak."""
    def f(x):
        np.maximum(x, np.min(x), out=x)
        return x.sum() + float(str(x[0] * 1.0)) * x[1]

    with pytest.raises(NotDifferentiableError, match="a number has left the graph"):
        ag.grad(ag.as_written(f))(np.array([1.0, 1.0]))


def test_a_list_of_numbers_multiplies_in_place_again_and_again():
    """A node times a list in place is a node in the array, which the next turn multiplies."""
    def f(x, factors):
        for _ in range(3):
            x *= factors
        return x

    written = ag.as_written(lambda x: f(x, [0.5, -1.0, 2.0]).sum())
    np.testing.assert_allclose(ag.grad(written)(X), [0.125, -1.0, 8.0], rtol=1e-15)


def test_a_number_is_its_real_part():
    """A float and an entry of an array have .real; so has the node that is recorded there."""
    def f(x):
        first, *_ = x
        return first.real * x[1].real + x.sum().real

    follows(f, X)

"""Products of vectors, matrices and more axes, composed of the primitives in `ops`."""

from __future__ import annotations

import builtins
import string
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import ops
from ..errors import ShapeError
from ..graph import value_of
from ..ops import (
    matmul,
    multiply,
    reshape,
    shape,
    transpose,
    weighted_sum,
)
from ..primitive import also
from .axes import moveaxis, moved_last
from .composed import are_numbers, as_array, is_sparse, keeps_kind, numpy_has, stands_for
from .selection import diagonal, matrix_diagonal


def dot(a: Any, b: Any, bias: Any = 0.0) -> Any:
    """a·b + bias, as `np.dot`; of two lists of `Value`s, one node for the whole neuron.

    Raises `ShapeError` when two lists differ in length.

    >>> import autograd_mini as ag
    >>> w = [ag.Value(0.5), ag.Value(-1.0)]
    >>> ag.dot(w, [2.0, 3.0], ag.Value(1.0)).data
    -1.0
    """
    if are_numbers(a) or are_numbers(b):
        if len(a) != len(b):
            raise ShapeError(f"dot needs lists of one length, got {len(a)} and {len(b)}")
        return weighted_sum.apply((*a, *b, bias), {})
    product = _array_dot(a, b)
    return product if isinstance(bias, float) and bias == 0.0 else product + bias


outer = ops.outer
also(np.linalg.outer, outer)
also(np.dot, dot)  # one node for a list of Values: the kind is kept as it is


@keeps_kind
def _array_dot(a: Any, b: Any) -> Any:
    """NumPy's dot by the number of axes: the last of a with the last but one of b."""
    rank_a, rank_b = len(shape(a)), len(shape(b))
    if not rank_a or not rank_b:
        return multiply(a, b)
    if rank_b <= 2:
        return matmul_any(a, b)
    return tensordot(a, b, ((rank_a - 1,), (rank_b - 2,)))


def linear(x: Any, weight: Any, bias: Any) -> Any:
    """x Wᵀ + b as one operation, a layer's: x (…, n), weight (m, n), bias (m,); gives (…, m).

    Raises `ShapeError` for other shapes.

    >>> import numpy as np
    >>> linear(np.ones((1, 2)), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.5]))
    array([[3.5, 7.5]])
    """
    fits = len(shape(weight)) == 2 and len(shape(x)) > 0 and shape(x)[-1] == shape(weight)[1]
    if not fits or shape(bias) != shape(weight)[:1]:
        raise ShapeError(f"linear takes x (…, n), weight (m, n) and bias (m,), not {shape(x)}, "
                         f"{shape(weight)} and {shape(bias)}")
    if len(shape(x)) == 1:
        return matmul_any(weight, x) + bias
    return ops.linear(x, weight, bias)


@stands_for(np.matmul, np.linalg.matmul)
def matmul_any(a: Any, b: Any) -> Any:
    """a @ b with NumPy's promotion of vectors: a row on the left, a column on the right.

    >>> import numpy as np, autograd_mini as ag
    >>> A, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0])
    >>> ag.grad(lambda A: np.sum(ag.matmul(A, b)))(A)
    array([[1., 1.],
           [1., 1.]])
    """
    if is_sparse(a) or is_sparse(b):
        from ..scipy_api import sparse

        return sparse.matmul(a, b)
    if len(shape(a)) > 1 and len(shape(b)) > 1:
        return matmul(a, b)
    if not shape(a) or not shape(b):
        raise ShapeError(f"@ needs at least one axis, got shapes {shape(a)} and {shape(b)}: use *")
    row = reshape(a, (1, -1)) if len(shape(a)) == 1 else a
    column = reshape(b, (-1, 1)) if len(shape(b)) == 1 else b
    kept = shape(a)[-2:-1] + (shape(b)[-1:] if len(shape(b)) > 1 else ())
    product = matmul(row, column)
    return reshape(product, shape(product)[:-2] + kept)


@numpy_has("matvec")
def matvec(a: Any, x: Any) -> Any:
    """The product of each matrix with a vector; stacks broadcast."""
    return matmul(as_array(a), as_array(x)[..., None])[..., 0]


@numpy_has("vecmat")
def vecmat(x: Any, a: Any) -> Any:
    """The product of a vector with each matrix; stacks broadcast."""
    return matmul(as_array(x)[..., None, :], as_array(a))[..., 0, :]


@stands_for(np.vecdot)
def vecdot(a: Any, b: Any) -> Any:
    """Σ a·b over the last axis."""
    a, b = as_array(a), as_array(b)
    if shape(a)[-1:] != shape(b)[-1:] or not shape(a):
        raise ShapeError(f"vecdot: the last axes of {shape(a)} and {shape(b)} differ")
    return ops.sum(multiply(a, b), axis=-1)


@stands_for(np.linalg.vecdot)
def vecdot_along(a: Any, b: Any, axis: int = -1) -> Any:
    """Σ a·b over an axis."""
    return vecdot(moveaxis(a, axis, -1), moveaxis(b, axis, -1))


@stands_for(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """Σ a·b over all numbers."""
    if np.size(value_of(a)) != np.size(value_of(b)):
        raise ShapeError(f"vdot: shapes {shape(a)} and {shape(b)} differ in size")
    return ops.sum(multiply(reshape(a, (-1,)), reshape(b, (-1,))))


@stands_for(np.inner)
def inner(a: Any, b: Any) -> Any:
    """Σ over the last axes of both."""
    scalars = not shape(a) or not shape(b)
    return multiply(a, b) if scalars else tensordot(a, b, ((-1,), (-1,)))


@stands_for(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Σ over pairs of axes: the last of a with the first of b, or two lists of axes."""
    if isinstance(axes, int | np.integer):
        axes = (tuple(range(-axes, 0)), tuple(range(axes)))
    of_a, of_b = (normalize_axis_tuple(summed, len(shape(x)))
                  for summed, x in zip(axes, (a, b), strict=True))
    left, right = ([n for i, n in enumerate(shape(x)) if i not in summed]
                   for x, summed in ((a, of_a), (b, of_b)))
    if [shape(a)[i] for i in of_a] != [shape(b)[i] for i in of_b]:
        raise ShapeError(f"tensordot: axes {of_a} of {shape(a)} and {of_b} of {shape(b)} differ")
    rows, columns = moved_last(a, of_a), moved_last(b, of_b)
    n = shape(rows)[-1]
    product = matmul(reshape(rows, (int(np.prod(left)), n)),
                     transpose(reshape(columns, (int(np.prod(right)), n))))
    return reshape(product, (*left, *right))


@stands_for(np.kron)
def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: each number of a times the whole of b."""
    rank = builtins.max(len(shape(a)), len(shape(b)))
    tall = (1,) * (rank - len(shape(a))) + shape(a)
    wide = (1,) * (rank - len(shape(b))) + shape(b)
    blocks = multiply(reshape(a, tuple(n for m in tall for n in (m, 1))),
                      reshape(b, tuple(n for m in wide for n in (1, m))))
    return reshape(blocks, tuple(m * n for m, n in zip(tall, wide, strict=True)))


@stands_for(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> Any:
    """The vector product of vectors of 3 (or, as NumPy still allows, 2) components."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = moveaxis(a, axisa, 0), moveaxis(b, axisb, 0)
    if not {len(value_of(a)), len(value_of(b))} <= {2, 3}:
        raise ShapeError(f"cross needs vectors of 2 or 3 components: {shape(a)}, {shape(b)}")
    if len(value_of(a)) == len(value_of(b)) == 2:
        return a[0] * b[1] - a[1] * b[0]
    (a0, a1, a2), (b0, b1, b2) = ([*v[:2], v[2] if len(value_of(v)) == 3 else 0.0]
                                  for v in (a, b))
    product = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return moveaxis(ops.stack(product), 0, axisc)


@stands_for(np.linalg.cross)
def cross_along(a: Any, b: Any, axis: int = -1) -> Any:
    """The vector product of vectors of 3 components along an axis."""
    return cross(a, b, axis=axis)


@stands_for(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return ops.sum(diagonal(a, offset, axis1, axis2), axis=-1)


@stands_for(np.linalg.trace)
def matrix_trace(x: Any, offset: int = 0) -> Any:
    """The sum of a diagonal of each matrix in a stack."""
    return ops.sum(matrix_diagonal(x, offset=offset), axis=-1)


# ── einsum ───────────────────────────────────────────────────────────────────────────────────


@stands_for(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    """Σ of products over named axes, as `np.einsum`: ellipsis, repeated names, broadcasting.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(lambda A: np.einsum("ii->", A))(np.ones((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    names, output = _spelled_out(subscripts.replace(" ", ""), [len(shape(x)) for x in operands])
    lengths: dict[str, set[int]] = {}
    for letter, n in zip("".join(names), (n for x in operands for n in shape(x)), strict=True):
        lengths.setdefault(letter, set()).update({n} - {1})
    for letter, several in lengths.items():
        if len(several) > 1:
            raise ShapeError(f"einsum: axis {letter!r} has the lengths {sorted(several)}, in "
                             f"{subscripts!r} of {[shape(x) for x in operands]}")
    terms = [_each_once(name, x, lengths) for name, x in zip(names, operands, strict=True)]
    for i, (name, x) in enumerate(terms):  # what is nowhere else is summed at once
        elsewhere = output + "".join(other for j, (other, _) in enumerate(terms) if j != i)
        lonely = tuple(k for k, letter in enumerate(name) if letter not in elsewhere)
        if lonely:
            terms[i] = "".join(c for c in name if c in elsewhere), ops.sum(x, axis=lonely)
    inputs = ",".join(name for name, _ in terms)
    return ops.einsum([x for _, x in terms], subscripts=f"{inputs}->{output}")


_LABELS = string.ascii_uppercase + string.ascii_lowercase  # NumPy's order


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """einsum's other form: operand, list of axis numbers, operand, list … and the output's."""
    pairs = len(arguments) // 2
    if any(n is not ... and n < 0 for numbers in arguments[1::2] for n in numbers):
        raise ShapeError("einsum: axes are named by numbers from 0")
    lists = [*arguments[1 : 2 * pairs : 2], *arguments[2 * pairs:]]
    text = ["".join("..." if n is ... else _LABELS[n] for n in numbers)
            for numbers in lists]
    output = "->" + text.pop() if len(arguments) % 2 else ""
    return ",".join(text) + output, arguments[0 : 2 * pairs : 2]


def _spelled_out(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """The names of each operand and of the output, with letters for the ellipsis."""
    inputs, arrow, output = subscripts.partition("->")
    names = inputs.split(",")
    if len(names) != len(ranks):
        raise ShapeError(f"einsum: {subscripts!r} names {len(names)} operands, got {len(ranks)}")
    spare = [c for c in string.ascii_letters if c not in subscripts]
    dots = [rank - len(name.replace("...", "")) for name, rank in zip(names, ranks, strict=True)]
    for name, n in zip(names, dots, strict=True):
        if n < 0 or (n and "..." not in name):
            raise ShapeError(f"einsum: {name!r} in {subscripts!r} doesn't fit the axes: {ranks}")
    most = builtins.max([n for name, n in zip(names, dots, strict=True) if "..." in name] or [0])
    hidden = "".join(spare[:most])
    names = [name.replace("...", hidden[most - n:]) for name, n in zip(names, dots, strict=True)]
    if arrow and hidden and "..." not in output:
        raise ShapeError(f"einsum: the output in {subscripts!r} needs an ellipsis too")
    if arrow:
        return names, output.replace("...", hidden)
    everything = "".join(names)
    once = sorted(c for c in {*everything} if everything.count(c) == 1 and c not in hidden)
    return names, hidden + "".join(once)


def _each_once(name: str, x: Any, lengths: dict[str, set[int]]) -> tuple[str, Any]:
    """The operand on the diagonal of its repeated names, without axes to be stretched."""
    while repeated := [c for c in name if name.count(c) > 1]:
        first = name.index(repeated[0])
        second = name.index(repeated[0], first + 1)
        if shape(x)[first] != shape(x)[second]:
            raise ShapeError(f"einsum: {repeated[0]!r} twice, but {shape(x)} isn't square there")
        x = diagonal(x, 0, first, second)
        name = name.replace(repeated[0], "", 2) + repeated[0]
    stretched = tuple(i for i, c in enumerate(name) if shape(x)[i] == 1 and lengths[c])
    x = ops.squeeze(x, axis=stretched) if stretched else x
    return "".join(c for i, c in enumerate(name) if i not in stretched), x

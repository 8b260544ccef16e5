"""NumPy's functions in three classes: differentiable, constant by nature, and refused.

Never a silent detach: what has no derivative here says so, and says what to write instead.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .. import functions  # noqa: F401  it fills the table
from ..errors import NotDifferentiableError
from ..places import here
from ..primitive import TABLE
from ..recording import or_as_written
from .meanings import instead

__all__ = ["CONSTANT", "REFUSED", "classes", "name_of", "refusal", "supported"]

CONSTANT: frozenset[Any] = frozenset({
    # comparisons and questions
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.any, np.all,
    np.isnan, np.isinf, np.isfinite, np.signbit, np.isposinf, np.isneginf, np.isin,
    np.isclose, np.allclose, np.array_equal, np.array_equiv, np.iscomplex, np.isreal,
    np.iscomplexobj, np.isrealobj, np.may_share_memory, np.shares_memory,
    # steps: flat wherever they have a derivative
    np.sign, np.floor, np.ceil, np.rint, np.trunc, np.round, np.around, np.fix,
    np.floor_divide, np.spacing, np.imag, np.angle, np.linalg.matrix_rank,
    # places and counts
    np.shape, np.ndim, np.size, np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort,
    np.argpartition, np.lexsort, np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero,
    np.searchsorted, np.digitize, np.unravel_index, np.diag_indices_from, np.tril_indices_from,
    np.triu_indices_from,
    # new arrays of the same shape, types, text
    np.zeros_like, np.ones_like, np.empty_like, np.result_type, np.common_type, np.can_cast,
    np.min_scalar_type, np.array2string, np.array_repr, np.array_str,
    *([np.in1d] if hasattr(np, "in1d") else []),  # until NumPy 2.4
})
"""Functions whose result has derivative 0 or isn't a real number: they see plain values."""


def _all(names: str, cure: str = "") -> dict[str, str]:
    return dict.fromkeys(names.split(), cure)


REFUSED: dict[str, dict[str, str]] = {
    "it changes an array in place": {
        **_all("copyto put putmask place put_along_axis", "use np.where with a mask"),
        "fill_diagonal": "use np.where(np.eye(n) > 0, value, x)",
        "require": "leave it out",
    },
    "it turns numbers into a plain array, which has no gradient": {
        **_all("array asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite",
               "join nodes with np.stack([...]), or leave it out"),
        **_all("arange", "use np.linspace, or start + step * np.arange(n)"),
        "full": "use ag.full(shape, node)",
        **_all("fromfunction frompyfunc", "use np.stack of a list"),
        **_all("asmatrix bmat", "the class np.matrix is deprecated: use @ on arrays"),
        **_all("frombuffer fromfile fromregex fromstring from_dlpack genfromtxt load loadtxt"),
        **_all("zeros ones empty eye identity tri indices ix_ diag_indices tril_indices "
               "triu_indices mask_indices broadcast_shapes"),
        **_all("bartlett blackman hamming hanning kaiser"),
    },
    "it calls float() on each number, which cuts the graph, and NumPy doesn't let us see it": {
        "fromiter": "use np.stack of a list",
    },
    "its result is complex, or may be": {
        "linalg.eig": "use np.linalg.eigh if the matrix is symmetric",
        "linalg.eigvals": "use np.linalg.eigvalsh if the matrix is symmetric",
        "roots": "", "sort_complex": "use np.sort",
    },
    "it is made of integers or bits": {
        **_all("bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_invert bitwise_count "
               "bitwise_left_shift bitwise_right_shift left_shift right_shift invert packbits "
               "unpackbits gcd lcm ravel_multi_index", "pass x.data if a constant is meant"),
    },
    "it counts or compares as sets, and is constant between jumps": {
        "histogram_bin_edges": "use np.linspace(np.min(x), np.max(x), bins + 1)",
        **_all("histogram histogram2d histogramdd",
               "use np.bincount(index, weights=node) for the gradient of the weights, or .data"),
        **_all("intersect1d setdiff1d setxor1d union1d", "pass .data, and index the node"),
        **_all("unique_all unique_counts unique_inverse unique_values", "use np.unique"),
    },
    "it makes a view of the memory": {
        "lib.stride_tricks.as_strided": "use np.lib.stride_tricks.sliding_window_view, or an index",
    },
    "no rule for it here": {
        "nextafter": "its slope is that of x: use x",
        "i0": "use scipy.special.i0",
        "apply_over_axes": "call the function once per axis",
        "poly": "multiply the factors with np.polymul",
        "polyfit": "use np.linalg.lstsq(np.vander(x, degree + 1), y)[0]",
        "polydiv": "",
        "nested_iters": "", "einsum_path": "pass .data: it is about costs, not numbers",
    },
    "it is about settings, types, files, dates or text": _all(
        "busday_count busday_offset is_busday datetime_as_string datetime_data base_repr "
        "binary_repr format_float_positional format_float_scientific get_include "
        "get_printoptions set_printoptions printoptions getbufsize setbufsize geterr seterr "
        "geterrcall seterrcall info isdtype isnat isscalar issubdtype mintypecode "
        "promote_types save savetxt savez savez_compressed show_config show_runtime test "
        "typename iterable isfortran linalg.test"),
}
"""Why → the names of functions (in np, or a room of it) → what to use instead."""

FOLLOWED = frozenset([*REFUSED][:3])
"""The first three: `as_written` follows code that calls them."""

ROOMS = {
    "fft.fftshift": ("no rule for it here", "use np.roll(x, n // 2, axis)"),
    "fft.ifftshift": ("no rule for it here", "use np.roll(x, -(n // 2), axis)"),
    "fft.": ("its result is complex",
             "a transform of real numbers is a matrix product with cosines and sines"),
    "emath.": ("its result is complex outside its domain",
                     "use NumPy's function of that name, np.sqrt for np.emath.sqrt"),
    "polynomial.": ("no rule for it here", "use np.polyval, or a sum of powers"),
    **dict.fromkeys(("lib.recfunctions.", "strings.", "char."),
                    ("it is about text or records", "pass x.data")),
}
"""Other rooms of NumPy, or functions in them → why, and what to use instead."""


def name_of(function: Any) -> str:
    """How a user writes it: `np.tanh`, `np.linalg.inv`, `scipy.special.erf`."""
    name: str = function.__name__
    if getattr(np, name, None) is function:
        return f"np.{name}"
    if getattr(np.emath, name, None) is function:
        return f"np.emath.{name}"
    special = sys.modules.get("scipy.special")
    if getattr(special, name, None) is function:
        return f"scipy.special.{name}"
    if isinstance(function, np.ufunc):
        return name
    room = (getattr(function, "__module__", None) or "numpy").replace("numpy", "np", 1)
    return f"{room}.{name}"


def refusal(name: str) -> NotDifferentiableError:
    """The error for a function without a row: which class it is in, and what to use instead."""
    bare = name.removeprefix("np.")
    for why, names in REFUSED.items():
        if bare in names:
            cure = names[bare] or "pass x.data if a constant is meant"
            where, too = (f"{here()}: ", or_as_written()) if why in FOLLOWED else ("", "")
            return NotDifferentiableError(
                f"{where}{name} isn't differentiable here: {why}; {cure}{too}")
    for there, (why, cure) in ROOMS.items():
        if bare.startswith(there):
            return NotDifferentiableError(f"{name} isn't differentiable here: {why}; {cure}")
    if name.startswith("scipy.special."):
        what, cure = instead(bare.rpartition(".")[2])
        if what:
            return NotDifferentiableError(f"{name} isn't differentiable here: it is {what}; {cure}")
    return NotDifferentiableError(
        f"{name} isn't differentiable here, and has no class: compose it from functions that are "
        "(ag.supported() lists them), state its rule with ag.elementwise or ag.structural, or pass "
        "x.data if a constant is meant"
    )


def supported_names() -> list[str]:
    """As `supported`, with the rooms: `np.linalg.inv`."""
    return sorted({name_of(function) for function in TABLE})


def supported() -> list[str]:
    """The names of all NumPy functions that are differentiable here, sorted, without the `np.`.

    >>> import autograd_mini as ag
    >>> "tanh" in ag.supported(), "linalg.inv" in ag.supported(), "roots" in ag.supported()
    (True, True, False)
    """
    return sorted({name.removeprefix("np.") for name in supported_names()})


def classes() -> dict[str, tuple[str, str]]:
    """Every function of NumPy's public namespace, of np.linalg, and of np.lib.stride_tricks that
    isn't in np itself: its class, and a note.

    The class is "differentiable", "constant", "refused", or "" for a function that this version
    doesn't know of.
    """
    found = {}
    views = np.lib.stride_tricks
    for room, prefix in ((np, ""), (np.linalg, "linalg."), (views, "lib.stride_tricks.")):
        for name in sorted(dir(room)):
            function = getattr(room, name)
            if room is views and hasattr(np, name):
                continue
            if not name.startswith("_") and callable(function) and not isinstance(function, type):
                found[prefix + name] = _class_of(function, prefix + name)
    return found


def _class_of(function: Any, name: str) -> tuple[str, str]:
    if function in TABLE:
        return "differentiable", ""
    if function in CONSTANT:
        return "constant", ""
    for why, names in REFUSED.items():
        if name in names:
            return "refused", why + (f"; {names[name]}" if names[name] else "")
    return "", ""

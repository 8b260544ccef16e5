"""Guards against silent detaching: who takes a plain number out of a node, and is it on purpose?

`float(v)` cuts the graph because the user asked for it. `math.log(v)`, `a[i] = v` and
`np.float64(v)` take the number as well, and there nobody asked. Python tells `__float__` nothing
but who runs; what is being called there is read from the caller's compiled code.
"""

from __future__ import annotations

import builtins
import cmath
import dis
import math
import operator
import sys
from functools import lru_cache
from types import CodeType, FrameType, ModuleType
from typing import Any, NoReturn

import numpy as np

from ..errors import CutWarning, NotDifferentiableError
from ..places import place_in, users_frame, warn
from ..recording import current_observer, current_tracer, must_stay_attached, or_as_written
from .packages import refuse_in_package

__all__ = ["check_float", "check_int", "is_formatting", "refuse_array"]

_DELIBERATE = (float, int, complex)
_STEPS = {math.isnan, math.isinf, math.isfinite, math.isclose, math.floor, math.ceil, math.trunc,
          cmath.isnan, cmath.isinf, cmath.isfinite, cmath.isclose}
"""Questions and steps: flat wherever they have a derivative."""
_NAMES = {
    "pow": "v ** p", "fabs": "abs(v)", "asin": "np.arcsin", "acos": "np.arccos",
    "atan": "np.arctan", "atan2": "np.arctan2", "asinh": "np.arcsinh", "acosh": "np.arccosh",
    "atanh": "np.arctanh", "degrees": "np.degrees", "radians": "np.radians", "fsum": "ag.sum",
    "sumprod": "ag.dot", "dist": "np.linalg.norm(p - q)", "erf": "scipy.special.erf",
    "erfc": "scipy.special.erfc", "gamma": "scipy.special.gamma",
    "lgamma": "scipy.special.gammaln", "fmod": "np.fmod", "copysign": "np.copysign",
    "ldexp": "np.ldexp", "frexp": "np.frexp", "modf": "np.modf", "cbrt": "np.cbrt",
    "exp2": "np.exp2", "hypot": "np.hypot", "expm1": "np.expm1", "log1p": "np.log1p",
}
"""Functions of Python's math → what does the same on nodes; the others have their own name."""
_ARRAY_CURES = {
    "array": "join nodes with np.stack([...]) instead of np.array([...])",
    "asarray": "leave np.asarray out, for a node is an array already",
    "asanyarray": "leave np.asanyarray out, for a node is an array already",
    "dot": "write X @ w, not X.dot(w), where X is a plain array",
    "full": "np.full(shape, v) is ag.full(shape, v) for a node v",
    "arange": "use np.linspace, or start + step * np.arange(n)",
    "Tensor": "join nodes with np.stack([...]), which is a Tensor, instead of Tensor([...])",
    "Value": "take the node as it is, or give Value a plain number, x.data",
}
_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF",
          "LOAD_FAST_CHECK"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
_TRANSPARENT = {"PUSH_NULL", "PRECALL", "KW_NAMES", "CACHE", "RESUME", "NOP", "EXTENDED_ARG"}


_CALLS = ("CALL", "PRECALL")  # Python 3.11 calls a class in the latter


class _Unknown:
    """A callee that can't be told without running code; `name` is its last attribute, if any."""

    def __init__(self, name: str = "") -> None:
        self.name = name


@lru_cache(maxsize=256)
def _instructions(code: CodeType) -> dict[int, tuple[int, dis.Instruction]]:
    """By offset: the instruction, and which it is."""
    return {ins.offset: (i, ins) for i, ins in enumerate(dis.get_instructions(code))}


@lru_cache(maxsize=1024)
def _call_at(code: CodeType, offset: int) -> tuple[dis.Instruction, tuple[str, ...]]:
    """The instruction at an offset; of a call, the callee's name with its attributes, if plain."""
    place = _instructions(code)
    while offset not in place:  # inside an instruction's cache
        offset -= 2
    number, call = place[offset]
    if not call.opname.startswith(_CALLS) or call.positions is None:
        return call, ()
    begin = (call.positions.lineno, call.positions.col_offset)
    chain: list[str] = []
    for i, ins in place.values():
        p = ins.positions
        if i >= number or p is None or (p.lineno, p.col_offset) != begin or (
                ins.opname in _TRANSPARENT or p == call.positions):
            continue
        if ins.opname in _LOADS:
            chain = [str(ins.argval)]
        elif ins.opname in _ATTRIBUTES and chain:
            chain.append(str(ins.argval))
        elif ins.opname in _ATTRIBUTES:
            chain = ["", str(ins.argval)]  # of something computed: f(x).g(v)
        else:
            chain = []  # f(x)(v), fs[i](v)
    return call, tuple(chain)


def _callee(frame: FrameType) -> Any:
    """What the frame is calling: the object if plain names lead to it, else an `_Unknown`."""
    _, chain = _call_at(frame.f_code, frame.f_lasti)
    if not chain or not chain[0]:
        return _Unknown(chain[-1] if chain else "")
    spaces = (frame.f_locals, frame.f_globals, vars(builtins))
    found = next((space[chain[0]] for space in spaces if chain[0] in space), None)
    for name in chain[1:]:
        if not isinstance(found, ModuleType | type | np.ndarray):  # anything else may run code
            return _Unknown(chain[-1])
        found = getattr(found, name, None)
    return found if found is not None else _Unknown(chain[-1])


def is_formatting(frame: FrameType) -> bool:
    """Whether the frame is at `"%.4f" % v`, which only shows a number."""
    instruction, _ = _call_at(frame.f_code, frame.f_lasti)
    return instruction.opname == "BINARY_OP" and instruction.argrepr == "%"


def _is_stored(frame: FrameType, callee: Any) -> bool:
    instruction, _ = _call_at(frame.f_code, frame.f_lasti)
    inside_numpy = frame.f_globals.get("__name__", "").startswith("numpy.")
    if inside_numpy or instruction.opname == "STORE_SUBSCR" or callee is operator.setitem:
        return True
    name = callee.name if isinstance(callee, _Unknown) else ""
    return name == "__setitem__" or isinstance(getattr(callee, "__self__", None), np.ndarray)


def _is_numpys(callee: Any) -> bool:
    return (getattr(callee, "__module__", None) or "").split(".")[0] == "numpy"


def check_float(frame: FrameType) -> None:
    """Called by `__float__` with its caller: raise or warn where a number is taken by accident."""
    if is_formatting(frame) or ((observer := current_observer()) is not None and observer.reports):
        return
    callee = _callee(frame)
    if _is_stored(frame, callee):
        raise NotDifferentiableError(
            f"{place_in(frame)}: a[i] = node (or NumPy, given a node where it wants a number, as "
            "in initial=) would keep the plain number, and the gradient would be lost: collect the "
            "nodes in a list and join them with np.stack, or store v.data if a constant is meant"
            + or_as_written()
        )
    if callee in _DELIBERATE:
        _check_deliberate(frame, callee.__name__)
    elif getattr(callee, "__module__", None) in ("math", "cmath"):
        _check_math(frame, callee)
    elif _is_numpys(callee):
        raise NotDifferentiableError(
            f"{place_in(frame)}: {callee.__name__} of a node would be a plain number, and the "
            "gradient would be lost: leave it out, or write v.data if a constant is meant"
            + or_as_written()
        )
    elif _is_refused():
        raise NotDifferentiableError(
            f"{place_in(frame)} wants a plain number and would cut the graph: write it with "
            "functions of NumPy or ag, or ag.stop_gradient(v).data if a constant is meant"
            + or_as_written()
        )
    else:
        warn(
            f"{place_in(frame)} took a plain number out of a node, and no gradient comes back "
            "through it: write float(v) if that is meant", CutWarning,
        )


def _is_refused() -> bool:
    """Whether a cut is an error here; a program that is being recorded is told of it."""
    refused = must_stay_attached()
    if refused and (tracer := current_tracer()) is not None:
        tracer.cut_is_refused()
    return refused


def _check_deliberate(frame: FrameType, name: str) -> None:
    if _is_refused():
        raise NotDifferentiableError(
            f"{place_in(frame)}: {name}() inside a function that is being differentiated would "
            "cut the graph: leave it out, or write ag.stop_gradient(v) or v.data if a constant is "
            "meant" + or_as_written()
        )


def _check_math(frame: FrameType, callee: Any) -> None:
    """Refuse a function of Python's math, but for those that are constant by nature."""
    if callee in _STEPS:
        return
    name = callee.__name__
    raise NotDifferentiableError(
        f"{place_in(frame)}: {callee.__module__}.{name} wants plain numbers (it calls float() on a "
        f"node), and the gradient would be lost: write {_NAMES.get(name, f'ag.{name}')}, or "
        "give it v.data if a constant is meant" + or_as_written()
    )


_KEEPS = ("STORE_", "COMPARE_", "BINARY_SUBSCR", "DELETE_SUBSCR", "BUILD_SLICE", "BINARY_SLICE",
          "CALL", "PRECALL", "LOAD_")


def check_int(frame: FrameType) -> None:
    """Called by `__int__` with its caller: an index or a count may be an int, a factor not."""
    if (observer := current_observer()) is not None and observer.reports:
        return
    callee = _callee(frame)
    if callee is not int:
        check_float(frame)
        return
    place = _instructions(frame.f_code)
    rest = [ins for offset, (_, ins) in place.items() if offset > frame.f_lasti
            and ins.opname not in _TRANSPARENT]
    after = rest[0].opname if rest else ""
    if not after.startswith(_KEEPS):
        _check_deliberate(frame, "int")


def refuse_array() -> NoReturn:
    """Raise for code that turns a node into a plain array, naming what was written and its cure."""
    frame = users_frame()
    if frame is None:
        raise NotDifferentiableError("turning a node into a plain array would lose its gradient")
    refuse_in_package(frame)
    if _is_masked_arrays(sys._getframe(1)):
        raise NotDifferentiableError(
            f"{place_in(frame)}: a MaskedArray can't be combined with a node, for its mask would "
            "be lost: use m.data, and np.where with the mask"
        )
    callee = _callee(frame)
    name = callee.name if isinstance(callee, _Unknown) else getattr(callee, "__name__", "")
    instruction, _ = _call_at(frame.f_code, frame.f_lasti)
    cure = _ARRAY_CURES.get(name, "take x.data if a constant is meant")
    if instruction.opname == "STORE_SUBSCR" or name in ("setitem", "__setitem__"):
        cure = "collect the nodes in a list and join them with np.stack, instead of a[i] = node"
    elif callee is np.dot or callee is np.matmul:
        cure = "join a list of nodes with np.stack([...]) first"
    raise NotDifferentiableError(
        f"{place_in(frame)}: turning a node into a plain array would lose its gradient: {cure}"
        + or_as_written()
    )


def _is_masked_arrays(frame: FrameType | None) -> bool:
    """Whether the code that asks is that of np.ma."""
    while frame is not None and not frame.f_globals.get("__name__", "").startswith("numpy.ma"):
        frame = frame.f_back if frame.f_globals.get("__name__", "").startswith(
            ("numpy", "autograd_mini")) else None
    return frame is not None

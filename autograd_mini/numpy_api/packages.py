"""Code of SciPy or pandas that would turn a node into a plain array: refused, with the cure."""

from __future__ import annotations

from types import FrameType
from typing import Any

import numpy as np

from ..errors import NotDifferentiableError
from ..places import place_in

__all__ = ["boxed", "is_sparse_product", "refuse_in_package"]


def is_sparse_product(frame: FrameType) -> bool:
    """Whether SciPy asks what a sparse matrix is being multiplied with: A @ x and A * x do."""
    return frame.f_code.co_name == "_matmul_dispatch" and _module(frame).startswith("scipy.sparse")


def boxed(x: Any) -> np.ndarray:
    """x as an array of no axes that holds it: to SciPy, what has to do the product itself."""
    box = np.empty(1, object)
    box[0] = x
    return box.reshape(())


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _package(frame: FrameType | None) -> str:
    return "" if frame is None else _module(frame).partition(".")[0]


def refuse_in_package(frame: FrameType) -> None:
    """Raise, if this is code of SciPy or pandas, for what the user called there."""
    inside = []
    caller: FrameType | None = frame
    while caller is not None and _package(caller) in ("scipy", "pandas", "numpy", "autograd_mini"):
        inside.append(caller)
        caller = caller.f_back
    packages = {_package(f) for f in inside}
    if packages.isdisjoint({"scipy", "pandas"}):
        return
    where = f"{place_in(caller)}: " if caller is not None else ""
    if "pandas" in packages:
        raise NotDifferentiableError(f"{where}pandas would turn a node into a plain array, and its "
                                     "gradient would be lost: take .to_numpy() of the Series or "
                                     "DataFrame, and compute with that")
    if "scipy.sparse" in _module(inside[-1]):
        raise NotDifferentiableError(f"{where}this would turn a node into a plain array, and its "
                                     "gradient would be lost: a product with a sparse matrix is "
                                     "A @ x; anything else takes A.toarray()")
    raise NotDifferentiableError(where + _cure([_name(f) for f in reversed(inside)]))


def _name(frame: FrameType) -> str:
    """What runs in a frame of SciPy's, as users call it: `scipy.stats.norm.logpdf`."""
    wrapped = frame.f_locals.get("f") if frame.f_code.co_name == "wrapper" else None
    module, name = getattr(wrapped, "__module__", None) or _module(frame), frame.f_code.co_name
    room, name = ".".join(module.split(".")[:2]), getattr(wrapped, "__name__", name)
    of = frame.f_locals.get("self")
    if of is None or not type(of).__module__.startswith("scipy."):
        return f"{room}.{name}"
    kind: Any = getattr(of, "dist", of)
    called = getattr(kind, "name", None) or type(kind).__name__.removesuffix("_gen").removesuffix(
        "_frozen")
    return f"{room}.{called}" if name in ("__init__", "__call__") else f"{room}.{called}.{name}"


def _cure(names: list[str]) -> str:
    """What to say of calls within SciPy, the user's first."""
    from ..scipy_api.names import NAMES

    for name in names:
        if name in NAMES or name.rpartition(".")[0] in NAMES:
            return f"{name} wants plain arrays (it is written in Python): use ag.{name}"
    known = [name for name in names if name.startswith("scipy.") and "._" not in name]
    return (f"{known[0] if known else 'SciPy'} would turn a node into a plain array, and its "
            "gradient would be lost: give it x.data if a constant is meant (ag.scipy has what "
            "takes nodes)")

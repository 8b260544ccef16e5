"""Backward passes run again: twice, after another forward pass, with one sample alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from ..trees import flat
from .forms import copied
from .report import Report, Suspect

__all__ = ["moved", "with_reruns"]


def with_reruns(form: Any, report: Report, of_first: Callable[[], Report] | None) -> Report:
    """The report, with what is seen when a backward pass that keeps things is run again.

    of_first: the report on the first of several samples alone.
    """
    with np.errstate(all="ignore"):
        if form.home is not None and callable(form.gradient):
            report = _stale(form, report)
            report = replace(report, notes=(*report.notes, *_twice(form)))
        if of_first is not None and any(s.kind in ("unknown", "partial")
                                        for e in report.entries for s in e.suspects[:1]):
            report = replace(report, notes=(*report.notes, *_alone(of_first)))
    return report


def _gradients(form: Any, times: int = 1) -> list[Any]:
    """What backward passes give after one forward pass."""
    call, found = form.called(copied(form.args)), []
    with call.around():
        for _ in range(times):
            returned = call.function(*copied(call.args), **copied(call.kwargs))
            found.append(copied(call.read(returned, lambda x: x)))
    return found


def _twice(form: Any) -> Iterator[str]:
    """What a second backward pass gives."""
    try:
        first, second = (_arrays(claim) for claim in _gradients(form, times=2))
    except Exception as error:
        yield (f"a second backward pass fails ({type(error).__name__}: {error}): does the first "
               "use up what the forward pass kept?")
        return
    if not _same(first, second):
        twice = all(_same([x], [y]) or _same([2 * x], [y])
                    for x, y in zip(first, second, strict=False))
        yield ("a second backward pass adds to the gradients of the first, as PyTorch's does: "
               "clear them between steps" if twice else
               "a second backward pass gives another gradient than the first: does it change what "
               "the forward pass kept?")


def _stale(form: Any, report: Report) -> Report:
    """The report, where wrong gradients are right after the first forward pass of all."""
    if not any(e.verdict == "wrong" for e in report.entries):
        return report
    fresh = copy(form)
    fresh.fresh = True
    (claim,) = _gradients(fresh)
    stored = claim if isinstance(claim, Mapping) else {}
    entries = []
    for e in report.entries:
        g = stored.get(e.name, claim if len(report.entries) == 1 else None)
        if e.verdict == "wrong" and g is not None and e.expected is not None and _same(
                [np.asarray(g, float)], [e.expected]):
            suspect = Suspect("stale", "the backward pass uses what an earlier forward pass kept: "
                              "after the first of all it is right, after one at other numbers it "
                              "isn't", evidence=0.0, shared=(e.name,), plain=True)
            e = replace(e, suspects=(suspect,))
        entries.append(e)
    return replace(report, entries=tuple(entries))


def _alone(of_first: Callable[[], Report]) -> Iterator[str]:
    """Whether it is right for one sample alone."""
    try:
        if of_first().ok:
            yield ("for the first sample alone it is right: look at what is summed, averaged or "
                   "kept over the samples")
    except Exception:  # the function may want all of them
        return


def moved(args: Sequence[Any]) -> list[Any]:
    """Arguments with other numbers."""
    rng = np.random.default_rng(3)
    return [x + 0.1 * rng.normal(size=np.shape(x)) if np.asarray(x).dtype.kind == "f" else x
            for x in args]


def _arrays(claim: Any) -> list[Any]:
    return [np.array(x, float) for x in flat(claim) if x is not None]


def _same(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(np.shape(x) == np.shape(y) and np.allclose(
        x, y, rtol=1e-9, atol=1e-12, equal_nan=True) for x, y in zip(a, b, strict=True))

"""Which of the three engines is at work. All give the same numbers, to the last bit."""

from __future__ import annotations

import os

__all__ = ["choose", "engine"]

_chosen = "plain"


def engine() -> str:
    """The name of the engine at work: "plain", "fast" or "core".

    "plain" is the one to read. "fast" is the same with its hot paths written for speed, and is what
    an import gives. "core" has these paths compiled, and takes the place of "fast" if
    autograd-mini-core is installed.

    In the environment, AUTOGRAD_MINI_PLAIN=1 asks for the plain one, AUTOGRAD_MINI_CORE=0 leaves
    the compiled core out, and AUTOGRAD_MINI_CORE=1 makes the import fail without it. The first
    goes before the others.

    >>> engine() in ("plain", "fast", "core")
    True
    """
    return _chosen


def choose() -> None:
    """Put the engine in place that the environment asks for, or else the fastest there is.

    Raises `ImportError` if the compiled core is required and can't be used.
    """
    global _chosen
    if os.environ.get("AUTOGRAD_MINI_PLAIN", "0") not in ("", "0"):
        return
    from . import fast

    fast.install()
    wanted = os.environ.get("AUTOGRAD_MINI_CORE", "")
    found = wanted != "0" and fast.install_core(required=wanted not in ("", "0"))
    _chosen = "core" if found else "fast"

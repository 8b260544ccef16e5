"""The list of what is replaced: plain functions, and the fast ones that give the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["PAIRS", "Pair", "install", "replaces", "uninstall"]


class Pair(NamedTuple):
    """A plain function, by the module or class that it is found in, and the fast one."""

    owner: Any
    name: str
    fast: Any
    plain: Any


PAIRS: list[Pair] = []


def replaces(owner: Any, name: str) -> Callable[[Any], Any]:
    """A decorator: the function is a faster `owner.name`."""
    def noted(function: Any) -> Any:
        PAIRS.append(Pair(owner, name, function, getattr(owner, name)))
        return function

    return noted


def install(pairs: Iterable[Pair] = PAIRS) -> None:
    """Put the fast functions in the place of the plain ones, wherever these have been imported."""
    for owner, name, fast, plain in pairs:
        _exchange(owner, name, plain, fast)


def uninstall(pairs: Iterable[Pair] = PAIRS) -> None:
    """Put the plain functions back: no node may be in use that the fast ones have made."""
    for owner, name, fast, plain in pairs:
        _exchange(owner, name, fast, plain)


def _exchange(owner: Any, name: str, old: Any, new: Any) -> None:
    if not isinstance(owner, ModuleType) or owner.__name__.startswith("autograd_mini.fast"):
        setattr(owner, name, new)
        return
    for path, module in list(sys.modules.items()):
        if path.split(".")[0] == "autograd_mini" and isinstance(module, ModuleType) and (
                not path.startswith("autograd_mini.fast")):
            # A module that is read when it is first used (nn, of a checkout) must not be read now.
            space = ModuleType.__getattribute__(module, "__dict__")
            for key in [k for k, thing in space.items() if thing is old]:
                space[key] = new

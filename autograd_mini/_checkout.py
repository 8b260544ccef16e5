"""Finds nn/ where this package is used straight from a checkout, in which nn/ lies beside it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def find_nn() -> None:
    """Make `autograd_mini.nn` importable if an installation hasn't done so; loaded when used.

    Python started in a checkout imports this folder even if the package is installed elsewhere.
    """
    name, beside = "autograd_mini.nn", Path(__file__).parents[1] / "nn" / "__init__.py"
    if importlib.util.find_spec(name) is not None or not beside.is_file():
        return
    spec = importlib.util.spec_from_file_location(name, beside)
    assert spec is not None and spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    sys.modules["autograd_mini"].nn = module  # type: ignore[attr-defined]

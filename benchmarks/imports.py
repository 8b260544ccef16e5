"""What `import` of a library takes beyond NumPy's."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from functools import partial
from typing import Any

from .timing import Aim, Work

PROGRAM = """
import time
import numpy
start = time.process_time()
import {module}
print(time.process_time() - start)
"""


def importing(module: str) -> tuple[Any, ...]:
    """A step starts an interpreter that imports NumPy, then the module, and tells the time."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, and kept
    if importlib.util.find_spec(module) is None:
        raise ImportError(f"no module {module}", name=module)

    def seconds() -> float:
        command = [sys.executable, "-c", PROGRAM.format(module=module)]
        return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    seconds()  # so that the files are compiled and in the system's cache
    return seconds, None


# micrograd's own __init__ is empty.
MODULES = ("autograd_mini", "micrograd.nn", "autograd", "mygrad", "tinygrad", "torch", "jax")

WORK = Work(
    "imports", "Importing it, beyond NumPy",
    {module: partial(importing, module) for module in MODULES},
    references=("autograd_mini",),
    aims=(Aim("autograd_mini", "autograd_mini", "at most 30 ms"),),
    about="CPU time in a fresh interpreter in which NumPy is imported already.", unit="s",
)

"""The modes: what is generated in each, and what must hold of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import arrays, compiled, values, written
from .checks import ARRAY_CHECKS, Case
from .compiled import COMPILED_CHECKS, CompiledCase
from .programs import Program
from .values import VALUE_CHECKS, ValueCase
from .written_checks import WRITTEN_CHECKS, WrittenCase

__all__ = ["MODES", "Mode"]


@dataclass(frozen=True)
class Mode:
    """A generator of programs and the checks for them."""

    name: str
    generate: Callable[[random.Random], Program]
    prepare: Callable[[Program], Any]
    checks: Mapping[str, Callable[[Any], None]]


MODES = {mode.name: mode for mode in (
    Mode("arrays", arrays.generate, Case, ARRAY_CHECKS),
    Mode("values", values.generate, ValueCase, VALUE_CHECKS),
    Mode("compiled", compiled.generate, CompiledCase, COMPILED_CHECKS),
    Mode("written", written.generate, WrittenCase, WRITTEN_CHECKS),
)}

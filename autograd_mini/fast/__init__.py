"""The same engine, faster: each function here replaces a plain one, and does just what it does.

The plain ones are the engine; read those. On a graph of a million floats they spend their time on
questions (is this a node? is recording on? how many inputs are there?) and on tuples, which the
cyclic collector of Python has to visit. Here the common case is asked for once, one input or two
lie in the node itself, and everything else is handed back to the plain function. `PAIRS` is the
list, and `install()` puts them in place; with AUTOGRAD_MINI_PLAIN=1 in the environment it isn't
called. `install_core()` puts what core/ has compiled in the place of some of these in turn.
"""

from __future__ import annotations

from .calls import apply
from .core import install_core, uninstall_core
from .nodes import made, topological_order
from .operators import (
    BINARY,
    UNARY,
    of_array,
    of_arrays,
    of_float,
    of_floats,
    of_number_and_float,
)
from .pairs import PAIRS, Pair, install, uninstall
from .reverse import backward, reverse_pass
from .rows import rows_at_once
from .rules import pull, written_out

__all__ = ["BINARY", "PAIRS", "UNARY", "Pair", "apply", "backward", "topological_order", "install",
           "install_core", "made", "of_array", "of_arrays", "of_float", "of_floats",
           "of_number_and_float", "pull", "reverse_pass", "rows_at_once", "uninstall",
           "uninstall_core", "written_out"]

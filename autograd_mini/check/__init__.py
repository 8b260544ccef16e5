"""Is this hand-derived gradient right? Two oracles that share no code, and an error bar."""

from .primitive import check_primitive
from .report import Entry, Report
from .verdict import assert_gradient, check_gradient

__all__ = ["Entry", "Report", "assert_gradient", "check_gradient", "check_primitive"]

"""Is this hand-derived gradient right? Two oracles that share no code, and an error bar."""

from .chain import ChainReport, check_chain
from .diagnosis.mistakes import mistake
from .gradient import assert_gradient, check_gradient
from .primitive import check_primitive
from .report import KINDS, Entry, Report, Suspect

__all__ = ["KINDS", "ChainReport", "Entry", "Report", "Suspect", "assert_gradient", "check_chain",
           "check_gradient", "check_primitive", "mistake"]

"""Is this hand-derived gradient right? Two oracles that share no code, and an error bar."""

from .chain import ChainReport, check_chain
from .diagnosis.mistakes import mistake
from .gradient import assert_gradient, check_gradient
from .jacobian import check_hessian, check_jacobian
from .primitive import check_primitive
from .report import KINDS, Entry, Report, Suspect
from .step import check_step
from .vjp import check_vjp

__all__ = ["KINDS", "ChainReport", "Entry", "Report", "Suspect", "assert_gradient", "check_chain",
           "check_gradient", "check_hessian", "check_jacobian", "check_primitive", "check_step",
           "check_vjp", "mistake"]

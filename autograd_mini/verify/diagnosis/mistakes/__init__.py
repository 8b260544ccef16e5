"""The table of mistakes, by family; `mistake` enters another row.

The rows of a function are tried in the order in which they stand; the families are imported in the
order of the page of mistakes in `docs/`.
"""

from . import elementary, products, reductions, softmax, normalisation  # noqa: F401, I001
from .table import MISTAKES, RIGHT, Mistake, mistake

__all__ = ["MISTAKES", "RIGHT", "Mistake", "mistake"]

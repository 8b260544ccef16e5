"""What operators and rows give, told to type checkers: a Value of Values, a Tensor of Tensors.

Nothing here runs. The functions and methods that exist are in operators.py and primitive.py; they
take and return anything at run time, and these declarations say what comes back for what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from .primitive import Elementwise
    from .tensor import Tensor
    from .value import Value

    @overload
    def operation(a: Value, b: Value | float, /) -> Value: ...
    @overload
    def operation(a: Value, b: Tensor | np.ndarray | Sequence[Any], /) -> Tensor: ...
    @overload
    def operation(a: Tensor, b: Any, /) -> Tensor: ...
    @overload
    def operation(a: Any, b: Any, /) -> Any: ...
    def operation(a: Any, b: Any, /) -> Any:
        """What `a ∘ b` gives, and `b ∘ a`, where a is a node, for each operator of arithmetic."""

    class ElementwiseRow(Elementwise):
        """An elementwise function, which gives the kind of node that it is given."""

        @overload
        def __call__(self, x: Tensor, /, *others: Any) -> Tensor: ...
        @overload
        def __call__(self, x: Value, /, *others: Value | float) -> Value: ...
        @overload
        def __call__(self, *args: Any) -> Any: ...
        def __call__(self, *args: Any, **refused: Any) -> Any:
            """The function, on numbers, arrays or nodes."""
